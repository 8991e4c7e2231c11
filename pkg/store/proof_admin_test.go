package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
)

// administer changes random things until ctx ends, and closes a room on the way.
func (w *world) administer(ctx context.Context, process *store.Store, random *rand.Rand) {
	begun, late := time.Now(), false
	for ctx.Err() == nil {
		c := change{room: w.rooms[random.IntN(len(w.rooms))].ID, asked: w.clock.Add(1)}
		if random.IntN(2) == 0 {
			c.room = w.rooms[0].ID
		}
		var err error
		kind := random.IntN(9)
		if !late && time.Since(begun) > proofTime/3 {
			late, kind, c.room = true, 9, w.rooms[1+random.IntN(len(w.rooms)-1)].ID
		}
		switch {
		case kind < 6:
			user := w.people[1+random.IntN(len(w.people)-1)]
			c.user = user.ID
			c.kind, c.seq, err = w.joinOrLeave(process, c.room, user)
		case kind < 8:
			c.kind = chat.EventTitle
			c.seq, err = w.rename(process, c.room, random.IntN(3) == 0)
		case kind == 8:
			c.kind = "edited"
			err = w.edit(ctx, c.room)
		default:
			c.kind = chat.EventClosed
			c.seq, err = w.shut(process, c.room)
		}
		c.answered = w.clock.Add(1)
		c.refused = err != nil && !errors.Is(err, chat.ErrUnavailable)
		w.mu.Lock()
		w.changes = append(w.changes, c)
		w.mu.Unlock()
	}
}

var errChangedMind = errors.New("changed my mind")

// inRoom runs a deed in a transaction that holds a room's lock, and returns the
// seq that it appended.
func (w *world) inRoom(process *store.Store, room int64, deed func(tx chat.Store, now chat.Session) (chat.Event, error)) (int64, error) {
	ctx := context.Background()
	var event chat.Event
	err := process.InTx(ctx, func(tx chat.Store) error {
		now, err := tx.LockSession(ctx, w.uri(room))
		if err != nil {
			return err
		}
		e, err := deed(tx, now)
		if err != nil {
			return err
		}
		event, err = tx.Append(ctx, e)
		return err
	})
	if err != nil {
		return 0, err
	}
	return event.Seq, nil
}

func (w *world) uri(room int64) string {
	for _, r := range w.rooms {
		if r.ID == room {
			return r.URI
		}
	}
	return "-"
}

func (w *world) joinOrLeave(process *store.Store, room int64, user chat.User) (chat.EventType, int64, error) {
	kind := chat.EventJoined
	seq, err := w.inRoom(process, room, func(tx chat.Store, now chat.Session) (chat.Event, error) {
		ctx := context.Background()
		_, err := tx.Member(ctx, room, user.ID)
		switch {
		case err == nil:
			kind, err = chat.EventLeft, tx.RemoveMember(ctx, room, user.ID)
		case errors.Is(err, chat.ErrNotFound):
			kind, err = chat.EventJoined, tx.AddMember(ctx, room, user.ID, chat.RoleMember, now.Head+1)
		}
		return chat.Event{SessionID: room, Type: kind, User: w.people[0], Member: &user, Role: chat.RoleMember}, err
	})
	return kind, seq, err
}

func (w *world) rename(process *store.Store, room int64, regret bool) (int64, error) {
	return w.inRoom(process, room, func(tx chat.Store, _ chat.Session) (chat.Event, error) {
		e := chat.Event{SessionID: room, Type: chat.EventTitle, User: w.people[0], Body: "a title"}
		if !regret {
			return e, nil
		}
		if _, err := tx.Append(context.Background(), e); err != nil {
			return e, err
		}
		return e, errChangedMind
	})
}

func (w *world) shut(process *store.Store, room int64) (int64, error) {
	return w.inRoom(process, room, func(tx chat.Store, _ chat.Session) (chat.Event, error) {
		return chat.Event{SessionID: room, Type: chat.EventClosed, User: w.people[0]}, tx.CloseSession(context.Background(), room)
	})
}

// edit changes the text of the newest message, as a later version will.
func (w *world) edit(ctx context.Context, room int64) error {
	tx, err := w.raw.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var seq, ordinal int64
	err = tx.QueryRow(fmt.Sprintf(
		`UPDATE sessions SET last_seq = last_seq + 1 WHERE id = %d RETURNING last_seq, last_ordinal`, room)).Scan(&seq, &ordinal)
	if err != nil {
		return err
	}
	var target int64
	err = tx.QueryRow(fmt.Sprintf(`UPDATE events SET body = 'edited', rev = %d WHERE session_id = %d AND seq =
		(SELECT max(seq) FROM events WHERE session_id = %d AND type = 'message') RETURNING seq`, seq, room, room)).Scan(&target)
	if err != nil {
		return err
	}
	_, err = tx.Exec(fmt.Sprintf(`INSERT INTO events (session_id, seq, type, user_id, target, rev, ordinal, created_at)
		SELECT %d, %d, 'edited', %d, %d, %d, %d, max(created_at) FROM events WHERE session_id = %d`,
		room, seq, w.people[0].ID, target, seq, ordinal, room))
	if err != nil {
		return err
	}
	return tx.Commit()
}
