package ctl

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/chatire/chatire/migrations"
	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
)

// lookAtDatabase looks at what makes "accepted" mean "stored".
func (e *examination) lookAtDatabase(ctx context.Context) {
	s, err := store.Open(ctx, e.config.DatabaseURL, store.Options{Connections: 2, AllowUnsafe: true})
	if err == nil {
		defer s.Close()
		err = e.inspectDatabase(ctx, s)
	}
	if err != nil {
		e.note(false, failing, "database", "1", "cannot be asked: "+sentence(err), "Is CHATIRE_DATABASE_URL right? It names "+place(e.config.DatabaseURL))
	}
}

func (e *examination) inspectDatabase(ctx context.Context, s *store.Store) error {
	i, err := s.Inspect(ctx)
	if err != nil {
		return err
	}
	version, err := s.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	e.note(version == migrations.Latest(), failing, "schema", "1", fmt.Sprintf("version %d, this build knows %d", version, migrations.Latest()),
		"Run chatirectl migrate up, or use the chatirectl of the servers' version.")
	e.note(i.ClockOffset.Abs() < 2*time.Second, advice, "clock of the database", "-", fmt.Sprintf("%+.1f s from this machine's", i.ClockOffset.Seconds()),
		"Nothing is ordered or decided by clocks of ours, but dates that people see are the database's: set the clocks by NTP.")
	if i.Dialect == "SQLite" {
		e.lookAtSQLite(i)
		return nil
	}
	e.lookAtPostgres(i)
	return nil
}

// setting is one that must have a value, on our connections and on the appender's.
type setting struct {
	name, clause string
	fine         func(value string) bool
	bad          health
	advice       string
}

func is(want string) func(string) bool { return func(value string) bool { return value == want } }

func isNot(bad string) func(string) bool { return func(value string) bool { return value != bad } }

var postgresSettings = []setting{
	{"fsync", "1", is("on"), failing, "Set fsync = on: without it a crash of the machine loses what was accepted, or the whole database."},
	{"full_page_writes", "1", is("on"), failing, "Set full_page_writes = on, unless the file system writes 8 KB at once or not at all."},
	{"synchronous_commit", "1", isNot("off"), failing, "Set synchronous_commit = on, for the server, this database and this role: without it a crash loses the messages of the last moments."},
	{"server_encoding", "2", is("UTF8"), failing, "Make the database anew with ENCODING 'UTF8'."},
	{"default_transaction_isolation", "2", is("read committed"), failing, "Let the servers set the isolation level of their own connections."},
	{"statement_timeout", "6", isNot("0"), failing, "Let the servers' own statement_timeout through: a proxy such as pgbouncer may drop it; set it for the role then."},
	{"lock_timeout", "6", isNot("0"), failing, "Let the servers' own lock_timeout through, or set it for the role."},
	{"idle_in_transaction_session_timeout", "6", isNot("0"), failing, "Let the servers' own idle_in_transaction_session_timeout through, or set it for the role."},
	{"data_checksums", "1", is("on"), advice, "Checksums find what a disk has changed: pg_checksums --enable while the server is stopped."},
}

func (e *examination) lookAtPostgres(i store.Inspection) {
	for _, s := range postgresSettings {
		value, own := i.Settings[s.name], i.Settings["append."+s.name]
		found := value
		if own != value {
			found = fmt.Sprintf("%s; %s where messages are stored", value, own)
		}
		e.note(s.fine(value) && s.fine(own), s.bad, s.name, s.clause, found, s.advice)
	}
	e.note(true, healthy, "synchronous_standby_names", "7", fmt.Sprintf("%q", i.Settings["synchronous_standby_names"]), "")
	e.note(i.Connections >= 50, advice, "max_connections", "6", fmt.Sprint(i.Connections),
		"Each API and worker takes up to 20 connections: raise max_connections to more than that for all of them.")
	e.note(!i.Superuser, advice, "role of the servers", "4", map[bool]string{true: "may drop the tables", false: "may not drop the tables"}[i.Superuser],
		"Run chatirectl migrate with a role that owns the tables and the servers with one that may only read and write them.")
	e.note(i.OldestTransaction < 10*time.Minute, advice, "oldest transaction", "6", i.OldestTransaction.Round(time.Second).String(),
		"A transaction that stays open keeps the database from tidying up: end it, and make dumps from a replica.")
}

var sqliteSettings = []setting{
	{"journal_mode", "1", is("wal"), failing, "Put the file on a disk of this machine."},
	{"synchronous", "1", func(v string) bool { return v == "2" || v == "3" }, failing, "The servers set synchronous=FULL themselves; this file refuses it."},
	{"foreign_keys", "2", is("1"), failing, "The servers set foreign_keys themselves; this file refuses it."},
	{"busy_timeout", "6", isNot("0"), failing, "The servers set busy_timeout themselves; this file refuses it."},
}

func (e *examination) lookAtSQLite(i store.Inspection) {
	for _, s := range sqliteSettings {
		e.note(s.fine(i.Settings[s.name]), s.bad, s.name, s.clause, i.Settings[s.name], s.advice)
	}
	folder := filepath.Dir(strings.TrimPrefix(string(e.config.DatabaseURL), "sqlite://"))
	var disk syscall.Statfs_t
	if err := syscall.Statfs(folder, &disk); err == nil {
		free := int64(disk.Bavail) * disk.Bsize
		e.note(free > 1<<30, advice, "free space", "6", fmt.Sprintf("%d MB", free>>20), "Make room on the disk: posting stops when it is full.")
	}
}

// lookAtBroker looks at what makes delivery fast. Without a broker it is slow, not
// broken: so nothing here but forgery is failing.
func (e *examination) lookAtBroker(ctx context.Context) {
	i, err := bus.Inspect(ctx, bus.Options{URL: e.config.BusURL, Secret: chat.Secret(strings.Repeat("x", 32))})
	switch {
	case errors.Is(err, bus.ErrNoBroker):
		e.note(true, healthy, "broker", "6", "none: the bus is within one process", "")
		return
	case err != nil:
		e.note(false, advice, "broker", "6", "cannot be reached", "Without a broker delivery goes on through the probe, up to 3 s late: "+sentence(err))
		return
	}
	e.note(i.Blocked == "", advice, "broker", "6", i.Broker+", confirms after "+i.Confirm.Round(100*time.Microsecond).String(),
		"It takes no publishing for now ("+i.Blocked+"): look at its memory and disk alarms. Delivery is up to 3 s late.")
	e.note(i.User != "guest", failing, "user at the broker", "4", i.User, "Make a user of your own at the broker and delete guest, whose password everybody knows.")
	e.note(len(i.Missing) == 0, advice, "exchanges", "6", fmt.Sprintf("%d missing", len(i.Missing)),
		"No server has been at this broker, or they were deleted: the servers make them within seconds. Is CHATIRE_BUS_URL the servers'?")
	e.note(i.TLS || i.Local, advice, "way to the broker", "4", map[bool]string{true: "encrypted", false: "not encrypted"}[i.TLS],
		"Events can be read on the way: use amqps://, or a network of their own.")
}
