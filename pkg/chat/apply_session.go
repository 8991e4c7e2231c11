package chat

import (
	"errors"
	"fmt"
	"slices"
)

func (a *application) session(name string, spec SessionSpec) (ApplyResult, error) {
	var r ApplyResult
	if err := checkSessionSpec(spec); err != nil {
		return r, err
	}
	owner, err := a.named("owner", spec.Owner)
	if err != nil {
		return r, err
	}
	before, err := a.tx.Applied(a.ctx, KindSession, name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return r, err
	}
	session, err := a.lockedOrNew(before.Ref, owner, &r)
	if err != nil {
		return r, err
	}
	r.Ref = session.URI
	actor := a.who.User
	if actor.ID == 0 {
		actor = owner
	}
	in := sessionApplication{a, &r, actor, session}
	if err := in.settle(spec); err != nil {
		return r, err
	}
	if err := in.people(spec, owner, before.Members); err != nil {
		return r, err
	}
	if spec.Closed != nil && *spec.Closed && session.ClosedAt == nil {
		r.differs("closed", "false", "true")
		if err := in.close(); err != nil {
			return r, err
		}
	}
	var members []string
	for _, m := range spec.Members {
		members = append(members, m.User)
	}
	return r.ended(), a.note(KindSession, name, session.URI, members)
}

func checkSessionSpec(spec SessionSpec) error {
	if spec.Title != nil {
		if err := checkTitle(*spec.Title); err != nil {
			return err
		}
	}
	if spec.Access != nil && *spec.Access != AccessLink && *spec.Access != AccessInvite {
		return FieldError("access", fmt.Sprintf("%q is neither link nor invite.", *spec.Access))
	}
	seen := map[string]bool{}
	for i, m := range spec.Members {
		field := fmt.Sprintf("members.%d", i)
		switch m.Role {
		case RoleModerator, RoleMember, RoleReader:
		default:
			return FieldError(field+".role", fmt.Sprintf("%q is not moderator, member or reader; the owner is owner.", m.Role))
		}
		if m.User == spec.Owner || seen[m.User] {
			return FieldError(field+".user", fmt.Sprintf("%s is there twice.", m.User))
		}
		seen[m.User] = true
	}
	return nil
}

// named returns the User whom a field names.
func (a *application) named(field, username string) (User, error) {
	user, err := a.tx.UserByName(a.ctx, username)
	if errors.Is(err, ErrNotFound) {
		return User{}, FieldError(field, fmt.Sprintf("There is no user %s.", username))
	}
	if err != nil {
		return User{}, fmt.Errorf("find user: %w", err)
	}
	return user, nil
}

// lockedOrNew returns the Session that was applied before, or a new one. One that was
// deleted is made anew.
func (a *application) lockedOrNew(uri string, owner User, r *ApplyResult) (Session, error) {
	if uri != "" {
		session, err := a.tx.LockSession(a.ctx, uri)
		if !errors.Is(err, ErrNotFound) {
			return session, err
		}
	}
	r.Action = ApplyCreated
	r.differs("owner", "", owner.Username)
	session, err := a.tx.CreateSession(a.ctx, newURI(), owner.ID, nil)
	if err != nil {
		return Session{}, fmt.Errorf("create session: %w", err)
	}
	event, err := join(a.ctx, a.tx, session, owner, owner, RoleOwner)
	if err != nil {
		return Session{}, err
	}
	a.happened(event)
	return session, audit(a.ctx, a.tx, "session.create", sessionTarget(session), nil, auditedRole{owner.Username, RoleOwner})
}

// happened tells of an Event once it is committed.
func (a *application) happened(events ...Event) {
	a.tell = append(a.tell, func() { a.s.publish(a.ctx, events...) })
}

// sessionApplication is one Session that is made as its Document says, under its lock.
type sessionApplication struct {
	a       *application
	r       *ApplyResult
	actor   User
	session Session
}

// append states a fact in the Session.
func (in sessionApplication) append(e Event) (Event, error) {
	e.SessionID, e.URI, e.User = in.session.ID, in.session.URI, in.actor
	event, err := in.a.tx.Append(in.a.ctx, e)
	if err != nil {
		return Event{}, fmt.Errorf("append the change: %w", err)
	}
	in.a.happened(event)
	return event, nil
}

// settle sets the title and who may join.
func (in sessionApplication) settle(spec SessionSpec) error {
	ctx, tx := in.a.ctx, in.a.tx
	if spec.Closed != nil && !*spec.Closed && in.session.ClosedAt != nil {
		return FieldError("closed", "This session was closed, and a closed one stays so.")
	}
	if spec.Title != nil && in.r.differs("title", in.session.Title, *spec.Title) {
		if err := tx.SetTitle(ctx, in.session.ID, *spec.Title); err != nil {
			return err
		}
		event, err := in.append(Event{Type: EventTitle, Body: *spec.Title})
		if err != nil {
			return err
		}
		if err := auditSession(ctx, tx, in.session, event); err != nil {
			return err
		}
	}
	if spec.Access != nil && in.r.differs("access", string(in.session.Access), string(*spec.Access)) {
		if err := tx.SetAccess(ctx, in.session.ID, *spec.Access); err != nil {
			return err
		}
		event, err := in.append(Event{Type: EventAccess, Body: string(*spec.Access)})
		if err != nil {
			return err
		}
		return auditSession(ctx, tx, in.session, event)
	}
	return nil
}

// people makes Members of those who are to be, and takes those out whom an earlier
// Document had.
func (in sessionApplication) people(spec SessionSpec, owner User, earlier []string) error {
	wanted := spec.Members
	if in.session.OwnerID != owner.ID {
		if err := in.crown(owner); err != nil {
			return err
		}
	}
	for i, m := range wanted {
		user, err := in.a.named(fmt.Sprintf("members.%d.user", i), m.User)
		if err != nil {
			return err
		}
		if err := in.member(user, m.Role); err != nil {
			return err
		}
	}
	for _, name := range earlier {
		if name == spec.Owner || slices.ContainsFunc(wanted, func(m MemberSpec) bool { return m.User == name }) {
			continue
		}
		if err := in.remove(name); err != nil {
			return err
		}
	}
	return nil
}

// crown makes somebody the owner.
func (in sessionApplication) crown(heir User) error {
	ctx, tx := in.a.ctx, in.a.tx
	old, err := ownerOf(ctx, tx, in.session)
	if err != nil {
		return err
	}
	in.r.differs("owner", old.Username, heir.Username)
	switch _, err := tx.Member(ctx, in.session.ID, heir.ID); {
	case errors.Is(err, ErrNotFound):
		event, err := join(ctx, tx, in.session, in.actor, heir, RoleMember)
		if err != nil {
			return err
		}
		in.a.happened(event)
	case err != nil:
		return fmt.Errorf("find member: %w", err)
	}
	events, err := replace(ctx, tx, in.session, in.actor, heir)
	if err != nil {
		return err
	}
	in.a.happened(events...)
	return in.auditRole("session.role", heir, "", RoleOwner)
}

// member makes somebody a Member with a Role.
func (in sessionApplication) member(user User, role Role) error {
	ctx, tx := in.a.ctx, in.a.tx
	old, err := tx.Member(ctx, in.session.ID, user.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("find member: %w", err)
	}
	if !in.r.differs("member "+user.Username, string(old.Role), string(role)) {
		return nil
	}
	if old.Role == stranger {
		event, err := join(ctx, tx, in.session, in.actor, user, role)
		if err != nil {
			return err
		}
		in.a.tell = append(in.a.tell, func() { in.a.s.entered(ctx, []Event{event}) })
		return in.auditRole("session.add", user, "", role)
	}
	events, err := assign(ctx, tx, in.session, in.actor, user, role)
	if err != nil {
		return err
	}
	in.a.happened(events...)
	return in.auditRole("session.role", user, old.Role, role)
}

// remove takes a Member out whom an earlier Document had; who is gone is gone.
func (in sessionApplication) remove(username string) error {
	ctx, tx := in.a.ctx, in.a.tx
	member, err := findTarget(ctx, tx, in.session, username)
	if errors.Is(err, ErrNotFound) || member.Role == RoleOwner {
		return nil
	}
	if err != nil {
		return err
	}
	in.r.differs("member "+username, string(member.Role), "")
	event, err := leave(ctx, tx, in.session, in.actor, member.User, ActRemove)
	if err != nil {
		return err
	}
	in.a.tell = append(in.a.tell, func() { in.a.s.left(ctx, []Event{event}) })
	return in.auditRole("session.remove", member.User, member.Role, "")
}

func (in sessionApplication) auditRole(operation string, user User, was, role Role) error {
	var before, after any
	if was != "" {
		before = auditedRole{user.Username, was}
	}
	if role != "" {
		after = auditedRole{user.Username, role}
	}
	return audit(in.a.ctx, in.a.tx, operation, sessionTarget(in.session), before, after)
}

// close lets nothing more be posted.
func (in sessionApplication) close() error {
	if err := in.a.tx.CloseSession(in.a.ctx, in.session.ID); err != nil {
		return err
	}
	event, err := in.append(Event{Type: EventClosed})
	if err != nil {
		return err
	}
	return auditSession(in.a.ctx, in.a.tx, in.session, event)
}

func (a *application) pruneSession(e Applied) error {
	session, err := a.tx.LockSession(a.ctx, e.Ref)
	if err != nil || session.ClosedAt != nil {
		return err
	}
	actor := a.who.User
	if actor.ID == 0 {
		if actor, err = ownerOf(a.ctx, a.tx, session); err != nil {
			return err
		}
	}
	return sessionApplication{a, &ApplyResult{}, actor, session}.close()
}
