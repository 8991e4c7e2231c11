package store

import (
	"context"
	"strings"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// ImportUsers implements [chat.UserStore].
func (s *Store) ImportUsers(ctx context.Context, users []chat.User) ([]int64, error) {
	if len(users) == 0 {
		return nil, nil
	}
	var args []any
	for _, u := range users {
		args = append(args, u.Username, NameKey(u.Username), u.Email, strings.ToLower(u.Email), u.FirstName, u.LastName,
			string(u.Password), u.Admin, u.Disabled, s.stampOrNull(u.CreatedAt), s.stampOrNull(lastSeen(u)))
	}
	row := `(?, ?, ?, ?, ?, ?, ?, ?, ?, coalesce(` + s.dialect.moment + `, ` + s.dialect.words.Now + `), ` + s.dialect.moment + `)`
	var made []struct {
		ID       int64
		Username string
	}
	err := s.returning(ctx, opUser, &made,
		`INSERT INTO users (username, username_key, email, email_key, first_name, last_name, password, admin, disabled, created_at, last_seen)
		 VALUES `+strings.TrimSuffix(strings.Repeat(row+`, `, len(users)), `, `)+`
		 ON CONFLICT DO NOTHING RETURNING id, username`, args...)
	if err != nil {
		return nil, err
	}
	byName := make(map[string]int64, len(made))
	for _, m := range made {
		byName[m.Username] = m.ID
	}
	ids := make([]int64, len(users))
	for i, u := range users {
		ids[i] = byName[u.Username]
		delete(byName, u.Username) // of two with one name the first was made
	}
	return ids, nil
}

func lastSeen(u chat.User) time.Time {
	if u.LastSeen == nil {
		return time.Time{}
	}
	return *u.LastSeen
}

// stampOrNull is a time as the database keeps it; NULL for the zero one.
func (s *Store) stampOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return s.dialect.stamp(t)
}
