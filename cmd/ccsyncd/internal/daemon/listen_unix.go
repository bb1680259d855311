//go:build unix

package daemon

import "syscall"

// errRefused says that nobody listens.
var errRefused error = syscall.ECONNREFUSED

// withUmask works while new files get none of these bits.
func withUmask(mask int, work func()) {
	was := syscall.Umask(mask)
	defer syscall.Umask(was)
	work()
}
