package ctl

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/chatire/chatire/pkg/client"
)

// verifyDevice is one device of a canary at one worker.
type verifyDevice struct {
	name   string
	worker string
	who    *canary
	slow   time.Duration // over each event
	cuts   bool          // it loses its connection every second
	quits  bool          // its access ends in the middle

	mu    sync.Mutex // guards all below
	conn  net.Conn
	at    map[string]int64
	opens int
}

// watch makes the canaries, has them talk and watch, and notes all they see.
func (v *verification) watch(ctx context.Context) error {
	workers := v.sockets
	if len(workers) == 0 {
		workers = []string{""}
	}
	names := []string{"owner", "writer", "leaver", "outcast"}
	for i := range workers {
		names = append(names, fmt.Sprintf("reader%d", i))
	}
	if err := v.hatch(ctx, names...); err != nil {
		return err
	}
	owner, writer, leaver, outcast, readers := v.canaries[0], v.canaries[1], v.canaries[2], v.canaries[3], v.canaries[4:]
	both := append([]*canary{owner, writer}, readers...)
	if err := v.openSessions(ctx, both, []*canary{leaver, outcast}); err != nil {
		return err
	}
	devices, hangUp := context.WithCancel(ctx)
	defer hangUp()
	var running sync.WaitGroup
	defer running.Wait()
	defer hangUp()
	var late []func()
	for i, worker := range workers {
		reader := readers[i]
		v.connect(devices, &running, &verifyDevice{name: "steady", worker: worker, who: reader}, v.sessions[:]...)
		v.connect(devices, &running, &verifyDevice{name: "resuming", worker: worker, who: reader, cuts: true}, v.sessions[:]...)
		v.connect(devices, &running, &verifyDevice{name: "slow", worker: worker, who: reader, slow: 20 * time.Millisecond}, v.sessions[:]...)
		v.connect(devices, &running, &verifyDevice{name: "leaving", worker: worker, who: leaver, quits: true}, v.sessions[0])
		v.connect(devices, &running, &verifyDevice{name: "cast out", worker: worker, who: outcast, quits: true}, v.sessions[0])
		late = append(late, func() {
			v.connect(devices, &running, &verifyDevice{name: "late", worker: worker, who: reader}, v.sessions[:]...)
		})
	}
	if err := v.awaitOpen(ctx); err != nil {
		return err
	}
	if err := v.talk(ctx, owner, writer, func() error {
		for _, come := range late {
			come()
		}
		return v.endAccess(ctx, owner, leaver, outcast)
	}); err != nil {
		return err
	}
	v.driver.Stop()
	if err := v.readLogs(ctx); err != nil {
		return err
	}
	v.awaitDelivery(ctx)
	return nil
}

// connect runs a device until ctx ends.
func (v *verification) connect(ctx context.Context, running *sync.WaitGroup, d *verifyDevice, uris ...string) {
	d.at = map[string]int64{}
	c := d.who.on(v, 0)
	if d.worker != "" {
		c = c.At(d.worker)
	}
	name := fmt.Sprintf("%s at %s", d.name, d.worker)
	device := c.Device(client.DeviceOptions{
		Hooks: d.who.recorder.Watch(name, d.who.id, client.Hooks{OnEvent: d.see, OnOpen: d.opened}),
		Dial:  d.dial,
	})
	for _, uri := range uris {
		device.Subscribe(client.Position{URI: uri})
	}
	d.name = name
	v.devices = append(v.devices, d)
	running.Go(func() { _ = device.Run(ctx) }) // one whose token has ended is over
	if d.cuts {
		running.Go(func() { v.cutEverySecond(ctx, d) })
	}
}

func (d *verifyDevice) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, address)
	if err == nil {
		d.mu.Lock()
		d.conn = conn
		d.mu.Unlock()
	}
	return conn, err
}

func (d *verifyDevice) opened(string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opens++
}

func (d *verifyDevice) see(e client.Event) {
	time.Sleep(d.slow)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at[e.URI] = e.Seq
}

// cutEverySecond forces a device to resume.
func (v *verification) cutEverySecond(ctx context.Context, d *verifyDevice) {
	for tick := time.NewTicker(time.Second); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return
		}
		d.mu.Lock()
		conn := d.conn
		d.mu.Unlock()
		if conn != nil {
			v.driver.Fault("connection cut", "begin")
			conn.Close()
			v.driver.Fault("connection cut", "end")
		}
	}
}

// openPatience is how long each device has to get a connection.
const openPatience = 15 * time.Second

// awaitOpen waits until every device has had a connection.
func (v *verification) awaitOpen(ctx context.Context) error {
	for end := time.Now().Add(openPatience); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if v.unopened() == "" {
			return nil
		}
	}
	return errors.Join(ctx.Err(), fmt.Errorf("no connection for the device %s within %v", v.unopened(), openPatience))
}

func (v *verification) unopened() string {
	for _, d := range v.devices {
		d.mu.Lock()
		opens := d.opens
		d.mu.Unlock()
		if opens == 0 {
			return d.name
		}
	}
	return ""
}

// talk has two canaries post on all routes, with something else in the middle.
func (v *verification) talk(ctx context.Context, owner, writer *canary, halfTime func() error) error {
	ctx, cancel := context.WithTimeout(ctx, v.duration+postPatience)
	defer cancel()
	end := time.Now().Add(v.duration)
	var posting sync.WaitGroup
	errs := make([]error, 3)
	var mu sync.Mutex // guards routes
	for i, c := range []*canary{owner, writer} {
		posting.Go(func() {
			for n := 0; time.Now().Before(end) && errs[i] == nil && ctx.Err() == nil; n++ {
				errs[i] = v.post(ctx, &mu, c, i+n, n)
				rest(ctx, time.Duration(rand.ExpFloat64()*2/v.rate*float64(time.Second)))
			}
		})
	}
	posting.Go(func() {
		rest(ctx, v.duration/2)
		if errs[2] = ctx.Err(); errs[2] == nil {
			errs[2] = halfTime()
		}
	})
	posting.Wait()
	return errors.Join(errs...)
}

// rest waits, unless ctx ends first.
func rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// post posts a message on one route, and now and then again on the next.
func (v *verification) post(ctx context.Context, mu *sync.Mutex, c *canary, way, n int) error {
	uri, text := v.sessions[n%3/2], fmt.Sprintf("canary message %d", n)
	id := client.NewClientID()
	times := 1
	if n%5 == 0 {
		times = 2
	}
	for try := range times {
		r := v.routes[(way+try)%len(v.routes)]
		began := time.Now()
		_, err := c.recorder.PostReliably(ctx, c.on(v, way+try), c.id, uri, text, id)
		mu.Lock()
		r.Posts++
		if err == nil {
			r.Accepted++
			r.took = append(r.took, time.Since(began))
		}
		mu.Unlock()
		if err != nil {
			return fmt.Errorf("post by %s: %w", r.URL, err)
		}
	}
	return nil
}

// endAccess removes one canary and revokes another one's token.
func (v *verification) endAccess(ctx context.Context, owner, leaver, outcast *canary) error {
	began := v.driver.Now()
	if err := steadily(ctx, func() error { return owner.on(v, 0).Remove(ctx, v.sessions[0], leaver.name) }); err != nil && !isMissing(err) {
		return fmt.Errorf("remove a member: %w", err)
	}
	v.memberLeft(leaver, began)
	began = v.driver.Now()
	if err := steadily(ctx, func() error { return outcast.on(v, 0).SignOut(ctx) }); err != nil && !isMissing(err) {
		return fmt.Errorf("end a token: %w", err)
	}
	v.memberLeft(outcast, began)
	return nil
}

// isMissing says that what was to be ended is gone: an earlier try did it.
func isMissing(err error) bool {
	answer, ok := errors.AsType[*client.Error](err)
	return ok && (answer.Status == 404 || answer.Status == 401)
}

// awaitDelivery waits until every device has all there is, or ought to.
func (v *verification) awaitDelivery(ctx context.Context) {
	heads := map[string]int64{}
	for _, l := range v.book.Lines() {
		if l.Source == "api" {
			heads[l.URI] = int64(len(l.Rows))
		}
	}
	for end := time.Now().Add(12 * time.Second); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if !v.isBehind(heads) {
			return
		}
	}
}

func (v *verification) isBehind(heads map[string]int64) bool {
	for _, d := range v.devices {
		if d.quits {
			continue
		}
		d.mu.Lock()
		behind := d.at[v.sessions[0]] < heads[v.sessions[0]] || d.at[v.sessions[1]] < heads[v.sessions[1]]
		d.mu.Unlock()
		if behind {
			return true
		}
	}
	return false
}

// unwatched says which devices never had a connection.
func (v *verification) unwatched() (complaints []string) {
	for _, d := range v.devices {
		if d.opens == 0 {
			complaints = append(complaints, fmt.Sprintf("the device %s never had a connection", d.name))
		}
	}
	return complaints
}
