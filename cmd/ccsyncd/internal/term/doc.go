// Package term is how ccsyncd talks to the person or the script that started it.
//
// The rules of its language, for everybody who prints:
//
//   - stdout is data, stderr is talk. What was asked for (a table, an object, a list of changes)
//     goes to Terminal.Out and nothing else does, so that `ccsyncd ... | next` and `> file` hold it
//     alone. Progress, hints, logs and questions go to Terminal.Err.
//   - A pipe gets the same words as a terminal: whole lines, aligned, never cut, never coloured,
//     never redrawn. JSON and CSV are for programs, tables are for eyes.
//   - Colour repeats what the words say and never says it alone. $NO_COLOR, --no-color and a dumb
//     terminal turn it off.
//   - Messages are lower case, without a full stop; a message of several sentences has them. Errors
//     read "what was done: what went wrong", and the next line is "hint:" with what a person can
//     do. A command ends with the next one: "next: ccsyncd check".
//   - Numbers are counted for eyes: 12,500 contacts, 1m 20s, 3h ago.
//   - Nothing from outside is trusted: an address, a name or an answer of a server may hold escape
//     sequences, line breaks or letters that turn the direction of writing. Clean takes them out.
//     Printf, Table and Box do so with every argument but Text, which this package alone makes. An
//     argument is data, so it stays on its line.
//   - Values of mapped fields are credentials. Mask shows the first letters, and only a person who
//     asked sees more.
package term
