// Command ccsyncd brings the short codes of an app's users into their contacts at Constant Contact,
// and keeps them there.
//
// A command lives in the file of its name: it parses, calls a package of internal, and prints.
// docs/architecture.md has the list of these packages, and an index of what is where.
package main

import "os"

func main() { os.Exit(run(os.Args[1:])) }
