package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// Admin calls the admin API. Its user is an administrator, or all answers are Forbidden.
type Admin struct {
	client *Client
	dry    bool
}

// Admin returns the verbs of administrators, with the token of this Client.
func (c *Client) Admin() Admin { return Admin{client: c} }

// DryRun returns an Admin whose changes are carried out and taken back.
func (a Admin) DryRun() Admin { a.dry = true; return a }

// AdminPage bounds a page of a list of the admin API.
const AdminPage = 500

// call makes one request below /api/admin/. Where the server asks to come back a little
// later, it does.
func (a Admin) call(ctx context.Context, method string, parts []string, query url.Values, in, out any) error {
	path := address(append([]string{"api", "admin"}, parts...)...)
	if a.dry && method != http.MethodGet {
		if query == nil {
			query = url.Values{}
		}
		query.Set("dry_run", "true")
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	for try := 0; ; try++ {
		err := a.client.call(ctx, method, path, in, out)
		wait := throttled(err)
		if wait == 0 || try == maxThrottled {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// maxThrottled is how often a request is made again that came too soon.
const maxThrottled = 10

// throttled returns how long to wait before a request is made again; 0 if it is not.
func throttled(err error) time.Duration {
	if refused, ok := errors.AsType[*Error](err); ok && refused.Status == http.StatusTooManyRequests {
		return max(refused.RetryAfter, time.Second)
	}
	return 0
}

func (a Admin) get(ctx context.Context, out any, query url.Values, parts ...string) error {
	return a.call(ctx, http.MethodGet, parts, query, nil, out)
}

func pageQuery(after int64, limit int) url.Values {
	return url.Values{"after": {strconv.FormatInt(after, 10)}, "limit": {strconv.Itoa(limit)}}
}

// AdminAbout says where an Admin works, and as whom the audit knows them.
type AdminAbout struct {
	Version string `json:"version"`
	Actor   string `json:"actor"`
	Origin  string `json:"origin"`
}

// About asks where one is.
func (a Admin) About(ctx context.Context) (about AdminAbout, err error) {
	err = a.get(ctx, &about, nil)
	return about, err
}

// AdminUser is an account as administrators see it.
type AdminUser struct {
	ID          int64      `json:"id"`
	Username    string     `json:"username"`
	Email       string     `json:"email"`
	FirstName   string     `json:"first_name"`
	LastName    string     `json:"last_name"`
	Admin       bool       `json:"admin"`
	Disabled    bool       `json:"disabled"`
	CreatedDate time.Time  `json:"created_date"`
	LastSeen    *time.Time `json:"last_seen"` // nil before the first sign-in
}

// Users returns up to AdminPage accounts in the order of their ids, beginning after an
// id, and whether there are more.
func (a Admin) Users(ctx context.Context, after int64) ([]AdminUser, bool, error) {
	var out struct {
		Users   []AdminUser `json:"users"`
		HasMore bool        `json:"has_more"`
	}
	err := a.get(ctx, &out, pageQuery(after, AdminPage), "users")
	return out.Users, out.HasMore, err
}

// User returns the account with exactly this name.
func (a Admin) User(ctx context.Context, username string) (user AdminUser, err error) {
	err = a.get(ctx, &user, nil, "users", username)
	return user, err
}

// CreateUser makes an account, also where registration is closed.
func (a Admin) CreateUser(ctx context.Context, n chat.NewUser) (user AdminUser, err error) {
	in := map[string]any{"username": n.Username, "email": n.Email, "password": string(n.Password), "admin": n.Admin}
	err = a.call(ctx, http.MethodPost, []string{"users"}, nil, in, &user)
	return user, err
}

// UpdateUser changes what is not nil of an account.
func (a Admin) UpdateUser(ctx context.Context, username string, change chat.UserChange) (user AdminUser, err error) {
	in := map[string]any{}
	if change.Username != nil {
		in["username"] = *change.Username
	}
	if change.Email != nil {
		in["email"] = *change.Email
	}
	if change.Admin != nil {
		in["admin"] = *change.Admin
	}
	err = a.call(ctx, http.MethodPatch, []string{"users", username}, nil, in, &user)
	return user, err
}

// DeleteUser ends an account: its messages stay, without a name.
func (a Admin) DeleteUser(ctx context.Context, username string) error {
	return a.call(ctx, http.MethodDelete, []string{"users", username}, nil, nil, nil)
}

// EnableUser lets a disabled account sign in again.
func (a Admin) EnableUser(ctx context.Context, username string) error {
	return a.call(ctx, http.MethodPost, []string{"users", username, "enable"}, nil, nil, nil)
}

// DisableUser shuts an account out.
func (a Admin) DisableUser(ctx context.Context, username string) error {
	return a.call(ctx, http.MethodPost, []string{"users", username, "disable"}, nil, nil, nil)
}

// SetPassword gives an account another password and ends its tokens.
func (a Admin) SetPassword(ctx context.Context, username string, password chat.Secret) error {
	return a.call(ctx, http.MethodPut, []string{"users", username, "password"}, nil, map[string]string{"password": string(password)}, nil)
}

// AdminToken is a token as administrators see it.
type AdminToken struct {
	ID          int64       `json:"id"`
	Label       string      `json:"label"`
	CreatedDate time.Time   `json:"created_date"`
	LastUsed    time.Time   `json:"last_used"`
	Expires     time.Time   `json:"expires"`
	AuthToken   chat.Secret `json:"auth_token"` // of one that was just made
}

// Tokens returns the newest tokens of an account, up to 200.
func (a Admin) Tokens(ctx context.Context, username string) ([]AdminToken, error) {
	var out struct {
		Tokens []AdminToken `json:"tokens"`
	}
	err := a.get(ctx, &out, nil, "users", username, "tokens")
	return out.Tokens, err
}

// CreateToken makes a token that ends after ttl, or, with 0, as one from a sign-in does.
func (a Admin) CreateToken(ctx context.Context, username, label string, ttl time.Duration) (token AdminToken, err error) {
	in := map[string]any{"label": label, "ttl": int64(ttl.Seconds())}
	err = a.call(ctx, http.MethodPost, []string{"users", username, "tokens"}, nil, in, &token)
	return token, err
}

// RotateToken replaces a token by one with another secret.
func (a Admin) RotateToken(ctx context.Context, username string, id int64) (token AdminToken, err error) {
	err = a.call(ctx, http.MethodPost, []string{"users", username, "tokens", strconv.FormatInt(id, 10), "rotate"}, nil, nil, &token)
	return token, err
}

// RevokeToken ends a token.
func (a Admin) RevokeToken(ctx context.Context, username string, id int64) error {
	return a.call(ctx, http.MethodDelete, []string{"users", username, "tokens", strconv.FormatInt(id, 10)}, nil, nil, nil)
}

// RevokeTokens ends all tokens of an account.
func (a Admin) RevokeTokens(ctx context.Context, username string) error {
	return a.call(ctx, http.MethodDelete, []string{"users", username, "tokens"}, nil, nil, nil)
}
