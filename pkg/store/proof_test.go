package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

// proofTime is how long a random history goes on.
const proofTime = 6 * time.Second

// TestAppendKeepsItsPromise lets two processes post, join, leave, rename, close and
// edit at random, with twins, retries, texts that break the statement, and on
// PostgreSQL backends that are killed. Then it holds every answer against the log.
func TestAppendKeepsItsPromise(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url chat.Secret) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		w := newWorld(t, url)
		ctx, cancel := context.WithTimeout(t.Context(), proofTime)
		defer cancel()
		var actors sync.WaitGroup
		for i, process := range w.processes {
			for j := range 2 {
				random := rand.New(rand.NewPCG(seed, uint64(10*i+j)))
				actors.Go(func() { w.post(ctx, process, random) })
			}
			appender := w.startAppender(t, process)
			for j := range 8 {
				random := rand.New(rand.NewPCG(seed, uint64(1000+10*i+j)))
				actors.Go(func() { w.postOne(ctx, appender, random) })
			}
			random := rand.New(rand.NewPCG(seed, uint64(100+i)))
			actors.Go(func() { w.administer(ctx, process, random) })
		}
		if isPostgres(url) {
			actors.Go(func() { w.killBackends(ctx) })
		}
		actors.Wait()
		for _, appender := range w.appenders {
			appender.end()
		}
		w.check(t)
	})
}

// world is one random history and the record of it.
type world struct {
	processes []*store.Store
	appenders []*watched
	raw       *sql.DB // a way around the store
	rooms     []chat.Session
	people    []chat.User
	clock     atomic.Int64 // orders what was asked and answered in real time
	unique    atomic.Int64

	mu      sync.Mutex // guards all below
	calls   []call
	changes []change
	strange []string // errors that must not be
	kills   int
}

// call is one append as its caller saw it.
type call struct {
	asked, answered int64
	drafts          []chat.Draft
	outcomes        []chat.Outcome // nil if it failed
	aborted         bool           // it failed and stored nothing
}

// change is one deed of an administrator as they saw it.
type change struct {
	asked, answered int64
	room, user      int64 // the user is 0 where it is about nobody
	kind            chat.EventType
	seq             int64 // 0 if the outcome is not known
	refused         bool  // nothing was done
}

func newWorld(t *testing.T, url chat.Secret) *world {
	t.Helper()
	w := &world{processes: []*store.Store{storetest.Open(t, url), storetest.Open(t, url)}, raw: rawly(t, url)}
	for i := range 6 {
		w.people = append(w.people, signUp(t, w.processes[0], fmt.Sprint("person", i)))
	}
	for range 6 {
		w.rooms = append(w.rooms, openSession(t, w.processes[0], w.people[0], w.people[1:4]...))
	}
	poison := []string{`CREATE TRIGGER poison BEFORE INSERT ON events WHEN NEW.body = 'poison'
		BEGIN SELECT raise(ABORT, 'poison'); END`}
	if isPostgres(url) {
		poison = []string{`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'poison'; END $$`,
			`CREATE TRIGGER poison BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.body = 'poison') EXECUTE FUNCTION refuse()`}
	}
	for _, statement := range poison {
		if _, err := w.raw.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// post appends random batches until ctx ends.
func (w *world) post(ctx context.Context, process *store.Store, random *rand.Rand) {
	var said []chat.Draft // for retries
	for ctx.Err() == nil {
		n := 1
		if random.IntN(3) > 0 {
			n += random.IntN(16)
		}
		var drafts []chat.Draft
		for range n {
			d := w.draft(random)
			if len(said) > 0 && random.IntN(4) == 0 {
				d = said[random.IntN(len(said))]
			}
			drafts = append(drafts, d)
			if d.ClientID != nil && d.Body != "poison" {
				said = append(said, d)
			}
		}
		c := call{asked: w.clock.Add(1), drafts: drafts}
		outcomes, err := process.AppendMessages(context.Background(), drafts)
		c.answered, c.outcomes = w.clock.Add(1), outcomes
		_, c.aborted = errors.AsType[*chat.Aborted](err)
		w.note(c, err)
	}
}

// draft is by one of the people, half of the time in the first room. Its key, if
// it has one, is one of few and shared by all; a text without a key is unique.
func (w *world) draft(random *rand.Rand) chat.Draft {
	room := w.rooms[0]
	if random.IntN(2) == 0 {
		room = w.rooms[random.IntN(len(w.rooms))]
	}
	author := w.people[random.IntN(len(w.people))]
	switch random.IntN(40) {
	case 0:
		return draft(room, author, "poison", nil)
	case 1:
		return draft(chat.Session{ID: 1 << 40}, author, "to nobody", nil)
	}
	if random.IntN(3) == 0 {
		return draft(room, author, fmt.Sprint("unique ", w.unique.Add(1)), nil)
	}
	// New keys come up all the time, so that there is always something to store.
	key := fmt.Sprint("key-", w.clock.Load()/200+random.Int64N(20))
	return draft(room, author, fmt.Sprint("text ", random.IntN(8)/7, " of ", key), &key)
}

func (w *world) note(c call, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, c)
	if err != nil && !expected(err) {
		w.strange = append(w.strange, err.Error())
	}
}

// expected says that an error is one that this history provokes.
func expected(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code {
		case "P0001", "55P03", "57P01", "57P03": // poison, a lock, killed
			return true
		}
		return false
	}
	return errors.Is(err, chat.ErrUnavailable) || strings.Contains(err.Error(), "poison")
}

// killBackends ends a connection of the store every 40 ms, whatever it is doing.
func (w *world) killBackends(ctx context.Context) {
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		result, err := w.raw.ExecContext(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name LIKE 'chatire%' AND state <> 'idle'
			ORDER BY random() LIMIT 1`)
		if err != nil {
			continue
		}
		n, _ := result.RowsAffected()
		w.mu.Lock()
		w.kills += int(n)
		w.mu.Unlock()
	}
}

func isPostgres(url chat.Secret) bool { return strings.HasPrefix(string(url), "postgres") }

// rawly opens a database without the store.
func rawly(t testing.TB, url chat.Secret) *sql.DB {
	t.Helper()
	driver, address := "pgx", string(url)
	if path, ok := strings.CutPrefix(address, "sqlite://"); ok {
		driver, address = "sqlite", "file:"+path+"?_pragma=busy_timeout(3000)&_txlock=immediate"
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
