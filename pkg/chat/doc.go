// Package chat is the domain: the nouns of Chatire, the rules that govern them,
// and the interfaces through which the rules reach a database, a bus and a mail
// server. It imports no other package of ours.
//
// # Words
//
// These words are used in code, docs, metrics and on the wire, and no others:
//
//   - A User is an account, never a connection.
//   - A Token is the bearer secret of one sign-in; only its SHA-256 is stored.
//   - A Session is a chat room, addressed by its 15-character URI; never a login.
//   - A Member is a User in a Session. The owner is a Member with a Role.
//   - An Event is one fact in a Session that its Members must learn, numbered by
//     its Seq.
//   - A Message is the Event type that carries what somebody wrote. What a broker
//     carries is a delivery, what a socket carries is a frame.
//   - Seq counts 1, 2, 3 ... without gaps inside one Session.
//   - The Log is all Events of a Session in Seq order. It lives in the database
//     and is the only truth.
//   - Head is the highest Seq of a Session.
//   - Ordinal is how many Messages there are up to an Event.
//   - Rev is the Seq of a Message's last change.
//   - A Reaction is one emoji of a Member on a Message, a mention is a Member whom a
//     Message names, and a reply is a Message that quotes another one.
//   - An Invite is a code that makes its holder a Member; Access says whether the URI
//     alone does so, too. A ban keeps a User out.
//   - A Member's read position is the Seq up to which they have read, and Notify says
//     which Messages they want to hear of.
//   - Presence is which Members have a connection. It is ephemeral: never stored.
//   - The Epoch names one life of the Log: a restore from a backup gets a new one.
//   - A Frame is the JSON text of one Event.
//   - A Copy is a Frame on its way to workers. Copies may be lost, repeated,
//     delayed and reordered; the Log has what they carried.
//
// # Rules
//
// [Service] has one method per thing that somebody can ask for. Most are one
// transaction, read from top to bottom. Posting is the exception: the [Appender]
// puts the posts that arrive while a commit is under way into the next one.
//
// A change is committed first, then answered, then published. A failure to
// publish is nobody's failure: whoever misses a Copy reads the Log.
package chat
