package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chatire/chatire/pkg/netfault"
)

// postgresCases break the database.
func postgresCases() []Case {
	return []Case{
		{
			Name: "postgres-killed", What: "PostgreSQL is killed and started again.",
			Recover: 5 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				if err := r.Services.Postgres(ctx, "kill"); err != nil {
					return err
				}
				sleep(ctx, r.between(500*time.Millisecond, 2*time.Second))
				return r.Services.Postgres(ctx, "start")
			},
		},
		{
			Name: "postgres-hung", What: "All of PostgreSQL is stopped by SIGSTOP and goes on; posts get an answer within 2 s.",
			Recover: 5 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				if err := r.Services.Postgres(ctx, "pause"); err != nil {
					return err
				}
				err := answersSoon(ctx, r)
				sleep(ctx, r.between(500*time.Millisecond, 2*time.Second))
				return errors.Join(err, r.Services.Postgres(ctx, "resume"))
			},
		},
		{
			Name: "postgres-unreachable", What: "The network to PostgreSQL swallows everything.",
			Recover: 5 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				held := netfault.Way{Held: true}
				r.APIToDatabase.Set(held, held)
				r.WorkerToDatabase.Set(held, held)
				sleep(ctx, r.between(time.Second, 4*time.Second))
				r.APIToDatabase.Heal()
				r.WorkerToDatabase.Heal()
				return nil
			},
		},
		{
			Name: "postgres-full", What: "The disk under PostgreSQL is full; history stays readable, and posting comes back with space.",
			Recover: 5 * time.Second,
			Prepare: smallTablespace,
			Round:   fillDisk,
		},
		{
			Name: "postgres-exhausted", What: "Somebody takes every connection that PostgreSQL has.",
			Recover: 5 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				taken := takeConnections(ctx, r.Database)
				r.APIToDatabase.Cut()
				r.WorkerToDatabase.Cut()
				taken = append(taken, takeConnections(ctx, r.Database)...)
				sleep(ctx, r.between(time.Second, 3*time.Second))
				for _, conn := range taken {
					conn.Close(ctx)
				}
				return nil
			},
		},
		{
			Name: "clocks-wrong", What: "The clock of PostgreSQL is a day wrong, one way or the other.",
			Recover: 5 * time.Second,
			Round: func(ctx context.Context, r *Run) error {
				verb := anyOf(r, []string{"start-tomorrow", "start-yesterday"})
				if err := r.Services.Postgres(ctx, "kill"); err != nil {
					return err
				}
				return r.Services.Postgres(ctx, verb)
			},
			End: func(ctx context.Context, r *Run) error {
				if err := r.Services.Postgres(ctx, "kill"); err != nil {
					return err
				}
				return r.Services.Postgres(ctx, "start")
			},
		},
	}
}

// answersSoon sees that a post is answered in time, whatever the answer is.
func answersSoon(ctx context.Context, r *Run) error {
	p := r.Crowd.People[0]
	began := time.Now()
	_, err := p.Client.Post(ctx, p.Rooms()[0], "is anybody there", "")
	took := time.Since(began)
	if took > 2500*time.Millisecond { // two seconds, and some for two cores that do everything
		return fmt.Errorf("a post was answered after %v: %w", took, err)
	}
	if err == nil {
		return errors.New("a post was accepted by a database that hangs")
	}
	return nil
}

// takeConnections takes as many connections as there are.
func takeConnections(ctx context.Context, database string) []*pgx.Conn {
	var taken []*pgx.Conn
	for ctx.Err() == nil {
		conn, err := pgx.Connect(ctx, database)
		if err != nil {
			return taken
		}
		taken = append(taken, conn)
	}
	return taken
}

// smallTablespace has the database live on a disk of its own, of 80 MB.
func smallTablespace(ctx context.Context, r *Run) error {
	name := "faults_disk_" + newToken()[:8]
	disk := filepath.Join(os.TempDir(), name)
	if err := os.MkdirAll(disk, 0o755); err != nil {
		return err
	}
	if err := script(ctx, "mount", "-t", "tmpfs", "-o", "size=80m", "chatire", disk); err != nil {
		return fmt.Errorf("this case needs root and must be allowed to mount a tmpfs: %w", err)
	}
	r.disk = disk
	r.Cleanup(func() {
		_ = exec.Command("umount", "-l", disk).Run()
		_ = os.Remove(disk)
	})
	data := filepath.Join(disk, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if err := script(ctx, "chown", "postgres:", data); err != nil {
		return err
	}
	if err := r.Services.onServer(ctx, `CREATE TABLESPACE `+name+` LOCATION '`+data+`'`); err != nil {
		return err
	}
	r.Cleanup(func() { _ = r.Services.onServer(context.WithoutCancel(ctx), `DROP TABLESPACE IF EXISTS `+name) })
	r.Plan.Database = "TABLESPACE " + name
	return nil
}

// fillDisk fills the disk until posts fail, and makes room again.
func fillDisk(ctx context.Context, r *Run) error {
	ballast := filepath.Join(r.disk, "ballast")
	if err := fill(ballast); err != nil {
		return err
	}
	defer os.Remove(ballast)
	full := func() error {
		p := r.Crowd.People[0]
		if _, err := p.Client.Post(ctx, p.Rooms()[0], strings.Repeat("fill ", 400), ""); err == nil {
			return errors.New("posts are still accepted")
		}
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := again(waiting, full); err != nil {
		return err
	}
	sleep(ctx, 500*time.Millisecond)
	reading, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	p := r.Crowd.People[1]
	err := again(reading, func() error { // the network of the crowd loses some
		_, err := p.Client.Events(reading, p.Rooms()[0], 0, 50)
		return err
	})
	if err != nil {
		return fmt.Errorf("history cannot be read: %w", err)
	}
	return nil
}

// fill writes a file until the disk is full.
func fill(name string) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(file, io.LimitReader(zeros{}, 1<<30))
	if err == nil {
		return errors.New("the disk does not become full")
	}
	return nil
}

type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) { return len(p), nil }
