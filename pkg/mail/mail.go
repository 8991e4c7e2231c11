// Package mail sends mail through an SMTP server, or writes it to the log where
// there is none. It implements [chat.Mailer]; go-mail is used nowhere else.
package mail

import (
	"context"
	"log/slog"

	"github.com/chatire/chatire/pkg/chat"
)

// Open returns what sends mail as rawURL says:
//
//	smtp://user:password@host:587?from=chat@example.com
//	smtps://user:password@host:465?from=chat@example.com
//
// smtp:// takes up TLS if the server offers it, and insists on it before it shows a
// password to a server on another machine; smtps:// speaks TLS from the start.
// Certificates are always checked. An empty URL writes mails to the log, for
// development: their links are secrets.
//
// Open does not connect: a mail server that is away is found at the first mail.
func Open(rawURL chat.Secret, log *slog.Logger) (chat.Mailer, error) {
	if rawURL == "" {
		log.Warn("no mail server is set: mails, with the secret links in them, go to this log")
		return logMailer{log}, nil
	}
	return parse(rawURL)
}

// logMailer writes mails to a log.
type logMailer struct{ log *slog.Logger }

// Send implements [chat.Mailer].
func (l logMailer) Send(_ context.Context, m chat.Mail) error {
	l.log.Info("mail", "to", m.To, "subject", m.Subject, "text", m.Text)
	return nil
}
