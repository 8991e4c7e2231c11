// Package bus carries Copies of Events from the process that committed them to
// the workers. It may lose, repeat, delay and reorder: the Log has everything,
// and whoever misses a Copy reads it there.
//
// # Two kinds
//
// One switch, the scheme of the URL: memory:// stays within the process, amqp://
// and amqps:// go through a RabbitMQ. Both carry the same packs and behave alike.
// The query parameter prefix names the exchanges and queues of an installation
// ("chatire" unless given), so that several can share one vhost.
//
// # The way of a Copy
//
// [Bus.PublishEvents] puts Events into the ring of their slot and returns. It
// never waits: a full ring drops its oldest. One goroutine takes from the rings,
// encodes frames and packs those that are there, at most 64 KB together, without
// a timer. While packs are on their way to the broker the rings fill, so packs
// grow with the load and a lone Event waits for nobody. At the broker a pack goes
// through one of three exchanges:
//
//	<prefix>.events     direct, the routing key is the slot
//	<prefix>.control    fanout
//	<prefix>.ephemeral  fanout
//
// into one queue per worker connection, <prefix>.worker.<instance>.<random>. The
// queue is exclusive, transient and bounded; each new connection declares a new
// one, since the old name stays locked until the broker has noticed the loss.
//
// # Questions
//
// [Bus.Ask] asks all processes something, such as where an Event was, and collects what
// their [Bus.OnQuestion] says. Questions and answers are few, small and signed, and go
// through a fourth exchange, <prefix>.inspect, over a connection of its own in each
// process. When Events passed this process is noted in [Bus.Trace].
//
// # Traces
//
// The spans of what happens here are begun and ended here: publish at
// [Bus.PublishEvents] and with the broker's confirm, receive at [Bus.Decode]. What
// connects them travels in headers beside the pack: see traces.go.
//
// # Why not all of the ready-made parts
//
// Exchanges, queue and bindings are declared by watermill-amqp's builder. The
// Subscriber is watermill's interface on our own consumer. A subscriber of
// watermill-amqp that is replaced after each loss leaves a goroutine behind for
// each one and touches its state from two goroutines unguarded, which the race
// detector reports. Its pooled publisher can block for ever after failed reopens.
// The in-process bus of watermill keeps order only if it holds every publisher
// until the slowest subscriber has acked.
package bus
