package faults

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/chatire/chatire/pkg/netfault"
)

// Plan is what an [Installation] is to consist of.
type Plan struct {
	APIs, Workers int // 2 of each if 0

	// One runs everything as one process with SQLite instead.
	One bool

	// Balancer has clients reach the workers through one address that picks any.
	Balancer bool

	// Database are options of CREATE DATABASE.
	Database string

	// From, if not "", is the address of a SQLite database that is copied into the new one
	// before anything starts.
	From string

	// Settings are more settings of the processes: NAME=value.
	Settings []string

	// WorkersPrefix, if not "", is the prefix of the workers' exchanges, so that they
	// hear only what somebody carries over from the APIs' exchanges.
	WorkersPrefix string
}

// Installation is Chatire as people meet it: real processes, with networks between
// them that can be broken.
type Installation struct {
	APIs, Workers []*Process
	Database      string // its address, not through a network
	Broker        string // its address with the prefix, not through a network

	// Networks between the parts; nil where there are none.
	APIToDatabase, WorkerToDatabase, APIToBroker, WorkerToBroker *netfault.Proxy

	// Doors are what clients connect to: one network for each worker, or the balancer.
	Doors []*netfault.Proxy

	plan     Plan
	services *Services
	programs string
	folder   string // of logs and data
	name     string
	proxies  []*netfault.Proxy
	sockets  []string // of one that others run
}

// Elsewhere is an installation that others run, with an API and a database at these
// addresses and one websocket address that leads to any of its workers.
func Elsewhere(api, socket, database string) *Installation {
	return &Installation{APIs: []*Process{{Listen: api}}, Database: database, sockets: []string{socket}}
}

// Install starts an installation in a folder. services is nil for one process.
func Install(ctx context.Context, services *Services, programs, folder string, plan Plan) (*Installation, error) {
	var random [4]byte
	rand.Read(random[:])
	in := &Installation{plan: plan, services: services, programs: programs, folder: folder, name: "faults_" + hex.EncodeToString(random[:])}
	var err error
	if plan.One {
		err = in.installOne(ctx)
	} else {
		err = in.installCluster(ctx)
	}
	if err != nil {
		in.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return in, nil
}

// All returns every process.
func (in *Installation) All() []*Process {
	if in.plan.One {
		return in.APIs
	}
	return append(append([]*Process(nil), in.APIs...), in.Workers...)
}

// Close ends everything.
func (in *Installation) Close(ctx context.Context) {
	for _, p := range in.All() {
		p.Kill()
	}
	for _, p := range in.proxies {
		p.Close()
	}
	if !in.plan.One {
		_ = in.services.dropDatabase(ctx, in.name) // its server may be broken for good
	}
}

func (in *Installation) installOne(ctx context.Context) error {
	env := append([]string{"CHATIRE_RATE_LIMIT=off"}, in.plan.Settings...)
	p, err := newProcess(in.programs, in.folder, "chatire", "chatirectl", env, "dev", "--data", filepath.Join(in.folder, "data"))
	if err != nil {
		return err
	}
	in.APIs, in.Workers = []*Process{p}, []*Process{p}
	in.Database = "sqlite://" + filepath.Join(in.folder, "data", "chatire.db")
	if err := p.Start(ctx); err != nil {
		return err
	}
	return in.openDoors()
}

func (in *Installation) installCluster(ctx context.Context) (err error) {
	if in.Database, err = in.services.newDatabase(ctx, in.name, in.plan.Database); err != nil {
		return err
	}
	fill := []string{"migrate", "up"}
	if in.plan.From != "" {
		fill = []string{"migrate", "copy", "--from", in.plan.From}
	}
	if err := in.Ctl(ctx, fill...); err != nil {
		return err
	}
	in.Broker = replaced(in.services.rabbitmq, func(u *url.URL) { u.RawQuery = "prefix=" + in.name })
	for _, network := range []struct {
		proxy  **netfault.Proxy
		target string
	}{
		{&in.APIToDatabase, in.Database}, {&in.WorkerToDatabase, in.Database},
		{&in.APIToBroker, in.Broker}, {&in.WorkerToBroker, in.Broker},
	} {
		if *network.proxy, err = in.network(hostOf(network.target)); err != nil {
			return err
		}
	}
	for range cmp.Or(in.plan.APIs, 2) {
		if _, err := in.AddAPI(); err != nil {
			return err
		}
	}
	for range cmp.Or(in.plan.Workers, 2) {
		if _, err := in.AddWorker(); err != nil {
			return err
		}
	}
	starting, ctx := errgroup.WithContext(ctx)
	for _, p := range in.All() {
		starting.Go(func() error { return p.Start(ctx) })
	}
	if err := starting.Wait(); err != nil {
		return err
	}
	return in.openDoors()
}

// network starts a network to some servers, which ends with the installation.
func (in *Installation) network(targets ...string) (*netfault.Proxy, error) {
	p, err := netfault.New(targets...)
	if err == nil {
		in.proxies = append(in.proxies, p)
	}
	return p, err
}

// AddAPI prepares one more API process.
func (in *Installation) AddAPI() (*Process, error) {
	p, err := newProcess(in.programs, in.folder, fmt.Sprintf("api-%d", len(in.APIs)), "chatire-api",
		in.env(in.APIToDatabase, in.APIToBroker, in.name))
	if err == nil {
		in.APIs = append(in.APIs, p)
	}
	return p, err
}

// AddWorker prepares one more worker process.
func (in *Installation) AddWorker() (*Process, error) {
	prefix := in.name
	if in.plan.WorkersPrefix != "" {
		prefix = in.name + in.plan.WorkersPrefix
	}
	p, err := newProcess(in.programs, in.folder, fmt.Sprintf("worker-%d", len(in.Workers)), "chatire-worker",
		in.env(in.WorkerToDatabase, in.WorkerToBroker, prefix))
	if err == nil {
		in.Workers = append(in.Workers, p)
	}
	return p, err
}

// env returns the settings of a process that reaches the others through networks.
func (in *Installation) env(database, broker *netfault.Proxy, prefix string) []string {
	return append([]string{
		"CHATIRE_DATABASE_URL=" + replaced(in.Database, func(u *url.URL) { u.Host = database.Addr() }),
		"CHATIRE_BUS_URL=" + replaced(in.Broker, func(u *url.URL) { u.Host, u.RawQuery = broker.Addr(), "prefix="+prefix }),
		"CHATIRE_SECRET=" + secret,
		"CHATIRE_RATE_LIMIT=off",
	}, in.plan.Settings...)
}

// secret signs the packs of installations that live for a minute.
var secret = strings.Repeat("fault", 8)

// openDoors starts the networks between clients and workers.
func (in *Installation) openDoors() error {
	var targets []string
	for _, p := range in.Workers {
		targets = append(targets, p.Listen)
	}
	if in.plan.Balancer {
		door, err := in.network(targets...)
		in.Doors = append(in.Doors, door)
		return err
	}
	for _, target := range targets {
		door, err := in.network(target)
		if err != nil {
			return err
		}
		in.Doors = append(in.Doors, door)
	}
	return nil
}

// Sockets are the websocket addresses that clients are told.
func (in *Installation) Sockets() []string {
	addresses := in.sockets
	for _, door := range in.Doors {
		addresses = append(addresses, "ws://"+door.Addr()+"/ws/")
	}
	return addresses
}

// Ctl runs chatirectl on the database.
func (in *Installation) Ctl(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(in.programs, "chatirectl"), args...)
	cmd.Env = []string{"CHATIRE_DATABASE_URL=" + in.Database, "PATH=" + os.Getenv("PATH"), "HOME=" + in.folder}
	if in.APIToBroker != nil {
		cmd.Env = in.env(in.APIToDatabase, in.APIToBroker, in.name)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("chatirectl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}
