// Package api is the REST program: accounts, tokens, sessions and messages over
// HTTP. A file is a noun; each of its handlers decodes, asks one thing of the chat
// service, and encodes. Paths, bodies and the words of refusals are those that
// clients of the original know.
package api

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/api/admin"
	"github.com/chatire/chatire/pkg/boot"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/httpd"
	"github.com/chatire/chatire/web"
)

// API is the program's handlers.
type API struct {
	chat      *chat.Service
	publicURL string // "" where the operator did not say
	limits    limits
	admin     *admin.API
	site      *site
	log       *slog.Logger
}

// New makes the program.
func New(k *boot.Kit) (boot.Program, error) {
	site, err := newSite(web.Files(), k.Config.TermsURL)
	if err != nil {
		return nil, err
	}
	return &API{
		chat:      k.Chat,
		publicURL: strings.TrimRight(k.Config.PublicURL, "/"),
		limits:    newLimits(k.Config.RateLimit, k.Metrics),
		admin:     admin.New(k.Chat, k.Bus, k.Config.RateLimit, k.Metrics),
		site:      site,
		log:       k.Log,
	}, nil
}

// hashing bounds what a handler may wait for that looks at a password: such work
// may queue.
const hashing = 10 * time.Second

// routes is all that can be asked of the API; the web app has its own. The schema lists
// the same, and a test compares them.
func (a *API) routes() []httpd.Route {
	return []httpd.Route{
		{Path: "/auth/", Open: true, Get: a.listEndpoints},
		{Path: "/auth/me/", Get: a.me, Put: a.changeEmail, Patch: a.changeEmail},
		{Path: "/auth/username/", Post: a.rename, Within: hashing},
		{Path: "/auth/password/", Post: a.changePassword, Within: hashing},
		{Path: "/auth/password/reset/", Open: true, Post: a.requestReset},
		{Path: "/auth/password/reset/confirm/", Open: true, Post: a.confirmReset, Within: hashing},
		{Path: "/auth/users/", Open: true, Post: a.signUp, Within: hashing},
		{Path: "/auth/users/create/", Open: true, Post: a.signUp, Within: hashing},
		{Path: "/auth/users/delete/", Post: a.deleteAccount, Within: hashing},
		{Path: "/auth/users/activate/", Open: true, Post: a.activate},
		{Path: "/auth/users/me/", Get: a.me, Put: a.changeEmail, Patch: a.changeEmail},
		{Path: "/auth/token/create/", Open: true, Post: a.signIn, Within: hashing},
		{Path: "/auth/token/login/", Open: true, Post: a.signIn, Within: hashing},
		{Path: "/auth/token/destroy/", Post: a.signOut},
		{Path: "/auth/token/logout/", Post: a.signOut},
		{Path: "/auth/tokens/", Get: a.listTokens},
		{Path: "/auth/tokens/:id/", Delete: a.revokeToken},

		{Path: "/api/chats/", Get: a.listSessions, Post: a.openSession},
		{Path: "/api/chats/:uri/", Get: a.sessionDetails, Patch: a.patchSession, Delete: a.changing(a.eraseSession)},
		{Path: "/api/chats/:uri/preview/", Get: a.previewLink},
		{Path: "/api/chats/:uri/close/", Post: a.changing(a.closeSession)},
		{Path: "/api/chats/:uri/messages/", Get: a.history, Post: a.postMessage},
		{Path: "/api/chats/:uri/messages/:seq/", Get: a.message, Patch: a.changing(a.editMessage), Delete: a.changing(a.deleteMessage)},
		{Path: "/api/chats/:uri/messages/:seq/reactions/:emoji/", Put: a.changing(a.react), Delete: a.changing(a.unreact)},
		{Path: "/api/chats/:uri/events/", Get: a.eventLog},
		{Path: "/api/chats/:uri/read/", Get: a.readPositions, Put: a.markRead},
		{Path: "/api/chats/:uri/notify/", Put: a.changing(a.setNotify)},
		{Path: "/api/chats/:uri/search/", Get: a.searchSession},
		{Path: "/api/chats/:uri/members/:username/", Patch: a.changing(a.setRole), Delete: a.changing(a.removeMember)},
		{Path: "/api/chats/:uri/bans/", Get: a.listBans},
		{Path: "/api/chats/:uri/bans/:username/", Put: a.changing(a.ban), Delete: a.changing(a.unban)},
		{Path: "/api/chats/:uri/invites/", Get: a.listInvites, Post: a.changing(a.createInvite)},
		{Path: "/api/chats/:uri/invites/:id/", Delete: a.changing(a.revokeInvite)},
		{Path: "/api/invites/:code/", Get: a.previewInvite, Post: a.changing(a.acceptInvite)},
		{Path: "/api/search/", Get: a.searchAll},
		{Path: "/api/unread/", Get: a.unread},

		{Path: "/api/schema/", Open: true, Get: a.schema},
	}
}

// Mount adds the routes to an app.
func (a *API) Mount(app *fiber.App) {
	httpd.Mount(app, a.chat.Authenticate, a.counted(a.routes())...)
	httpd.Mount(app, a.chat.Authenticate, a.admin.Routes()...)
	httpd.Mount(app, a.chat.Authenticate, a.site.routes()...)
	httpd.Otherwise(app, a.site.elsewhere)
}

// headEvery is how often the end of the audit's chain is logged: what was logged cannot
// be changed in the database.
const headEvery = time.Hour

// Run logs where the audit's chain ends, at once and each hour, until ctx ends.
func (a *API) Run(ctx context.Context) error {
	tick := time.NewTicker(headEvery)
	defer tick.Stop()
	for {
		if head, err := a.chat.AuditHead(ctx); err == nil {
			a.log.Info("audit head", "head", head.String())
		} else if ctx.Err() == nil {
			a.log.Warn("read the audit's head", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
