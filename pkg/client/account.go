package client

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// Account is a User as they see themselves.
type Account struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
	Email    string `json:"email"`
}

// SignUp makes an account. email may be "".
func (c *Client) SignUp(ctx context.Context, username, password, email string) (Account, error) {
	in := map[string]string{"username": username, "password": password}
	if email != "" {
		in["email"] = email
	}
	var account Account
	err := c.call(ctx, http.MethodPost, "/auth/users/create/", in, &account)
	return account, err
}

// SignIn makes a token and returns its secret, for [Client.As]. label is what the
// user calls the device; it may be "".
func (c *Client) SignIn(ctx context.Context, username, password, label string) (token string, err error) {
	in := map[string]string{"username": username, "password": password}
	if label != "" {
		in["label"] = label
	}
	var out struct {
		AuthToken string `json:"auth_token"`
	}
	err = c.call(ctx, http.MethodPost, "/auth/token/create/", in, &out)
	return out.AuthToken, err
}

// SignOut ends the token that the Client uses.
func (c *Client) SignOut(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/auth/token/destroy/", nil, nil)
}

// Me returns the account that the token belongs to.
func (c *Client) Me(ctx context.Context) (Account, error) {
	var account Account
	err := c.call(ctx, http.MethodGet, "/auth/me/", nil, &account)
	return account, err
}

// SetEmail changes the account's e-mail address.
func (c *Client) SetEmail(ctx context.Context, email string) (Account, error) {
	var account Account
	err := c.call(ctx, http.MethodPatch, "/auth/me/", map[string]string{"email": email}, &account)
	return account, err
}

// SetPassword changes the password and ends all other tokens.
func (c *Client) SetPassword(ctx context.Context, current, password string) error {
	in := map[string]string{"current_password": current, "new_password": password}
	return c.call(ctx, http.MethodPost, "/auth/password/", in, nil)
}

// SetUsername changes the name by which the account signs in.
func (c *Client) SetUsername(ctx context.Context, current, username string) error {
	in := map[string]string{"current_password": current, "new_username": username}
	return c.call(ctx, http.MethodPost, "/auth/username/", in, nil)
}

// DeleteAccount ends the account. Its messages stay, without a name.
func (c *Client) DeleteAccount(ctx context.Context, current string) error {
	in := map[string]string{"current_password": current}
	return c.call(ctx, http.MethodPost, "/auth/users/delete/", in, nil)
}

// AskReset asks for a mail with which to set a new password. The answer does not
// tell whether there is such an account.
func (c *Client) AskReset(ctx context.Context, email string) error {
	return c.call(ctx, http.MethodPost, "/auth/password/reset/", map[string]string{"email": email}, nil)
}

// ConfirmReset sets a new password with the two parts of the link in such a mail.
func (c *Client) ConfirmReset(ctx context.Context, uid, token, password string) error {
	in := map[string]string{"uid": uid, "token": token, "new_password": password}
	return c.call(ctx, http.MethodPost, "/auth/password/reset/confirm/", in, nil)
}

// Token is one sign-in of the user.
type Token struct {
	ID          int64      `json:"id"`
	Label       string     `json:"label"`
	CreatedDate time.Time  `json:"created_date"`
	LastUsed    *time.Time `json:"last_used"`
	Expires     *time.Time `json:"expires"`
	Current     bool       `json:"current"` // the Client's own
}

// Tokens lists the user's sign-ins.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	var out struct {
		Tokens []Token `json:"tokens"`
	}
	err := c.call(ctx, http.MethodGet, "/auth/tokens/", nil, &out)
	return out.Tokens, err
}

// RevokeToken ends one of the user's sign-ins.
func (c *Client) RevokeToken(ctx context.Context, id int64) error {
	return c.call(ctx, http.MethodDelete, address("auth", "tokens", strconv.FormatInt(id, 10)), nil, nil)
}
