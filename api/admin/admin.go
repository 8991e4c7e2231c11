// Package admin is the part of the API by which administrators work: users, tokens,
// sessions, messages and the audit. chatirectl speaks it, to a server or, with --local,
// to the same handlers within its own process.
//
// Whoever shows the token of an administrator may do all of it. Each change is noted in
// the audit, in its own transaction. With ?dry_run=true a change is carried out and
// taken back.
package admin

import (
	"context"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatire/chatire/pkg/bus"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/config"
	"github.com/chatire/chatire/pkg/httpd"
)

// maxPage bounds a page of a list.
const maxPage = 500

// API is the handlers.
type API struct {
	chat       *chat.Service
	bus        Bus
	limit      *httpd.Limit // by user
	operations *prometheus.CounterVec
	local      *chat.Admin // who asks, where there is no server; nil where there is one
}

// Bus asks all processes of an installation.
type Bus interface {
	Ask(ctx context.Context, q bus.Question) ([]bus.Answer, error)
}

// New makes the handlers of a server.
func New(service *chat.Service, b Bus, rates config.RateLimit, metrics prometheus.Registerer) *API {
	a := &API{
		chat:  service,
		bus:   b,
		limit: httpd.NewLimit(rates, config.LimitAdmin, metrics),
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatire_admin_operations_total",
			Help: "Requests of the admin API by what was asked and how it ended: done, refused, or failed by a fault of ours.",
		}, []string{"operation", "result"}),
	}
	metrics.MustRegister(a.operations)
	return a
}

// Routes returns what can be asked.
func (a *API) Routes() []httpd.Route {
	return []httpd.Route{
		{Path: "/api/admin/", Get: a.by("about", a.about)},
		{Path: "/api/admin/users/", Get: a.by("user.list", a.listUsers), Post: a.by("user.create", a.createUser), Within: slow},
		{Path: "/api/admin/users/:username/", Get: a.by("user.get", a.user), Patch: a.by("user.update", a.updateUser), Delete: a.by("user.delete", a.deleteUser), Within: slow},
		{Path: "/api/admin/users/:username/enable/", Post: a.by("user.enable", a.enableUser)},
		{Path: "/api/admin/users/:username/disable/", Post: a.by("user.disable", a.disableUser)},
		{Path: "/api/admin/users/:username/password/", Put: a.by("user.password", a.setPassword), Within: slow},
		{Path: "/api/admin/users/:username/tokens/", Get: a.by("token.list", a.listTokens), Post: a.by("token.create", a.createToken), Delete: a.by("token.revoke-all", a.revokeTokens)},
		{Path: "/api/admin/users/:username/tokens/:id/", Delete: a.by("token.revoke", a.revokeToken)},
		{Path: "/api/admin/users/:username/tokens/:id/rotate/", Post: a.by("token.rotate", a.rotateToken)},
		{Path: "/api/admin/import/users/", Post: a.by("user.import", a.importUsers), Within: slowest},
		{Path: "/api/admin/export/users/", Get: a.by("user.export", a.exportUsers)},
		{Path: "/api/admin/sessions/", Get: a.by("session.list", a.listSessions)},
		{Path: "/api/admin/sessions/:uri/", Get: a.by("session.get", a.session), Delete: a.by("session.delete", a.deleteSession)},
		{Path: "/api/admin/sessions/:uri/close/", Post: a.by("session.close", a.closeSession)},
		{Path: "/api/admin/sessions/:uri/owner/", Put: a.by("session.transfer", a.transferSession)},
		{Path: "/api/admin/sessions/:uri/members/", Get: a.by("session.members", a.listMembers)},
		{Path: "/api/admin/sessions/:uri/events/", Get: a.by("session.export", a.listEvents)},
		{Path: "/api/admin/sessions/:uri/messages/", Get: a.by("message.list", a.listMessages)},
		{Path: "/api/admin/sessions/:uri/messages/:seq/", Delete: a.by("message.delete", a.deleteMessage)},
		{Path: "/api/admin/trace/:uri/:seq/", Get: a.by("trace", a.trace)},
		{Path: "/api/admin/processes/", Get: a.by("top", a.processes)},
		{Path: "/api/admin/apply/", Post: a.by("apply", a.apply), Within: slowest},
		{Path: "/api/admin/audit/", Get: a.by("audit.list", a.listAudit)},
		{Path: "/api/admin/audit/head/", Get: a.by("audit.head", a.auditHead)},
	}
}

// slow is for what may look at a password or leave many Sessions.
const slow = 10 * time.Second

// slowest is for what computes the digests of many passwords.
const slowest = 60 * time.Second

// by returns a handler for administrators, which is counted under the name of what it
// does.
func (a *API) by(operation string, handle fiber.Handler) fiber.Handler {
	for _, result := range []string{resultDone, resultRefused, resultFailed} {
		a.operations.WithLabelValues(operation, result) // so that rates begin at 0
	}
	return func(c *fiber.Ctx) error {
		err := a.handle(c, handle)
		a.operations.WithLabelValues(operation, resultOf(err)).Inc()
		return err
	}
}

func (a *API) handle(c *fiber.Ctx, handle fiber.Handler) error {
	who := httpd.Who(c)
	if !who.User.Admin {
		return chat.ErrForbidden
	}
	if err := a.limit.Take(strconv.FormatInt(who.User.ID, 10)); err != nil {
		return err
	}
	ctx := chat.WithAdmin(c.UserContext(), a.adminOf(c))
	switch dry := c.Query("dry_run"); dry {
	case "", "false":
	case "true":
		ctx = chat.WithDryRun(ctx)
	default:
		return chat.FieldError("dry_run", "Send true or false.")
	}
	c.SetUserContext(ctx)
	return handle(c)
}

// adminOf returns who asks, for the audit.
func (a *API) adminOf(c *fiber.Ctx) chat.Admin {
	if a.local != nil {
		return *a.local
	}
	return chat.Admin{Actor: "user:" + httpd.Who(c).User.Username, Origin: httpd.ClientAddr(c).String()}
}

// How an operation ended.
const (
	resultDone    = "done"
	resultRefused = "refused"
	resultFailed  = "failed"
)

func resultOf(err error) string {
	switch chat.CodeOf(err) {
	case "", chat.Unavailable:
		if err == nil {
			return resultDone
		}
		return resultFailed
	}
	return resultRefused
}

// about says where one is, and as whom.
func (a *API) about(c *fiber.Ctx) error {
	admin := a.adminOf(c)
	return c.JSON(aboutJSON{config.Version, admin.Actor, admin.Origin})
}

type aboutJSON struct {
	Version string `json:"version"`
	Actor   string `json:"actor"`
	Origin  string `json:"origin"`
}

// page is which part of a list is asked for.
type page struct {
	after int64
	limit int
}

func pageOf(c *fiber.Ctx) (page, error) {
	p := page{limit: maxPage}
	err := httpd.Query(c, httpd.Int("after", &p.after, 0), httpd.Int("limit", &p.limit, 1))
	p.limit = min(p.limit, maxPage)
	return p, err
}

// read reads one more than a page holds, so as to know whether there is more.
func read[T any](p page, list func(after int64, limit int) ([]T, error)) (items []T, more bool, err error) {
	items, err = list(p.after, p.limit+1)
	if len(items) > p.limit {
		return items[:p.limit], true, err
	}
	return items, false, err
}

// date is a moment as it stands on the wire; null for none.
func date(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := chat.Date(t)
	return &text
}

// empty answers 204 where there is nothing to say.
func empty(c *fiber.Ctx, err error) error {
	if err != nil {
		return err
	}
	c.Status(fiber.StatusNoContent)
	return nil
}
