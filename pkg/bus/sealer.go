package bus

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"

	"github.com/chatire/chatire/pkg/chat"
)

// sealer signs packs and checks signatures.
type sealer struct {
	sender string
	macs   sync.Pool // of hash.Hash
}

// newSealer derives the key from the installation's secret. The label keeps it
// apart from other keys of that secret.
func newSealer(secret chat.Secret, sender string) *sealer {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "chatire packs of the bus", sha256.Size)
	if err != nil {
		panic(err) // only for keys that are too long
	}
	return &sealer{
		sender: sender,
		macs:   sync.Pool{New: func() any { return hmac.New(sha256.New, key) }},
	}
}

// seal appends the signature of b to b.
func (s *sealer) seal(b []byte) []byte {
	mac := s.macs.Get().(hash.Hash)
	defer s.macs.Put(mac)
	mac.Reset()
	mac.Write(b)
	return mac.Sum(b)
}

// verify says whether b ends with its signature.
func (s *sealer) verify(b []byte) bool {
	mac := s.macs.Get().(hash.Hash)
	defer s.macs.Put(mac)
	mac.Reset()
	mac.Write(b[:len(b)-macBytes])
	var sum [macBytes]byte
	return hmac.Equal(mac.Sum(sum[:0]), b[len(b)-macBytes:])
}
