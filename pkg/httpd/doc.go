// Package httpd is the HTTP server that programs start from: a fiber app with
// everything around a handler that is the same for all of them.
//
// A request passes, in this order: the limits of size and time; the gate, which
// refuses what two servers could read in two ways; the request id; the headers of
// every answer; CORS; then the app. There a [Route] checks the token before it
// looks at the method, as the original did. A handler decodes with [Decode] and
// [Query], asks one thing of the chat service, and encodes.
//
// Errors reach clients from a closed list only: a [chat.Error] as it is, all
// others as a request id. Nothing of the operators' side (health, metrics,
// profiles) is on the public server; that is [Ops].
package httpd
