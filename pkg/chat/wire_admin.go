package chat

import (
	"fmt"
	"time"
)

// These are how what administrators send and get stands on the wire, for the API and its
// clients alike.

// DocumentJSON is a Document on the wire. Its secrets are shown, as they must be.
type DocumentJSON struct {
	Kind    DocumentKind     `json:"kind"`
	Name    string           `json:"name"`
	User    *UserSpecJSON    `json:"user,omitempty"`
	Session *SessionSpecJSON `json:"session,omitempty"`
	Token   *TokenSpecJSON   `json:"token,omitempty"`
}

// UserSpecJSON is a UserSpec on the wire.
type UserSpecJSON struct {
	Email    *string `json:"email,omitempty"`
	Admin    *bool   `json:"admin,omitempty"`
	Disabled *bool   `json:"disabled,omitempty"`
	Password *string `json:"password,omitempty"`
}

// SessionSpecJSON is a SessionSpec on the wire.
type SessionSpecJSON struct {
	Owner   string           `json:"owner"`
	Title   *string          `json:"title,omitempty"`
	Access  *Access          `json:"access,omitempty"`
	Closed  *bool            `json:"closed,omitempty"`
	Members []MemberSpecJSON `json:"members,omitempty"`
}

// MemberSpecJSON is a MemberSpec on the wire.
type MemberSpecJSON struct {
	User string `json:"user"`
	Role Role   `json:"role"`
}

// TokenSpecJSON is a TokenSpec on the wire.
type TokenSpecJSON struct {
	User   string `json:"user"`
	Secret string `json:"secret"`
	TTL    int64  `json:"ttl"` // in seconds
}

// JSON returns a Document as it stands on the wire.
func (d Document) JSON() DocumentJSON {
	out := DocumentJSON{Kind: d.Kind, Name: d.Name}
	switch {
	case d.User != nil:
		out.User = &UserSpecJSON{d.User.Email, d.User.Admin, d.User.Disabled, (*string)(d.User.Password)}
	case d.Session != nil:
		out.Session = &SessionSpecJSON{d.Session.Owner, d.Session.Title, d.Session.Access, d.Session.Closed, nil}
		for _, m := range d.Session.Members {
			out.Session.Members = append(out.Session.Members, MemberSpecJSON(m))
		}
	case d.Token != nil:
		out.Token = &TokenSpecJSON{d.Token.User, string(d.Token.Secret), int64(d.Token.TTL.Seconds())}
	}
	return out
}

// maxTTL bounds how long a Token is made to live, in seconds: a hundred years.
const maxTTL = 100 * 365 * 24 * 3600

// TTLOf returns how long a Token is to live that was asked for with so many seconds.
func TTLOf(seconds int64) (time.Duration, error) {
	if seconds < 0 || seconds > maxTTL {
		return 0, FieldError("ttl", fmt.Sprintf("Ensure this is from 0 to %d.", int64(maxTTL)))
	}
	return time.Duration(seconds) * time.Second, nil
}

// Document reads the i-th Document of several.
func (d DocumentJSON) Document(i int) (Document, error) {
	out := Document{Kind: d.Kind, Name: d.Name}
	switch {
	case d.Kind == KindUser && d.User != nil:
		out.User = &UserSpec{Email: d.User.Email, Admin: d.User.Admin, Disabled: d.User.Disabled, Password: (*Secret)(d.User.Password)}
	case d.Kind == KindSession && d.Session != nil:
		out.Session = &SessionSpec{Owner: d.Session.Owner, Title: d.Session.Title, Access: d.Session.Access, Closed: d.Session.Closed}
		for _, m := range d.Session.Members {
			out.Session.Members = append(out.Session.Members, MemberSpec(m))
		}
	case d.Kind == KindToken && d.Token != nil:
		ttl, err := TTLOf(d.Token.TTL)
		if err != nil {
			return out, inDocument(i, err)
		}
		out.Token = &TokenSpec{User: d.Token.User, Secret: Secret(d.Token.Secret), TTL: ttl}
	default:
		return out, inDocument(i, Errorf(Invalid, "Send a User, a Session or a Token with its specification."))
	}
	return out, nil
}

// ImportedUserJSON is an ImportedUser on the wire.
type ImportedUserJSON struct {
	Username       string `json:"username"`
	Email          string `json:"email,omitempty"`
	FirstName      string `json:"first_name,omitempty"`
	LastName       string `json:"last_name,omitempty"`
	Password       string `json:"password,omitempty"`
	PasswordDigest string `json:"password_digest,omitempty"`
	Admin          bool   `json:"admin,omitempty"`
	Disabled       bool   `json:"disabled,omitempty"`
	CreatedDate    string `json:"created_date,omitempty"`
	LastSeen       string `json:"last_seen,omitempty"`
}

// JSON returns an ImportedUser as it stands on the wire.
func (u ImportedUser) JSON() ImportedUserJSON {
	return ImportedUserJSON{
		Username:       u.Username,
		Email:          u.Email,
		FirstName:      u.FirstName,
		LastName:       u.LastName,
		Password:       string(u.Password),
		PasswordDigest: string(u.Digest),
		Admin:          u.Admin,
		Disabled:       u.Disabled,
		CreatedDate:    dateOrNone(u.CreatedAt),
		LastSeen:       dateOrNone(u.LastSeen),
	}
}

func dateOrNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return Date(t)
}

// ImportedUser reads an ImportedUser from the wire.
func (u ImportedUserJSON) ImportedUser() (ImportedUser, error) {
	out := ImportedUser{
		Username:  u.Username,
		Email:     u.Email,
		FirstName: u.FirstName,
		LastName:  u.LastName,
		Password:  Secret(u.Password),
		Digest:    Secret(u.PasswordDigest),
		Admin:     u.Admin,
		Disabled:  u.Disabled,
	}
	for _, moment := range []struct {
		field, text string
		into        *time.Time
	}{{"created_date", u.CreatedDate, &out.CreatedAt}, {"last_seen", u.LastSeen, &out.LastSeen}} {
		if moment.text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, moment.text)
		if err != nil {
			return out, FieldError(moment.field, "This is not a time such as 2026-01-31T12:00:00Z.")
		}
		*moment.into = t
	}
	return out, nil
}

// AuditEntryJSON is an AuditEntry on the wire. Its time has all the digits that the hash
// covers.
type AuditEntryJSON struct {
	Seq       int64  `json:"seq"`
	At        string `json:"at"`
	Actor     string `json:"actor"`
	Origin    string `json:"origin"`
	Operation string `json:"operation"`
	Target    string `json:"target"`
	Before    string `json:"before"`
	After     string `json:"after"`
	RequestID string `json:"request_id"`
	Hash      string `json:"hash"`
}

// JSON returns an AuditEntry as it stands on the wire.
func (e AuditEntry) JSON() AuditEntryJSON {
	return AuditEntryJSON{e.Seq, Date(e.At), e.Actor, e.Origin, e.Operation, e.Target, e.Before, e.After, e.RequestID, e.Hash}
}

// AuditEntry reads an AuditEntry from the wire.
func (e AuditEntryJSON) AuditEntry() (AuditEntry, error) {
	at, err := time.Parse(time.RFC3339, e.At)
	return AuditEntry{e.Seq, at, e.Actor, e.Origin, e.Operation, e.Target, e.Before, e.After, e.RequestID, e.Hash}, err
}
