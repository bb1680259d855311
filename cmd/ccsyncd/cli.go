package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/term"
)

// cli is one call of the program: where it reads and prints, and the flags that every command has.
type cli struct {
	*term.Terminal
	in     io.Reader
	getenv func(string) string
	wire   http.RoundTripper // the network; nil: the real one

	configPath string
	logLevel   string
	noColor    bool
	daemonic   bool // nobody watches: the log tells what a person would see
}

// run is the whole program: arguments in, exit code out. A panic ends with 1, never with the 2 of the Go runtime, which
// would read as "changes are pending".
func run(args []string) (code int) {
	c := &cli{in: os.Stdin, getenv: os.Getenv}
	c.openTerminal()
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
	return c.finish(root.ExecuteContext(ctx))
}

// openTerminal looks at stdout and stderr again, once the flags are known.
func (c *cli) openTerminal() {
	c.Terminal = term.New(term.Options{Stdout: os.Stdout, Stderr: os.Stderr, NoColor: c.noColor, Getenv: c.getenv})
}

// finish says what went wrong, and what to do about it, and returns the exit code. Output that could not be written,
// as on a full disk behind a redirection, is a failure too.
func (c *cli) finish(err error) int {
	if err == nil {
		err = c.Out.Err()
	}
	code, hint := exit.Of(err)
	if err == nil || code == exit.Pending || exit.IsSaid(err) {
		return code
	}
	c.complain(err.Error(), hint)
	return code
}

// complain prints an error and, in the next line, its cure.
func (c *cli) complain(message, hint string) {
	c.Err.EndLive()
	c.Err.Print(c.Err.Paint(term.Bad, "error:") + " " + lines(c.Err, message))
	if hint != "" {
		c.Err.Print(c.Err.Paint(term.Strong, "hint:") + " " + lines(c.Err, hint))
	}
}

// next names the command that comes next.
func (c *cli) next(format string, args ...any) {
	c.Err.Print(c.Err.Paint(term.Faint, "next:") + " " + c.Err.Text(format, args...))
}

// config reads the configuration.
func (c *cli) config() (*config.Config, error) {
	path, err := config.Find(c.configPath, c.getenv)
	if err != nil {
		return nil, err
	}
	return c.loadConfig(path)
}

// loadConfig reads a configuration. Whoever can write to it, or to a file with a secret that it names, decides what the program
// reads and where it sends it: root takes none that anybody can write.
func (c *cli) loadConfig(path string) (*config.Config, error) {
	cfg, err := config.Load(path, c.getenv)
	if err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		for _, fault := range cfg.FileFaults() {
			if fault.Writable {
				return nil, &exit.ConfigError{Message: fault.Text + ", and root takes no settings from such a file", Hint: fault.Hint}
			}
		}
	}
	return cfg, nil
}

// logger writes to stderr, as [log] and --log-level say. To a person at a terminal, who sees the progress of a command,
// it tells only what is wrong.
func (c *cli) logger(cfg config.Log) *slog.Logger {
	level := cfg.Level
	switch {
	case c.logLevel != "":
		_ = level.UnmarshalText([]byte(c.logLevel)) // checked by the root command
	case c.Err.IsTerminal() && !c.daemonic:
		level = max(level, slog.LevelWarn)
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: maskAddresses}
	if cfg.Format == config.FormatText || cfg.Format == config.FormatAuto && c.Err.IsTerminal() {
		return slog.New(slog.NewTextHandler(c.Err, options))
	}
	return slog.New(slog.NewJSONHandler(c.Err, options))
}

// lines cleans a text of several lines, each for itself.
func lines(s *term.Stream, message string) term.Text {
	var all term.Text
	for i, line := range splitLines(message) {
		if i > 0 {
			all += "\n  "
		}
		all += s.Text("%s", line)
	}
	return all
}

func splitLines(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }

// atExit is for clean-up whose failure must not hide an earlier error.
func atExit(err *error, what string, clean func() error) {
	if failed := clean(); failed != nil && *err == nil {
		*err = fmt.Errorf("%s: %w", what, failed)
	}
}
