package chat

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// linkLife is how long the link in a mail works.
const linkLife = 24 * time.Hour

// links makes and checks the codes in mails. Nothing is stored: a code is the time
// when it was made and a signature over it and over the state of the account. So it
// ends by itself when it was used, when the User signs in, or when the password,
// the address or the account's state changes in another way.
type links struct {
	key  []byte
	base string // Options.PublicURL without a slash at its end
}

func newLinks(o Options) links {
	secret := []byte(o.Secret)
	if len(secret) == 0 {
		secret = randomBytes(sha256.Size) // nobody can forge what nobody can know
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "chatire: codes in mails", sha256.Size)
	if err != nil {
		panic(err) // only for a length that SHA-256 cannot give
	}
	return links{key: key, base: strings.TrimRight(o.PublicURL, "/")}
}

// reset returns where an account's password can be set anew: an address of the web
// app, <public url>/reset/<uid>/<code>. It posts both to the API with the password.
func (l links) reset(u User, now time.Time) string {
	return fmt.Sprintf("%s/reset/%s/%s", l.base, uidOf(u), l.code(u, now))
}

// code returns a code for the account as it is, made at a time of the database.
func (l links) code(u User, made time.Time) string {
	stamp := strconv.FormatInt(made.Unix(), 36)
	return stamp + "-" + l.sign(u, stamp)
}

// sign returns the signature over an account's state and a time. Its first 20 bytes
// are enough: they cannot be tried at home.
func (l links) sign(u User, stamp string) string {
	var seen int64
	if u.LastSeen != nil {
		seen = u.LastSeen.UnixMicro()
	}
	mac := hmac.New(sha256.New, l.key)
	fmt.Fprintf(mac, "%d|%q|%q|%d|%t|%s", u.ID, string(u.Password), u.Email, seen, u.Disabled, stamp)
	return hex.EncodeToString(mac.Sum(nil)[:20])
}

// accepts says whether the code was made for the account as it is, at most linkLife
// ago.
func (l links) accepts(u User, code string, now time.Time) bool {
	stamp, signature, _ := strings.Cut(code, "-")
	made, err := strconv.ParseInt(stamp, 36, 64)
	if err != nil {
		return false
	}
	if !hmac.Equal([]byte(signature), []byte(l.sign(u, stamp))) {
		return false
	}
	age := now.Unix() - made
	return age >= 0 && age <= int64(linkLife.Seconds())
}

// uidOf returns how a link names an account.
func uidOf(u User) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, u.ID, 10))
}

// readUID returns the id of the account that a link names.
func readUID(uid string) (id int64, ok bool) {
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(uid, "="))
	if err != nil {
		return 0, false
	}
	id, err = strconv.ParseInt(string(text), 10, 64)
	return id, err == nil && id > 0
}
