// Package bustest gives tests a bus: one in memory, one at a real RabbitMQ, and a
// wire between them and us that can be cut.
package bustest

import (
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Variable names the environment variable with the address of a RabbitMQ that
// tests may use: amqp://user:password@host:port/vhost.
const Variable = "CHATIRE_TEST_AMQP_URL"

// Each runs fn as a subtest over every kind of bus, each time with the URL of one
// that nobody else uses. A missing RabbitMQ fails the test, it does not skip it.
func Each(t *testing.T, fn func(t *testing.T, url string)) {
	t.Run("memory", func(t *testing.T) { fn(t, "memory://") })
	t.Run("amqp", func(t *testing.T) { fn(t, AMQP(t)) })
}

// AMQP returns the URL of a bus at the RabbitMQ of the tests, with a prefix of its
// own. What the test leaves at the broker under that prefix goes with the test.
func AMQP(t testing.TB) string {
	t.Helper()
	given := os.Getenv(Variable)
	if given == "" {
		t.Fatalf("%s is not set: run the tests with `make test`, which starts a RabbitMQ for them.", Variable)
	}
	u, err := url.Parse(given)
	if err != nil {
		t.Fatalf("%s is not an address of a RabbitMQ.", Variable)
	}
	var random [6]byte
	rand.Read(random[:])
	prefix := "test-" + hex.EncodeToString(random[:])
	t.Cleanup(func() { clean(given, prefix) })
	q := u.Query()
	q.Set("prefix", prefix)
	u.RawQuery = q.Encode()
	return u.String()
}

// Prefix returns the prefix in the URL of a bus.
func Prefix(t testing.TB, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal("the URL of the bus cannot be parsed")
	}
	return u.Query().Get("prefix")
}

// Dial opens a plain connection and channel to the broker of a bus, to do what an
// operator or an attacker would. They are closed with the test.
func Dial(t testing.TB, raw string) *amqp.Channel {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal("the URL of the bus cannot be parsed")
	}
	u.RawQuery = ""
	conn, err := amqp.Dial(u.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// clean deletes the exchanges of a prefix. Queues go with their connections. A
// broker that is away has nothing to clean.
func clean(broker, prefix string) {
	conn, err := amqp.Dial(broker)
	if err != nil {
		return
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return
	}
	for _, name := range []string{".events", ".control", ".ephemeral"} {
		ch.ExchangeDelete(prefix+name, false, true) // without waiting: one that is not there is no matter
	}
	ch.Close()
}
