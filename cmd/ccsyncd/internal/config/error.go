package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Error lists everything that is wrong with one configuration. It makes the program end with exit
// code 78.
type Error struct {
	Path     string // the file as the caller named it; "" when none was found
	Mistakes []Mistake
	// absolute path of a file that this user may not read; "" when that is not what is wrong
	Denied string
	// the first environment variable that the file names and that is not set; "" when all are
	Unset string
}

// UnsetHint explains how to set the missing variable.
func (e *Error) UnsetHint() string { return unsetHint(e.Unset) }

// Mistake is one thing to correct.
type Mistake struct {
	Line int    // from 1; 0 where the file has no line for it, such as a missing section
	Key  string // "schedule.cron", "field.column"; "" where no key is concerned
	Text string // what is wrong and what would be right, without place; no secret
}

// Error returns one line for each mistake, in the order of the file.
func (e *Error) Error() string {
	lines := make([]string, len(e.Mistakes))
	for i, m := range e.Mistakes {
		lines[i] = strings.Map(printable, e.place(m)+m.Text)
	}
	return strings.Join(lines, "\n")
}

// printable drops what a terminal would obey: a key or path may hold any character.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return -1
	}
	return r
}

func (e *Error) place(m Mistake) string {
	switch {
	case e.Path == "":
		return ""
	case m.Line == 0:
		return e.Path + ": "
	default:
		return fmt.Sprintf("%s, line %d: ", e.Path, m.Line)
	}
}

// sort orders mistakes by line; those without one come last, in the order they were found.
func (e *Error) sort() {
	slices.SortStableFunc(e.Mistakes, func(a, b Mistake) int {
		if (a.Line == 0) != (b.Line == 0) {
			return cmp.Compare(b.Line, a.Line)
		}
		return cmp.Compare(a.Line, b.Line)
	})
}
