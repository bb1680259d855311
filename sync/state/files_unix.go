//go:build unix

package state

import (
	"errors"
	"io/fs"
	"syscall"
)

// noFollow makes opening a symbolic link an error.
const noFollow = syscall.O_NOFOLLOW

// indexMayVanish tells that the log's index can be deleted while processes use it.
const indexMayVanish = true

// ownerOf is the user that a file belongs to.
func ownerOf(info fs.FileInfo) (id int, told bool) {
	stat, told := info.Sys().(*syscall.Stat_t)
	if !told {
		return 0, false
	}
	return int(stat.Uid), true
}

// mayWrite tells whether the mode of a file, and not its file system, lets this user write it.
func mayWrite(path string, _ fs.FileInfo) bool {
	const wOK = 2 // of access(2)
	return !errors.Is(syscall.Access(path, wOK), syscall.EACCES)
}
