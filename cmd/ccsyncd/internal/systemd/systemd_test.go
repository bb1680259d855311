package systemd

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// manager is the service manager's end of the socket.
func manager(t *testing.T) (*net.UnixConn, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, path
}

func heardBy(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var b [512]byte
	n, err := c.Read(b[:])
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func envOf(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestSystemdHearsHowTheDaemonFares(t *testing.T) {
	t.Parallel()
	c, path := manager(t)
	s := New(envOf(map[string]string{"NOTIFY_SOCKET": path}))
	for want, send := range map[string]func() error{
		"READY=1\nSTATUS=started": func() error { return s.Ready("started") }, "RELOADING=1": s.Reloading, "STATUS=last run: synced": func() error { return s.Status("last run: synced") }, "STOPPING=1": s.Stopping,
	} {
		if err := send(); err != nil {
			t.Fatal(err)
		}
		if got := heardBy(t, c); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTheWatchdogIsFedWhileTheDaemonWorks(t *testing.T) {
	t.Parallel()
	c, path := manager(t)
	s := New(envOf(map[string]string{"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "3000", "WATCHDOG_PID": strconv.Itoa(os.Getpid())}))
	ctx, stop := context.WithCancel(t.Context())
	asked := 0
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.KeepAlive(ctx, func() bool { asked++; return asked > 3 })
	}()
	if got := heardBy(t, c); got != "WATCHDOG=1" {
		t.Errorf("got %q", got)
	}
	stop()
	<-ended
	if asked < 4 {
		t.Errorf("fed after %d questions, want none before the fourth", asked)
	}
}

func TestWithoutSystemdNothingIsSent(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]map[string]string{
		"no socket":               nil,
		"another kind of socket":  {"NOTIFY_SOCKET": "vsock:2:1"},
		"no socket, but watchdog": {"WATCHDOG_USEC": "1000"},
	} {
		s := New(envOf(values))
		if s != (Manager{}) {
			t.Errorf("%s: %+v", name, s)
		}
		if err := s.Ready("x"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		s.KeepAlive(t.Context(), nil) // returns at once
	}
	s := New(envOf(map[string]string{"NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}))
	if s.watchdog != 0 {
		t.Error("the watchdog is that of another process")
	}
	if err := s.Stopping(); err == nil {
		t.Error("a socket that is not there: no error")
	}
}
