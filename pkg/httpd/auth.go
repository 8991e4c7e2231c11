package httpd

import (
	"bytes"
	"context"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"github.com/chatire/chatire/pkg/chat"
)

// scheme is how tokens are shown: Authorization: Token <secret>.
const scheme = "Token"

// Authenticate finds out whose token this is.
type Authenticate func(context.Context, chat.Secret) (chat.Identity, error)

// The refusals of an Authorization header, in the words of the original.
var (
	errNoToken     = chat.Errorf(chat.Unauthorized, "Authentication credentials were not provided.")
	errEmptyToken  = chat.Errorf(chat.Unauthorized, "Invalid token header. No credentials provided.")
	errSpacedToken = chat.Errorf(chat.Unauthorized, "Invalid token header. Token string should not contain spaces.")
	errOddToken    = chat.Errorf(chat.Unauthorized, "Invalid token header. Token string should not contain invalid characters.")
)

// Token returns the token that a request shows, in a header only: never from a
// query or a cookie. A header of another scheme counts as none.
func Token(c *fiber.Ctx) (chat.Secret, error) {
	header := c.Request().Header.Peek(fiber.HeaderAuthorization)
	words := bytes.Fields(header)
	switch {
	case len(words) == 0 || !bytes.EqualFold(words[0], []byte(scheme)):
		return "", errNoToken
	case len(words) == 1:
		return "", errEmptyToken
	case len(words) > 2:
		return "", errSpacedToken
	case !utf8.Valid(words[1]) || !plainValue(words[1]):
		return "", errOddToken
	}
	return chat.Secret(words[1]), nil
}

type identityKey struct{}

// Who returns who is signed in. It is for handlers of routes that ask for a token.
func Who(c *fiber.Ctx) chat.Identity { return c.Locals(identityKey{}).(chat.Identity) }

// signIn checks the token of a request. Without one it is an error only where
// one is needed; a bad one is an error everywhere.
func signIn(c *fiber.Ctx, authenticate Authenticate, needed bool) error {
	secret, err := Token(c)
	if err == errNoToken && !needed {
		return nil
	}
	if err != nil {
		return err
	}
	who, err := authenticate(c.UserContext(), secret)
	if err != nil {
		return err
	}
	c.Locals(identityKey{}, who)
	requestOf(c.Context()).who = who.User.ID
	return nil
}
