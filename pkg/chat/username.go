package chat

import (
	"fmt"
	"regexp"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxUsername bounds a User's name in code points.
const MaxUsername = 150

// usernamePattern is what a name may be made of: letters and numbers of all
// scripts and a few signs.
var usernamePattern = regexp.MustCompile(`^[\p{L}\p{N}_.@+-]+$`)

// cleanUsername returns a name in the form in which it is kept (NFKC), and what is
// wrong with it. Both forms must be right: some single letters become several, or
// get a space, when they are normalised.
func cleanUsername(name string) (normal string, complaints []string) {
	normal = norm.NFKC.String(name)
	if !usernamePattern.MatchString(name) || !usernamePattern.MatchString(normal) {
		complaints = append(complaints, "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.")
	}
	if max(utf8.RuneCountInString(name), utf8.RuneCountInString(normal)) > MaxUsername {
		complaints = append(complaints, fmt.Sprintf("Ensure this field has no more than %d characters.", MaxUsername))
	}
	return normal, complaints
}
