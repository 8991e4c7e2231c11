package api

import (
	"errors"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/config"
	"github.com/chatire/chatire/pkg/httpd"
)

// limits are the limits of counts that the API keeps.
type limits struct {
	signUps      *httpd.Limit // by address
	resets       *httpd.Limit // by address
	signInFails  *httpd.Limit // by account and address
	accountFails *httpd.Limit // by account
	creates      *httpd.Limit // by user
	messages     *httpd.Limit // by user and session
	changes      *httpd.Limit // by user
	reads        *httpd.Limit // by user
	searches     *httpd.Limit // by user
	lookups      *httpd.Limit // by user
	misses       *httpd.Limit // by user
}

func newLimits(rates config.RateLimit, metrics prometheus.Registerer) limits {
	limit := func(name config.Limiter) *httpd.Limit { return httpd.NewLimit(rates, name, metrics) }
	return limits{
		signUps:      limit(config.LimitSignUps),
		resets:       limit(config.LimitResets),
		signInFails:  limit(config.LimitSignInFails),
		accountFails: limit(config.LimitAccountFails),
		creates:      limit(config.LimitCreates),
		messages:     limit(config.LimitMessages),
		changes:      limit(config.LimitChanges),
		reads:        limit(config.LimitReads),
		searches:     limit(config.LimitSearches),
		lookups:      limit(config.LimitLookups),
		misses:       limit(config.LimitMisses),
	}
}

// addrKey is the key of a client's address.
func addrKey(c *fiber.Ctx) string { return httpd.AddrKey(httpd.ClientAddr(c)) }

// userKey is the key of whoever is signed in.
func userKey(c *fiber.Ctx) string { return strconv.FormatInt(httpd.Who(c).User.ID, 10) }

// guess runs a check of a password. Whoever guessed wrong too often from one
// address is refused before the check. Of an account that was guessed at from
// everywhere only wrong guesses are refused, or strangers could lock out its
// owner.
func (a *API) guess(c *fiber.Ctx, username string, check func() error) error {
	account := strings.ToLower(username)
	here := account + " " + addrKey(c)
	if err := a.limits.signInFails.Check(here); err != nil {
		return err
	}
	wrong := check()
	if !isWrongPassword(wrong) {
		return wrong
	}
	if err := errors.Join(a.limits.signInFails.Take(here), a.limits.accountFails.Take(account)); err != nil {
		return err
	}
	return wrong
}

func isWrongPassword(err error) bool {
	refused, ok := errors.AsType[*chat.Error](err)
	return ok && (errors.Is(err, chat.ErrCredentials) || refused.Fields["current_password"] != nil)
}

// counted returns the routes, those of one session or invite with a limit on how
// often a user may miss: they are not to be found by trying.
func (a *API) counted(routes []httpd.Route) []httpd.Route {
	for i := range routes {
		if r := &routes[i]; strings.Contains(r.Path, ":uri") || strings.Contains(r.Path, ":code") {
			for _, handler := range []*fiber.Handler{&r.Get, &r.Post, &r.Put, &r.Patch, &r.Delete} {
				*handler = a.countMisses(*handler)
			}
		}
	}
	return routes
}

// changing is a handler of changes, which have a limit together.
func (a *API) changing(handle fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if err := a.limits.changes.Take(userKey(c)); err != nil {
			return err
		}
		return handle(c)
	}
}

func (a *API) countMisses(handle fiber.Handler) fiber.Handler {
	if handle == nil {
		return nil
	}
	return func(c *fiber.Ctx) error {
		if err := a.limits.misses.Check(userKey(c)); err != nil {
			return err
		}
		err := handle(c)
		if chat.CodeOf(err) != chat.NotFound {
			return err
		}
		if err := a.limits.misses.Take(userKey(c)); err != nil {
			return err
		}
		return err
	}
}
