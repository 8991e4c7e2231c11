package chat

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// MaxInvites bounds the Invites of a Session that can be used.
	MaxInvites = 100

	// MaxInviteUses and MaxInviteLife bound what an Invite can be made for.
	MaxInviteUses = 10_000
	MaxInviteLife = 366 * 24 * time.Hour
)

// Invite is a link that makes whoever has it a Member. Its code is a secret that is
// there to be given on, so it is kept as it is.
type Invite struct {
	ID        int64
	SessionID int64
	Code      string
	Creator   User
	Role      Role // what who comes with it becomes
	MaxUses   int64
	Uses      int64
	CreatedAt time.Time
	ExpiresAt *time.Time // nil: never
	Spent     bool       // used up, expired or revoked
}

// NewInvite is what an Invite is made for.
type NewInvite struct {
	Role    Role          // "" for RoleMember
	MaxUses int64         // 0: any number
	Life    time.Duration // 0: without end
}

// CreateInvite makes an Invite to a Session. Nobody invites to a Role above their own,
// nor to be its owner.
func (s *Service) CreateInvite(ctx context.Context, who Identity, uri string, n NewInvite) (Invite, error) {
	if n.Role == "" {
		n.Role = RoleMember
	}
	if err := checkInvite(n); err != nil {
		return Invite{}, err
	}
	var invite Invite
	err := s.store.InTx(ctx, func(tx Store) error {
		m, err := s.locked(ctx, tx, who, uri, ActInvite)
		if err != nil {
			return err
		}
		if n.Role == RoleModerator && m.Role != RoleOwner {
			return ErrForbidden
		}
		usable, err := tx.Invites(ctx, m.Session.ID, MaxInvites)
		if err != nil {
			return fmt.Errorf("list invites: %w", err)
		}
		if len(usable) == MaxInvites {
			return Errorf(Conflict, "A session has at most %d invites.", MaxInvites)
		}
		invite, err = tx.CreateInvite(ctx, Invite{
			SessionID: m.Session.ID,
			Code:      newCode(),
			Creator:   who.User,
			Role:      n.Role,
			MaxUses:   n.MaxUses,
		}, n.Life)
		return err
	})
	if err != nil {
		return Invite{}, fmt.Errorf("create invite: %w", err)
	}
	return invite, nil
}

func checkInvite(n NewInvite) error {
	fields := map[string][]string{}
	switch n.Role {
	case RoleModerator, RoleMember, RoleReader:
	default:
		fields["role"] = []string{fmt.Sprintf("%q is not moderator, member or reader.", n.Role)}
	}
	if n.MaxUses < 0 || n.MaxUses > MaxInviteUses {
		fields["max_uses"] = []string{fmt.Sprintf("Enter a number from 0 to %d.", MaxInviteUses)}
	}
	if n.Life < 0 || n.Life > MaxInviteLife {
		fields["expires_in"] = []string{fmt.Sprintf("Enter a number of seconds from 0 to %d.", int64(MaxInviteLife.Seconds()))}
	}
	if len(fields) > 0 {
		return &Error{Code: Invalid, Fields: fields}
	}
	return nil
}

// Invites returns the Invites of a Session that can be used, the newest first.
func (s *Service) Invites(ctx context.Context, who Identity, uri string) ([]Invite, error) {
	m, err := s.allowed(ctx, who, uri, ActInvite)
	if err != nil {
		return nil, err
	}
	invites, err := s.store.Invites(ctx, m.Session.ID, MaxInvites)
	if err != nil {
		return nil, fmt.Errorf("list invites: %w", err)
	}
	return invites, nil
}

// RevokeInvite ends an Invite. One that has ended is not found.
func (s *Service) RevokeInvite(ctx context.Context, who Identity, uri string, id int64) error {
	m, err := s.allowed(ctx, who, uri, ActInvite)
	if err != nil {
		return err
	}
	return s.store.RevokeInvite(ctx, m.Session.ID, id)
}

// errSpent is the answer to an Invite that was good once.
var errSpent = Errorf(Gone, "This invite is no longer valid.")

// AcceptInvite makes the asker a Member with the Invite's Role and counts the use.
// Who is a Member already stays what they are, and uses nothing.
func (s *Service) AcceptInvite(ctx context.Context, who Identity, code string) (Details, error) {
	_, session, err := s.store.InviteByCode(ctx, cleanCode(code))
	if err != nil {
		return Details{}, fmt.Errorf("find invite: %w", err)
	}
	var joined []Event
	err = s.store.InTx(ctx, func(tx Store) error {
		joined = nil
		invite, err := tx.UseInvite(ctx, code) // locks it; taken back with the transaction
		if err != nil {
			return fmt.Errorf("use invite: %w", err)
		}
		joined, err = s.enter(ctx, tx, who, session, who.User, entry{action: ActAdd, own: ActAccept, role: invite.Role})
		switch {
		case err != nil:
			return err
		case len(joined) == 0:
			return errUnchanged
		case invite.Spent:
			return errSpent
		}
		return nil
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return Details{}, err
	}
	s.entered(ctx, joined)
	return s.Details(ctx, who, session.URI)
}

// Preview is what a link shows to whoever has it, and nothing more.
type Preview struct {
	Title       string
	MemberCount int64
	URI         string // for whoever is a Member already; else ""
}

// PreviewLink shows what a Session's uri leads to.
func (s *Service) PreviewLink(ctx context.Context, who Identity, uri string) (Preview, error) {
	m, err := s.store.Membership(ctx, cleanURI(uri), who.User.ID)
	if err != nil {
		return Preview{}, fmt.Errorf("find session: %w", err)
	}
	return s.preview(ctx, who, m, ActPreview)
}

// PreviewInvite shows what an Invite leads to, to whom it would let in. A Member sees it
// even when the Invite is no longer valid.
func (s *Service) PreviewInvite(ctx context.Context, who Identity, code string) (Preview, error) {
	invite, session, err := s.store.InviteByCode(ctx, cleanCode(code))
	if err != nil {
		return Preview{}, fmt.Errorf("find invite: %w", err)
	}
	m, err := s.store.Membership(ctx, session.URI, who.User.ID)
	if err != nil {
		return Preview{}, fmt.Errorf("find session: %w", err)
	}
	if m.Role != stranger {
		return s.preview(ctx, who, m, ActPreview)
	}
	if invite.Spent {
		return Preview{}, errSpent
	}
	return s.preview(ctx, who, m, ActAccept)
}

// preview shows a Session to who may do that.
func (s *Service) preview(ctx context.Context, who Identity, m Membership, action Action) (Preview, error) {
	var err error
	if m.Role == stranger {
		if m.Banned, err = s.store.IsBanned(ctx, m.Session.ID, who.User.ID); err != nil {
			return Preview{}, fmt.Errorf("find ban: %w", err)
		}
	}
	if err = s.policy.authorize(m, action); err != nil {
		return Preview{}, err
	}
	count, err := s.store.CountMembers(ctx, m.Session.ID)
	if err != nil {
		return Preview{}, fmt.Errorf("count members: %w", err)
	}
	p := Preview{Title: m.Session.Title, MemberCount: count}
	if m.Role != stranger {
		p.URI = m.Session.URI
	}
	return p, nil
}

// newCode returns 26 letters and digits: 130 random bits.
func newCode() string { return rand.Text() }

// codeLength is that of newCode.
const codeLength = 26

// cleanCode returns a code if it can be one, else what no Invite has.
func cleanCode(code string) string {
	if len(code) != codeLength || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return "-"
	}
	return code
}
