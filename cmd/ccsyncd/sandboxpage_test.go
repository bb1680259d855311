package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"ccsyncd/cmd/ccsyncd/internal/shell"
)

const sandboxPage = "docs/sandbox.md"

// The page lists the sandbox's flags as its help does.
func TestTheSandboxPageListsEveryFlag(t *testing.T) {
	t.Parallel()
	rows := "| flag | meaning |\n|---|---|"
	(&cli{&shell.Shell{}}).sandboxCommand().Flags().VisitAll(func(f *pflag.Flag) {
		value, usage := pflag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			usage += " (default `" + f.DefValue + "`)"
		}
		rows += "\n| `" + strings.TrimSpace("--"+f.Name+" "+value) + "` | " + usage + " |"
	})
	page := guide(t, sandboxPage)
	part := regexp.MustCompile("(?s)(<!-- flags -->\n).*?(<!-- end -->)")
	if !part.MatchString(page) {
		t.Fatal("the page has no part for the flags")
	}
	fresh := part.ReplaceAllString(page, "${1}"+rows+"\n${2}")
	if *update {
		if err := os.WriteFile(filepath.Join("..", "..", sandboxPage), []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(fresh, page); diff != "" {
		t.Errorf("%s is stale, run go test ./cmd/ccsyncd -run SandboxPage -update (-want +got):\n%s", sandboxPage, diff)
	}
}

// pagePrelude lets a shell run the commands of the page one after the other: a sandbox goes into
// the background, at the address of the test, in the place of the one before it.
const pagePrelude = `set -eo pipefail
ccsyncd() {
  if [ "$1" != sandbox ]; then command ccsyncd "$@"; return; fi
  if [ -n "$BOX" ]; then kill $BOX; wait $BOX || true; fi
  command ccsyncd "$@" --listen $ADDRESS > sandbox.out 2>&1 &
  BOX=$!
  for _ in $(seq 200); do if curl -s -o /dev/null http://$ADDRESS/_sandbox/; then return; fi; sleep 0.05; done
  cat sandbox.out
  return 1
}
trap 'kill $BOX' EXIT
`

// Every command of the page works, in the order of the page.
func TestTheCommandsOfTheSandboxPageWork(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl"} {
		if missingHere(t, tool) {
			t.Skipf("%s is not installed", tool)
		}
	}
	page := guide(t, sandboxPage)
	dir := t.TempDir()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	people := blocks(page, "csv")
	if len(people) != 1 {
		t.Fatalf("%d files of contacts, want 1", len(people))
	}
	writeFile(t, filepath.Join(dir, "people.csv"), people[0])
	writeFile(t, filepath.Join(dir, "ccsync.toml"), `[source]
dsn = "app.db"
table = "users"
email = "email"
[[field]]
column = "short_code"
custom_field = "Short code"
[auth]
client_id = "env:CC_CLIENT_ID"
[http]
listen = ""
`)
	appDatabase(t, filepath.Join(dir, "app.db"), "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, short_code TEXT)",
		"INSERT INTO users (email, short_code) VALUES ('ann@example.com', 'M9X4P1')")
	script := pagePrelude
	for _, block := range blocks(page, "sh") {
		script += strings.ReplaceAll(block, "127.0.0.1:8585", "$ADDRESS")
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "ADDRESS="+address, "CC_CLIENT_ID=my-app", "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	for _, part := range []string{`"access_token":`, `"contacts_count":1000`, `"short_code":"M9X4P1"`, `{"changed":[true,true,true]}`, `"kind":"lost_rows"`, `"imports_read_late":true`} {
		if !strings.Contains(string(out), part) {
			t.Errorf("%s is not in the output:\n%s", part, out)
		}
	}
}
