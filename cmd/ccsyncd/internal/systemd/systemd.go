// Package systemd tells the service manager how the daemon fares: readiness, reloads, a status line
// and the watchdog.
package systemd

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Manager is the service manager, as sd_notify(3) and sd_watchdog_enabled(3) describe it. The zero
// one is no service manager: nothing is sent.
type Manager struct {
	socket   string
	watchdog time.Duration // 0: nobody watches
}

// New reads what the service manager left in the environment.
func New(getenv func(string) string) Manager {
	s := Manager{socket: getenv("NOTIFY_SOCKET")}
	if !strings.HasPrefix(s.socket, "/") && !strings.HasPrefix(s.socket, "@") {
		return Manager{}
	}
	if pid := getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return s
	}
	if n, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && n > 0 {
		s.watchdog = time.Duration(n) * time.Microsecond
	}
	return s
}

// Ready says that the daemon has begun, or has taken a changed configuration.
func (s Manager) Ready(status string) error { return s.send("READY=1", "STATUS="+status) }

// Status is the line that `systemctl status` shows.
func (s Manager) Status(text string) error { return s.send("STATUS=" + text) }

// Reloading says that a changed configuration is being read; ready ends it.
func (s Manager) Reloading() error { return s.send("RELOADING=1") }

// Stopping says that the daemon stops.
func (s Manager) Stopping() error { return s.send("STOPPING=1") }

// KeepAlive tells the watchdog, until ctx ends, that the daemon works for as long as it does.
func (s Manager) KeepAlive(ctx context.Context, works func() bool) {
	if s.watchdog <= 0 {
		return
	}
	tick := time.NewTicker(s.watchdog / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if works() {
				_ = s.send("WATCHDOG=1") // what does not arrive, the watchdog misses
			}
		case <-ctx.Done():
			return
		}
	}
}

// send sends one datagram.
func (s Manager) send(lines ...string) error {
	if s.socket == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(strings.Join(lines, "\n"))); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}
