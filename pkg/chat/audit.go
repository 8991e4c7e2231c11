package chat

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// AuditEntry is one thing that an administrator did. Entries are a chain: Hash covers
// the Entry and the Hash of the one before, so that none can be changed, taken out or
// put in without all later ones showing it.
type AuditEntry struct {
	Seq       int64     // 1, 2, 3 without gaps
	At        time.Time // of the database, in microseconds
	Actor     string    // who: an account, or a user of the machine
	Origin    string    // from where: an address, or a machine
	Operation string    // what, such as user.disable
	Target    string    // to what, such as user/ada
	Before    string    // JSON of what was, "" if there was nothing; never a secret
	After     string    // JSON of what became, "" if there is nothing left
	RequestID string    // "" where there was no request
	Hash      string    // 64 hexadecimal digits
}

// AuditHead says where a chain ends. The head of an empty one is the zero value.
type AuditHead struct {
	Seq  int64
	Hash string
}

// String returns the head as it is logged and given to a verification.
func (h AuditHead) String() string { return fmt.Sprintf("%d:%s", h.Seq, h.Hash) }

// Chained returns the hash that an Entry has behind one with the hash previous. Each
// field goes in with its length before it, so that no two entries read the same.
func (e AuditEntry) Chained(previous string) string {
	sum := sha256.New()
	add := func(text string) {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		sum.Write(length[:])
		io.WriteString(sum, text)
	}
	add(previous)
	add(fmt.Sprint(e.Seq))
	add(Date(e.At))
	for _, text := range []string{e.Actor, e.Origin, e.Operation, e.Target, e.Before, e.After, e.RequestID} {
		add(text)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// AuditStore keeps what administrators did.
type AuditStore interface {
	// AppendAudit stores an Entry behind the newest one, with its place, the time of
	// the database and its hash, and returns it. It is called inside InTx: others who
	// append wait until the transaction ends.
	AppendAudit(ctx context.Context, e AuditEntry) (AuditEntry, error)

	// ListAudit returns entries in their order, beginning after the seq `after`.
	ListAudit(ctx context.Context, after int64, limit int) ([]AuditEntry, error)

	// AuditHead returns the end of the chain, as it was noted with the newest Entry.
	AuditHead(ctx context.Context) (AuditHead, error)
}

// audit notes what an administrator does, in the transaction in which it is done. was
// and became are what changed, nil for nothing. What people do to their own is not
// noted: there is no administrator in the context then.
func audit(ctx context.Context, tx Store, operation, target string, was, became any) error {
	admin, ok := adminOf(ctx)
	if !ok {
		return nil
	}
	e := AuditEntry{Actor: admin.Actor, Origin: admin.Origin, Operation: operation, Target: target, RequestID: RequestID(ctx)}
	for _, side := range []struct {
		value any
		text  *string
	}{{was, &e.Before}, {became, &e.After}} {
		if side.value == nil {
			continue
		}
		text, err := json.Marshal(side.value)
		if err != nil {
			return fmt.Errorf("encode audit entry: %w", err)
		}
		*side.text = string(text)
	}
	if _, err := tx.AppendAudit(ctx, e); err != nil {
		return fmt.Errorf("append audit entry: %w", err)
	}
	return nil
}

// Audit returns what administrators did, in its order, beginning after a seq.
func (s *Service) Audit(ctx context.Context, after int64, limit int) ([]AuditEntry, error) {
	entries, err := s.store.ListAudit(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list audit: %w", err)
	}
	return entries, nil
}

// AuditHead returns where the chain of what administrators did ends.
func (s *Service) AuditHead(ctx context.Context) (AuditHead, error) {
	head, err := s.store.AuditHead(ctx)
	if err != nil {
		return AuditHead{}, fmt.Errorf("read the audit's head: %w", err)
	}
	return head, nil
}

// AuditFault says where a chain does not hold.
type AuditFault struct {
	Seq int64
	Why string
}

// Error says it in a sentence.
func (f AuditFault) Error() string { return fmt.Sprintf("entry %d %s", f.Seq, f.Why) }

// auditPage is how many entries are verified at once.
const auditPage = 400

// AuditReader is where an audit is read: a Service, or a client of one.
type AuditReader interface {
	Audit(ctx context.Context, after int64, limit int) ([]AuditEntry, error)
	AuditHead(ctx context.Context) (AuditHead, error)
}

// VerifyAudit checks a chain from its first Entry to its end, and that known heads,
// which were logged earlier, are in it. The first fault is an [AuditFault].
func VerifyAudit(ctx context.Context, s AuditReader, known ...AuditHead) (AuditHead, error) {
	noted, err := s.AuditHead(ctx)
	if err != nil {
		return AuditHead{}, err
	}
	var before, head AuditHead
	wanted := map[int64]string{}
	for _, k := range known {
		wanted[k.Seq] = k.Hash
	}
	for {
		page, err := s.Audit(ctx, head.Seq, auditPage+1)
		if err != nil {
			return AuditHead{}, err
		}
		last := len(page) <= auditPage
		for i, e := range page {
			if !last && i == auditPage {
				break // it is there to be seen from the one before it
			}
			if err := followed(before, head, e, page[i+1:]); err != nil {
				return AuditHead{}, err
			}
			if hash, ok := wanted[e.Seq]; ok && hash != e.Hash {
				return AuditHead{}, AuditFault{e.Seq, "is not the one whose hash was logged: the chain was written anew"}
			}
			before, head = head, AuditHead{e.Seq, e.Hash}
		}
		if last {
			break
		}
	}
	for seq := range wanted {
		if seq > head.Seq {
			return AuditHead{}, AuditFault{head.Seq + 1, fmt.Sprintf("is missing: entry %d was logged", seq)}
		}
	}
	// Entries that came meanwhile are behind the head that was noted, never before it.
	if noted.Seq > head.Seq {
		return AuditHead{}, AuditFault{head.Seq + 1, fmt.Sprintf("is missing: there were %d", noted.Seq)}
	}
	if now, err := s.AuditHead(ctx); err != nil {
		return AuditHead{}, err
	} else if now.Seq < head.Seq {
		return AuditHead{}, AuditFault{now.Seq + 1, "was inserted: the chain ends before it"}
	}
	return head, nil
}

// followed returns why an Entry does not follow head, which follows before. Entries
// behind it tell one that was edited from one that was put in.
func followed(before, head AuditHead, e AuditEntry, later []AuditEntry) error {
	// moved says whether an Entry stood elsewhere, behind one with the hash previous.
	moved := func(e AuditEntry, by int64, previous string) bool {
		e.Seq += by
		return e.Chained(previous) == e.Hash
	}
	switch {
	case e.Seq != head.Seq+1:
		return AuditFault{head.Seq + 1, "was removed"}
	case e.Chained(head.Hash) == e.Hash:
		return nil
	case moved(e, -1, before.Hash):
		return AuditFault{head.Seq, "was inserted, and later ones were moved"}
	case len(later) > 0 && moved(later[0], 1, e.Hash):
		return AuditFault{e.Seq, "was removed, and later ones were moved"}
	case len(later) > 0 && later[0].Chained(e.Hash) != later[0].Hash:
		return AuditFault{e.Seq, "was inserted in the place of another one"}
	}
	return AuditFault{e.Seq, "was edited"}
}
