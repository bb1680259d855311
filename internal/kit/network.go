package kit

import (
	"errors"
	"io"
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

// NetworkError marks an error as one of the network. Its text is that of Err.
type NetworkError struct{ Err error }

func (e *NetworkError) Error() string   { return e.Err.Error() }
func (e *NetworkError) Unwrap() error   { return e.Err }
func (e *NetworkError) Timeout() bool   { return false }
func (e *NetworkError) Temporary() bool { return false }

// OfConnection marks the early end of a connection as an error of the network. io.EOF and
// io.ErrUnexpectedEOF do not show it, because a file that ends early has the same errors.
func OfConnection(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &NetworkError{err}
	}
	return err
}
