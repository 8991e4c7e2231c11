package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/chatire/chatire/charts/dashboards"
	"github.com/chatire/chatire/ctl/faults"
)

// checkMetrics has promtool look at what each program shows.
func (s *story) checkMetrics(ctx context.Context) error {
	folder := filepath.Join(s.folder, "one")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	one, err := faults.Install(ctx, nil, s.programs, folder, faults.Plan{One: true})
	if err != nil {
		return err
	}
	defer one.Close(ctx)
	for _, program := range []struct {
		name    string
		process *faults.Process
	}{{"chatire-api", s.in.APIs[0]}, {"chatire-worker", s.in.Workers[0]}, {"chatirectl dev", one.APIs[0]}} {
		text, err := get(ctx, "http://"+program.process.Ops+"/metrics")
		if err != nil {
			return err
		}
		promtool := exec.CommandContext(ctx, "promtool", "check", "metrics")
		promtool.Stdin = strings.NewReader(string(text))
		if out, err := promtool.CombinedOutput(); err != nil || len(out) > 0 {
			return fmt.Errorf("promtool check metrics of %s: %v: %s", program.name, err, out)
		}
		s.say("promtool finds nothing wrong with the %d lines of %s", strings.Count(string(text), "\n"), program.name)
	}
	return nil
}

const delivered = `sum(chatire_delivery_seconds_count{stage="end_to_end"})`

// countDeliveries compares what clients received with what Prometheus knows of it.
func (s *story) countDeliveries(ctx context.Context) error {
	before, err := s.prometheus.number(ctx, delivered)
	if err != nil {
		return err
	}
	report, err := s.bench(ctx, calm)
	if err != nil {
		return err
	}
	want := before + float64(report.Deliveries)
	err = await(ctx, 10*time.Second, func() (bool, error) {
		got, err := s.prometheus.number(ctx, delivered)
		if got > want {
			err = fmt.Errorf("clients received %d events, and Prometheus counts %.0f", report.Deliveries, got-before)
		}
		return got == want, err
	})
	if err != nil {
		return fmt.Errorf("clients received %d events: %s in Prometheus: %w", report.Deliveries, delivered, err)
	}
	s.say("clients received %d events, and Prometheus counts as many", report.Deliveries)
	p99, err := s.prometheus.number(ctx, `histogram_quantile(0.99, sum by (le) (rate(chatire_delivery_seconds_bucket{stage="end_to_end"}[30s])))`)
	s.say("the 99th percentile of their delivery is %.1f ms to them, and %.1f ms to Prometheus", report.CommitToFrame.P99, p99*1000)
	return err
}

// checkDashboards asks what the dashboards ask: about alerts, or all the rest.
func (s *story) checkDashboards(ctx context.Context, alerts bool) error {
	found := 0
	var wrong []error
	for _, d := range dashboards.All() {
		for _, e := range d.Expressions() {
			if strings.Contains(e.Text, "ALERTS") != alerts {
				continue
			}
			if err := s.prometheus.finds(ctx, e); err != nil {
				wrong = append(wrong, err)
				continue
			}
			found++
		}
	}
	what := map[bool]string{true: "about alerts", false: "of the dashboards"}[alerts]
	s.say("expressions %s that find something: %d, and that do not: %d", what, found, len(wrong))
	return errors.Join(wrong...)
}

// checkOthers looks for alerts that fired without a cause. Limits are off here, which is
// one for ChatireSettingInsecure if there is time for it.
func (s *story) checkOthers(ctx context.Context) error {
	fired, err := s.prometheus.query(ctx, `count by (alertname) (last_over_time(ALERTS{alertstate="firing"}[1h]))`)
	if err != nil {
		return err
	}
	expected := []string{"ChatireSettingInsecure"}
	for _, a := range s.seen {
		expected = append(expected, a.alert)
	}
	for _, f := range fired {
		if name := f.Metric["alertname"]; !slices.Contains(expected, name) {
			return fmt.Errorf("%s fired, and nothing was wrong with that", name)
		}
	}
	s.say("no other alert fired")
	return nil
}
