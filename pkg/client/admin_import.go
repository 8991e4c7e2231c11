package client

import (
	"context"
	"fmt"
	"net/http"

	"github.com/chatire/chatire/pkg/chat"
)

// ImportUsers makes accounts, up to [chat.MaxImport] and 64 KiB of them, and says what
// became of each. With all set either all of them are there afterwards, or done is false
// and nothing was done. It may be asked again.
func (a Admin) ImportUsers(ctx context.Context, users []chat.ImportedUser, all bool) (results []chat.ImportResult, done bool, err error) {
	var in struct {
		Users []chat.ImportedUserJSON `json:"users"`
		All   bool                    `json:"all"`
	}
	in.All = all
	for _, u := range users {
		in.Users = append(in.Users, u.JSON())
	}
	var out struct {
		Results []struct {
			Outcome chat.ImportOutcome `json:"outcome"`
			ID      int64              `json:"id"`
			Why     string             `json:"why"`
		} `json:"results"`
		Done bool `json:"done"`
	}
	if err := a.call(ctx, http.MethodPost, []string{"import", "users"}, nil, in, &out); err != nil {
		return nil, false, err
	}
	for _, r := range out.Results {
		results = append(results, chat.ImportResult(r))
	}
	return results, out.Done, nil
}

// ExportUsers returns up to AdminPage accounts in the form in which they are imported,
// beginning after an id, and where the next page begins; 0 if this one is the last.
func (a Admin) ExportUsers(ctx context.Context, after int64, digests bool) (users []chat.ImportedUser, next int64, err error) {
	var out struct {
		Users   []chat.ImportedUserJSON `json:"users"`
		HasMore bool                    `json:"has_more"`
		Next    int64                   `json:"next"`
	}
	query := pageQuery(after, AdminPage)
	if digests {
		query.Set("digests", "1")
	}
	if err := a.get(ctx, &out, query, "export", "users"); err != nil {
		return nil, 0, err
	}
	for _, u := range out.Users {
		user, err := u.ImportedUser()
		if err != nil {
			return nil, 0, fmt.Errorf("read an account: %w", err)
		}
		users = append(users, user)
	}
	if out.HasMore {
		next = out.Next
	}
	return users, next, nil
}
