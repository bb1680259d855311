package term

import (
	"io"
	"os"
	"strings"

	xterm "golang.org/x/term"
)

// Options says what a Terminal is made of.
type Options struct {
	Stdout, Stderr io.Writer
	NoColor        bool                // --no-color
	Getenv         func(string) string // os.Getenv; nil is an empty environment
}

// Terminal is where a command prints: Out takes the data, Err the talk.
type Terminal struct {
	Out *Stream
	Err *Stream
}

// New looks at the writers, each for itself: stdout may be a pipe while stderr is a terminal.
func New(o Options) *Terminal {
	getenv := o.Getenv
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	return &Terminal{Out: newStream(o.Stdout, o.NoColor, getenv), Err: newStream(o.Stderr, o.NoColor, getenv)}
}

func newStream(w io.Writer, noColor bool, getenv func(string) string) *Stream {
	s := &Stream{w: w, columns: func() int { return 0 }, unicode: isUnicode(getenv)}
	file, ok := w.(*os.File)
	if !ok || !xterm.IsTerminal(int(file.Fd())) {
		return s
	}
	s.terminal = true
	s.moves = getenv("TERM") != "dumb"
	s.color = s.moves && !noColor && getenv("NO_COLOR") == ""
	s.columns = func() int {
		width, _, err := xterm.GetSize(int(file.Fd()))
		if err != nil {
			return 0
		}
		return width
	}
	return s
}

// isUnicode tells whether more than ASCII can be shown. The first variable that is set decides
// (POSIX, section 8.2); without any, as in many containers, the terminal is taken for a modern one.
func isUnicode(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := getenv(name); locale != "" {
			locale = strings.ToLower(locale)
			return strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
		}
	}
	return true
}
