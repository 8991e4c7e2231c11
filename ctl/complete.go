package ctl

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// These complete arguments with the names that there are now. Where they cannot be
// asked for there is nothing to complete, and nothing is said.

// completePatience bounds how long somebody waits who has pressed a key.
const completePatience = 2 * time.Second

// completer returns the names that an argument may have.
type completer func(ctx context.Context, t *target, before []string) []string

// completing makes what cobra asks for: complete[i] is for the i-th argument.
func completing(complete ...completer) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(complete) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completePatience)
		defer cancel()
		terminal := newTerminal(cmd)
		t, err := terminal.connect(ctx, false)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer t.close()
		return complete[len(args)](ctx, t, args), cobra.ShellCompDirectiveNoFileComp
	}
}

func completeUsers(ctx context.Context, t *target, _ []string) (names []string) {
	users, _, err := t.Users(ctx, 0)
	if err != nil {
		return nil
	}
	for _, u := range users {
		names = append(names, u.Username)
	}
	return names
}

func completeSessions(ctx context.Context, t *target, _ []string) (uris []string) {
	sessions, _, err := t.Sessions(ctx, 0)
	if err != nil {
		return nil
	}
	for _, s := range sessions {
		uris = append(uris, cobra.CompletionWithDesc(s.URI, printable(s.Title)))
	}
	return uris
}

// completeTokens completes the id of a token of the user before it.
func completeTokens(ctx context.Context, t *target, before []string) (ids []string) {
	tokens, err := t.Tokens(ctx, before[0])
	if err != nil {
		return nil
	}
	for _, k := range tokens {
		ids = append(ids, cobra.CompletionWithDesc(formatID(k.ID), printable(k.Label)))
	}
	return ids
}

// completeMembers completes a member of the session before it.
func completeMembers(ctx context.Context, t *target, before []string) (names []string) {
	members, _, err := t.Members(ctx, before[0], 0)
	if err != nil {
		return nil
	}
	for _, m := range members {
		names = append(names, m.Username)
	}
	return names
}

// completeContexts completes the name of a context.
func completeContexts(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	terminal := newTerminal(cmd)
	all, err := terminal.readContexts()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, c := range all.Contexts {
		names = append(names, c.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
