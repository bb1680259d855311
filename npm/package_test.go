package npm_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

const packed = "0.0.1-test"

// The packages of a release install without a network, and the program in them runs: one tarball by
// itself, and by way of the package that chooses the platform's.
func TestThePackagesInstallAndRun(t *testing.T) {
	t.Parallel()
	program := ccsyncd(t)
	dist := t.TempDir()
	if err := os.Link(program, filepath.Join(dist, "ccsyncd-"+packed+"-"+runtime.GOOS+"-"+runtime.GOARCH)); err != nil {
		t.Fatal(err)
	}
	run(t, ".", os.Environ(), "node", "pack.mjs", packed, dist)
	platform, err := filepath.Glob(filepath.Join(dist, "ccsyncd-"+runtime.GOOS+"-*.tgz"))
	if err != nil || len(platform) != 1 {
		t.Fatalf("the platform's package: %q, %v", platform, err)
	}
	chooser := filepath.Join(dist, "ccsyncd-ccsyncd-"+packed+".tgz")

	t.Run("one tarball, and the client", func(t *testing.T) {
		t.Parallel()
		folder := installed(t, filepath.Join(dist, "ccsyncd-client-"+packed+".tgz"), platform[0])
		for flag, code := range map[string]string{"commonjs": `console.log(typeof require("@ccsyncd/client").push)`,
			"module": `import * as ccsync from "@ccsyncd/client"; console.log(typeof ccsync.push)`} {
			if out := run(t, folder, os.Environ(), "node", "--input-type="+flag, "--eval", code); out != "function\n" {
				t.Errorf("%s: %s", flag, out)
			}
		}
	})
	t.Run("the package that chooses", func(t *testing.T) {
		t.Parallel()
		folder := installed(t, chooser, platform[0])
		if out := run(t, folder, os.Environ(), "npx", "--no", "--", "ccsyncd", "demo"); !strings.Contains(out, "users have their codes") {
			t.Errorf("demo printed\n%s", out)
		}
		dryRun(t, folder)
	})
	t.Run("without the platform's package", func(t *testing.T) {
		t.Parallel()
		folder := installed(t, chooser)
		cmd := exec.CommandContext(t.Context(), filepath.Join(folder, "node_modules/.bin/ccsyncd"), "version")
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "hint: install without --omit=optional") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// installed is a folder with these tarballs installed; where a program is among them it tells its
// version.
func installed(t *testing.T, tarballs ...string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	write(t, filepath.Join(folder, "package.json"), `{"private": true}`)
	args := append([]string{"install", "--offline", "--no-audit", "--no-fund", "--cache", filepath.Join(folder, "cache")}, tarballs...)
	run(t, folder, os.Environ(), "npm", args...)
	if !strings.Contains(tarballs[len(tarballs)-1], "ccsyncd-ccsyncd") {
		if out := run(t, folder, os.Environ(), "npx", "--no", "--", "ccsyncd", "version"); !strings.HasPrefix(out, "ccsyncd "+packed) {
			t.Errorf("version printed %q", out)
		}
	}
	return folder
}

const rows = `[source]
dsn = "app.db"
query = "SELECT 1 AS id, 'ann@example.com' AS email, 'K7Q2M9' AS short_code"
email = "email"
key = "id"
[[field]]
column = "short_code"
custom_field = "short_code"
create = true
[auth]
client_id = "a-client-id"
`

// dryRun plans against a sandbox, which the installed program starts and a signal to the starter
// ends.
func dryRun(t *testing.T, folder string) {
	t.Helper()
	write(t, filepath.Join(folder, "app.db"), "")
	write(t, filepath.Join(folder, "ccsync.toml"), rows)
	bin := filepath.Join(folder, "node_modules/.bin/ccsyncd")
	box := exec.CommandContext(t.Context(), bin, "sandbox", "--contacts-from-config", "--approve", "--listen", "127.0.0.1:0")
	box.Dir, box.Stderr = folder, os.Stderr
	stdout, err := box.StdoutPipe()
	if err == nil {
		err = box.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var endpoint string
	for lines := bufio.NewScanner(stdout); endpoint == "" && lines.Scan(); {
		_, endpoint, _ = strings.Cut(lines.Text(), "export ")
	}
	env := append(os.Environ(), endpoint)
	run(t, folder, env, "npx", "--no", "--", "ccsyncd", "auth", "login")
	cmd := exec.CommandContext(t.Context(), "npx", "--no", "--", "ccsyncd", "--dry-run", "--output", "json")
	cmd.Dir, cmd.Env = folder, env
	out, err := cmd.Output()
	var report struct{ Summary struct{ Fill int } }
	if err == nil {
		err = json.Unmarshal(out, &report)
	}
	if err != nil || report.Summary.Fill != 1 {
		t.Errorf("the dry run: %v\n%s", err, out)
	}
	if err := box.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := box.Wait(); err != nil {
		t.Errorf("the sandbox ended with %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
