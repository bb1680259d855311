package term

import (
	"bytes"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// pseudoTerminal opens the end of a pseudo-terminal at which a program runs, 90 columns wide.
func pseudoTerminal(t *testing.T) *os.File {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 90}); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	return slave
}

func TestATerminalIsKnownForWhatItIs(t *testing.T) {
	t.Parallel()
	tty := pseudoTerminal(t)
	tests := map[string]struct {
		noColor               bool
		env                   map[string]string
		moves, color, unicode bool
	}{
		"as it is":              {false, nil, true, true, true},
		"with --no-color":       {true, nil, true, false, true},
		"with NO_COLOR":         {false, map[string]string{"NO_COLOR": "1"}, true, false, true},
		"with an empty one":     {false, map[string]string{"NO_COLOR": ""}, true, true, true},
		"when dumb":             {false, map[string]string{"TERM": "dumb"}, false, false, true},
		"in the C locale":       {false, map[string]string{"LANG": "C"}, true, true, false},
		"in a UTF-8 locale":     {false, map[string]string{"LANG": "C.UTF-8"}, true, true, true},
		"when LC_ALL overrides": {false, map[string]string{"LC_ALL": "POSIX", "LANG": "en_US.utf8"}, true, true, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			term := New(Options{Stdout: &bytes.Buffer{}, Stderr: tty, NoColor: tt.noColor,
				Getenv: func(name string) string { return tt.env[name] }})
			s := term.Err
			if s.moves != tt.moves || s.color != tt.color || s.unicode != tt.unicode || !s.IsTerminal() {
				t.Errorf("moves %v, color %v, unicode %v, terminal %v", s.moves, s.color, s.unicode, s.IsTerminal())
			}
			if got := s.columns(); got != 90 {
				t.Errorf("columns = %d, want 90", got)
			}
			if term.Out.IsTerminal() || term.Out.color {
				t.Error("a buffer is taken for a terminal")
			}
		})
	}
}
