package main

import (
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Whoever read the log is gone.
func TestADaemonOutlivesTheReaderOfItsLog(t *testing.T) {
	t.Parallel()
	m := newMarked(t)
	m.command(m.env, "auth", "login")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "ccsyncd", "--log-level", "debug")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = m.dir, m.env, w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	first := make([]byte, 1)
	if _, err := io.ReadFull(r, first); err != nil {
		t.Fatal(err)
	}
	r.Close()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		t.Fatalf("the daemon ended: %v", err)
	case <-time.After(3 * time.Second): // it prints all the while
	}
	for range 2 {
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("told to end, it ended with %v", err)
	}
}
