package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/chatire/chatire/charts/dashboards"
	"github.com/chatire/chatire/ctl/faults"
)

// config has Prometheus ask every second. Its targets have no namespace, as without
// Kubernetes.
const config = `
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yaml]
scrape_configs:
  - {job_name: chatire-api, static_configs: [{targets: %s}]}
  - {job_name: chatire-worker, static_configs: [{targets: %s}]}
`

// rules are ours. Groups are evaluated every second, instead of seldom as where there is
// a month to look at; windows and patience of alerts are those that everybody has.
const rules = "charts/chatire/rules/chatire.yaml"

var groupInterval = regexp.MustCompile(`(?m)^    interval: \w+$`)

// prometheus is a Prometheus that runs.
type prometheus struct {
	url  string
	stop func()
}

// startPrometheus starts a Prometheus that watches all processes of an installation.
func startPrometheus(ctx context.Context, folder string, in *faults.Installation) (*prometheus, error) {
	text, err := os.ReadFile(rules)
	if err != nil {
		return nil, err
	}
	text = groupInterval.ReplaceAll(text, []byte("    interval: 1s"))
	apis, workers := opsOf(in.APIs), opsOf(in.Workers)
	file := filepath.Join(folder, "prometheus.yaml")
	err = errors.Join(
		os.WriteFile(filepath.Join(folder, "rules.yaml"), text, 0o644),
		os.WriteFile(file, fmt.Appendf(nil, config, apis, workers), 0o644),
	)
	if err != nil {
		return nil, err
	}
	address, err := faults.FreeAddress()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(folder, "prometheus.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() // Prometheus has its own
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	cmd := exec.CommandContext(running, "prometheus", "--config.file="+file,
		"--storage.tsdb.path="+filepath.Join(folder, "prometheus"), "--web.listen-address="+address)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		end()
		return nil, fmt.Errorf("start Prometheus: %w", err)
	}
	p := &prometheus{"http://" + address, func() {
		end()
		_ = cmd.Wait()
	}}
	if err := p.awaitTargets(ctx, len(apis)+len(workers)); err != nil {
		p.stop()
		return nil, fmt.Errorf("start Prometheus: %w", err)
	}
	return p, nil
}

// opsOf returns where processes show their metrics; as JSON, which is YAML.
func opsOf(processes []*faults.Process) targets {
	var all targets
	for _, p := range processes {
		all = append(all, p.Ops)
	}
	return all
}

type targets []string

func (t targets) String() string {
	text, _ := json.Marshal([]string(t)) // strings can always be marshalled
	return string(text)
}

// awaitTargets waits until all processes have been asked twice, so that there are rates.
func (p *prometheus) awaitTargets(ctx context.Context, n int) error {
	return await(ctx, time.Minute, func() (bool, error) {
		up, _ := p.number(ctx, "count(count_over_time(up[1m]) > 2)") // it may not listen yet
		return int(up) == n, nil
	})
}

// sample is a series with its value now.
type sample struct {
	Metric map[string]string
	Value  [2]any // when, and as text
}

func (p *prometheus) query(ctx context.Context, expression string) ([]sample, error) {
	var result struct{ Result []sample }
	err := p.api(ctx, "query?"+url.Values{"query": {expression}}.Encode(), &result)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", expression, err)
	}
	return result.Result, nil
}

// number returns the value of an expression that has one; 0 if it has none.
func (p *prometheus) number(ctx context.Context, expression string) (float64, error) {
	samples, err := p.query(ctx, expression)
	if err != nil || len(samples) == 0 {
		return 0, err
	}
	text, _ := samples[0].Value[1].(string)
	return strconv.ParseFloat(text, 64)
}

// finds returns an error unless an expression of a dashboard has a number somewhere.
func (p *prometheus) finds(ctx context.Context, e dashboards.Expression) error {
	samples, err := p.query(ctx, e.Chosen("30s"))
	if err != nil {
		return fmt.Errorf("%s: %w", e.Panel, err)
	}
	for _, s := range samples {
		if s.Value[1] != "NaN" {
			return nil
		}
	}
	return fmt.Errorf("%s: %s finds nothing, but %d times NaN", e.Panel, e.Text, len(samples))
}

// firing returns the alerts that fire.
func (p *prometheus) firing(ctx context.Context) (map[string]bool, error) {
	var result struct {
		Alerts []struct {
			Labels map[string]string
			State  string
		}
	}
	err := p.api(ctx, "alerts", &result)
	names := map[string]bool{}
	for _, a := range result.Alerts {
		if a.State == "firing" {
			names[a.Labels["alertname"]] = true
		}
	}
	return names, err
}

// api reads an answer of Prometheus's API.
func (p *prometheus) api(ctx context.Context, path string, data any) error {
	text, err := get(ctx, p.url+"/api/v1/"+path)
	if err != nil {
		return err
	}
	answer := struct {
		Error string
		Data  any
	}{Data: data}
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	return nil
}

func get(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}
