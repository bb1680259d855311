//go:build unix

package app

import (
	"bytes"
	"os"
	"strconv"
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
	return (err == nil || err == syscall.EPERM) && !ended(who.PID)
}

// ended tells whether a process has ended and only waits for its parent, as in a container whose
// first process waits for nobody: proc_pid_stat(5). Where there is no /proc it does not tell.
func ended(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	name := bytes.LastIndex(stat, []byte(") ")) // it may hold anything
	return err == nil && name > 0 && len(stat) > name+2 && (stat[name+2] == 'Z' || stat[name+2] == 'X')
}
