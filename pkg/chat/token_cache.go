package chat

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// tokenFresh is how long the answer about a token may be used again.
	tokenFresh = 500 * time.Millisecond

	// tokensKnown bounds how many answers are kept, at about half a kilobyte each.
	tokensKnown = 8192
)

// tokenCache remembers who tokens belong to, for tokenFresh. It never remembers
// that a token is not accepted. When it is full the answer used longest ago goes.
type tokenCache struct {
	mu      sync.Mutex // guards all below
	known   *simplelru.LRU[Digest, knownToken]
	byUser  map[int64]map[Digest]struct{} // the keys of known
	changes uint64                        // grows with each forget
}

type knownToken struct {
	who  Identity
	read time.Time // when the database was asked
}

// asking is the state of the cache before the database is asked.
type asking struct {
	begun   time.Time
	changes uint64
}

func newTokenCache() *tokenCache {
	c := &tokenCache{byUser: map[int64]map[Digest]struct{}{}}
	known, err := simplelru.NewLRU(tokensKnown, c.dropped)
	if err != nil {
		panic(err) // only for a size below 1
	}
	c.known = known
	return c
}

// get returns what is known about a token. If that is nothing, its last result is
// to be handed to put with what the database says.
func (c *tokenCache) get(digest Digest) (Identity, bool, asking) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	k, known := c.known.Get(digest)
	if known && now.Sub(k.read) < tokenFresh {
		return k.who, true, asking{}
	}
	return Identity{}, false, asking{begun: now, changes: c.changes}
}

// put keeps an answer of the database, unless something changed since it was asked.
func (c *tokenCache) put(digest Digest, who Identity, asked asking) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if asked.changes != c.changes {
		return
	}
	c.known.Add(digest, knownToken{who, asked.begun})
	if c.byUser[who.User.ID] == nil {
		c.byUser[who.User.ID] = map[Digest]struct{}{}
	}
	c.byUser[who.User.ID][digest] = struct{}{}
}

// forget drops all that is known about a User's tokens. Whoever changes the User or
// their tokens calls it after the commit.
func (c *tokenCache) forget(userID int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	for digest := range c.byUser[userID] {
		c.known.Remove(digest)
	}
}

// dropped is called for each answer that leaves known.
func (c *tokenCache) dropped(digest Digest, k knownToken) {
	userID := k.who.User.ID
	delete(c.byUser[userID], digest)
	if len(c.byUser[userID]) == 0 {
		delete(c.byUser, userID)
	}
}
