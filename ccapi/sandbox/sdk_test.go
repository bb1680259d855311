package sandbox_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
)

// Constant Contact's own client and an independent OAuth client say whether the sandbox is what it
// claims to be: neither was made with it in mind. Both run in Node, from the folder sdktest.

func TestTheOfficialClientFindsWhatItExpects(t *testing.T) {
	t.Parallel()
	runNode(t, "sdk.test.mjs", sandbox.Options{Unlimited: true, ImportTime: instant})
}

func TestAnIndependentOAuthClientLogsIn(t *testing.T) {
	t.Parallel()
	runNode(t, "device.test.mjs", sandbox.Options{Tokens: sandbox.Lifetimes{Interval: time.Second}})
}

// runNode runs a test of the folder sdktest against a sandbox of its own.
func runNode(t *testing.T, script string, opts sandbox.Options) {
	t.Helper()
	dir := nodeFolder(t)
	server := httptest.NewServer(sandbox.New(opts))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "--test", script)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "SANDBOX="+server.URL)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// nodeFolder is a copy of sdktest with the modules that it needs.
func nodeFolder(t *testing.T) string {
	t.Helper()
	modules, err := nodeModules()
	if err != nil {
		withoutNode(t, err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, scripts{os.DirFS("sdktest")}); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// withoutNode skips a test that cannot run here; where everything has to run, it fails.
func withoutNode(t *testing.T, why error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// scripts is a folder without what may have been installed into it.
type scripts struct{ fs.FS }

func (s scripts) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(s.FS, name)
	kept := all[:0]
	for _, e := range all {
		if !e.IsDir() {
			kept = append(kept, e)
		}
	}
	return kept, err
}

// nodeModules installs what the lock file names, once for each state of it, and returns the folder.
var nodeModules = sync.OnceValues(func() (string, error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", err
		}
	}
	lock, err := os.ReadFile("sdktest/package-lock.json")
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	sum := sha256.Sum256(lock)
	home := filepath.Join(cache, "ccsyncd-sdktest", hex.EncodeToString(sum[:8]))
	modules := filepath.Join(home, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules, nil
	}
	return modules, installModules(home)
})

// installModules runs npm in a folder beside home that becomes home when all is there.
func installModules(home string) error {
	if err := os.MkdirAll(filepath.Dir(home), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(home), "install-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.CopyFS(tmp, scripts{os.DirFS("sdktest")}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = tmp
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	// another process may have been faster
	if err := os.Rename(tmp, home); err != nil && !isFolder(filepath.Join(home, "node_modules")) {
		return err
	}
	return nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
