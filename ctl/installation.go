package ctl

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatire/chatire/pkg/boot"
	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/config"
	"github.com/chatire/chatire/pkg/mail"
	"github.com/chatire/chatire/pkg/store"
)

// brokerPatience bounds how long a command waits for the broker, to connect and to
// take what it has to say.
const brokerPatience = 2 * time.Second

// installation is the one that the settings name, opened for one command.
type installation struct {
	chat  *chat.Service
	store *store.Store
	bus   *bus.Bus // nil where nobody is to be told
	place string   // names the database
	log   *slog.Logger
}

// openDatabase opens the database that the settings name, whatever its schema.
func openDatabase(ctx context.Context, t *terminal) (*store.Store, *config.Config, error) {
	c, err := config.Read(t.environ)
	if err != nil {
		return nil, nil, fmt.Errorf("the settings are wrong: %w", err)
	}
	if c.DatabaseURL == "" {
		return nil, nil, usageError{guidance("CHATIRE_DATABASE_URL is not set: say where the database is, such as postgres://user:password@host/chatire")}
	}
	s, err := store.Open(ctx, c.DatabaseURL, store.Options{Connections: 2})
	if err != nil {
		return nil, nil, unreachableError{fmt.Errorf("%w\nIs CHATIRE_DATABASE_URL right? It names %s", err, place(c.DatabaseURL))}
	}
	return s, c, nil
}

// openInstallation opens the installation whose schema is the one of this build.
// With tell, workers learn at once of tokens that end; else their next look at the
// database finds it.
func openInstallation(ctx context.Context, t *terminal, tell bool) (*installation, error) {
	s, c, err := openDatabase(ctx, t)
	if err != nil {
		return nil, err
	}
	i := &installation{store: s, place: place(c.DatabaseURL), log: boot.NewLog(t.errOut, slog.LevelWarn)}
	if err := i.open(ctx, c, tell); err != nil {
		i.close(t)
		return nil, err
	}
	return i, nil
}

func (i *installation) open(ctx context.Context, c *config.Config, tell bool) error {
	if err := i.store.ExactSchema(ctx); err != nil {
		return err
	}
	var publisher chat.Publisher = nobody{}
	if tell && !strings.HasPrefix(string(c.BusURL), "memory://") {
		if err := i.openBus(ctx, c); err != nil {
			return err
		}
		publisher = i.bus
	}
	mailer, err := mail.Open("", slog.New(slog.DiscardHandler)) // no command sends mail
	if err != nil {
		return err
	}
	i.chat = chat.New(chat.Options{
		Store:     i.store,
		Publisher: publisher,
		Mailer:    mailer,
		Log:       i.log,
		Metrics:   prometheus.NewRegistry(),
		Secret:    c.Secret,
		PublicURL: c.PublicURL,
	})
	return nil
}

func (i *installation) openBus(ctx context.Context, c *config.Config) error {
	err := c.Check("CHATIRE_BUS_URL", "CHATIRE_BUS_SLOTS", "CHATIRE_SECRET")
	if err != nil {
		return fmt.Errorf("the settings for telling workers are wrong\n%w", err)
	}
	i.bus, err = bus.Open(bus.Options{
		URL:        c.BusURL,
		Secret:     c.Secret,
		Slots:      c.BusSlots,
		Log:        slog.New(slog.DiscardHandler), // close says what matters
		Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		return err
	}
	epoch, err := i.store.Epoch(ctx)
	if err != nil {
		return err
	}
	i.bus.SetEpoch(epoch)
	return nil
}

// Ask implements [admin.Bus].
func (i *installation) Ask(ctx context.Context, q bus.Question) ([]bus.Answer, error) {
	if i.bus == nil {
		return nil, chat.Errorf(chat.Conflict, "The bus is within the server's process: ask the server itself, without --local.")
	}
	return i.bus.Ask(ctx, q)
}

// close sends what workers are to be told and closes everything.
func (i *installation) close(t *terminal) {
	if i.bus != nil {
		i.closeBus(t)
	}
	if err := i.store.Close(); err != nil {
		i.log.Warn("close database", "error", err)
	}
}

func (i *installation) closeBus(t *terminal) {
	ctx, cancel := context.WithTimeout(context.Background(), brokerPatience)
	defer cancel()
	up, _ := i.bus.Up()
	for tick := time.NewTicker(20 * time.Millisecond); !up && ctx.Err() == nil; up, _ = i.bus.Up() {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	if !up {
		t.note("The broker cannot be reached. Workers find out by themselves, within some seconds.")
	}
	if err := i.bus.Close(ctx); err != nil {
		i.log.Warn("close bus", "error", err)
	}
}

// nobody is a publisher where there is nobody to tell.
type nobody struct{}

func (nobody) PublishEvents([]chat.Event, []chat.Cause) {}

func (nobody) PublishControl(chat.Control) {}

// place names a database without its password.
func place(rawURL chat.Secret) string {
	u, err := url.Parse(string(rawURL))
	if err != nil {
		return "something that is no URL"
	}
	return u.Redacted()
}
