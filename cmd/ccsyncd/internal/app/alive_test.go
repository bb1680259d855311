//go:build linux

package app

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"ccsyncd/sync/state"
)

// A push must not wait for a daemon that has ended and that its parent has not asked after.
func TestAProcessThatHasEndedIsNotAlive(t *testing.T) {
	t.Parallel()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	here := func(pid int) state.HeldError { return state.HeldError{PID: pid, Host: host} }
	c := exec.CommandContext(t.Context(), "true")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); isAlive(here(c.Process.Pid)); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is alive a minute later")
		}
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	if !isAlive(here(os.Getpid())) {
		t.Error("this process is not alive")
	}
	if !isAlive(state.HeldError{PID: c.Process.Pid, Host: host + ".elsewhere"}) {
		t.Error("one on another host is not taken for alive")
	}
}
