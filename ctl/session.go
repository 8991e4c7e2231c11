package ctl

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/chat"
)

func newSessionCommand() *cobra.Command {
	return newNoun("session", "Look at chat sessions", newSessionListCommand())
}

var sessionKind = kind[chat.Session]{
	name: "Session",
	columns: []column[chat.Session]{
		{"ID", func(s chat.Session) string { return strconv.FormatInt(s.ID, 10) }},
		{"URI", func(s chat.Session) string { return s.URI }},
		{"TITLE", func(s chat.Session) string { return s.Title }},
		{"OWNER-ID", func(s chat.Session) string { return strconv.FormatInt(s.OwnerID, 10) }},
		{"EVENTS", func(s chat.Session) string { return strconv.FormatInt(s.Head, 10) }},
		{"MESSAGES", func(s chat.Session) string { return strconv.FormatInt(s.LastOrdinal, 10) }},
		{"CREATED", func(s chat.Session) string { return moment(s.CreatedAt) }},
		{"CLOSED", func(s chat.Session) string { return moment(closedAt(s)) }},
	},
	id: func(s chat.Session) string { return "session/" + s.URI },
	json: func(s chat.Session) any {
		return struct {
			ID       int64      `json:"id"`
			URI      string     `json:"uri"`
			Title    string     `json:"title"`
			OwnerID  int64      `json:"ownerId"`
			Events   int64      `json:"events"`
			Messages int64      `json:"messages"`
			Created  *time.Time `json:"created"`
			Closed   *time.Time `json:"closed"`
		}{s.ID, s.URI, s.Title, s.OwnerID, s.Head, s.LastOrdinal, jsonMoment(s.CreatedAt), jsonMoment(closedAt(s))}
	},
}

func closedAt(s chat.Session) time.Time {
	if s.ClosedAt == nil {
		return time.Time{}
	}
	return *s.ClosedAt
}

type sessionListOptions struct {
	terminal
	output
}

func newSessionListCommand() *cobra.Command {
	o := &sessionListOptions{}
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List all chat sessions in the order they were opened",
		Example: `  chatirectl session list --no-headers`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.run(cmd.Context())
		},
	}
	o.output.bind(cmd)
	return cmd
}

func (o *sessionListOptions) run(ctx context.Context) error {
	i, err := openInstallation(ctx, &o.terminal, false)
	if err != nil {
		return err
	}
	defer i.close(&o.terminal)
	sessions, err := everything(func(after int64) ([]chat.Session, error) { return i.chat.AllSessions(ctx, after, listPage) },
		func(s chat.Session) int64 { return s.ID })
	if err != nil {
		return err
	}
	return sessionKind.printList(o.out, o.output, sessions)
}
