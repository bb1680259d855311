//go:build unix

package source

import (
	"fmt"
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

// changeOf is what tells a file from another one of the same size and time of writing, which can be
// set: its number, and when it was changed in any way, which the system alone sets.
func changeOf(path string) string {
	var stat unix.Stat_t
	if unix.Stat(path, &stat) != nil {
		return ""
	}
	return fmt.Sprintf("%d/%d.%d", stat.Ino, stat.Ctim.Sec, stat.Ctim.Nsec)
}
