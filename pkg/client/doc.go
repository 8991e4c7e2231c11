// Package client talks to Chatire from outside: REST by [Client], the websocket by
// [Device]. chatirectl, the end-to-end tests and the benches use it.
//
// A Client is one user, or nobody. Its methods are one request each and return an
// [Error] for every refusal. The exception is [Client.PostReliably], which sends a
// Message again, under the same client id, until it knows what became of it.
//
// A Device is one websocket that watches many Sessions. It connects again after any
// break, goes on after the last Event that it has seen, and hands every Event over
// once and in order. It believes nothing that it can check: a gap or a repeat from
// the server reaches [Hooks.OnFrame], never [Hooks.OnEvent].
//
// A [Recorder] writes down what clients and devices did and saw, for a checker that
// compares it with the Log afterwards.
package client
