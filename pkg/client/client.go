package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

const (
	// requestTimeout bounds a request with its answer. The server answers within
	// two seconds or says that it cannot; the rest is for the network.
	requestTimeout = 10 * time.Second

	// maxAnswer bounds an answer. A page holds 1 MiB of text, and JSON may need six
	// bytes for one.
	maxAnswer = 8 << 20

	// idleConns bounds the connections that wait for the next request.
	idleConns = 256
)

// Client calls one Chatire as one user, or as nobody. It does not change and may be
// used by many goroutines.
type Client struct {
	base    string   // without the slash at the end
	sockets []string // addresses of the websocket; one is picked for each try
	http    *http.Client
	token   chat.Secret // "" for nobody
	retry   backoff     // how PostReliably begins
}

// Option changes what [New] makes.
type Option func(*Client)

// WithToken signs the requests with a token that [Client.SignIn] returned.
func WithToken(token string) Option {
	return func(c *Client) { c.token = chat.Secret(token) }
}

// WithWebsockets says where workers listen, such as ws://127.0.0.1:8001/ws/. Each
// connection picks one of the addresses, and none twice in a row. Without it the
// websocket is expected at the address of the API.
func WithWebsockets(addresses ...string) Option {
	return func(c *Client) { c.sockets = addresses }
}

// WithTransport sends the requests by another transport. [Client.Close] then has
// nothing to close.
func WithTransport(t http.RoundTripper) Option {
	return func(c *Client) { c.http.Transport = t }
}

// New makes a Client of the Chatire at baseURL, such as https://chat.example.com.
// Close ends its connections.
func New(baseURL string, options ...Option) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(baseURL, "/"))
	if err != nil {
		return nil, fmt.Errorf("read base address: %w", err)
	}
	if base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("base address %q does not begin with http:// or https://", baseURL)
	}
	c := &Client{
		base:    base.String(),
		sockets: []string{"ws" + strings.TrimPrefix(base.String(), "http") + "/ws/"},
		http:    &http.Client{Timeout: requestTimeout, CheckRedirect: stay},
		retry:   newBackoff(),
	}
	for _, option := range options {
		option(c)
	}
	if c.http.Transport == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConns, transport.MaxIdleConnsPerHost = idleConns, idleConns
		c.http.Transport = transport
	}
	return c, nil
}

// stay follows no redirect: no address of the API has one.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// As returns a Client of the same Chatire for another token; "" is nobody's.
func (c *Client) As(token string) *Client {
	other := *c
	other.token = chat.Secret(token)
	return &other
}

// At returns the same Client with its websockets at one of these addresses.
func (c *Client) At(addresses ...string) *Client {
	at := *c
	at.sockets = addresses
	return &at
}

// String says which Chatire it is, and hides the token.
func (c *Client) String() string { return "client of " + c.base }

// Close ends the connections that wait for a next request, also those of the
// clients that As made. Requests under way go on.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// call makes one request and decodes the answer into out, unless that is nil. A
// refusal is an *Error. Any other error means that the outcome is not known.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	request, err := c.request(ctx, method, path, in)
	if err != nil {
		return err
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return err // says method and address
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s %s: read answer: %w", method, path, err)
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return errorOf(answer, body)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("%s %s: decode answer: %w", method, path, err)
	}
	return nil
}

func (c *Client) request(ctx context.Context, method, path string, in any) (*http.Request, error) {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("%s %s: encode request: %w", method, path, err)
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Token "+string(c.token))
	}
	return request, nil
}

// address joins parts of a path, each escaped, with slashes around them.
func address(parts ...string) string {
	escaped := slices.Clone(parts)
	for i := range escaped {
		escaped[i] = url.PathEscape(escaped[i])
	}
	return "/" + strings.Join(escaped, "/") + "/"
}
