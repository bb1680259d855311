//go:build unix

package app

import (
	"os"
	"syscall"

	"ccsyncd/sync/state"
)

// isAlive tells whether the process still runs that took a lock last. One on another host is taken
// for alive.
func isAlive(who state.HeldError) bool {
	if host, err := os.Hostname(); who.PID == 0 || err == nil && who.Host != host {
		return who.PID != 0
	}
	err := syscall.Kill(who.PID, 0)
	return err == nil || err == syscall.EPERM
}
