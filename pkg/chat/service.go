package chat

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

// Service is the rules. It has one method for each thing that somebody can ask
// for, and is safe for concurrent use.
type Service struct {
	store     Store
	publisher Publisher
	appender  *Appender
	accounts  accounts
	log       *slog.Logger
	known     *members
	policy    policy

	editWindow time.Duration // 0: without end
}

// Options are what a Service is made of. All fields are needed unless they say
// otherwise.
type Options struct {
	Store     Store
	Publisher Publisher
	Mailer    Mailer
	Tracer    Tracer // nil traces nothing
	Log       *slog.Logger
	Metrics   prometheus.Registerer

	// Secret signs the links in mails.
	Secret Secret

	// PublicURL is where the links in mails lead.
	PublicURL string

	// RegistrationClosed leaves creating accounts to administrators.
	RegistrationClosed bool

	// LinksClosed lets people join with invites only, whatever their Sessions say.
	LinksClosed bool

	// EditWindow is for how long an author may change a Message; 0 is without end.
	EditWindow time.Duration
}

// New makes a Service. Its Run must run for messages to be stored.
func New(o Options) *Service {
	appender := NewAppender(o.Store, o.Publisher, o.Metrics)
	appender.tracer = o.Tracer
	return &Service{
		store:     o.Store,
		publisher: o.Publisher,
		appender:  appender,
		accounts:  newAccounts(o),
		log:       o.Log,
		known:     newMembers(),
		policy:    policy{noLinks: o.LinksClosed},

		editWindow: o.EditWindow,
	}
}

// Run stores what is posted, sends mails and clears away deleted Sessions until ctx ends; then it finishes what
// was handed in and returns. Posts that come later are refused as Unavailable.
func (s *Service) Run(ctx context.Context) error {
	var running errgroup.Group
	running.Go(func() error { return s.appender.Run(ctx) })
	running.Go(func() error { return s.accounts.run(ctx) })
	running.Go(func() error { return s.purge(ctx) })
	return running.Wait()
}

// Identity is who asks: a User and the Token they showed.
type Identity struct {
	User  User
	Token Token
}
