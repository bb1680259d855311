// Command ccsyncd brings the short codes of an app's users into their contacts at Constant Contact, and keeps them there.
//
// A command lives in the file of its name. What all of them share: cli.go (one call of the program), app.go (what is opened,
// in order, and closed in reverse), exit.go (errors and outcomes as exit codes), print.go (reports as text).
package main

import "os"

func main() { os.Exit(run(os.Args[1:])) }
