// Command ccsyncd brings the short codes of an app's users into their contacts at Constant Contact, and keeps them there.
//
// A command lives in the file of its name. What all of them share: cli.go (one call of the program), app.go (what is opened,
// in order, and closed in reverse), exit.go (errors and outcomes as exit codes), print.go (reports as text).
package main

import (
	"os"
	"runtime/debug"
)

// softMemory is where the garbage collector begins to work harder rather than let memory grow, in bytes. Of the first sync of a
// million users half of it is in use at once. GOMEMLIMIT sets another.
const softMemory = 32 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
	os.Exit(run(os.Args[1:]))
}
