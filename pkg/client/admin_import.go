package client

import (
	"context"
	"net/http"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// importedUser is a [chat.ImportedUser] as it stands on the wire.
type importedUser struct {
	Username       string     `json:"username"`
	Email          string     `json:"email,omitempty"`
	FirstName      string     `json:"first_name,omitempty"`
	LastName       string     `json:"last_name,omitempty"`
	Password       string     `json:"password,omitempty"`
	PasswordDigest string     `json:"password_digest,omitempty"`
	Admin          bool       `json:"admin,omitempty"`
	Disabled       bool       `json:"disabled,omitempty"`
	CreatedDate    *time.Time `json:"created_date,omitempty"`
	LastSeen       *time.Time `json:"last_seen,omitempty"`
}

func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// ImportUsers makes accounts, up to [chat.MaxImport] and 64 KiB of them, and says what
// became of each. With all set either all of them are there afterwards, or done is false
// and nothing was done. It may be asked again.
func (a Admin) ImportUsers(ctx context.Context, users []chat.ImportedUser, all bool) (results []chat.ImportResult, done bool, err error) {
	var in struct {
		Users []importedUser `json:"users"`
		All   bool           `json:"all"`
	}
	in.All = all
	for _, u := range users {
		in.Users = append(in.Users, importedUser{u.Username, u.Email, u.FirstName, u.LastName, string(u.Password), string(u.Digest),
			u.Admin, u.Disabled, orNil(u.CreatedAt), orNil(u.LastSeen)})
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
		Users   []importedUser `json:"users"`
		HasMore bool           `json:"has_more"`
		Next    int64          `json:"next"`
	}
	query := pageQuery(after, AdminPage)
	if digests {
		query.Set("digests", "1")
	}
	if err := a.get(ctx, &out, query, "export", "users"); err != nil {
		return nil, 0, err
	}
	for _, u := range out.Users {
		users = append(users, chat.ImportedUser{
			Username:  u.Username,
			Email:     u.Email,
			FirstName: u.FirstName,
			LastName:  u.LastName,
			Digest:    chat.Secret(u.PasswordDigest),
			Admin:     u.Admin,
			Disabled:  u.Disabled,
			CreatedAt: orZero(u.CreatedDate),
			LastSeen:  orZero(u.LastSeen),
		})
	}
	if out.HasMore {
		next = out.Next
	}
	return users, next, nil
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
