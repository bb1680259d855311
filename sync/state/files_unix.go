//go:build unix

package state

import (
	"io/fs"
	"syscall"
)

// noFollow makes opening a symbolic link an error.
const noFollow = syscall.O_NOFOLLOW

// ownerOf is the user that a file belongs to.
func ownerOf(info fs.FileInfo) (id int, told bool) {
	stat, told := info.Sys().(*syscall.Stat_t)
	if !told {
		return 0, false
	}
	return int(stat.Uid), true
}
