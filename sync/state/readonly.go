package state

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ReadOnlyError names what this user may not write: the state file, files that belong to it, or
// their folder. It is an ErrReadOnly.
type ReadOnlyError struct {
	Path string   // the state file
	Not  []Denied // at least one
	Err  error    // what failed; nil if nothing was tried
}

// Denied is a file or a folder.
type Denied struct {
	Name string // without its folder; for people
	Mode fs.FileMode
}

func (e *ReadOnlyError) Error() string {
	each := make([]string, len(e.Not))
	for i, d := range e.Not {
		each[i] = fmt.Sprintf("%s (mode %04o)", d.Name, d.Mode.Perm())
	}
	text := fmt.Sprintf("%v (%s): no permission to write %s", ErrReadOnly, e.Path, strings.Join(each, ", "))
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *ReadOnlyError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrReadOnly}
	}
	return []error{ErrReadOnly, e.Err}
}

// companions are what SQLite has beside the database.
func companions(path string) []string {
	return []string{path + "-wal", path + "-shm", path + "-journal"}
}

// writable wants that this user may write the file and what is beside it. Otherwise SQLite opens it
// for reading alone, creates what is missing with the same mode, and stays with that until the
// process ends.
func writable(path string) error {
	if not := deniedFiles(path); len(not) > 0 {
		return &ReadOnlyError{Path: path, Not: not}
	}
	return nil
}

// readOnly is an ErrReadOnly that names what this user may not write, if that is the reason.
func readOnly(path string, cause error) error {
	dir := filepath.Dir(path)
	if not := append(deniedAt(dir, "the folder "+filepath.Base(dir)), deniedFiles(path)...); len(not) > 0 {
		return &ReadOnlyError{path, not, cause}
	}
	return fmt.Errorf("%w (%s): %w", ErrReadOnly, path, cause)
}

func deniedFiles(path string) (not []Denied) {
	for _, name := range append([]string{path}, companions(path)...) {
		not = append(not, deniedAt(name, filepath.Base(name))...)
	}
	return not
}

// deniedAt is empty unless something is under the path that this user may not write.
func deniedAt(path, name string) []Denied {
	info, err := os.Stat(path)
	if err != nil || mayWrite(path, info) {
		return nil
	}
	return []Denied{{name, info.Mode()}}
}
