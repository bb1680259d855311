// Package shell is one call of the program as all commands share it: terminal, common flags,
// logger, errors with their hints, the command that comes next.
package shell

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"

	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/term"
)

// Shell is one call of the program: where it reads and prints, and the flags that every command
// has.
type Shell struct {
	*term.Terminal
	In      io.Reader
	Getenv  func(string) string
	Wire    http.RoundTripper // the network; nil: the real one
	Random  func() float64    // in [0, 1), for waits; nil: math/rand/v2's
	Version string            // of the program

	ConfigPath string // --config
	EnvFile    string // --env-file
	LogLevel   string // --log-level
	NoColor    bool   // --no-color
	Unwatched  bool   // nobody watches: the log tells what a person would see

	vars atomic.Pointer[map[string]string] // of EnvFile
}

// UseEnvFile reads EnvFile, if there is one, and lets Getenv know its variables. The environment
// wins.
func (s *Shell) UseEnvFile() error {
	if s.EnvFile == "" {
		return nil
	}
	if err := s.readEnvFile(); err != nil {
		return err
	}
	environment := s.Getenv
	s.Getenv = func(name string) string { return cmp.Or(environment(name), (*s.vars.Load())[name]) }
	return nil
}

func (s *Shell) readEnvFile() error {
	vars, err := config.ReadEnvFile(s.EnvFile)
	if err != nil {
		return &exit.ConfigError{Message: err.Error(), Hint: "name a file with lines NAME=value, or omit --env-file"}
	}
	s.vars.Store(&vars)
	return nil
}

// OpenTerminal looks at stdout and stderr again, once the flags are known.
func (s *Shell) OpenTerminal() {
	s.Terminal = term.New(term.Options{Stdout: os.Stdout, Stderr: os.Stderr, NoColor: s.NoColor, Getenv: s.Getenv})
}

// Finish reports what went wrong, with a hint, and returns the exit code. Output that
// could not be written, as on a full disk behind a redirection, is a failure too.
func (s *Shell) Finish(err error) int {
	if err == nil {
		err = s.Out.Err()
	}
	code, hint := exit.Of(err)
	if err == nil || code == exit.Pending || exit.IsSaid(err) {
		return code
	}
	s.Complain(err.Error(), hint)
	return code
}

// Complain prints an error and, in the next line, its hint.
func (s *Shell) Complain(message, hint string) {
	s.Err.EndLive()
	s.Err.Print(s.Err.Paint(term.Bad, "error:") + " " + Lines(s.Err, message))
	if hint != "" {
		s.Err.Print(s.Err.Paint(term.Strong, "hint:") + " " + Lines(s.Err, hint))
	}
}

// Next names one command that comes next, with the env file that this one was given. If there are
// several, each has its own line.
func (s *Shell) Next(format string, args ...any) {
	if rest, ok := strings.CutPrefix(format, "ccsyncd"); ok && s.EnvFile != "" {
		format, args = "ccsyncd --env-file %s"+rest, append([]any{s.EnvFile}, args...)
	}
	s.Err.Print(s.Err.Paint(term.Faint, "next:") + " " + s.Err.Text(format, args...))
}

// Config reads the configuration.
func (s *Shell) Config() (*config.Config, error) {
	path, err := config.Find(s.ConfigPath, s.Getenv)
	if err != nil {
		return nil, err
	}
	return s.LoadConfig(path)
}

// LoadConfig reads a configuration. Whoever can write to it, or to a file with a secret that it
// names, decides what the program reads and where it sends it: root takes none that anybody can
// write. The env file is read again, so that a reload sees what has changed in it.
func (s *Shell) LoadConfig(path string) (*config.Config, error) {
	if s.vars.Load() != nil {
		if err := s.readEnvFile(); err != nil {
			return nil, err
		}
	}
	cfg, err := config.Load(path, s.Getenv)
	if err != nil {
		return nil, err
	}
	if s.EnvFile != "" {
		cfg.SecretFiles = append(cfg.SecretFiles, s.EnvFile)
	}
	if os.Geteuid() == 0 {
		for _, fault := range cfg.FileFaults() {
			if fault.Writable {
				return nil, &exit.ConfigError{Message: fault.Text + ", and root accepts no settings from such a file", Hint: fault.Hint}
			}
		}
	}
	return cfg, nil
}

// Logger writes to stderr, as [log] and --log-level say. To a person at a terminal, who sees the
// progress of a command, it tells only what is wrong.
func (s *Shell) Logger(cfg config.Log) *slog.Logger {
	level := cfg.Level
	switch {
	case s.LogLevel != "":
		_ = level.UnmarshalText([]byte(s.LogLevel)) // checked by the root command
	case s.Err.IsTerminal() && !s.Unwatched:
		level = max(level, slog.LevelWarn)
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: maskAddresses}
	if cfg.Format == config.FormatText || cfg.Format == config.FormatAuto && s.Err.IsTerminal() {
		return slog.New(slog.NewTextHandler(s.Err, options))
	}
	return slog.New(slog.NewJSONHandler(s.Err, options))
}

// Lines cleans a text of several lines, each for itself.
func Lines(to *term.Stream, message string) term.Text {
	var all term.Text
	for i, line := range SplitLines(message) {
		if i > 0 {
			all += "\n  "
		}
		all += to.Text("%s", line)
	}
	return all
}

// SplitLines are the lines of a text.
func SplitLines(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }

// AtExit is for deferred clean-up whose failure must not hide an earlier error.
func AtExit(err *error, what string, clean func() error) {
	if failed := clean(); failed != nil && *err == nil {
		*err = fmt.Errorf("%s: %w", what, failed)
	}
}
