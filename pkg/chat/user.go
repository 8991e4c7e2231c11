package chat

import "time"

// User is an account.
type User struct {
	ID        int64
	Username  string // unique without regard to case; "" once deleted
	Email     string // "" where none was given; never shown to others
	FirstName string
	LastName  string

	Password Secret // PHC string of the password's digest, or a Django one
	Admin    bool
	Disabled bool

	CreatedAt time.Time
	LastSeen  *time.Time // the last sign-in; nil before the first
}

// NewUser is what an account starts with.
type NewUser struct {
	Username string
	Email    string
	Password Secret // as the person typed it
	Admin    bool
}

// Secret is a text that must not be shown. Every printed form of it is "***";
// only an explicit conversion to string reveals it.
type Secret string

// String hides the secret.
func (Secret) String() string { return "***" }

// GoString hides the secret.
func (Secret) GoString() string { return "***" }

// MarshalText hides the secret in JSON, YAML and logs.
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }
