package chat

import (
	"crypto/sha256"
	"time"
)

// Digest is the SHA-256 of a token's secret: the only form that is stored.
type Digest [sha256.Size]byte

// DigestOf returns the digest under which the token with this secret is kept.
func DigestOf(secret Secret) Digest { return sha256.Sum256([]byte(secret)) }

// Token is one sign-in of a User.
type Token struct {
	ID        int64
	UserID    int64
	Label     string // what the User calls the device
	CreatedAt time.Time
	LastUsed  time.Time // written at most once an hour

	// ExpiresAt is when the token ends; a use moves it forward by Idle.
	ExpiresAt time.Time
	Idle      time.Duration // 0: the expiry is fixed
}

// TokenIdle is how long a token lives without being used.
const TokenIdle = 90 * 24 * time.Hour
