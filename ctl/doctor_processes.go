package ctl

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatire/chatire/pkg/config"
)

// process is what a running process shows on its ops listener.
type process struct {
	address string
	ready   string
	version string
	offset  time.Duration
	figures map[string]float64 // metrics without labels
	labels  map[string][]string
}

// stranger is an origin that no installation allows.
const stranger = "https://stranger.invalid"

var doctorClient = &http.Client{Timeout: 5 * time.Second}

// lookAtProcesses looks at each process, and whether they fit together.
func (e *examination) lookAtProcesses(ctx context.Context) {
	versions := map[string]bool{}
	for _, address := range e.ops {
		p, err := readProcess(ctx, address)
		if err != nil {
			e.note(false, failing, "process "+address, "6", "cannot be asked", "Does it run, and is this its ops listener? "+err.Error())
			continue
		}
		versions[p.version] = true
		e.lookAtProcess(p)
	}
	if len(versions) > 0 {
		e.note(len(versions) == 1 && versions[config.Version], advice, "versions", "6", strings.Join(slices.Sorted(maps.Keys(versions)), ", ")+"; chatirectl is "+config.Version,
			"Two versions run side by side during an upgrade only; use the chatirectl of the servers' version.")
	}
}

func (e *examination) lookAtProcess(p process) {
	at := func(what string) string { return what + " of " + p.address }
	e.note(p.ready == "ready" || p.ready == "degraded", failing, at("readiness"), "6", p.ready, "Its log says what it waits for: the database, or it is about to stop.")
	e.note(p.figures["chatire_degraded"] == 0, advice, at("broker"), "6", fmt.Sprintf("degraded %v", p.figures["chatire_degraded"]),
		"It has no connection to the broker: delivery is up to 3 s late.")
	e.note(len(p.labels["insecure"]) == 0, failing, at("insecure settings"), "4", fmt.Sprintf("%d: %s", len(p.labels["insecure"]), strings.Join(p.labels["insecure"], ", ")),
		"It was started with settings that give safety away: change them and start it again.")
	most := p.figures["process_max_fds"]
	e.note(most == 0 || p.figures["process_open_fds"] < 0.8*most, failing, at("open files"), "5", fmt.Sprintf("%.0f of %.0f", p.figures["process_open_fds"], most),
		"It will soon refuse connections: raise its limit of open files, or start another process.")
	e.note(p.offset.Abs() < 2*time.Second, advice, at("clock"), "-", fmt.Sprintf("%+.0f s from this machine's", p.offset.Seconds()), "Set the clocks by NTP: logs and metrics of different machines do not compare otherwise.")
}

func readProcess(ctx context.Context, address string) (process, error) {
	p := process{address: address, figures: map[string]float64{}, labels: map[string][]string{}}
	base := strings.TrimRight(address, "/")
	began := time.Now()
	_, header, err := readPage(ctx, base+"/livez")
	if err != nil {
		return p, err
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil { // whole seconds
		p.offset = date.Sub(began).Truncate(time.Second)
	}
	ready, _, err := readPage(ctx, base+"/readyz")
	if err != nil {
		return p, err
	}
	if _, rest, ok := strings.Cut(string(ready), `"status":"`); ok {
		p.ready, _, _ = strings.Cut(rest, `"`)
	}
	metrics, _, err := readPage(ctx, base+"/metrics")
	if err != nil {
		return p, err
	}
	p.read(metrics)
	return p, nil
}

// read takes what is of interest from the metrics.
func (p *process) read(metrics []byte) {
	for lines := bufio.NewScanner(bytes.NewReader(metrics)); lines.Scan(); {
		name, text, ok := strings.Cut(lines.Text(), " ")
		value, err := strconv.ParseFloat(text, 64)
		if !ok || err != nil {
			continue
		}
		labels := ""
		if i := strings.IndexByte(name, '{'); i >= 0 {
			name, labels = name[:i], name[i:]
		}
		switch {
		case labels == "":
			p.figures[name] = value
		case name == "chatire_build_info":
			p.version = label(labels, "version")
		case name == "chatire_insecure_setting" && value != 0:
			p.labels["insecure"] = append(p.labels["insecure"], label(labels, "setting"))
		}
	}
}

func label(labels, name string) string {
	_, rest, _ := strings.Cut(labels, name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// readPage reads a page of at most 8 MB, whatever its status.
func readPage(ctx context.Context, address string) ([]byte, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	answer, err := doctorClient.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 8<<20))
	return text, answer.Header, err
}

// lookAtAPIs asks as a page of a stranger would.
func (e *examination) lookAtAPIs(ctx context.Context) {
	for _, address := range e.apis {
		base := strings.TrimRight(address, "/")
		allowed, err := askAs(ctx, http.MethodOptions, base+"/api/chats/", "Origin", stranger, "Access-Control-Request-Method", "POST")
		if err != nil {
			e.note(false, failing, "address "+address, "6", "cannot be asked", err.Error())
			continue
		}
		e.note(allowed.Header.Get("Access-Control-Allow-Origin") == "", failing, "strange origins at "+address, "4",
			"allowed: "+strconv.Quote(allowed.Header.Get("Access-Control-Allow-Origin")), "List your origins in CHATIRE_CORS_ORIGINS: pages of any other can call it.")
		opened, err := askAs(ctx, http.MethodGet, base+"/ws/", "Origin", stranger, "Connection", "Upgrade", "Upgrade", "websocket",
			"Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
		if err == nil && opened.StatusCode != http.StatusNotFound {
			e.note(opened.StatusCode == http.StatusForbidden, failing, "strange websockets at "+address, "4", opened.Status,
				"Pages of any origin can open websockets: is something in front of the worker that changes the Origin?")
		}
		u, err := url.Parse(address)
		if err == nil {
			e.note(u.Scheme == "https" || isLocal(address), failing, "encryption of "+address, "4", u.Scheme, "Serve it by https:// only: tokens are readable on the way otherwise.")
		}
	}
}

// askAs sends a request with some headers and returns the answer without its body.
func askAs(ctx context.Context, method, address string, headers ...string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := doctorClient.Do(request)
	if err == nil {
		answer.Body.Close()
	}
	return answer, err
}
