package chat

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// uriLength is how many hexadecimal digits address a Session: 60 random bits.
const uriLength = 15

// noURI stands for every malformed uri in a query, so that asking for one costs
// what asking for a missing one costs.
const noURI = "-"

func newURI() string {
	var random [8]byte
	rand.Read(random[:]) // never fails: see crypto/rand
	return hex.EncodeToString(random[:])[:uriLength]
}

// cleanURI returns uri if it can be one, else noURI.
func cleanURI(uri string) string {
	if len(uri) != uriLength || strings.Trim(uri, "0123456789abcdef") != "" {
		return noURI
	}
	return uri
}
