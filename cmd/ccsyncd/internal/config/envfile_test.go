package config

import (
	"encoding/json"
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

func TestAnEnvFileThatCannotBeReadIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), ".env")
	if _, err := ReadEnvFile(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}
