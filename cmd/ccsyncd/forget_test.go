package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/cmd/ccsyncd/internal/exit"
)

// An erasure request, beside a daemon that has met the address in every way: in the mirror, in
// imports that failed and quoted it, in requests of other processes.
func TestForgetLeavesTheAddressInNoFile(t *testing.T) {
	t.Parallel()
	m := newMarked(t)
	m.command(m.env, "auth", "login")
	m.box.Fault(sandbox.Fault{Kind: sandbox.FaultRefused, Match: "ben@", Times: 1})
	m.command(m.env, "--once")
	m.command(m.env, "--dry-run")
	daemon := m.daemon()
	m.command(m.env, "push", "Ben@Example.com")
	// it would take the next request up, and read the contact again
	m.signal(daemon, syscall.SIGSTOP)
	m.command(m.env, "push", "--no-wait", "ben@example.com")
	if m.named("ben@example.com") == 0 {
		t.Fatal("the address stands in no file before it is forgotten: this test shows nothing")
	}
	m.box.Delete("ben@example.com")
	appDatabase(t, filepath.Join(m.dir, "app.db"), "DELETE FROM users WHERE email = 'ben@example.com'")
	if code := m.command(m.env, "forget", "BEN@example.com"); code != exit.Done {
		t.Errorf("forget ends with %d", code)
	}
	if n := m.named("ben@example.com"); n != 0 {
		t.Errorf("the address stands in %d files", n)
	}
	if m.named("ann@example.com") == 0 {
		t.Error("another address went too")
	}
	m.signal(daemon, syscall.SIGCONT)
	m.signal(daemon, syscall.SIGTERM)
	if err := daemon.Wait(); err != nil {
		t.Error(err)
	}
	if n := m.named("ben@example.com"); n != 0 {
		t.Errorf("after the daemon's end the address stands in %d files", n)
	}
}

func (m *marked) signal(daemon *exec.Cmd, s syscall.Signal) {
	m.Helper()
	if err := daemon.Process.Signal(s); err != nil {
		m.Fatal(err)
	}
}

// daemon starts a daemon and waits for its first run.
func (m *marked) daemon() *exec.Cmd {
	m.Helper()
	cmd := exec.CommandContext(m.Context(), "ccsyncd")
	cmd.Dir, cmd.Env = m.dir, m.env
	log := new(syncBuffer)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		m.Fatal(err)
	}
	log.waitFor(m.T, `"msg":"run ended"`)
	return cmd
}

// named counts the files, the app's own aside, in which an address stands in any case.
func (m *marked) named(address string) (files int) {
	m.Helper()
	err := filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(path) == "app.db" {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(strings.ToLower(string(text)), address) {
			files++
		}
		return err
	})
	if err != nil {
		m.Fatal(err)
	}
	return files
}
