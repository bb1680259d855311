package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
)

// ErrLink: a symbolic link, or something else that is no file, stands in the place of a lock.
var ErrLink = errors.New("a lock file is not a regular file")

// OwnerError says that a file of the state file belongs to another user than the one that the
// program runs as: what another user made could be read, replaced or locked by that user at any
// time.
type OwnerError struct {
	Path  string
	Owner string // name, or number where there is no name
	Runs  string // the effective user of this process, likewise
}

func (e *OwnerError) Error() string {
	return fmt.Sprintf("%s belongs to user %s, and this process runs as %s", e.Path, e.Owner, e.Runs)
}

// owned wants a file of the user that this process runs as.
func owned(path string, info fs.FileInfo) error {
	owner, told := ownerOf(info)
	if runs := os.Geteuid(); told && owner != runs {
		return &OwnerError{Path: path, Owner: userName(owner), Runs: userName(runs)}
	}
	return nil
}

func userName(id int) string {
	if found, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return found.Username
	}
	return strconv.Itoa(id)
}

// private wants that nobody else owns a file or can read it, if it is there. A symbolic link must
// be root's or one's own.
func private(path string) error {
	if link, err := os.Lstat(path); err == nil && link.Mode()&fs.ModeSymlink != 0 {
		if owner, told := ownerOf(link); told && owner != 0 {
			if err := owned(path, link); err != nil {
				return err
			}
		}
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := owned(path, info); err != nil {
		return err
	}
	// Where there are no owners the mode is made up: Windows tells 0666 of every file that is not
	// read-only.
	_, told := ownerOf(info)
	if mode := info.Mode().Perm(); told && mode&0o077 != 0 {
		return fmt.Errorf("%w: %s has mode %04o, want 0600 (chmod 600 %s)", ErrExposed, path, mode, path)
	}
	return nil
}

// lockFile looks at what stands in the place of a lock, before it is opened; nil when nothing does.
func lockFile(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s (%s)", ErrLink, path, info.Mode())
	}
	return owned(path, info)
}
