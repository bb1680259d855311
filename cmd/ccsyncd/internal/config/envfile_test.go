package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var envFiles = []string{
	"", "\n\n", "A=1", "A=1\n", "A=1\r\nB=2\r\n", " A = 1 \nB=2", "export A=1\nexport B=2", "# comment\nA=1 # comment\nB=x#y",
	`A="a # b"` + "\n" + `B='it''s'` + "\nC=`x\"y'z`", `A="two\nlines"` + "\n" + `B='two\nlines'`, "A=\"two\nlines\"\nB=2", "A='two\nlines' # c\nB=2",
	"A=\"no end\nB=2", "A=\nB=2", "A= \nB=2", "A=", "A=1=2", "A=$B\nB=${A}", `A=\n`, "A=postgres://u:p%40w@h/db?x=1&y=2",
	`DATABASE_URL="postgres://u:p#w@h/db?schema=public"` + "\n", "A=1\nA=2", "  A=1\n#x\n  B=2", `A="x" y` + "\nB=1",
	"just words",
}

// Where versions of Node differ, as in lines that are none, nothing is compared.
func TestAnEnvFileIsReadAsNodeReadsIt(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	asked, err := json.Marshal(envFiles)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "-e", `
const { parseEnv } = require("node:util"); // since Node 20.12
if (!parseEnv) process.exit(3);
let text = "";
process.stdin.on("data", (part) => (text += part));
process.stdin.on("end", () => console.log(JSON.stringify(JSON.parse(text).map((file) => parseEnv(file)))));`)
	cmd.Stdin = strings.NewReader(string(asked))
	told, err := cmd.Output()
	if cmd.ProcessState.ExitCode() == 3 {
		t.Skip("this Node has no parseEnv")
	}
	var want []map[string]string
	if err == nil {
		err = json.Unmarshal(told, &want)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, told)
	}
	for i, file := range envFiles {
		if got := parseEnv(file); !maps.Equal(got, want[i]) {
			t.Errorf("%q: got %q, Node has %q", file, got, want[i])
		}
	}
}

// What is no line NAME=value costs no other line.
func TestWhatIsNoLineOfAnEnvFileIsLeftOut(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"=1\nA=2": "map[A:2]", "=": "map[]", "#": "map[]", "\n#\n#=1\nA=2": "map[A:2]", " #x\nA=1": "map[A:1]", "A": "map[]", "A\nB=1": "map[B:1]",
		"words of =\nA=1": "map[A:1 words of:]", "A=1\n\nwords\n\nB=2": "map[A:1 B:2]", "\tA\t=\t1\t\n\tB=2": "map[A:1 B:2]",
		"export =1": "map[export:1]", "exported=1": "map[exported:1]", "A='": "map[A:']", "A=\"\nB=1": "map[A:\" B:1]", "A=''\nB=": "map[A: B:]",
	} {
		if got := fmt.Sprint(parseEnv(text)); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// Where a variable is not set, the way to set it is told, and that the app's own file has it.
func TestAVariableThatIsNotSetComesWithAHint(t *testing.T) {
	t.Chdir(t.TempDir())
	const export = "`export TOKEN=...`, or `--env-file FILE` with a file that has a line TOKEN=..."
	hint := func() string {
		_, err := Load(write(t, minimal+"[http]\ntoken = \"env:TOKEN\"\n[notify]\nwebhook = \"env:HOOK\"\n"), env(nil))
		failed := new(Error)
		if !errors.As(err, &failed) || failed.Unset != "TOKEN" {
			t.Fatalf("got %v, want the first variable that is not set", err)
		}
		_, err = Follow("env:TOKEN", "", env(nil))
		unset := new(UnsetError)
		if !errors.As(err, &unset) || unset.Hint() != failed.UnsetHint() {
			t.Errorf("Follow: %v, with another hint", err)
		}
		return failed.UnsetHint()
	}
	if got := hint(); got != export {
		t.Errorf("without a file: %s", got)
	}
	for text, want := range map[string]string{"OTHER=1\nTOKEN=": export, "TOKEN=secret": "the file .env has it; add `--env-file .env`"} {
		if err := os.WriteFile(".env", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := hint(); got != want {
			t.Errorf("with %q: %s, want %s", text, got, want)
		}
	}
}

func TestAnEnvFileThatCannotBeReadIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), ".env")
	if _, err := ReadEnvFile(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}
