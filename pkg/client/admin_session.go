package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// AdminSession is a Session as administrators see it.
type AdminSession struct {
	ID          int64       `json:"id"`
	URI         string      `json:"uri"`
	Title       string      `json:"title"`
	Access      chat.Access `json:"access"`
	OwnerID     int64       `json:"owner_id"`
	Events      int64       `json:"events"`
	Messages    int64       `json:"messages"`
	CreatedDate time.Time   `json:"created_date"`
	ClosedDate  *time.Time  `json:"closed_date"` // nil while people may post

	// Owner and Members are filled in by [Admin.Session].
	Owner   string `json:"owner"`
	Members int64  `json:"members"`
}

// Sessions returns up to AdminPage Sessions in the order of their ids, beginning after
// an id, and whether there are more.
func (a Admin) Sessions(ctx context.Context, after int64) ([]AdminSession, bool, error) {
	var out struct {
		Sessions []AdminSession `json:"sessions"`
		HasMore  bool           `json:"has_more"`
	}
	err := a.get(ctx, &out, pageQuery(after, AdminPage), "sessions")
	return out.Sessions, out.HasMore, err
}

// Session returns the Session with this uri.
func (a Admin) Session(ctx context.Context, uri string) (session AdminSession, err error) {
	err = a.get(ctx, &session, nil, "sessions", uri)
	return session, err
}

// CloseSession lets nothing more be posted.
func (a Admin) CloseSession(ctx context.Context, uri string) error {
	return a.call(ctx, http.MethodPost, []string{"sessions", uri, "close"}, nil, nil, nil)
}

// DeleteSession deletes a Session with all that is in it.
func (a Admin) DeleteSession(ctx context.Context, uri string) error {
	return a.call(ctx, http.MethodDelete, []string{"sessions", uri}, nil, nil, nil)
}

// TransferSession makes a Member the owner.
func (a Admin) TransferSession(ctx context.Context, uri, username string) error {
	return a.call(ctx, http.MethodPut, []string{"sessions", uri, "owner"}, nil, map[string]string{"username": username}, nil)
}

// AdminMember is a Member of a Session.
type AdminMember struct {
	Username  string    `json:"username"`
	UserID    int64     `json:"user_id"`
	Role      chat.Role `json:"role"`
	JoinedSeq int64     `json:"joined_seq"`
	ReadSeq   int64     `json:"read_seq"`
}

// Members returns up to AdminPage Members in the order they joined, beginning after a
// JoinedSeq, and whether there are more.
func (a Admin) Members(ctx context.Context, uri string, after int64) ([]AdminMember, bool, error) {
	var out struct {
		Members []AdminMember `json:"members"`
		HasMore bool          `json:"has_more"`
	}
	err := a.get(ctx, &out, pageQuery(after, AdminPage), "sessions", uri, "members")
	return out.Members, out.HasMore, err
}

// Events returns a piece of a Session's Log as it stands on the wire, beginning after a
// Seq, and whether there are more.
func (a Admin) Events(ctx context.Context, uri string, after int64) ([]json.RawMessage, bool, error) {
	var out struct {
		Events  []json.RawMessage `json:"events"`
		HasMore bool              `json:"has_more"`
	}
	err := a.get(ctx, &out, pageQuery(after, AdminPage), "sessions", uri, "events")
	return out.Events, out.HasMore, err
}

// AdminMessage is a Message as it is now.
type AdminMessage struct {
	Seq         int64     `json:"seq"`
	Username    string    `json:"username"`
	Message     string    `json:"message"`
	CreatedDate time.Time `json:"created_date"`
	Edited      bool      `json:"edited"`
	Deleted     bool      `json:"deleted"`
}

// Messages returns Messages of a Session, beginning after a Seq, and whether there are
// more.
func (a Admin) Messages(ctx context.Context, uri string, after int64) ([]AdminMessage, bool, error) {
	var out struct {
		Messages []AdminMessage `json:"messages"`
		HasMore  bool           `json:"has_more"`
	}
	err := a.get(ctx, &out, pageQuery(after, AdminPage), "sessions", uri, "messages")
	return out.Messages, out.HasMore, err
}

// DeleteMessage takes a Message's text back.
func (a Admin) DeleteMessage(ctx context.Context, uri string, seq int64) error {
	return a.call(ctx, http.MethodDelete, []string{"sessions", uri, "messages", strconv.FormatInt(seq, 10)}, nil, nil, nil)
}

// Audit returns up to limit entries of the audit, at most AdminPage, beginning after a
// seq.
func (a Admin) Audit(ctx context.Context, after int64, limit int) ([]chat.AuditEntry, error) {
	var out struct {
		Entries []chat.AuditEntryJSON `json:"entries"`
	}
	if err := a.get(ctx, &out, pageQuery(after, limit), "audit"); err != nil {
		return nil, err
	}
	entries := make([]chat.AuditEntry, len(out.Entries))
	for i, e := range out.Entries {
		var err error
		if entries[i], err = e.AuditEntry(); err != nil {
			return nil, fmt.Errorf("read an entry of the audit: %w", err)
		}
	}
	return entries, nil
}

// AuditHead returns where the audit's chain ends.
func (a Admin) AuditHead(ctx context.Context) (chat.AuditHead, error) {
	var out struct {
		Seq  int64  `json:"seq"`
		Hash string `json:"hash"`
	}
	err := a.get(ctx, &out, nil, "audit", "head")
	return chat.AuditHead{Seq: out.Seq, Hash: out.Hash}, err
}
