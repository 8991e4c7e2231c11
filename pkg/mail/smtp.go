package mail

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/chatire/chatire/pkg/chat"
)

// sendTimeout bounds a mail whose context has no deadline.
const sendTimeout = 30 * time.Second

// smtpMailer sends each mail over a connection of its own.
type smtpMailer struct {
	host     string
	port     int
	tls      bool // from the start
	user     string
	password string
	from     *mail.Address
}

// parse reads the URL of a mail server. Its errors never show the password.
func parse(rawURL chat.Secret) (*smtpMailer, error) {
	u, err := url.Parse(string(rawURL))
	if err != nil {
		return nil, errors.New("read the address of the mail server: it is not a URL")
	}
	m := &smtpMailer{host: u.Hostname(), tls: u.Scheme == "smtps", port: 587}
	if m.tls {
		m.port = 465
	}
	if u.Scheme != "smtp" && u.Scheme != "smtps" || m.host == "" {
		return nil, errors.New("read the address of the mail server: it must look like smtp://host:587?from=chat@example.com")
	}
	if u.Port() != "" {
		if m.port, err = strconv.Atoi(u.Port()); err != nil {
			return nil, fmt.Errorf("read the address of the mail server: %q is no port", u.Port())
		}
	}
	if u.User != nil {
		m.user = u.User.Username()
		m.password, _ = u.User.Password()
	}
	for name := range u.Query() {
		if name != "from" {
			return nil, fmt.Errorf("read the address of the mail server: %q is no parameter; there is only from", name)
		}
	}
	m.from, err = mail.ParseAddress(u.Query().Get("from"))
	if err != nil {
		return nil, errors.New("read the address of the mail server: it needs ?from=, the address that mails come from")
	}
	return m, nil
}

// Send implements [chat.Mailer].
func (m *smtpMailer) Send(ctx context.Context, letter chat.Mail) error {
	msg, err := m.compose(letter)
	if err != nil {
		return fmt.Errorf("compose mail: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	conn, err := m.dial(ctx)
	if err != nil {
		return fmt.Errorf("reach the mail server: %w", err)
	}
	defer conn.Close()
	// go-mail's own deadline begins anew with each step and is none for a server
	// that answers a little at a time; a closed connection ends any step.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()

	client, err := gomail.NewClient(m.host, m.options(conn)...)
	if err != nil {
		return fmt.Errorf("set up the mail client: %w", err)
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		return errors.Join(ctx.Err(), withoutRecipient(err, letter.To))
	}
	return nil
}

// withoutRecipient returns err as it may be logged: the library and many servers
// repeat the address in their refusals.
func withoutRecipient(err error, address string) error {
	return fmt.Errorf("send mail: %s", strings.ReplaceAll(err.Error(), address, "the recipient"))
}

// dial connects, and speaks TLS at once where the URL says so.
func (m *smtpMailer) dial(ctx context.Context) (net.Conn, error) {
	address := net.JoinHostPort(m.host, strconv.Itoa(m.port))
	if m.tls {
		d := tls.Dialer{Config: m.tlsConfig()}
		return d.DialContext(ctx, "tcp", address)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address)
}

func (m *smtpMailer) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: m.host, MinVersion: tls.VersionTLS12}
}

// options are go-mail's for one mail over a connection that is there already.
func (m *smtpMailer) options(conn net.Conn) []gomail.Option {
	options := []gomail.Option{
		gomail.WithPort(m.port),
		gomail.WithTimeout(sendTimeout),
		gomail.WithTLSConfig(m.tlsConfig()),
		gomail.WithDialContextFunc(func(context.Context, string, string) (net.Conn, error) { return conn, nil }),
	}
	switch {
	case m.tls:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS)) // no STARTTLS inside TLS
	case m.user != "" && !m.local():
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	}
	if m.user != "" {
		options = append(options, gomail.WithUsername(m.user), gomail.WithPassword(m.password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return options
}

// local says whether the server is on this machine.
func (m *smtpMailer) local() bool {
	addr, err := netip.ParseAddr(m.host)
	return m.host == "localhost" || err == nil && addr.IsLoopback()
}

// compose makes the mail's text. Its id is random and under the sender's domain, so
// that it tells nothing of this machine.
func (m *smtpMailer) compose(letter chat.Mail) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(m.from)
	if err := msg.To(letter.To); err != nil {
		return nil, err
	}
	msg.Subject(letter.Subject)
	msg.SetDate()
	domain := m.from.Address[strings.LastIndexByte(m.from.Address, '@')+1:]
	msg.SetMessageIDWithValue(rand.Text() + "@" + domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, letter.Text)
	return msg, nil
}
