package chat

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxEmail bounds an e-mail address in code points.
const MaxEmail = 254

// The pieces of an address, as the original takes them apart. Neither of the first
// two lets a line break through, so that an address cannot end a mail's header.
var (
	emailWord   = regexp.MustCompile("(?i)^[-!#$%&'*+/=?^_`{}|~0-9A-Z]+(\\.[-!#$%&'*+/=?^_`{}|~0-9A-Z]+)*$")
	emailQuoted = regexp.MustCompile(`(?i)^"([\x01-\x08\x0b\x0c\x0e-\x1f!#-\[\]-\x7f]|\\[\x01-\x09\x0b\x0c\x0e-\x7f])*"$`)
	emailDomain = regexp.MustCompile(`(?i)^([A-Z0-9]([A-Z0-9-]{0,61}[A-Z0-9])?\.)+[A-Z0-9-]{1,62}[A-Z0-9]$`)
	// emailForeign is a label of a domain in other letters. With its ASCII form's
	// prefix it stays within 63 characters.
	emailForeign = regexp.MustCompile(`^[\p{L}\p{M}\p{N}-]{1,59}$`)
)

// checkEmail returns what is wrong with an address; "" is none and right.
func checkEmail(address string) []string {
	if address == "" {
		return nil
	}
	var complaints []string
	if utf8.RuneCountInString(address) > MaxEmail {
		complaints = append(complaints, fmt.Sprintf("Ensure this field has no more than %d characters.", MaxEmail))
	}
	if !isEmail(address) {
		complaints = append(complaints, "Enter a valid email address.")
	}
	return complaints
}

func isEmail(address string) bool {
	at := strings.LastIndexByte(address, '@')
	if at < 0 || !utf8.ValidString(address) {
		return false
	}
	user, domain := address[:at], address[at+1:]
	if !emailWord.MatchString(user) && !emailQuoted.MatchString(user) {
		return false
	}
	return domain == "localhost" || emailDomain.MatchString(domain) || isAddressLiteral(domain) || isForeignDomain(domain)
}

// isAddressLiteral says whether domain is an IP address in brackets.
func isAddressLiteral(domain string) bool {
	inner, opened := strings.CutPrefix(domain, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	addr, err := netip.ParseAddr(inner)
	return opened && closed && err == nil && addr.Zone() == ""
}

// isForeignDomain says whether domain has labels in letters beyond ASCII and could
// be a name on the internet.
func isForeignDomain(domain string) bool {
	labels := strings.Split(norm.NFKC.String(domain), ".")
	ascii := make([]string, len(labels))
	for i, label := range labels {
		ascii[i] = label
		if strings.IndexFunc(label, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
			continue
		}
		if !emailForeign.MatchString(label) {
			return false
		}
		ascii[i] = "xn--x" // stands for the label's ASCII form
	}
	return emailDomain.MatchString(strings.Join(ascii, "."))
}

// normalEmail returns an address with its domain in lower case.
func normalEmail(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address
	}
	return address[:at] + strings.ToLower(address[at:])
}
