package ctl

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

func newSessionCommand() *cobra.Command {
	return newNoun("session", "Look at chat sessions and end them",
		newSessionListCommand(), newSessionGetCommand(), newSessionMembersCommand(), newSessionCloseCommand(),
		newSessionTransferCommand(), newSessionExportCommand(), newSessionDeleteCommand())
}

// sessionKind shows sessions; one says whether who owns it and how many are in it is
// known.
func sessionKind(one bool) kind[client.AdminSession] {
	k := kind[client.AdminSession]{
		name: "Session",
		columns: []column[client.AdminSession]{
			{"ID", func(s client.AdminSession) string { return formatID(s.ID) }},
			{"URI", func(s client.AdminSession) string { return s.URI }},
			{"TITLE", func(s client.AdminSession) string { return s.Title }},
			{"OWNER-ID", func(s client.AdminSession) string { return formatID(s.OwnerID) }},
			{"EVENTS", func(s client.AdminSession) string { return formatID(s.Events) }},
			{"MESSAGES", func(s client.AdminSession) string { return formatID(s.Messages) }},
			{"CREATED", func(s client.AdminSession) string { return moment(s.CreatedDate) }},
			{"CLOSED", func(s client.AdminSession) string { return moment(orZero(s.ClosedDate)) }},
		},
		wide: []column[client.AdminSession]{
			{"ACCESS", func(s client.AdminSession) string { return string(s.Access) }},
		},
		id: func(s client.AdminSession) string { return "session/" + s.URI },
	}
	if one {
		k.columns = append(k.columns,
			column[client.AdminSession]{"OWNER", func(s client.AdminSession) string { return s.Owner }},
			column[client.AdminSession]{"MEMBERS", func(s client.AdminSession) string { return formatID(s.Members) }})
	}
	k.json = func(s client.AdminSession) any { return sessionJSON(s, one) }
	return k
}

func sessionJSON(s client.AdminSession, one bool) any {
	out := struct {
		ID       int64       `json:"id"`
		URI      string      `json:"uri"`
		Title    string      `json:"title"`
		Access   chat.Access `json:"access"`
		OwnerID  int64       `json:"ownerId"`
		Events   int64       `json:"events"`
		Messages int64       `json:"messages"`
		Created  *time.Time  `json:"created"`
		Closed   *time.Time  `json:"closed"`
		Owner    *string     `json:"owner,omitempty"`
		Members  *int64      `json:"members,omitempty"`
	}{s.ID, s.URI, s.Title, s.Access, s.OwnerID, s.Events, s.Messages, jsonMoment(s.CreatedDate), jsonMoment(orZero(s.ClosedDate)), nil, nil}
	if one {
		out.Owner, out.Members = &s.Owner, &s.Members
	}
	return out
}

func newSessionListCommand() *cobra.Command {
	return newListCommand("List all chat sessions in the order they were opened", `  chatirectl session list --no-headers`,
		sessionKind(false), func(ctx context.Context, t *target) ([]client.AdminSession, error) {
			return everything(func(after int64) ([]client.AdminSession, bool, error) { return t.Sessions(ctx, after) },
				func(s client.AdminSession) int64 { return s.ID })
		})
}

// sessionOptions are those of the commands about one session.
type sessionOptions struct {
	change
	uri  string
	heir string
	file string
}

// newSessionVerb makes a command about one session that runs fn.
func newSessionVerb(o *sessionOptions, use, short string, fn func(ctx context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use:     use + " URI",
		Short:   short,
		Example: "  chatirectl session " + use + " 0123456789abcde",
		Args:    exactly("URI"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.uri = newTerminal(cmd), args[0]
			return fn(cmd.Context())
		},
		ValidArgsFunction: completing(completeSessions),
	}
}

// noSuchSession says more about a session that was not found.
func noSuchSession(err error, uri string) error {
	if chat.CodeOf(err) != chat.NotFound {
		return err
	}
	return chat.Errorf(chat.NotFound, "There is no session %q: chatirectl session list shows all.", uri)
}

func newSessionGetCommand() *cobra.Command {
	o := &sessionOptions{}
	cmd := newSessionVerb(o, "get", "Show a session, with its owner and how many are in it", func(ctx context.Context) error {
		t, err := o.connect(ctx, false)
		if err != nil {
			return err
		}
		defer t.close()
		return o.finish(o.show(ctx, t), t, nil)
	})
	o.output.bind(cmd)
	cmd.Flags().BoolVar(&o.ignoreMissing, "ignore-not-found", false, "succeed where there is no such session")
	return cmd
}

// show prints the session as it is now.
func (o *sessionOptions) show(ctx context.Context, t *target) error {
	session, err := t.Session(ctx, o.uri)
	if err != nil {
		return noSuchSession(err, o.uri)
	}
	return sessionKind(true).one(&o.terminal, o.output, session)
}

var memberKind = kind[client.AdminMember]{
	name: "Member",
	columns: []column[client.AdminMember]{
		{"USERNAME", func(m client.AdminMember) string { return m.Username }},
		{"USER-ID", func(m client.AdminMember) string { return formatID(m.UserID) }},
		{"ROLE", func(m client.AdminMember) string { return string(m.Role) }},
		{"JOINED-SEQ", func(m client.AdminMember) string { return formatID(m.JoinedSeq) }},
		{"READ-SEQ", func(m client.AdminMember) string { return formatID(m.ReadSeq) }},
	},
	id: func(m client.AdminMember) string { return "user/" + m.Username },
	json: func(m client.AdminMember) any {
		return struct {
			Username  string    `json:"username"`
			UserID    int64     `json:"userId"`
			Role      chat.Role `json:"role"`
			JoinedSeq int64     `json:"joinedSeq"`
			ReadSeq   int64     `json:"readSeq"`
		}{m.Username, m.UserID, m.Role, m.JoinedSeq, m.ReadSeq}
	},
}

func newSessionMembersCommand() *cobra.Command {
	o := &listOptions{}
	cmd := newSessionVerb(&sessionOptions{}, "members", "List who is in a session, in the order they joined", nil)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.terminal = newTerminal(cmd)
		return listAll(cmd.Context(), o, memberKind, func(ctx context.Context, t *target) ([]client.AdminMember, error) {
			members, err := everything(func(after int64) ([]client.AdminMember, bool, error) { return t.Members(ctx, args[0], after) },
				func(m client.AdminMember) int64 { return m.JoinedSeq })
			return members, noSuchSession(err, args[0])
		})
	}
	o.output.bind(cmd)
	return cmd
}

func newSessionCloseCommand() *cobra.Command {
	o := &sessionOptions{}
	cmd := newSessionVerb(o, "close", "Let nothing more be posted; what was said stays readable", func(ctx context.Context) error {
		return o.end(ctx, "Close", client.Admin.CloseSession, o.show)
	})
	cmd.Example += " --yes"
	o.output.bind(cmd)
	o.bind(cmd, true)
	return cmd
}

func newSessionDeleteCommand() *cobra.Command {
	o := &sessionOptions{}
	cmd := newSessionVerb(o, "delete", "Delete a session with all that was said", func(ctx context.Context) error {
		return o.end(ctx, "Delete", client.Admin.DeleteSession, nil)
	})
	cmd.Example += " --yes"
	o.bind(cmd, true)
	return cmd
}

// end asks, and does to a session what cannot be taken back.
func (o *sessionOptions) end(ctx context.Context, verb string, do func(client.Admin, context.Context, string) error,
	show func(context.Context, *target) error) error {
	t, err := o.connectTo(ctx, lower(verb)+" session "+printable(o.uri), true)
	if err != nil || t == nil {
		return err
	}
	defer t.close()
	session, err := t.Session(ctx, o.uri)
	if err != nil {
		return o.finish(noSuchSession(err, o.uri), t, nil)
	}
	if err := o.ask(ctx, t, "%s session %s%s with %d messages", verb, o.uri, titled(session), session.Messages); err != nil {
		return err
	}
	err = noSuchSession(do(t.Admin, ctx, o.uri), o.uri)
	if show == nil {
		return o.finish(err, t, nil)
	}
	return o.finish(err, t, func() error { return show(ctx, t) })
}

// titled returns what a question says of a session's title.
func titled(s client.AdminSession) string {
	if s.Title == "" {
		return ""
	}
	return fmt.Sprintf(" (%s)", printable(s.Title))
}

func newSessionTransferCommand() *cobra.Command {
	o := &sessionOptions{}
	cmd := &cobra.Command{
		Use:   "transfer URI USERNAME",
		Short: "Make a member the owner",
		Long:  `Make a member the owner of a session. Who was it becomes a moderator.`,
		Example: `  chatirectl session transfer 0123456789abcde bob --yes
  chatirectl session transfer 0123456789abcde ada --dry-run=server`,
		Args: exactly("URI", "USERNAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.uri, o.heir = newTerminal(cmd), args[0], args[1]
			return o.transfer(cmd.Context())
		},
		ValidArgsFunction: completing(completeSessions, completeMembers),
	}
	o.output.bind(cmd)
	o.bind(cmd, true)
	return cmd
}

func (o *sessionOptions) transfer(ctx context.Context) error {
	t, err := o.connectTo(ctx, fmt.Sprintf("make %s the owner of session %s", printable(o.heir), printable(o.uri)), false)
	if err != nil || t == nil {
		return err
	}
	defer t.close()
	if _, err := t.Session(ctx, o.uri); err != nil {
		return o.finish(noSuchSession(err, o.uri), t, nil)
	}
	if err := o.ask(ctx, t, "Make %s the owner of session %s", printable(o.heir), o.uri); err != nil {
		return err
	}
	err = t.TransferSession(ctx, o.uri, o.heir)
	if chat.CodeOf(err) == chat.NotFound {
		err = chat.Errorf(chat.NotFound, "%s is no member of session %s: chatirectl session members shows who is.", printable(o.heir), o.uri)
	}
	return o.finish(err, t, func() error { return o.show(ctx, t) })
}
