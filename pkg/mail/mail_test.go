package mail_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/mail"
	"github.com/chatire/chatire/pkg/mail/mailtest"
)

// served is trusted by this test process: the system's roots are read once.
var served *tls.Config

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "mail")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	config, der := mailtest.Certificate(setup{})
	served = config
	roots := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		panic(err)
	}
	os.Setenv("SSL_CERT_FILE", roots)
	return m.Run()
}

// setup is a testing.TB for what runs before the tests.
type setup struct{ testing.TB }

func (setup) Helper()           {}
func (setup) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func open(t *testing.T, rawURL string) chat.Mailer {
	t.Helper()
	m, err := mail.Open(chat.Secret(rawURL), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func send(t *testing.T, m chat.Mailer) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	return m.Send(ctx, chat.Mail{
		To:      "ada@example.com",
		Subject: "Grüße",
		Text:    "Hello Ada,\n\nhttps://chat.example.com/reset/MQ/" + strings.Repeat("a", 90) + "\n",
	})
}

func TestSend(t *testing.T) {
	t.Run("delivers the text as it is", func(t *testing.T) {
		server := mailtest.Serve(t, mailtest.Options{})
		if err := send(t, open(t, "smtp://"+server.Addr+"?from=Chatire+<chat@example.com>")); err != nil {
			t.Fatal(err)
		}
		got := server.Next(t)
		if got.From != "chat@example.com" || got.To != "ada@example.com" {
			t.Errorf("envelope from %q to %q", got.From, got.To)
		}
		if !strings.Contains(got.Text, "/reset/MQ/"+strings.Repeat("a", 90)+"\n") {
			t.Errorf("the link did not arrive whole: %q", got.Text)
		}
		if from := got.Header.Get("From"); from != `"Chatire" <chat@example.com>` {
			t.Errorf("From is %q", from)
		}
		if host, _ := os.Hostname(); strings.Contains(got.Header.Get("Message-ID"), host) {
			t.Errorf("the id tells of this machine: %q", got.Header.Get("Message-ID"))
		}
	})

	t.Run("takes up STARTTLS and then shows its password", func(t *testing.T) {
		server := mailtest.Serve(t, mailtest.Options{TLS: served, Login: true})
		if err := send(t, open(t, "smtp://chatire:mail-secret-7@"+server.Addr+"?from=chat@example.com")); err != nil {
			t.Fatal(err)
		}
		server.Next(t)
	})

	t.Run("speaks TLS from the start", func(t *testing.T) {
		server := mailtest.Serve(t, mailtest.Options{TLS: served, Implicit: true, Login: true})
		if err := send(t, open(t, "smtps://chatire:mail-secret-7@"+server.Addr+"?from=chat@example.com")); err != nil {
			t.Fatal(err)
		}
		server.Next(t)
	})
}

func TestSendFails(t *testing.T) {
	t.Run("on a wrong password, without showing it", func(t *testing.T) {
		server := mailtest.Serve(t, mailtest.Options{TLS: served, Login: true})
		err := send(t, open(t, "smtp://chatire:not-this-one@"+server.Addr+"?from=chat@example.com"))
		if err == nil || strings.Contains(err.Error(), "not-this-one") {
			t.Errorf("got %v", err)
		}
	})

	t.Run("on a certificate that nobody vouches for", func(t *testing.T) {
		stranger, _ := mailtest.Certificate(t)
		for scheme, implicit := range map[string]bool{"smtp": false, "smtps": true} {
			server := mailtest.Serve(t, mailtest.Options{TLS: stranger, Implicit: implicit})
			if err := send(t, open(t, scheme+"://"+server.Addr+"?from=chat@example.com")); err == nil {
				t.Errorf("%s: sent to a stranger", scheme)
			}
		}
	})

	t.Run("on a refused recipient, without naming them", func(t *testing.T) {
		server := mailtest.Serve(t, mailtest.Options{Refuse: &smtp.SMTPError{
			Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "<ada@example.com>: no such user",
		}})
		err := send(t, open(t, "smtp://"+server.Addr+"?from=chat@example.com"))
		if err == nil || strings.Contains(err.Error(), "ada@") || !strings.Contains(err.Error(), "no such user") {
			t.Errorf("got %v", err)
		}
	})

	t.Run("when the server is away", func(t *testing.T) {
		if err := send(t, open(t, "smtp://"+closedPort(t)+"?from=chat@example.com")); err == nil {
			t.Error("sent to nobody")
		}
	})

	t.Run("at its deadline when the server is slow", func(t *testing.T) {
		for name, drip := range map[string]string{"silent": "", "one byte at a time": "2"} {
			m := open(t, "smtp://"+slowServer(t, drip)+"?from=chat@example.com")
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			begun := time.Now()
			err := m.Send(ctx, chat.Mail{To: "ada@example.com"})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v", name, err)
			}
			if took := time.Since(begun); took > 3*time.Second {
				t.Errorf("%s: gave up after %v", name, took)
			}
		}
	})
}

func TestOpen(t *testing.T) {
	refusals := []struct{ name, url string }{
		{"another scheme", "http://mail.example.com?from=chat@example.com"},
		{"no host", "smtp://?from=chat@example.com"},
		{"no sender", "smtp://mail.example.com"},
		{"a sender that is no address", "smtp://mail.example.com?from=chat"},
		{"an unknown parameter", "smtp://mail.example.com?from=chat@example.com&tls=off"},
		{"a broken URL", "smtp://u:secret-word@mail.example.com:port?from=chat@example.com"},
	}
	for _, r := range refusals {
		t.Run("refuses "+r.name, func(t *testing.T) {
			_, err := mail.Open(chat.Secret(r.url), slog.New(slog.DiscardHandler))
			if err == nil || strings.Contains(err.Error(), "secret-word") {
				t.Errorf("got %v", err)
			}
		})
	}

	t.Run("writes to the log without a server", func(t *testing.T) {
		var b strings.Builder
		m, err := mail.Open("", slog.New(slog.NewTextHandler(&b, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if err := send(t, m); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "/reset/MQ/") {
			t.Errorf("the mail is not in the log: %s", b.String())
		}
	})
}

// closedPort returns an address that nobody listens on.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// slowServer takes connections and says drip every 50 ms, for ever; "" is silence.
func slowServer(t *testing.T, drip string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			for err == nil {
				_, err = conn.Write([]byte(drip))
				if drip == "" {
					_, err = conn.Read(make([]byte, 1)) // until the client goes
				}
				time.Sleep(50 * time.Millisecond)
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}
