package kit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
)

func TestAnErrorOfALocalFileIsNoErrorOfTheNetwork(t *testing.T) {
	t.Parallel()
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.EMFILE, syscall.EACCES, syscall.EROFS, syscall.ENOENT, syscall.ENOSPC, syscall.ETIMEDOUT} {
		for _, err := range []error{
			errno,
			&fs.PathError{Op: "open", Path: "/tmp/spool", Err: errno},
			&os.LinkError{Op: "rename", Old: "/tmp/a", New: "/tmp/b", Err: errno},
			os.NewSyscallError("fsync", errno),
			&url.Error{Op: "Post", URL: "http://x.example", Err: &fs.PathError{Op: "read", Path: "/tmp/body", Err: errno}},
		} {
			if wrapped := fmt.Errorf("sort the users: %w", err); IsNetwork(wrapped) {
				t.Errorf("%v (%T) counts as an error of the network", wrapped, err)
			}
		}
	}
	for _, err := range []error{io.EOF, io.ErrUnexpectedEOF, OfConnection(errors.New("no EOF"))} {
		if IsNetwork(fmt.Errorf("sort the users: %w", err)) {
			t.Errorf("%v counts as an error of the network", err)
		}
	}
	for _, err := range []error{
		&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
		&net.DNSError{Name: "x.example", IsNotFound: true},
		&url.Error{Op: "Get", URL: "http://x.example", Err: errors.New("EOF")},
		context.DeadlineExceeded,
		OfConnection(io.EOF), OfConnection(fmt.Errorf("read: %w", io.ErrUnexpectedEOF)),
	} {
		if !IsNetwork(fmt.Errorf("read contacts: %w", err)) {
			t.Errorf("%v (%T) does not count as an error of the network", err, err)
		}
	}
}
