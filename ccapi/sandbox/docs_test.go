package sandbox_test

import (
	"context"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/ccapi/sandbox"
)

var update = flag.Bool("update", false, "rewrite the parts of docs/sandbox.md that are made of the code")

const docsPage = "../../docs/sandbox.md"

// What docs/sandbox.md shows of the code is the code. The table of flags is compared where the
// flags are.
func TestThePageOfTheSandboxIsFresh(t *testing.T) {
	t.Parallel()
	page := readFile(t, docsPage)
	fresh := page
	for name, text := range map[string]string{
		"node":     "```js\n" + readFile(t, "sdktest/example.mjs") + "```",
		"go":       "```go\n" + goExample(t) + "```",
		"faults":   faultRows(),
		"control":  controlRows(t),
		"switches": switchRows(sandbox.SwitchTable()),
		"harm":     switchRows(sandbox.HarmTable()),
	} {
		part := regexp.MustCompile("(?s)(<!-- " + name + " -->\n).*?(<!-- end -->)")
		if !part.MatchString(fresh) {
			t.Fatalf("the page has no part %q", name)
		}
		fresh = part.ReplaceAllString(fresh, "${1}"+strings.ReplaceAll(text, "$", "$$")+"\n${2}")
	}
	if *update {
		if err := os.WriteFile(docsPage, []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(fresh, page); diff != "" {
		t.Errorf("docs/sandbox.md is stale, run go test ./ccapi/sandbox -run Page -update (-want +got):\n%s", diff)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// goExample is the body of the example.
func goExample(t *testing.T) string {
	t.Helper()
	_, body, _ := strings.Cut(readFile(t, "example_test.go"), "func Example() {\n")
	body, _, _ = strings.Cut(body, "\n}\n")
	return strings.ReplaceAll("\n"+body, "\n\t", "\n")[1:] + "\n"
}

func faultRows() string {
	rows := "| kind | spoils | what happens |\n|---|---|---|"
	for _, line := range sandbox.FaultTable() {
		rows += fmt.Sprintf("\n| `%s` | %s | %s |", line.Kind, line.Strikes(), line.Does)
	}
	return rows
}

func switchRows(table []sandbox.Switch) string {
	rows := "| switch | off | on | source |\n|---|---|---|---|"
	for _, sw := range table {
		rows += fmt.Sprintf("\n| `%s` | %s | %s | %s |", sw.Name, sw.Off, sw.On, sw.Source)
	}
	return rows
}

func controlRows(t *testing.T) string {
	_, c := serve(t, sandbox.Options{})
	rows := "| request | what it does |\n|---|---|"
	for _, e := range get[[]struct{ Method, Path, Does string }](c, "/_sandbox/") {
		rows += fmt.Sprintf("\n| `%s %s` | %s |", e.Method, e.Path, e.Does)
	}
	return rows
}

func TestTheNodeExampleOfThePageWorks(t *testing.T) {
	t.Parallel()
	dir := nodeFolder(t)
	server := httptest.NewServer(sandbox.New(sandbox.Options{}))
	defer server.Close()
	example := strings.ReplaceAll(readFile(t, "sdktest/example.mjs"), "http://127.0.0.1:8585", server.URL)
	if err := os.WriteFile(filepath.Join(dir, "example.mjs"), []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "example.mjs")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "completed Ann implicit\n" {
		t.Errorf("got %q, %v", out, err)
	}
}
