package kit

import (
	"errors"
	"io/fs"
	"net"
	"syscall"
)

// IsNetwork tells whether an error comes from the network. An error of the operating system about a
// local file has the methods of a net.Error, too, and does not count.
func IsNetwork(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	if !ok || errors.As(err, new(*fs.PathError)) {
		return false
	}
	_, bare := e.(syscall.Errno)
	return !bare
}
