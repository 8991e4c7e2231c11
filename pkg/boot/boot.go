// Package boot opens what a process needs, runs its programs, and stops all of it
// in reverse order.
//
// A program is a value: the API and the worker have one shape, a main function is
// one call, and chatirectl dev makes the same call with both. So there is one
// wiring, and one process is not a special case.
package boot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/config"
	"github.com/chatire/chatire/pkg/httpd"
	"github.com/chatire/chatire/pkg/mail"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/telemetry"
)

// Kit is what a process gives to its programs.
type Kit struct {
	Config  *config.Config
	Store   *store.Store
	Bus     *bus.Bus
	Chat    *chat.Service
	Tracer  *telemetry.Tracer // nil traces nothing
	Log     *slog.Logger
	Metrics *prometheus.Registry
	Ops     *httpd.Ops
	Epoch   string // of the Log when the process started

	// ClockAhead says how far the database's clock is ahead of this process's.
	ClockAhead func() time.Duration
}

// Program is one of the programs that a process runs.
type Program interface {
	// Mount adds the program's routes to the public server. Programs of one process
	// share it.
	Mount(app *fiber.App)

	// Run works until ctx ends and returns when it has sent away whoever it serves.
	// The public server answers until then.
	Run(ctx context.Context) error
}

// New makes a program out of a Kit.
type New func(*Kit) (Program, error)

// Options say what to run.
type Options struct {
	Name     string // of the process in traces
	Config   *config.Config
	Log      *slog.Logger
	Programs []New

	// Migrate brings the schema up to date first. Otherwise an old one is refused.
	Migrate bool

	// Ready is called when everything answers, with the addresses that are listened
	// on; it may be nil.
	Ready func(public, ops net.Addr)
}

// Times that bound a start and a stop.
const (
	// openPatience is how long a database may be away when a process starts, or its
	// schema be older than this build's: somebody migrates it.
	openPatience = time.Minute

	// stopPatience bounds each step of stopping but the programs' own, which bound
	// themselves.
	stopPatience = 5 * time.Second

	// epochEvery is how often it is looked whether the database was restored.
	epochEvery = time.Second
)

// process is what runs and must be stopped, the last one first.
type process struct {
	Options
	kit     *Kit
	closers []func()
}

// Run runs the programs until ctx ends or one of them fails, and leaves nothing
// behind.
func Run(ctx context.Context, o Options) error {
	p := &process{Options: o, kit: &Kit{Config: o.Config, Log: o.Log, Metrics: newRegistry(o.Config)}}
	defer p.stop()
	if err := p.open(ctx); err != nil {
		return err
	}
	return p.serve(ctx)
}

// later notes how to stop what was just started.
func (p *process) later(name string, stop func(ctx context.Context) error) {
	p.closers = append(p.closers, func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
		defer cancel()
		if err := stop(ctx); err != nil {
			p.Log.Error("stop "+name, "error", err)
		}
	})
}

func (p *process) stop() {
	for len(p.closers) > 0 {
		last := len(p.closers) - 1
		p.closers[last]()
		p.closers = p.closers[:last]
	}
}

// open opens telemetry, database, bus and mail, in the order in which they need each other.
func (p *process) open(ctx context.Context) error {
	k, c := p.kit, p.Config
	var err error
	k.Tracer, err = telemetry.Open(telemetry.Options{
		URL:     c.OTLPURL,
		Ratio:   c.TraceRatio,
		Service: p.Name,
		Version: config.Version,
		Log:     p.Log,
	})
	if err != nil {
		return err
	}
	p.later("telemetry", k.Tracer.Stop) // last, when all others have ended their spans
	if k.Store, err = p.openStore(ctx); err != nil {
		return err
	}
	p.later("store", func(context.Context) error { return k.Store.Close() })

	k.Bus, err = bus.Open(bus.Options{
		URL:        c.BusURL,
		Secret:     c.Secret,
		Slots:      c.BusSlots,
		Tracer:     k.Tracer,
		Log:        p.Log,
		Registerer: k.Metrics,
	})
	if err != nil {
		return err
	}
	p.later("bus", k.Bus.Close)
	if k.Epoch, err = k.Store.Epoch(ctx); err != nil {
		return fmt.Errorf("read epoch: %w", err)
	}
	k.Bus.SetEpoch(k.Epoch)
	k.Bus.OnQuestion("process", newAnswerer(k.Metrics, k.Bus.Trace()).answer)
	p.background("epoch", p.watchEpoch)
	clock := newClock(k.Metrics)
	k.ClockAhead = clock.Ahead
	p.background("clock", func(ctx context.Context) error { return p.watchClock(ctx, clock) })

	mailer, err := mail.Open(c.SMTPURL, p.Log)
	if err != nil {
		return err
	}
	k.Chat = chat.New(chat.Options{
		Store:              k.Store,
		Publisher:          k.Bus,
		Mailer:             mailer,
		Tracer:             k.Tracer,
		Log:                p.Log,
		Metrics:            k.Metrics,
		Secret:             c.Secret,
		PublicURL:          c.PublicURL,
		RegistrationClosed: c.Registration == "closed",
		LinksClosed:        c.JoinLinks == "off",
		EditWindow:         c.EditWindow,
	})
	p.background("chat", k.Chat.Run)
	k.Ops = httpd.NewOps(httpd.OpsOptions{
		Log:      p.Log,
		Metrics:  k.Metrics,
		Database: k.Store.Ping,
		Broker:   brokerCheck(k.Bus),
	})
	return nil
}

// background runs something until the process stops.
func (p *process) background(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	p.later(name, func(context.Context) error {
		cancel()
		return <-done
	})
}

// watchEpoch tells the bus when the Log was replaced by another one.
func (p *process) watchEpoch(ctx context.Context) error {
	tick := time.NewTicker(epochEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		if epoch, err := p.kit.Store.Epoch(ctx); err == nil { // else there is nothing to publish either
			p.kit.Bus.SetEpoch(epoch)
		}
	}
}

// watchClock measures the database's clock again and again.
func (p *process) watchClock(ctx context.Context, c *clock) error {
	tick := time.NewTicker(clockEvery)
	defer tick.Stop()
	for {
		if c.measure(ctx, p.kit.Store.Now) == nil { // else there is nothing to measure either
			p.kit.Bus.SetClock(c.Ahead())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// brokerCheck says whether Events can be published. The bus's own metrics say more.
func brokerCheck(b *bus.Bus) func(context.Context) error {
	return func(context.Context) error {
		if publisher, _ := b.Up(); !publisher {
			return errors.New("the broker is away")
		}
		return nil
	}
}

// openStore opens the database, waiting for one that is not there yet or is about to be
// migrated.
func (p *process) openStore(ctx context.Context) (*store.Store, error) {
	ctx, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	for {
		s, err := p.tryStore(ctx)
		schema, differs := errors.AsType[store.SchemaError](err)
		if !errors.Is(err, chat.ErrUnavailable) && !(differs && schema.Behind()) {
			return s, err
		}
		p.Log.Warn("waiting for the database", "error", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, err
		}
	}
}

func (p *process) tryStore(ctx context.Context) (*store.Store, error) {
	registry := prometheus.NewRegistry() // of this try only; joined below if it succeeds
	s, err := store.Open(ctx, p.Config.DatabaseURL, store.Options{Metrics: registry})
	if err != nil {
		return nil, err
	}
	if p.Migrate {
		_, err = s.Migrate(ctx)
	}
	if err == nil {
		err = s.Ping(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, p.kit.Metrics.Register(registry)
}

// serve starts the servers and the programs and waits for their end.
func (p *process) serve(ctx context.Context) error {
	proxies, err := p.Config.TrustedProxies()
	if err != nil {
		return err
	}
	public := httpd.New(httpd.Options{
		Log:            p.Log,
		Metrics:        p.kit.Metrics,
		CORSOrigins:    p.Config.CORSOrigins,
		TrustedProxies: proxies,
		Tracer:         p.kit.Tracer,
	})
	var programs []Program
	for _, makeProgram := range p.Programs {
		program, err := makeProgram(p.kit)
		if err != nil {
			return err
		}
		program.Mount(public.App())
		programs = append(programs, program)
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	ops, err := p.listen("ops server", p.Config.OpsListen, p.kit.Ops, fail)
	if err != nil {
		return err
	}
	address, err := p.listen("public server", p.Config.Listen, public, fail)
	if err != nil {
		return err
	}
	running, ctx := errgroup.WithContext(ctx)
	for _, program := range programs {
		running.Go(func() error { return program.Run(ctx) })
	}
	p.Log.Info("serving", "version", config.Version, "listen", address.String(), "ops_listen", ops.String())
	if p.Ready != nil {
		p.Ready(address, ops)
	}
	<-ctx.Done()
	p.Log.Info("stopping")
	p.kit.Ops.Drain()
	err = running.Wait() // the servers answer until all programs are done
	public.Drain(context.WithoutCancel(ctx))
	if cause := context.Cause(ctx); err == nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return err
}

// server answers what comes to a listener.
type server interface {
	Serve(ln net.Listener) error
	Shutdown(ctx context.Context) error
}

// listen starts a server and returns the address that it listens on. If it fails
// later the process ends.
func (p *process) listen(name, address string, s server, fail context.CancelCauseFunc) (net.Addr, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for the %s: %w", name, err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(ln); err != nil {
			fail(fmt.Errorf("%s: %w", name, err))
		}
	}()
	p.later(name, func(ctx context.Context) error {
		err := s.Shutdown(ctx)
		<-done
		return err
	})
	return ln.Addr(), nil
}

// newRegistry returns a registry with what every process has.
func newRegistry(c *config.Config) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "chatire_build_info",
		Help: "1, labelled with the version of this build and of Go.",
	}, []string{"version", "go"})
	build.WithLabelValues(config.Version, runtime.Version()).Set(1)
	insecure := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "chatire_insecure_setting",
		Help: "1 for each setting that gives safety away, 0 for the others.",
	}, []string{"setting"})
	for name, on := range c.Insecure() {
		insecure.WithLabelValues(name).Set(map[bool]float64{true: 1}[on])
	}
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		build,
		insecure,
	)
	return registry
}
