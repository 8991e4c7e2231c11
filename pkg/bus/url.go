package bus

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"

	amqp "github.com/rabbitmq/amqp091-go"
)

var prefixPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// parseURL returns the wire that a URL asks for. Its errors never show the URL,
// which has a password.
func parseURL(o Options) (wire, error) {
	u, err := url.Parse(string(o.URL))
	if err != nil {
		return nil, errors.New("the URL cannot be parsed")
	}
	q := u.Query()
	prefix := "chatire"
	if q.Has("prefix") {
		prefix = q.Get("prefix")
		q.Del("prefix")
	}
	if !prefixPattern.MatchString(prefix) {
		return nil, errors.New("the prefix must be 1 to 64 letters, digits, dots, dashes or underscores")
	}
	u.RawQuery = q.Encode()
	switch u.Scheme {
	case "memory":
		return newMemory(), nil
	case "amqp", "amqps":
		if _, err := amqp.ParseURI(u.String()); err != nil {
			return nil, fmt.Errorf("the %s URL cannot be understood", u.Scheme)
		}
		return newRabbit(o, u.String(), prefix), nil
	default:
		return nil, errors.New("the URL must begin with memory://, amqp:// or amqps://")
	}
}
