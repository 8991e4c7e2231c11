package chat

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// MaxMessage bounds a Message's text in code points.
const MaxMessage = 2500

// Draft is a Message that somebody wants stored.
type Draft struct {
	SessionID int64
	UserID    int64
	ClientID  *string // nil: a retry cannot be told from a second Message
	Body      string
	Sum       int64 // SumOf(Body); meaningful with a ClientID only
	ReplyTo   int64 // the Seq of the Message that it answers; 0 if none
	Mentions  []int64
}

// SumOf returns the fingerprint by which a retry is compared with what was first
// sent: the first eight bytes of the text's SHA-256. The text itself may be
// edited later, the sum stays.
func SumOf(body string) int64 {
	sum := sha256.Sum256([]byte(body))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// Verdict is what became of a Draft.
type Verdict string

const (
	Stored   Verdict = "stored"   // it is in the Log
	Known    Verdict = "known"    // it was there already, with the same text
	Clashed  Verdict = "conflict" // another text is there under its ClientID
	Stranger Verdict = "stranger" // its author is no Member, or the Session is gone
	Mute     Verdict = "mute"     // its author may only read
	Shut     Verdict = "closed"   // the Session is closed
)

// Outcome is what the database says of one Draft. The numbers are those of the
// stored Message and count for Stored, Known and Clashed only.
type Outcome struct {
	Verdict   Verdict
	Seq       int64
	Ordinal   int64
	Rev       int64
	CreatedAt time.Time
}

// number returns e with the numbers of the outcome.
func (o Outcome) number(e Event) Event {
	e.Seq, e.Rev, e.Ordinal, e.CreatedAt = o.Seq, o.Rev, o.Ordinal, o.CreatedAt
	return e
}
