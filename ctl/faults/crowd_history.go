package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/chatire/chatire/pkg/client"
	"github.com/chatire/chatire/pkg/history"
)

// NextChapter completes the histories by the log as it is now, and has everybody go on
// with new ones. It is called while nobody talks.
func (c *Crowd) NextChapter(ctx context.Context) error {
	c.Driver.Stop()
	logs, err := c.readLogs(ctx)
	if err != nil {
		return err
	}
	if err := c.writeLogs(logs); err != nil {
		return err
	}
	c.chapter++
	c.Folder = fmt.Sprintf("%s-%d", strings.TrimSuffix(c.Folder, fmt.Sprintf("-%d", c.chapter-1)), c.chapter)
	if err := os.MkdirAll(c.Folder, 0o755); err != nil {
		return err
	}
	if err := c.Driver.Continue(c.Folder); err != nil {
		return err
	}
	for _, p := range c.People {
		if err := p.Recorder.Continue(c.Folder); err != nil {
			return err
		}
		for _, uri := range p.Rooms() {
			p.Recorder.Member(uri, p.ID, "add", p.Recorder.Now())
		}
	}
	c.transport.Lose(c.plan.Loss)
	return nil
}

// Finish ends the talk, waits until all is delivered, and completes the histories.
func (c *Crowd) Finish(ctx context.Context) error {
	c.Hush()
	c.Driver.Stop()
	logs, err := c.readLogs(ctx)
	if err == nil {
		err = c.awaitDelivery(ctx, logs)
	}
	c.hangUp()
	c.connected.Wait()
	c.transport.Close()
	closing := c.closeHistories(logs)
	if err == nil {
		err = closing
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && len(c.ends) > 0 {
		err = fmt.Errorf("%d of the crowd gave up, the first: %w", len(c.ends), c.ends[0])
	}
	return err
}

func (c *Crowd) readLogs(ctx context.Context) (map[string][]client.Event, error) {
	c.transport.Lose(0)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	logs := map[string][]client.Event{}
	for i, uri := range c.Rooms {
		reader := c.People[i%len(c.People)] // its owner
		err := again(ctx, func() (err error) {
			logs[uri], err = reader.Client.AllEvents(ctx, uri)
			return err
		})
		if err != nil {
			return logs, fmt.Errorf("read the log of %s: %w", uri, err)
		}
	}
	return logs, nil
}

// deliveryPatience is a little more than what the checker allows, so that it is the
// checker that says no.
const deliveryPatience = 12 * time.Second

func (c *Crowd) awaitDelivery(ctx context.Context, logs map[string][]client.Event) error {
	heads := map[string]int64{}
	for uri, log := range logs {
		heads[uri] = int64(len(log))
	}
	_ = c.await(ctx, deliveryPatience, func() bool { return c.behind(heads) == 0 }) // the checker says what is missing
	return ctx.Err()
}

func (c *Crowd) closeHistories(logs map[string][]client.Event) error {
	err := c.writeLogs(logs)
	recorders := []*history.Recorder{c.Driver}
	for _, p := range slices.Concat(c.People, c.guests) {
		recorders = append(recorders, p.Recorder.Recorder)
	}
	for _, r := range recorders {
		if closing := r.Close(); err == nil {
			err = closing
		}
	}
	return err
}

// writeLogs notes what the log is at the end.
func (c *Crowd) writeLogs(logs map[string][]client.Event) error {
	final, err := history.CreateRecorder(c.Folder, "final-api")
	if err != nil {
		return err
	}
	for uri, events := range logs {
		final.Log("api", uri, client.RowsOf(events))
	}
	return final.Close()
}

// Judge has the histories checked.
func (c *Crowd) Judge(o history.Options) (history.Report, error) {
	lines, damaged, err := history.Read(c.Folder)
	if err != nil {
		return history.Report{}, err
	}
	o.Damaged = damaged
	return history.Check(lines, o), nil
}

// historyFolder is where a crowd of an installation in a folder writes.
func historyFolder(folder string) string { return filepath.Join(folder, "history") }
