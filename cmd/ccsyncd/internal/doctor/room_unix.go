//go:build unix

package doctor

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// errNotTold: this system does not tell how much room there is.
var errNotTold = errors.New("unknown")

// room is how many bytes this user may still write into a folder.
func room(dir string) (bytes uint64, err error) {
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return 0, &os.PathError{Op: "write to", Path: dir, Err: err}
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, &os.PathError{Op: "look at", Path: dir, Err: err}
	}
	return uint64(fs.Bavail) * uint64(fs.Bsize), nil
}
