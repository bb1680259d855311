package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/config"
)

// socketMode lets the group of the daemon's user use the socket of the status page.
const socketMode = 0o660

// listenAt listens at host:port, or at a Unix socket. A socket that nobody listens at any more is
// replaced; anything else in its place is left alone.
func listenAt(address string) (net.Listener, error) {
	path, isSocket := strings.CutPrefix(address, config.UnixSocket)
	if !isSocket {
		return net.Listen("tcp", address)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	var listener net.Listener
	var err error
	withUmask(^socketMode&0o777, func() { listener, err = net.Listen("unix", path) })
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, socketMode); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// removeStale removes a socket that a process left that is gone.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s exists and is not a socket; set [http] listen to another path", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		return errors.Join(fmt.Errorf("another process is listening on %s", path), conn.Close())
	}
	if !errors.Is(err, errRefused) {
		return fmt.Errorf("could not check whether another process is listening there: %w", err)
	}
	return os.Remove(path)
}
