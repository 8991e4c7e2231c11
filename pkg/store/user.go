package store

import (
	"context"
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/chatire/chatire/pkg/chat"
)

// userRow is a row of users.
type userRow struct {
	ID        int64
	Username  string
	Email     string
	FirstName string
	LastName  string
	Password  string
	Admin     bool
	Disabled  bool
	CreatedAt time.Time
	LastSeen  *time.Time
}

const userColumns = `id, username, email, first_name, last_name, password, admin, disabled, created_at, last_seen`

func (r *userRow) user() chat.User {
	return chat.User{
		ID:        r.ID,
		Username:  r.Username,
		Email:     r.Email,
		FirstName: r.FirstName,
		LastName:  r.LastName,
		Password:  chat.Secret(r.Password),
		Admin:     r.Admin,
		Disabled:  r.Disabled,
		CreatedAt: r.CreatedAt,
		LastSeen:  r.LastSeen,
	}
}

// NameKey is what two names share that count as one. Folding can undo the
// normal form, so it is made again.
func NameKey(name string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name)))
}

// CreateUser implements [chat.UserStore].
func (s *Store) CreateUser(ctx context.Context, u chat.User) (chat.User, error) {
	var row userRow
	err := s.returning(ctx, opUser, &row,
		`INSERT INTO users (username, username_key, email, email_key, first_name, last_name, password, admin)
		 VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING `+userColumns,
		u.Username, NameKey(u.Username), u.Email, strings.ToLower(u.Email), u.FirstName, u.LastName, string(u.Password), u.Admin)
	return row.user(), err
}

// User implements [chat.UserStore].
func (s *Store) User(ctx context.Context, id int64) (chat.User, error) {
	var row userRow
	err := s.one(ctx, opUser, &row, `SELECT `+userColumns+` FROM users WHERE id = ? AND deleted_at IS NULL`, id)
	return row.user(), err
}

// LockUser implements [chat.UserStore].
func (s *Store) LockUser(ctx context.Context, id int64) (chat.User, error) {
	var row userRow
	err := s.one(ctx, opUser, &row,
		`SELECT `+userColumns+` FROM users WHERE id = ? AND deleted_at IS NULL `+s.dialect.lockRow, id)
	return row.user(), err
}

// UserByName implements [chat.UserStore].
func (s *Store) UserByName(ctx context.Context, username string) (chat.User, error) {
	var row userRow
	err := s.one(ctx, opUser, &row,
		`SELECT `+userColumns+` FROM users WHERE username_key = ? AND username = ?`, NameKey(username), username)
	return row.user(), err
}

// UsersByEmail implements [chat.UserStore].
func (s *Store) UsersByEmail(ctx context.Context, email string) ([]chat.User, error) {
	return s.users(ctx,
		`SELECT `+userColumns+` FROM users WHERE email_key = ? AND email_key <> '' AND NOT disabled ORDER BY id LIMIT 10`,
		strings.ToLower(email))
}

// ListUsers implements [chat.UserStore].
func (s *Store) ListUsers(ctx context.Context, after int64, limit int) ([]chat.User, error) {
	return s.users(ctx,
		`SELECT `+userColumns+` FROM users WHERE id > ? AND deleted_at IS NULL ORDER BY id LIMIT ?`, after, limit)
}

func (s *Store) users(ctx context.Context, query string, args ...any) ([]chat.User, error) {
	var rows []userRow
	if err := s.all(ctx, opUser, &rows, query, args...); err != nil {
		return nil, err
	}
	users := make([]chat.User, len(rows))
	for i := range rows {
		users[i] = rows[i].user()
	}
	return users, nil
}

// SetEmail implements [chat.UserStore].
func (s *Store) SetEmail(ctx context.Context, userID int64, email string) error {
	return s.setUser(ctx, userID, `email = ?, email_key = ?`, email, strings.ToLower(email))
}

// SetUsername implements [chat.UserStore].
func (s *Store) SetUsername(ctx context.Context, userID int64, username string) error {
	return s.setUser(ctx, userID, `username = ?, username_key = ?`, username, NameKey(username))
}

// SetPassword implements [chat.UserStore].
func (s *Store) SetPassword(ctx context.Context, userID int64, digest chat.Secret) error {
	return s.setUser(ctx, userID, `password = ?`, string(digest))
}

// SetDisabled implements [chat.UserStore].
func (s *Store) SetDisabled(ctx context.Context, userID int64, disabled bool) error {
	return s.setUser(ctx, userID, `disabled = ?`, disabled)
}

// SetAdmin implements [chat.UserStore].
func (s *Store) SetAdmin(ctx context.Context, userID int64, admin bool) error {
	return s.setUser(ctx, userID, `admin = ?`, admin)
}

// Seen implements [chat.UserStore].
func (s *Store) Seen(ctx context.Context, userID int64) error {
	return s.setUser(ctx, userID, `last_seen = `+s.dialect.words.Now)
}

// setUser changes columns of an account that was not deleted.
func (s *Store) setUser(ctx context.Context, userID int64, set string, args ...any) error {
	return s.changeOne(ctx, opUser,
		`UPDATE users SET `+set+` WHERE id = ? AND deleted_at IS NULL`, append(args, userID)...)
}

// DeleteUser implements [chat.UserStore].
func (s *Store) DeleteUser(ctx context.Context, userID int64) error {
	if _, err := s.DeleteTokens(ctx, userID, 0); err != nil {
		return err
	}
	return s.setUser(ctx, userID,
		`username = '', username_key = NULL, email = '', email_key = '', first_name = '', last_name = '',
		 password = '', admin = false, disabled = true, deleted_at = `+s.dialect.words.Now)
}

// HasAdmin implements [chat.UserStore]. Transactions that ask it go one after
// another, so that what one does about a no is seen by the next. The lock is a
// statement of its own: a check in the same one would see the time before the wait.
func (s *Store) HasAdmin(ctx context.Context) (has bool, err error) {
	if s.tx != nil {
		var id int64
		err := s.one(ctx, opUser, &id, `SELECT id FROM installation WHERE id = 1 `+s.dialect.lockRow)
		if err != nil {
			return false, err
		}
	}
	err = s.one(ctx, opUser, &has, `SELECT EXISTS (SELECT 1 FROM users WHERE admin AND NOT disabled)`)
	return has, err
}
