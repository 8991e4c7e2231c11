package ctl_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/chatire/chatire/ctl/faults"
	"github.com/chatire/chatire/pkg/history"
)

// theCrowd is large enough that everything happens, and small enough for every run.
var theCrowd = faults.CrowdPlan{People: 200, Rooms: 50, Each: 5, Messages: 100, Pause: 400 * time.Millisecond, Loss: 0.025}

// TestEveryDeviceGetsEveryEvent has a crowd talk over a bad network while parts of
// the installation fail. At the end each device must have had every event of its
// sessions, once and in order, and each message must be in the log where its answer
// said. With CHATIRE_TEST_HISTORY naming a folder the histories are kept there.
func TestEveryDeviceGetsEveryEvent(t *testing.T) {
	t.Run("two APIs and two workers", func(t *testing.T) {
		talk(t, faults.Plan{}, func(ctx context.Context, in *faults.Installation, c *faults.Crowd) {
			var both sync.WaitGroup
			both.Go(func() {
				c.Driver.Fault("broker away", "begin")
				in.APIToBroker.Refuse()
				in.WorkerToBroker.Refuse()
				time.Sleep(20 * time.Second)
				in.APIToBroker.Heal()
				in.WorkerToBroker.Heal()
				c.Driver.Fault("broker away", "end")
			})
			both.Go(func() {
				time.Sleep(5 * time.Second)
				c.Driver.Fault("worker killed", "begin")
				in.Workers[0].Kill()
				time.Sleep(5 * time.Second)
				if err := in.Workers[0].Start(ctx); err != nil {
					t.Error(err)
				}
				c.Driver.Fault("worker killed", "end")
			})
			both.Wait()
		})
	})
	t.Run("one process", func(t *testing.T) {
		talk(t, faults.Plan{One: true}, func(ctx context.Context, in *faults.Installation, c *faults.Crowd) {
			time.Sleep(3 * time.Second)
			c.Driver.Fault("killed", "begin")
			in.APIs[0].Kill()
			if err := in.APIs[0].Start(ctx); err != nil {
				t.Error(err)
			}
			c.Driver.Fault("killed", "end")
		})
	})
}

// talk has the crowd say all it has to say, with faults beside it, and judges.
func talk(t *testing.T, plan faults.Plan, fail func(ctx context.Context, in *faults.Installation, c *faults.Crowd)) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	in := install(ctx, t, plan)
	folder := os.Getenv("CHATIRE_TEST_HISTORY")
	if folder == "" {
		folder = t.TempDir()
	}
	c, err := faults.NewCrowd(ctx, in, folder+"/"+t.Name(), theCrowd)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(ctx); err != nil {
		t.Fatal(err)
	}
	fail(ctx, in, c)
	c.AwaitSaid()
	if err := c.Finish(ctx); err != nil {
		t.Error(err)
	}
	o := history.DefaultOptions()
	o.MinAccepted = theCrowd.People * theCrowd.Messages
	report, err := c.Judge(o)
	if err != nil || report.Verdict != history.Pass {
		t.Errorf("%s, %v: %v %v, %q", report.Verdict, err, report.Violations, report.Examples, report.Invalid)
	}
	t.Logf("%d accepted, %d deliveries, %d connections", report.Accepted, report.Deliveries, report.Connections)
}

// install starts an installation that ends with the test.
func install(ctx context.Context, t *testing.T, plan faults.Plan) *faults.Installation {
	t.Helper()
	programs, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	services, err := faults.ServicesFromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	in, err := faults.Install(ctx, services, programs, t.TempDir(), plan)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(context.WithoutCancel(ctx)) })
	return in
}

// programsFolder is where programs builds; "" until it does.
var programsFolder string

func removePrograms() { _ = os.RemoveAll(programsFolder) }

// programs builds the programs once and returns the folder they are in.
var programs = sync.OnceValues(func() (folder string, err error) {
	if programsFolder, err = os.MkdirTemp("", "chatire-programs-"); err != nil {
		return "", err
	}
	return programsFolder, faults.Build(context.Background(), programsFolder)
})
