package chat

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

const (
	// MinPassword is the least length of a password in code points.
	MinPassword = 8

	// MaxPassword bounds a password in bytes. A longer one is refused before any
	// work is done on it.
	MaxPassword = 1024

	// tooSimilar is from which likeness on a password is refused.
	tooSimilar = 0.7
)

// checkPassword returns what is wrong with a password as an input, whoever's it is
// to be: what would be wrong with any text in its field.
func checkPassword(password Secret) []string {
	switch {
	case len(password) > MaxPassword:
		return []string{fmt.Sprintf("Ensure this field has no more than %d bytes.", MaxPassword)}
	case !utf8.ValidString(string(password)):
		return []string{"Not a valid string."}
	case strings.ContainsRune(string(password), 0):
		return []string{"Null characters are not allowed."}
	}
	return nil
}

// weaknesses returns why a password is too easy to guess for this User, in the
// original's words and order. A zero User has nothing that it could resemble.
func weaknesses(password Secret, u User) []string {
	var found []string
	p := string(password)
	if what := resembles(p, u); what != "" {
		found = append(found, fmt.Sprintf("The password is too similar to the %s.", what))
	}
	if utf8.RuneCountInString(p) < MinPassword {
		found = append(found, fmt.Sprintf("This password is too short. It must contain at least %d characters.", MinPassword))
	}
	if _, common := commonPasswords()[strings.TrimSpace(lower(p))]; common {
		found = append(found, "This password is too common.")
	}
	if strings.TrimFunc(p, unicode.IsDigit) == "" {
		found = append(found, "This password is entirely numeric.")
	}
	return found
}

// notWord parts an attribute into words.
var notWord = regexp.MustCompile(`[^\p{L}\p{N}_]+`)

// resembles returns the name of the first attribute that the password, or a word
// of which the password, is too similar to; "" if there is none.
func resembles(password string, u User) string {
	password = lower(password)
	for _, attribute := range []struct{ name, value string }{
		{"username", u.Username},
		{"first name", u.FirstName},
		{"last name", u.LastName},
		{"email address", u.Email},
	} {
		value := lower(attribute.value)
		for _, part := range append(notWord.Split(value, -1), value) {
			if part != "" && likeness(password, part) >= tooSimilar {
				return attribute.name
			}
		}
	}
	return ""
}

// lower is Python's lower, which knows of a final sigma and of the Turkish I, where
// Go's strings.ToLower goes letter by letter.
func lower(s string) string { return cases.Lower(language.Und).String(s) }

// likeness is what Python's difflib calls quick_ratio: how many characters two
// texts share, wherever they stand, as a part of all their characters.
func likeness(a, b string) float64 {
	left := map[rune]int{}
	for _, r := range b {
		left[r]++
	}
	shared := 0
	for _, r := range a {
		if left[r] > 0 {
			left[r]--
			shared++
		}
	}
	return 2 * float64(shared) / float64(utf8.RuneCountInString(a)+utf8.RuneCountInString(b))
}

//go:embed passwords/common.txt.gz
var commonPacked []byte

// commonPasswords is unpacked at its first use: about 2 MB.
var commonPasswords = sync.OnceValue(func() map[string]struct{} {
	packed, err := gzip.NewReader(bytes.NewReader(commonPacked))
	if err != nil {
		panic(err) // the file is part of the build
	}
	list, err := io.ReadAll(packed)
	if err != nil {
		panic(err)
	}
	common := map[string]struct{}{}
	for line := range strings.Lines(string(list)) {
		common[strings.TrimSpace(line)] = struct{}{}
	}
	return common
})
