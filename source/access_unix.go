//go:build unix

package source

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// writable tells whether this process may make files in the folder.
func writable(folder string) bool { return unix.Access(folder, unix.W_OK) == nil }

// foreign tells whether the file belongs to another account. The superuser is at home everywhere:
// SQLite gives the files that it makes to the owner of the database then.
func foreign(path string) bool {
	info, err := os.Stat(path)
	if err != nil || os.Geteuid() == 0 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) != os.Geteuid()
}
