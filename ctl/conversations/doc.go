// Package conversations has the stories of what people do together: each is told
// through HTTP and the websocket by people with two devices each, on SQLite in one
// process and on PostgreSQL and RabbitMQ in two. It has tests only.
package conversations
