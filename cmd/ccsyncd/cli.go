package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
)

// cli builds the commands of one call of the program.
type cli struct{ *shell.Shell }

// run is the whole program: arguments in, exit code out. A panic ends with 1, never with the 2 of
// the Go runtime, which would read as "changes are pending".
func run(args []string) (code int) {
	c := &cli{&shell.Shell{In: os.Stdin, Getenv: os.Getenv, Version: version}}
	c.OpenTerminal()
	noCore()
	stacksOnQuit(os.Stderr)
	defer func() {
		if p := recover(); p != nil {
			c.Err.Printf("error: internal error: %v\n", p)
			_, _ = c.Err.Write(debug.Stack()) // nobody is left to be told of an error
			code = exit.Failed
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	root := c.root()
	root.SetArgs(args)
	return c.Finish(root.ExecuteContext(ctx))
}
