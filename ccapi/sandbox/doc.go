// Package sandbox is a local Constant Contact: the v3 API under /v3, the
// authorization server with its device flow under /oauth2/default/v1, and a
// small web page at / on which a person approves device codes and looks
// around. It is an [http.Handler] that keeps one invented account in memory.
//
// # How it behaves
//
// It follows the official contract (Swagger 2.0, version 3.0.178) and, where
// that is silent, what the real service was seen to do, the inconvenient parts
// included: pages are offsets into an order that means nothing, an opt-out does
// not move updated_at, times are whole seconds, keys without a value are
// absent, imports are asynchronous and end in silence, a refresh token can be
// spent once, the token endpoint takes one request a second. What nobody knows
// is a switch ([Switches]).
//
// # Time
//
// Time comes straight from package time, so a Server works inside a
// testing/synctest bubble. Nothing runs in the background: before each request
// everything that has become due since the last one is settled, in its order
// and with its own time. [Server.Advance] moves the clock.
//
// # Pitfalls
//
// The sandbox shares no code with the client, on purpose: a wrong JSON tag
// would otherwise agree with itself.
package sandbox
