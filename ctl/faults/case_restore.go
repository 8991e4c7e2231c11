package faults

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/chatire/chatire/pkg/history"
)

// restoreCases bring back an older database.
func restoreCases() []Case {
	return []Case{{
		Name: "restored", What: "The database is restored from a backup; what came after it is gone, under a new epoch.",
		Round: restore,
		Judge: judgeRestore,
	}}
}

// restore makes a backup, has people talk on, brings the backup back under them, and
// has them talk again.
func restore(ctx context.Context, r *Run) error {
	if err := r.Crowd.Quiet(ctx); err != nil {
		return err
	}
	backup := filepath.Join(r.folder, "backup")
	if err := script(ctx, "pg_dump", "-Fc", "-f", backup, r.Database); err != nil {
		return err
	}
	r.Crowd.Talk()
	sleep(ctx, r.between(time.Second, 2*time.Second))
	if err := r.Crowd.Quiet(ctx); err != nil {
		return err
	}
	// What clients saw until now is judged by the log of now.
	before := r.Crowd.Folder
	if err := r.Crowd.NextChapter(ctx); err != nil {
		return err
	}
	r.chapters = append(r.chapters, before)
	if err := script(ctx, "pg_restore", "--clean", "--if-exists", "--single-transaction", "-d", r.Database, backup); err != nil {
		return err
	}
	if err := r.Ctl(ctx, "migrate", "new-epoch", "--yes"); err != nil {
		return err
	}
	r.restored = append(r.restored, r.Crowd.Driver.Now())
	told := func() bool { return r.Crowd.resets() >= len(r.Crowd.People)*(len(r.chapters)) }
	if err := r.Crowd.await(ctx, patience, told); err != nil {
		return fmt.Errorf("only %d of %d devices were told to begin anew: %w", r.Crowd.resets(), len(r.Crowd.People), err)
	}
	r.Crowd.forgetHeads()
	r.Crowd.Talk()
	_, err := r.Crowd.Recovered(ctx)
	return err
}

// judgeRestore judges each chapter by itself: a later one knows of the messages of
// those before it only what the backup kept.
func judgeRestore(_ context.Context, r *Run) (history.Report, error) {
	var sum history.Report
	var earlier []history.Line
	for i, folder := range append(r.chapters, r.Crowd.Folder) {
		lines, damaged, err := history.Read(folder)
		if err != nil {
			return sum, err
		}
		since := int64(0)
		if i > 0 {
			since = r.restored[i-1]
		}
		if err := oneEpoch(lines, since); err != nil {
			return sum, err
		}
		own := len(lines)
		lines = slices.DeleteFunc(lines, func(l history.Line) bool { return l.Kind == history.Fault }) // each spans two chapters
		lines = append(lines, keptOf(earlier, lines)...)
		o := history.DefaultOptions()
		o.Damaged, o.MinAccepted, o.MinFaults = damaged, 1, 0
		report := history.Check(lines, o)
		r.Note("chapter %d: %s, %d lines, %d accepted", i+1, report.Verdict, own, report.Accepted)
		report.Accepted += sum.Accepted
		report.Deliveries += sum.Deliveries
		sum = report
		if report.Verdict != history.Pass {
			return sum, nil
		}
		earlier = lines
	}
	sum.Faults = len(r.chapters)
	return sum, nil
}

// oneEpoch sees that all subscriptions since a restore are to the same log.
func oneEpoch(lines []history.Line, since int64) error {
	epoch := ""
	for _, l := range lines {
		if l.Kind != history.Subscribed || l.Time < since {
			continue
		}
		if epoch == "" {
			epoch = l.Epoch
		}
		if l.Epoch != epoch {
			return errors.New("a seq could be reused: subscriptions to two epochs after a restore")
		}
	}
	return nil
}

// keptOf returns the posts of earlier chapters that the log of this one has.
func keptOf(earlier, lines []history.Line) []history.Line {
	kept := map[string]bool{}
	for _, l := range lines {
		for _, row := range l.Rows {
			if row.ClientID != nil {
				kept[*row.ClientID] = true
			}
		}
	}
	var posts []history.Line
	for _, l := range earlier {
		if l.ClientID == nil || !kept[*l.ClientID] {
			continue
		}
		switch l.Kind {
		case history.Send, history.Accepted, history.Refused, history.Unknown:
			posts = append(posts, l)
		}
	}
	return posts
}
