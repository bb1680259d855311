//go:build unix

package config

import (
	"io/fs"
	"syscall"
)

// ownerOf is the user that a file belongs to.
func ownerOf(info fs.FileInfo) (id int, told bool) {
	stat, told := info.Sys().(*syscall.Stat_t)
	if !told {
		return 0, false
	}
	return int(stat.Uid), true
}
