package chat

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// Accounts that come from elsewhere bring digests of their own kinds. They are accepted
// as they are, and replaced by one of ours at the next sign-in. The forms are those of
// PHC strings, of crypt(3), and of Django (docs.djangoproject.com, "Password management").

// These bound what such a digest may ask for: about a second of a core, or 256 MiB.
const (
	maxPBKDF2Rounds = 5_000_000
	maxBcryptCost   = 14
	maxScryptMemory = 256 << 20 // bytes
	maxForeignKey   = 64        // bytes
)

var errForeign = errors.New("not a digest of a known kind, or one that costs too much")

// foreignDigest is a digest that is not of the kind that is made here.
type foreignDigest func(password Secret) bool

func (d foreignDigest) matches(password Secret) bool { return d(password) }

func (d foreignDigest) current() bool { return false }

// readForeign reads a digest by the name that it begins with.
func readForeign(stored Secret) (digest, error) {
	text := string(stored)
	name, rest, _ := strings.Cut(text, "$")
	switch name {
	case "pbkdf2_sha256":
		return readPBKDF2(rest, sha256.New)
	case "pbkdf2_sha1":
		return readPBKDF2(rest, sha1.New)
	case "argon2": // what follows is as elsewhere
		return readArgon(Secret("$" + rest))
	case "scrypt":
		return readDjangoScrypt(rest)
	case "bcrypt":
		return readBcrypt(rest, func(p Secret) []byte { return []byte(p) })
	case "bcrypt_sha256":
		return readBcrypt(rest, func(p Secret) []byte {
			sum := sha256.Sum256([]byte(p))
			return []byte(hex.EncodeToString(sum[:]))
		})
	}
	switch {
	case strings.HasPrefix(text, "$2a$"), strings.HasPrefix(text, "$2b$"), strings.HasPrefix(text, "$2y$"):
		return readBcrypt(text, func(p Secret) []byte { return []byte(p) })
	case strings.HasPrefix(text, "$scrypt$"):
		return readScrypt(strings.TrimPrefix(text, "$scrypt$"))
	}
	return nil, errForeign
}

// readPBKDF2 reads rounds$salt$key.
func readPBKDF2(text string, sum func() hash.Hash) (digest, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 3 {
		return nil, errForeign
	}
	rounds, err := strconv.Atoi(parts[0])
	if err != nil || rounds < 1 || rounds > maxPBKDF2Rounds {
		return nil, errForeign
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) < 16 || len(key) > maxForeignKey {
		return nil, errForeign
	}
	return foreignDigest(func(password Secret) bool {
		derived, err := pbkdf2.Key(sum, string(password), []byte(parts[1]), rounds, len(key))
		return err == nil && subtle.ConstantTimeCompare(derived, key) == 1
	}), nil
}

// readBcrypt reads a digest of crypt(3). prepare is what is done to a password before.
// Only its first 72 bytes count, as everywhere with bcrypt.
func readBcrypt(text string, prepare func(Secret) []byte) (digest, error) {
	cost, err := bcrypt.Cost([]byte(text))
	if err != nil || cost > maxBcryptCost {
		return nil, errForeign
	}
	return foreignDigest(func(password Secret) bool {
		prepared := prepare(password)
		return bcrypt.CompareHashAndPassword([]byte(text), prepared[:min(len(prepared), 72)]) == nil
	}), nil
}

// readScrypt reads ln=LOG,r=BLOCK,p=LANES$salt$key with bare base64.
func readScrypt(text string) (digest, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 3 {
		return nil, errForeign
	}
	var log, block, lanes int
	if _, err := fmt.Sscanf(parts[0], "ln=%d,r=%d,p=%d", &log, &block, &lanes); err != nil || log < 1 || log > 30 {
		return nil, errForeign
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, errForeign
	}
	key, err := base64.RawStdEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, errForeign
	}
	return newScrypt(salt, key, 1<<log, block, lanes)
}

// readDjangoScrypt reads cost$salt$block$lanes$key.
func readDjangoScrypt(text string) (digest, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 5 {
		return nil, errForeign
	}
	var figures [3]int
	for i, part := range []string{parts[0], parts[2], parts[3]} {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, errForeign
		}
		figures[i] = n
	}
	key, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil {
		return nil, errForeign
	}
	return newScrypt([]byte(parts[1]), key, figures[0], figures[1], figures[2])
}

func newScrypt(salt, key []byte, cost, block, lanes int) (digest, error) {
	if cost < 2 || block < 1 || block > 64 || lanes < 1 || lanes > 16 || len(key) < 16 || len(key) > maxForeignKey {
		return nil, errForeign
	}
	if cost > maxScryptMemory/128/block/lanes {
		return nil, errForeign
	}
	return foreignDigest(func(password Secret) bool {
		derived, err := scrypt.Key([]byte(password), salt, cost, block, lanes, len(key))
		return err == nil && subtle.ConstantTimeCompare(derived, key) == 1
	}), nil
}
