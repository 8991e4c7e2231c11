// Package mailtest is a real SMTP server on loopback for tests.
package mailtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/chatire/chatire/pkg/chat"
)

// The account that a server with Login set demands.
const (
	User     = "chatire"
	Password = "mail-secret-7"
)

// Options say what kind of server to be. The zero value takes mail from anybody.
type Options struct {
	TLS      *tls.Config // offers STARTTLS
	Implicit bool        // speaks TLS from the start
	Login    bool        // refuses mail before User and Password were shown
	Refuse   error       // said of every recipient
}

// Received is a mail that the server took.
type Received struct {
	From, To string
	Header   mail.Header
	Text     string
}

// Server is a running SMTP server. The test's end stops it.
type Server struct {
	Addr     string
	received chan Received
}

// Serve starts a server.
func Serve(t testing.TB, o Options) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: listener.Addr().String(), received: make(chan Received, 1024)}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{server: s, options: o}, nil
	}))
	server.Domain = "localhost"
	server.AllowInsecureAuth = o.TLS == nil
	if !o.Implicit {
		server.TLSConfig = o.TLS
	} else {
		listener = tls.NewListener(listener, o.TLS)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		listener.Close() // Close knows only of listeners that Serve has come to
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Errorf("serve mail: %v", err)
		}
	})
	return s
}

// URL returns what CHATIRE_SMTP_URL is set to for this server.
func (s *Server) URL() chat.Secret {
	return chat.Secret("smtp://" + s.Addr + "?from=chat@example.com")
}

// Next returns the next mail, and fails the test if none comes within ten seconds.
func (s *Server) Next(t testing.TB) Received {
	t.Helper()
	select {
	case r := <-s.received:
		return r
	case <-time.After(10 * time.Second):
		t.Fatal("no mail came")
		panic("unreachable")
	}
}

// Count returns how many mails came that nobody took with Next.
func (s *Server) Count() int { return len(s.received) }

// session is one client's.
type session struct {
	server  *Server
	options Options
	known   bool
	mail    Received
}

func (s *session) AuthMechanisms() []string {
	if !s.options.Login {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != User || password != Password {
			return smtp.ErrAuthFailed
		}
		s.known = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.options.Login && !s.known {
		return smtp.ErrAuthRequired
	}
	s.mail = Received{From: from}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.To = to
	return s.options.Refuse
}

func (s *session) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	body := m.Body
	if strings.EqualFold(m.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	var text bytes.Buffer
	if _, err := io.Copy(&text, body); err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	s.mail.Header, s.mail.Text = m.Header, strings.ReplaceAll(text.String(), "\r\n", "\n")
	s.server.received <- s.mail
	return nil
}

func (s *session) Reset() {}

func (s *session) Logout() error { return nil }

// Certificate makes a certificate for 127.0.0.1 that signs itself, and returns the
// configuration that serves it and its PEM-ready bytes, for whoever is to trust it.
func Certificate(t testing.TB) (*tls.Config, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "mail for tests"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, der
}
