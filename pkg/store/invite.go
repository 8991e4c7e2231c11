package store

import (
	"context"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// inviteRow is a row of invites with the name of who made it.
type inviteRow struct {
	ID        int64
	SessionID int64
	CreatorID int64
	UName     string
	Code      string
	Role      string
	MaxUses   int64
	Uses      int64
	CreatedAt time.Time
	ExpiresAt *time.Time
	Spent     bool
}

// inviteColumns are of invites i and users u.
func (s *Store) inviteColumns() string {
	return `i.id, i.session_id, i.creator_id, u.username AS u_name, i.code, i.role, i.max_uses, i.uses, i.created_at, i.expires_at,
	NOT (` + s.usable() + `) AS spent`
}

// usable is the condition under which an Invite i lets somebody in.
func (s *Store) usable() string {
	return `i.revoked_at IS NULL AND (i.expires_at IS NULL OR i.expires_at > ` + s.dialect.words.Now + `) AND (i.max_uses = 0 OR i.uses < i.max_uses)`
}

func (r *inviteRow) invite() chat.Invite {
	return chat.Invite{
		ID:        r.ID,
		SessionID: r.SessionID,
		Code:      r.Code,
		Creator:   chat.User{ID: r.CreatorID, Username: r.UName},
		Role:      chat.Role(r.Role),
		MaxUses:   r.MaxUses,
		Uses:      r.Uses,
		CreatedAt: r.CreatedAt,
		ExpiresAt: r.ExpiresAt,
		Spent:     r.Spent,
	}
}

// CreateInvite implements [chat.InviteStore].
func (s *Store) CreateInvite(ctx context.Context, invite chat.Invite, life time.Duration) (chat.Invite, error) {
	expires, args := `NULL`, []any{invite.SessionID, invite.Creator.ID, invite.Code, string(invite.Role), invite.MaxUses}
	if life > 0 {
		expires = s.dialect.later(`?`)
		args = append(args, int64(life.Seconds()))
	}
	var row inviteRow
	err := s.returning(ctx, opInvite, &row,
		`INSERT INTO invites (session_id, creator_id, code, role, max_uses, expires_at) VALUES (?, ?, ?, ?, ?, `+expires+`)
		 RETURNING id, session_id, creator_id, code, role, max_uses, uses, created_at, expires_at`, args...)
	row.UName = invite.Creator.Username
	return row.invite(), err
}

// Invites implements [chat.InviteStore].
func (s *Store) Invites(ctx context.Context, sessionID int64, limit int) ([]chat.Invite, error) {
	var rows []inviteRow
	err := s.all(ctx, opInvite, &rows,
		`SELECT `+s.inviteColumns()+` FROM invites i JOIN users u ON u.id = i.creator_id
		  WHERE i.session_id = ? AND `+s.usable()+` ORDER BY i.id DESC LIMIT ?`, sessionID, limit)
	invites := make([]chat.Invite, len(rows))
	for i := range rows {
		invites[i] = rows[i].invite()
	}
	return invites, err
}

// InviteByCode implements [chat.InviteStore].
func (s *Store) InviteByCode(ctx context.Context, code string) (chat.Invite, chat.Session, error) {
	var row inviteRow
	err := s.one(ctx, opInvite, &row,
		`SELECT `+s.inviteColumns()+` FROM invites i JOIN users u ON u.id = i.creator_id WHERE i.code = ?`, code)
	if err != nil {
		return chat.Invite{}, chat.Session{}, err
	}
	var session sessionRow
	err = s.one(ctx, opSession, &session,
		`SELECT `+sessionColumns+` FROM sessions WHERE id = ? AND deleted_at IS NULL`, row.SessionID)
	return row.invite(), session.session(), err
}

// UseInvite implements [chat.InviteStore].
func (s *Store) UseInvite(ctx context.Context, code string) (chat.Invite, error) {
	if _, err := s.change(ctx, opInvite, `UPDATE invites SET uses = uses + 1 WHERE code = ?`, code); err != nil {
		return chat.Invite{}, err
	}
	var row inviteRow
	err := s.one(ctx, opInvite, &row,
		`SELECT `+s.inviteColumns()+` FROM (
		   SELECT id, session_id, creator_id, code, role, max_uses, uses - 1 AS uses, created_at, expires_at, revoked_at
		     FROM invites WHERE code = ?
		 ) i JOIN users u ON u.id = i.creator_id`, code)
	return row.invite(), err
}

// RevokeInvite implements [chat.InviteStore].
func (s *Store) RevokeInvite(ctx context.Context, sessionID, id int64) error {
	return s.changeOne(ctx, opInvite,
		`UPDATE invites AS i SET revoked_at = `+s.dialect.words.Now+` WHERE i.id = ? AND i.session_id = ? AND `+s.usable(), id, sessionID)
}
