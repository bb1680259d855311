// Package config turns ccsync.toml into a checked [Config].
//
// The file goes through three steps:
//
//  1. document.go reads the TOML into settings, each with section, key, line and value. Broken TOML
//     ends here.
//  2. reader.go hands each setting to its key. keys.go has all keys and their values. follow.go
//     replaces "env:NAME" and "secret:/path" with their contents, so no later step knows about
//     them. value.go turns text into typed values.
//  3. check.go tests the keys that depend on each other, and fills in what depends on the machine.
//
// Reading does not stop at the first mistake, so a person who edits the file by SSH gets the whole
// list. Each line has the place and the key. For an unknown key, it has the nearest known key. The
// list is an [*Error].
//
// The list is printed, logged by service managers and pasted into chats. So a mistake never repeats
// a secret, nor the contents of a variable or a file. Credentials have the type [Secret], which
// prints as "redacted" wherever it is formatted.
package config
