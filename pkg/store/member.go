package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chatire/chatire/pkg/chat"
)

// memberRow is a row of members with its user.
type memberRow struct {
	userRow
	SessionID   int64
	Role        string
	ReadOrdinal int64
	ReadSeq     int64
	Notify      string
	JoinedSeq   int64
}

const selectMembers = `SELECT u.id, u.username, u.email, u.first_name, u.last_name,
	       m.session_id, m.role, m.read_ordinal, m.read_seq, m.notify, m.joined_seq
	  FROM members m JOIN users u ON u.id = m.user_id`

func (r *memberRow) member() chat.Member {
	return chat.Member{
		SessionID:   r.SessionID,
		User:        r.user(),
		Role:        chat.Role(r.Role),
		ReadOrdinal: r.ReadOrdinal,
		ReadSeq:     r.ReadSeq,
		Notify:      chat.Notify(r.Notify),
		JoinedSeq:   r.JoinedSeq,
	}
}

// AddMember implements [chat.SessionStore].
func (s *Store) AddMember(ctx context.Context, sessionID, userID int64, role chat.Role, joinedSeq int64) error {
	_, err := s.change(ctx, opMember,
		`INSERT INTO members (session_id, user_id, role, joined_seq, read_seq, read_ordinal)
		 VALUES (?, ?, ?, ?, ?, (SELECT last_ordinal FROM sessions WHERE id = ?))`,
		sessionID, userID, string(role), joinedSeq, joinedSeq, sessionID)
	return err
}

// RemoveMember implements [chat.SessionStore].
func (s *Store) RemoveMember(ctx context.Context, sessionID, userID int64) error {
	return s.changeOne(ctx, opMember, `DELETE FROM members WHERE session_id = ? AND user_id = ?`, sessionID, userID)
}

// SetRole implements [chat.SessionStore].
func (s *Store) SetRole(ctx context.Context, sessionID, userID int64, role chat.Role) error {
	return s.changeOne(ctx, opMember,
		`UPDATE members SET role = ? WHERE session_id = ? AND user_id = ?`, string(role), sessionID, userID)
}

// Member implements [chat.SessionStore].
func (s *Store) Member(ctx context.Context, sessionID, userID int64) (chat.Member, error) {
	var row memberRow
	err := s.one(ctx, opMember, &row, selectMembers+` WHERE m.session_id = ? AND m.user_id = ?`, sessionID, userID)
	return row.member(), err
}

// Members implements [chat.SessionStore].
func (s *Store) Members(ctx context.Context, sessionID, after int64, limit int) ([]chat.Member, error) {
	var rows []memberRow
	err := s.all(ctx, opMember, &rows, selectMembers+` WHERE m.session_id = ? AND m.joined_seq > ? ORDER BY m.joined_seq, m.user_id LIMIT ?`, sessionID, after, limit)
	members := make([]chat.Member, len(rows))
	for i := range rows {
		members[i] = rows[i].member()
	}
	return members, err
}

// CountMembers implements [chat.SessionStore].
func (s *Store) CountMembers(ctx context.Context, sessionID int64) (n int64, err error) {
	err = s.one(ctx, opMember, &n, `SELECT count(*) FROM members WHERE session_id = ?`, sessionID)
	return n, err
}

// MembersByName implements [chat.SessionStore].
func (s *Store) MembersByName(ctx context.Context, sessionID int64, names []string) (map[string]int64, error) {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = NameKey(name)
	}
	var rows []struct {
		ID          int64
		UsernameKey string
	}
	err := s.all(ctx, opMember, &rows,
		`SELECT u.id, u.username_key FROM users u JOIN members m ON m.session_id = ? AND m.user_id = u.id
		  WHERE u.username_key IN (?)`, sessionID, bun.List(keys))
	if err != nil {
		return nil, err
	}
	byKey := make(map[string]int64, len(rows))
	for _, row := range rows {
		byKey[row.UsernameKey] = row.ID
	}
	members := map[string]int64{}
	for i, name := range names {
		if id, ok := byKey[keys[i]]; ok {
			members[name] = id
		}
	}
	return members, nil
}

// Ban implements [chat.SessionStore].
func (s *Store) Ban(ctx context.Context, sessionID, userID int64) error {
	_, err := s.change(ctx, opMember,
		`INSERT INTO bans (session_id, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, sessionID, userID)
	return err
}

// Unban implements [chat.SessionStore].
func (s *Store) Unban(ctx context.Context, sessionID, userID int64) error {
	_, err := s.change(ctx, opMember, `DELETE FROM bans WHERE session_id = ? AND user_id = ?`, sessionID, userID)
	return err
}

// IsBanned implements [chat.SessionStore].
func (s *Store) IsBanned(ctx context.Context, sessionID, userID int64) (banned bool, err error) {
	err = s.one(ctx, opMember, &banned,
		`SELECT EXISTS (SELECT 1 FROM bans WHERE session_id = ? AND user_id = ?)`, sessionID, userID)
	return banned, err
}

// Bans implements [chat.SessionStore].
func (s *Store) Bans(ctx context.Context, sessionID int64, limit int) ([]chat.User, error) {
	return s.users(ctx,
		`SELECT `+userColumns+` FROM users WHERE id IN (
		   SELECT user_id FROM bans WHERE session_id = ? ORDER BY created_at DESC, user_id DESC LIMIT ?
		 ) ORDER BY (SELECT created_at FROM bans WHERE session_id = ? AND user_id = users.id) DESC, id DESC`,
		sessionID, limit, sessionID)
}
