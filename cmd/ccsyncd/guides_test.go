package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ccsyncd/cmd/ccsyncd/internal/exit"
)

// guide reads a page for people.
func guide(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks are the fenced blocks of a language.
func blocks(page, language string) (all []string) {
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(page, -1) {
		all = append(all, m[1])
	}
	return all
}

// elsewhere are programs that need a machine set up for them, so that no test runs them.
var elsewhere = []string{"systemctl", "systemd-run", "journalctl", "install", "docker", "kubectl", "ssh"}

// Every command that the guides tell people to type works, as a person would type it: on an
// installation that runs.
func TestTheCommandsOfTheGuidesWork(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"docs/operations.md", "docs/troubleshooting.md", "SECURITY.md"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			m, address := runningInstallation(t)
			for _, block := range blocks(guide(t, path), "sh") {
				script := "set -e\n"
				for line := range strings.Lines(block) {
					word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
					if !slices.Contains(elsewhere, word) {
						script += line
					}
				}
				script = strings.NewReplacer("127.0.0.1:8484", address, "/var/lib/ccsync/ccsync.db", filepath.Join(m.dir, "ccsync.sandbox.db"),
					"/var/backups", m.dir).Replace(script)
				for _, tool := range []string{"curl", "sqlite3", "openssl"} {
					if strings.Contains(script, tool) && missingHere(t, tool) {
						script = "true"
					}
				}
				m.shell(script)
			}
		})
	}
}

// missingHere tells whether a tool is not on this machine; a build that is to test everything must
// have it.
func missingHere(t *testing.T, tool string) bool {
	t.Helper()
	if _, err := exec.LookPath(tool); err == nil {
		return false
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", tool)
	}
	t.Logf("left out what needs %s, which is not installed", tool)
	return true
}

func (m *marked) shell(script string) {
	m.Helper()
	cmd := exec.CommandContext(m.Context(), "sh", "-c", script)
	cmd.Dir, cmd.Env = m.dir, m.with("OLD_KEY="+markStateKey)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.Errorf("%v\n%s\n%s", err, script, out)
	}
}

// runningInstallation is one with a daemon, a login and a run or two; address is that of its status
// page.
func runningInstallation(t *testing.T) (m *marked, address string) {
	t.Helper()
	m = newMarked(t)
	m.command(m.env, "auth", "login")
	cmd := exec.CommandContext(t.Context(), "ccsyncd")
	cmd.Dir, cmd.Env = m.dir, m.env
	log := new(syncBuffer)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }) // it may have ended
	log.waitFor(t, `"msg":"run ended"`)
	base := listensAt.FindStringSubmatch(log.String())
	if base == nil {
		t.Fatalf("the daemon does not say where it listens:\n%s", log)
	}
	return m, strings.TrimPrefix(base[1], "http://")
}

// The example for Node asks a real daemon.
func TestTheNodeExampleWorks(t *testing.T) {
	t.Parallel()
	if missingHere(t, "node") {
		t.Skip("Node is not installed")
	}
	examples := blocks(guide(t, "docs/operations.md"), "js")
	if len(examples) != 1 {
		t.Fatalf("%d examples, want 1", len(examples))
	}
	m, address := runningInstallation(t)
	client, err := filepath.Abs("../../npm/client")
	if err == nil {
		err = os.MkdirAll(filepath.Join(m.dir, "node_modules/@ccsyncd"), 0o755)
	}
	if err == nil {
		err = os.Symlink(client, filepath.Join(m.dir, "node_modules/@ccsyncd/client"))
	}
	if err != nil {
		t.Fatal(err)
	}
	m.write("example.mjs", examples[0]+`
console.log(await codeArrived("ann@example.com"), await codeArrived("cat@example.com"));`)
	cmd := exec.CommandContext(t.Context(), "node", "example.mjs")
	cmd.Dir, cmd.Env = m.dir, m.with("CCSYNC_HTTP_TOKEN="+markHTTP, "CCSYNC_HTTP_URL=http://"+address)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "true false" {
		t.Errorf("got %q, %v", out, err)
	}
}

// The table of metrics has each that a daemon shows, and no other.
func TestTheGuideListsEveryMetric(t *testing.T) {
	t.Parallel()
	_, address := runningInstallation(t)
	answer, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	shown, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	page := guide(t, "docs/operations.md")
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (ccsync_\w+) `).FindAllStringSubmatch(string(shown), -1) {
		name := m[1]
		if !strings.HasPrefix(name, "ccsync_go_") && !strings.HasPrefix(name, "ccsync_process_") && !regexp.MustCompile("\\| `"+name+"[`{]").MatchString(page) {
			t.Errorf("docs/operations.md lacks %s", name)
		}
	}
	source := guide(t, "cmd/ccsyncd/internal/web/metrics.go")
	for _, m := range regexp.MustCompile("(?m)^\\| `ccsync_(\\w+)").FindAllStringSubmatch(page, -1) {
		if !strings.Contains(source, `"`+m[1]+`"`) && !strings.Contains(source, `"ccsync_`+m[1]+`"`) {
			t.Errorf("docs/operations.md has ccsync_%s, which there is not", m[1])
		}
	}
}

// Each word that stands for what went wrong is explained on the page for that.
func TestTroubleshootingExplainsEveryReasonAndCode(t *testing.T) {
	t.Parallel()
	page := guide(t, "docs/troubleshooting.md")
	words := reasonsIn(t, "../../sync")
	words = append(words, reasonsIn(t, "../../sync/*")...)
	words = append(words, reasonsIn(t, ".")...)
	words = append(words, "not_in_source", "config", "held", "unauthorized", "failed")
	if len(words) < 50 {
		t.Fatalf("only %d words were found: %v", len(words), words)
	}
	for _, word := range words {
		if !strings.Contains(page, "`"+word+"`") {
			t.Errorf("docs/troubleshooting.md does not explain `%s`", word)
		}
	}
	for _, code := range []int{exit.Done, exit.Failed, exit.Pending, exit.Partial, exit.Unauthorized, exit.Refused, exit.Deferred, exit.Held, exit.Usage, exit.Config} {
		if !strings.Contains(page, "\n| "+strconv.Itoa(code)+" | ") {
			t.Errorf("docs/troubleshooting.md does not have the exit code %d", code)
		}
	}
}

// reasonsIn finds in a package what reports say of runs and users: reasons for skipping, problems,
// outcomes, guard reasons and error codes.
func reasonsIn(t *testing.T, folder string) (words []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		ast.Inspect(file, func(n ast.Node) bool {
			words = append(words, reasonsOf(name, n)...)
			return true
		})
	}
	return words
}

func reasonsOf(file string, n ast.Node) []string {
	switch n := n.(type) {
	case *ast.ValueSpec: // Rejected = "rejected" in settle.go, Moved Reason = "moved" anywhere
		if kind, ok := n.Type.(*ast.Ident); file == "settle.go" && n.Type == nil || ok && (kind.Name == "Reason" || kind.Name == "Outcome") {
			return literals(n.Values...)
		}
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" {
			return literals(n.Value)
		}
	case *ast.CallExpr: // v.trip("moved", ...)
		if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "trip" {
			return literals(n.Args[0])
		}
	case *ast.ReturnStmt: // Diagnose: return "source", "run ..."
		if file == "errors.go" && len(n.Results) == 2 {
			return literals(n.Results[0])
		}
	case *ast.BasicLit:
		if word := literals(n); file == "guard.go" && len(word) == 1 && (strings.HasPrefix(word[0], "max_") || strings.HasPrefix(word[0], "min_")) {
			return word
		}
	}
	return nil
}

// literals are those of the expressions that are one word.
func literals(all ...ast.Expr) (words []string) {
	word := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	for _, e := range all {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil && word.MatchString(text) {
				words = append(words, text)
			}
		}
	}
	return words
}

// Each test and file that the threat model names is there.
func TestTheThreatModelNamesTestsThatThereAre(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	files := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[filepath.Base(path)] = true
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`((?:Test|Fuzz)\\w+|[\\w/]+\\.(?:txtar|go|sh))`").FindAllStringSubmatch(guide(t, "SECURITY.md"), -1) {
		if name := m[1]; !strings.Contains(all.String(), "func "+name+"(") && !files[filepath.Base(name)] {
			t.Errorf("SECURITY.md names %s, which is not there", name)
		}
	}
}
