package faults

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/chatire/chatire/pkg/history"
)

// Break starts Chatire, kills RabbitMQ while two people chat, and tells what happens.
func Break(ctx context.Context, o Options, out io.Writer) error {
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	say("Starting two APIs and two workers beside PostgreSQL and RabbitMQ ...")
	in, err := Install(ctx, o.Services, o.Programs, o.Folder, Plan{})
	if err != nil {
		return err
	}
	defer in.Close(context.WithoutCancel(ctx))
	c, err := NewCrowd(ctx, in, filepath.Join(o.Folder, "history"), CrowdPlan{People: 2, Rooms: 1, Each: 1})
	if err != nil {
		return err
	}
	if err := c.Start(ctx); err != nil {
		return err
	}
	say("Two people chat.\n")
	if err := converse(ctx, c, say, 4); err != nil {
		return err
	}
	say("\nRabbitMQ is killed, and all its data is wiped.\n")
	c.Driver.Fault("rabbitmq wiped", "begin")
	if err := o.Services.RabbitMQ(ctx, "wipe"); err != nil {
		return err
	}
	if err := converse(ctx, c, say, 6); err != nil {
		return err
	}
	say("\nRabbitMQ is started again.\n")
	if err := o.Services.RabbitMQ(ctx, "start"); err != nil {
		return err
	}
	c.Driver.Fault("rabbitmq wiped", "end")
	sleep(ctx, 2*time.Second)
	if err := converse(ctx, c, say, 4); err != nil {
		return err
	}
	if err := c.Finish(ctx); err != nil {
		return err
	}
	options := history.DefaultOptions()
	options.MinAccepted = 14
	report, err := c.Judge(options)
	if err != nil {
		return err
	}
	say("\nWhat both devices received, compared with the log and with every answer:\n%s", Verdict(report))
	if report.Verdict != history.Pass {
		return fmt.Errorf("the promise is broken: %v %v", report.Violations, report.Examples)
	}
	return nil
}

// converse has two people post in turn and says when the other one had it.
func converse(ctx context.Context, c *Crowd, say func(string, ...any), messages int) error {
	for i := range messages {
		author, reader := c.People[i%2], c.People[1-i%2]
		began := time.Now()
		if err := author.Say(ctx, c.Rooms[0]); err != nil {
			return err
		}
		accepted, heads := time.Since(began), c.heads()
		if err := c.await(ctx, 10*time.Second, func() bool { return !reader.isBehind(heads) }); err != nil {
			return fmt.Errorf("message %d did not come: %w", heads[c.Rooms[0]], err)
		}
		say("  %s  message %2d  accepted and stored after %4d ms, with the other person after %4d ms",
			time.Now().Format(time.TimeOnly), heads[c.Rooms[0]], accepted.Milliseconds(), time.Since(began).Milliseconds())
		sleep(ctx, 500*time.Millisecond)
	}
	return nil
}
