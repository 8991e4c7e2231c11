package httpd

import (
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
)

// maxInteger is the largest integer on the wire: what a double holds exactly.
const maxInteger = 1<<53 - 1

// Number is one integer of a query.
type Number struct {
	name string
	set  func(int64)
	min  int64
}

// Int is an integer from min up that may be missing: then what it goes into stays
// as it is.
func Int[T ~int | ~int64](name string, into *T, min int64) Number {
	return Number{name, func(n int64) { *into = T(n) }, min}
}

// MaybeInt is an integer from min up that may be missing: then the pointer stays
// nil.
func MaybeInt(name string, into **int64, min int64) Number {
	return Number{name, func(n int64) { *into = &n }, min}
}

// Query reads the query of a request into numbers. What nobody asks for is
// ignored. A number that is given twice, or is none, is an error on its name.
func Query(c *fiber.Ctx, numbers ...Number) error {
	args := c.Context().QueryArgs()
	wrong := map[string][]string{}
	for _, n := range numbers {
		given := args.PeekMulti(n.name)
		if len(given) == 0 {
			continue
		}
		v, err := strconv.ParseInt(string(given[0]), 10, 64)
		switch {
		case err != nil || len(given) > 1 || !digitsOnly(given[0]):
			wrong[n.name] = []string{"A valid integer is required."}
		case v < n.min || v > maxInteger:
			wrong[n.name] = []string{"This number is out of range."}
		default:
			n.set(v)
		}
	}
	if len(wrong) > 0 {
		return &chat.Error{Code: chat.Invalid, Fields: wrong}
	}
	return nil
}

// digitsOnly refuses what ParseInt takes beside digits and a minus sign.
func digitsOnly(s []byte) bool { return len(s) > 0 && s[0] != '+' }
