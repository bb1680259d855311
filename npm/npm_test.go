package npm_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// The client for Node does with a real daemon and a sandbox what its types promise.
func TestTheNodeClientPushes(t *testing.T) {
	t.Parallel()
	program := ccsyncd(t)
	run(t, "client", append(os.Environ(), "CCSYNCD="+program), "node", "--test", "test/client.test.mjs")
}

// ccsyncd builds the program, once. Without Node the test is skipped; in CI that is a failure.
func ccsyncd(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var dir string // for the program

var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(dir, "ccsyncd")
	cmd := exec.Command("go", "build", "-ldflags", "-s -w -X main.version="+packed, "-o", path, "../cmd/ccsyncd")
	cmd.Stderr = os.Stderr
	return path, cmd.Run()
})

func TestMain(m *testing.M) {
	var err error
	if dir, err = os.MkdirTemp("", "ccsyncd-npm-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir) // scratch
	os.Exit(code)
}

// run runs a program in a folder, for a few minutes at most, and returns what it printed.
func run(t *testing.T, folder string, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = folder, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}
