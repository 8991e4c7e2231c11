package chat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// mailsWaiting bounds the requests that wait for a mail. Whoever finds the
	// queue full is asked to come back.
	mailsWaiting = 256

	// mailSenders is how many mails are under way at once, and mailTimeout bounds
	// each of them.
	mailSenders = 2
	mailTimeout = 10 * time.Second

	// mailGrace is how long a process that stops goes on with what waits.
	mailGrace = 5 * time.Second
)

// mailQueue answers requests for a new password by mail, apart from the requests
// themselves: they take the same time whether or not the address is known.
type mailQueue struct {
	store  Store
	mailer Mailer
	links  links
	sent   *prometheus.CounterVec
	log    *slog.Logger
	asked  chan string // addresses
}

// ask queues a request. It never blocks.
func (q *mailQueue) ask(address string) error {
	select {
	case q.asked <- address:
		return nil
	default:
		return &Error{
			Code:       Unavailable,
			Detail:     "Too many mails are waiting. Try again in a minute.",
			RetryAfter: time.Minute,
		}
	}
}

// run answers requests until ctx ends, then those that wait, for mailGrace.
func (q *mailQueue) run(ctx context.Context) {
	var senders sync.WaitGroup
	for range mailSenders {
		senders.Go(func() { q.send(ctx) })
	}
	senders.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), mailGrace)
	defer cancel()
	for len(q.asked) > 0 && ctx.Err() == nil {
		q.answer(ctx, <-q.asked)
	}
}

func (q *mailQueue) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case address := <-q.asked:
			// One that was begun is finished: ctx ends the loop, not the mail.
			q.answer(context.WithoutCancel(ctx), address)
		}
	}
}

// answer sends a link to each account with this address. What fails is counted and
// logged without the address; the User asks again.
func (q *mailQueue) answer(ctx context.Context, address string) {
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	users, err := q.store.UsersByEmail(ctx, address)
	if err != nil {
		q.failed("mail a link", err)
		return
	}
	for _, u := range users {
		if err := q.mail(ctx, u); err != nil {
			q.failed("mail a link", err, "user_id", u.ID)
			continue
		}
		q.sent.WithLabelValues(resultOK).Inc()
	}
}

func (q *mailQueue) failed(what string, err error, fields ...any) {
	q.sent.WithLabelValues(resultFailed).Inc()
	q.log.Error(what, append(fields, "error", err)...)
}

// mail sends the link to the address that is stored, never to the one that was
// asked with: the two may differ in more than case.
func (q *mailQueue) mail(ctx context.Context, u User) error {
	if q.links.base == "" {
		return errors.New("no public URL is set, so there is no link to send")
	}
	now, err := q.store.Now(ctx)
	if err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	return q.mailer.Send(ctx, Mail{
		To:      u.Email,
		Subject: "Set a new Chatire password",
		Text:    fmt.Sprintf(resetMail, u.Username, q.links.base, q.links.reset(u, now)),
	})
}

const resetMail = `Hello %s,

somebody, probably you, asked for a new password at %s.
This link sets it. It works once, for 24 hours:

%s

If you did not ask, do nothing: your password stays as it is.
`
