package term

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Stream is one of the two outputs. It may be used by several goroutines at once; each call is
// printed whole. It is an io.Writer for loggers, too: what is written goes above a live line
// instead of into it.
type Stream struct {
	terminal bool // somebody looks at it
	moves    bool // the cursor can go back, so that a line can be drawn again
	color    bool
	unicode  bool
	columns  func() int // 0 when it does not matter

	mu   sync.Mutex // guards w, live and err
	w    io.Writer
	live string // what stands on the last line without a line end
	err  error
}

// IsTerminal tells whether a person looks at this stream, so that questions and redrawn lines make
// sense.
func (s *Stream) IsTerminal() bool { return s.terminal }

// Err returns the first error of writing, such as a full disk behind a redirection. A command
// checks it at its end.
func (s *Stream) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Write prints p as it is.
func (s *Stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	live := s.live
	s.erase()
	n, err := s.w.Write(p)
	s.keep(err)
	s.draw(live)
	return n, err
}

// Printf prints like fmt.Printf, with all arguments cleaned but numbers and Text. The format is
// not: it is a constant.
func (s *Stream) Printf(format string, args ...any) {
	s.print(fmt.Sprintf(format, cleanAll(args)...))
}

// Print prints the texts, each on a line of its own.
func (s *Stream) Print(lines ...Text) {
	for _, line := range lines {
		s.print(string(line) + "\n")
	}
}

func (s *Stream) print(out string) { _, _ = io.WriteString(s, out) } // Err has the error

// Live shows a line that the next call replaces. Where lines cannot be redrawn it shows nothing.
func (s *Stream) Live(line Text) {
	if !s.moves {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	s.draw(s.fit(string(line)))
}

// EndLive takes the live line away.
func (s *Stream) EndLive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
}

// fit cuts a line to the width: a longer one would wrap, and could not be erased.
func (s *Stream) fit(line string) string {
	if width := s.columns(); width > 0 {
		return text.Snip(line, width-1, s.pick("…", "..."))
	}
	return line
}

// erase and draw are called with mu held.
func (s *Stream) erase() {
	if s.live == "" {
		return
	}
	_, err := io.WriteString(s.w, "\r\x1b[K")
	s.keep(err)
	s.live = ""
}

func (s *Stream) draw(line string) {
	if line == "" {
		return
	}
	_, err := io.WriteString(s.w, line)
	s.keep(err)
	s.live = line
}

func (s *Stream) keep(err error) {
	if s.err == nil {
		s.err = err
	}
}

// pick chooses by what the stream can show.
func (s *Stream) pick(unicode, ascii string) string {
	if s.unicode {
		return unicode
	}
	return ascii
}

// width counts the columns that a text takes, colours not counted.
func width(line string) int { return text.StringWidthWithoutEscSequences(line) }

func trimLines(block string) string {
	var b strings.Builder
	for line := range strings.Lines(block) {
		b.WriteString(strings.TrimRight(line, " \n"))
		b.WriteByte('\n')
	}
	return b.String()
}
