// Package config turns ccsync.toml into a Config that the rest of the program can trust.
//
// The file goes through three steps, and whoever reads this package can follow them in this order:
//
//  1. document.go reads the TOML into settings: section, key, line, value. Broken TOML ends here.
//  2. reader.go hands each setting to its key: keys.go says which keys exist and what each of them
//     takes, follow.go turns "env:NAME" and "secret:/path" into what they hold, so that no later
//     step knows about them, and value.go turns text into typed values.
//  3. check.go looks at what only several keys together can tell, and fills in what depends on the
//     machine.
//
// Nothing stops at the first mistake: a person who edits the file by SSH gets the whole list, each
// line with its place, its key and, where a key is unknown, the nearest that exists. The list is an
// *Error.
//
// A mistake never repeats what a secret holds, nor what came out of a variable or a file, because
// the list is printed, logged by service managers and pasted into chats. Values that are
// credentials have the type Secret, which prints as "redacted" wherever it is formatted.
package config
