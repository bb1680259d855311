// Package users reads the rows of the source: judged one by one, sorted by normalised address in a
// private spool, with counts and a digest. A source that cannot be read to its end gives an error
// and nothing else: half a source is never planned.
package users
