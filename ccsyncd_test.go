package ccsyncd_test

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/mod/modfile"
)

// The rules of the repository, as tests.

// imports says which packages of ours a package may import, and which of others it must not, by the
// start of the import path.
var imports = []struct {
	folder string
	ours   []string
	never  []string
}{
	{".", nil, nil},
	{"source", nil, []string{"ccsyncd"}},
	{"ccapi", nil, []string{"ccsyncd"}},
	{"ccapi/sandbox", nil, []string{"ccsyncd"}},
	{"oauthdev", nil, []string{"ccsyncd"}},
	{"sync/ahead", nil, []string{"ccsyncd"}},
	{"sync/spool", nil, []string{"ccsyncd"}},
	{"sync/state", []string{"ccsyncd"}, []string{"net/http", "golang.org/x/oauth2", "github.com/spf13/cobra"}},
	{"sync/state/statetest", nil, []string{"ccsyncd"}},
	{"sync/contact", []string{"ccsyncd/ccapi", "ccsyncd/sync/state"}, engineNever},
	{"sync/users", []string{"ccsyncd/source", "ccsyncd/sync/ahead", "ccsyncd/sync/contact", "ccsyncd/sync/spool", "ccsyncd/sync/state"}, engineNever},
	{"sync/plan", []string{"ccsyncd/sync/ahead", "ccsyncd/sync/contact", "ccsyncd/sync/spool", "ccsyncd/sync/state", "ccsyncd/sync/users"}, engineNever},
	{"sync/mirror", []string{"ccsyncd/ccapi", "ccsyncd/sync/contact", "ccsyncd/sync/spool", "ccsyncd/sync/state"}, engineNever},
	{"sync/push", []string{"ccsyncd/ccapi", "ccsyncd/sync/contact", "ccsyncd/sync/mirror", "ccsyncd/sync/plan", "ccsyncd/sync/spool", "ccsyncd/sync/state", "ccsyncd/sync/users"}, engineNever},
	{"sync/canary", []string{"ccsyncd/ccapi", "ccsyncd/sync/contact", "ccsyncd/sync/mirror", "ccsyncd/sync/plan", "ccsyncd/sync/state"}, engineNever},
	{"sync", []string{"ccsyncd/source", "ccsyncd/ccapi", "ccsyncd/sync/ahead", "ccsyncd/sync/canary", "ccsyncd/sync/contact", "ccsyncd/sync/mirror", "ccsyncd/sync/plan", "ccsyncd/sync/push", "ccsyncd/sync/spool", "ccsyncd/sync/state", "ccsyncd/sync/users"},
		engineNever},
	{"cmd/ccsyncd/internal/exit", []string{"ccsyncd/ccapi", "ccsyncd/oauthdev", "ccsyncd/source", "ccsyncd/sync", "ccsyncd/sync/state", room + "config"}, []string{"github.com/spf13/cobra"}},
	{"cmd/ccsyncd/internal/app", []string{"ccsyncd/ccapi", "ccsyncd/oauthdev", "ccsyncd/source", "ccsyncd/sync", "ccsyncd/sync/state", room + "config", room + "exit", room + "shell", room + "term"},
		[]string{"github.com/spf13/cobra"}},
	{"cmd/ccsyncd/internal/notify", []string{"ccsyncd/sync", room + "app", room + "config", room + "term"}, nil},
	{"cmd/ccsyncd/internal/report", []string{"ccsyncd/sync", "ccsyncd/sync/state", room + "exit", room + "shell", room + "term"}, []string{"github.com/spf13/cobra"}},
	{"cmd/ccsyncd/internal/doctor", []string{"ccsyncd/ccapi", "ccsyncd/oauthdev", "ccsyncd/sync", "ccsyncd/sync/state", room + "app", room + "config", room + "exit", room + "report", room + "shell", room + "term"},
		[]string{"github.com/spf13/cobra"}},
	{"cmd/ccsyncd/internal/setup", []string{"ccsyncd/source", room + "config", room + "exit", room + "shell", room + "term"}, []string{"github.com/spf13/cobra"}},
	{"cmd/ccsyncd/internal/demo", []string{"ccsyncd/ccapi/sandbox", "ccsyncd/sync", room + "app", room + "shell", room + "term"}, []string{"github.com/spf13/cobra"}},
	{"cmd/ccsyncd/internal/daemon", []string{"ccsyncd/sync", "ccsyncd/sync/state", room + "app", room + "config", room + "exit", room + "notify", room + "report",
		room + "shell", room + "systemd", room + "term", room + "web"}, []string{"github.com/spf13/cobra"}},
	{"cmd/ccsyncd/internal/systemd", nil, []string{"ccsyncd"}},
	{"internal/kit", nil, []string{"ccsyncd"}},
	{"cmd/ccsyncd/internal/shell", []string{room + "config", room + "exit", room + "term"}, nil},
	{"cmd/ccsyncd/internal/config", []string{"ccsyncd", "ccsyncd/sync", "ccsyncd/sync/state"}, nil},
	{"cmd/ccsyncd/internal/term", []string{"ccsyncd", "ccsyncd/sync", "ccsyncd/sync/state"}, nil},
	{"cmd/ccsyncd/internal/web", []string{"ccsyncd", "ccsyncd/sync", "ccsyncd/sync/state"}, nil},
}

// engineNever is what no package of the engine needs.
var engineNever = []string{"net/http", "database/sql", "github.com/jmoiron/sqlx", "os", "golang.org/x/oauth2", "github.com/spf13/cobra"}

const (
	// room is where the packages of the command live.
	room = "ccsyncd/cmd/ccsyncd/internal/"
	// kit is for every package but the sandbox, which shares nothing with the program.
	kit = "ccsyncd/internal/kit"
)

func TestPackagesImportOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()
	for _, rule := range imports {
		for path, file := range goFiles(t, rule.folder) {
			for _, imported := range file.Imports {
				name, _ := strconv.Unquote(imported.Path.Value)
				ours := name == "ccsyncd" || strings.HasPrefix(name, "ccsyncd/")
				if ours && !slices.Contains(rule.ours, name) && (name != kit || rule.folder == "ccapi/sandbox") {
					t.Errorf("%s imports %s", path, name)
				}
				if slices.Contains(rule.never, name) && !ours {
					t.Errorf("%s imports %s", path, name)
				}
			}
		}
	}
}

// An unqualified sync is the standard library everywhere: ours has another name wherever it is
// imported.
func TestPackageSyncIsImportedAsCcsync(t *testing.T) {
	t.Parallel()
	everyGoFile(t, func(path string, file *ast.File) {
		for _, imported := range file.Imports {
			if imported.Path.Value == `"ccsyncd/sync"` && (imported.Name == nil || imported.Name.Name != "ccsync") {
				t.Errorf("%s imports ccsyncd/sync under another name than ccsync", path)
			}
		}
	})
}

func TestFilesTellOneStory(t *testing.T) {
	t.Parallel()
	const most = 500
	everyGoFile(t, func(path string, _ *ast.File) {
		if n := lines(t, path); n > most && !strings.HasSuffix(path, "_test.go") {
			t.Errorf("%s has %d lines, at most %d", path, n, most)
		}
	})
}

func TestFunctionsAreShort(t *testing.T) {
	t.Parallel()
	const most = 80
	fset := token.NewFileSet()
	walkGo(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				if n := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line + 1; n > most {
					t.Errorf("%s: %s has %d lines, at most %d", path, f.Name.Name, n, most)
				}
			}
		}
	})
}

// Comments end at column 100 at the latest; a tab counts as four. Preformatted lines, directives
// and lone addresses may be longer.
func TestCommentsAreWrappedAtColumn100(t *testing.T) {
	t.Parallel()
	const most = 100
	mayBeLong := regexp.MustCompile(`^//([a-z]+:|\t|  | Output:| \S*://\S*$)`)
	walkGo(t, func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range file.Comments {
			for _, c := range group.List {
				line := fset.Position(c.End()).Line
				columns := utf8.RuneCountInString(strings.ReplaceAll(lines[line-1], "\t", "    "))
				if columns > most && !mayBeLong.MatchString(c.Text) {
					t.Errorf("%s:%d: a comment ends in column %d, at most %d", path, line, columns, most)
				}
			}
		}
	})
}

// A type with many methods holds more than one story. Two are doors, behind which each file tells
// its own.
func TestTypesHaveFewMethods(t *testing.T) {
	t.Parallel()
	const most = 30
	doors := map[string]string{
		"ccapi/sandbox.Server": "the account: a method for each request",
		"cmd/ccsyncd.cli":      "the command line: a method for each command",
	}
	methods := make(map[string]int)
	walkGo(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			of := f.Recv.List[0].Type
			if pointer, ok := of.(*ast.StarExpr); ok {
				of = pointer.X
			}
			if name, ok := of.(*ast.Ident); ok {
				methods[filepath.Dir(path)+"."+name.Name]++
			}
		}
	})
	for name, n := range methods {
		if n > most && doors[name] == "" {
			t.Errorf("%s has %d methods, at most %d", name, n, most)
		}
	}
}

// Each direct dependency is justified in docs/dependencies.md.
func TestDependenciesAreJustified(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := modfile.Parse("go.mod", mod, nil)
	if err != nil {
		t.Fatal(err)
	}
	reasons, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range parsed.Require {
		if !r.Indirect && !strings.Contains(string(reasons), "`"+r.Mod.Path+"`") {
			t.Errorf("docs/dependencies.md gives no reason for %s", r.Mod.Path)
		}
	}
}

// Relative links of the pages lead to files that exist.
func TestLinksOfThePagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	top, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, top...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
		}
	}
}

// Pages that promise something name tests that exist.
func TestPromisesAreHeldByTestsThatExist(t *testing.T) {
	t.Parallel()
	tests := make(map[string]bool)
	walkGo(t, func(path string) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllSubmatch(text, -1) {
			tests[string(m[1])] = true
		}
	})
	for _, path := range []string{"docs/reliability.md", "docs/threats.md", "docs/troubleshooting.md", "SECURITY.md"} {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllSubmatch(page, -1) {
			if !tests[string(name[1])] {
				t.Errorf("%s names %s, which is no test", path, name[1])
			}
		}
	}
}

// The table of words in CONTRIBUTING.md names phrases that no text says any more.
func TestTextsUseTheWordsOfTheList(t *testing.T) {
	t.Parallel()
	rules, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(rules), "| word | for | out |")
	var out []string
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, "|"); len(cells) == 5 {
			for _, phrase := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[3], -1) {
				out = append(out, regexp.QuoteMeta(phrase[1]))
			}
		}
	}
	if len(out) < 20 {
		t.Fatalf("only %d phrases were found", len(out))
	}
	banned := regexp.MustCompile(`(?i)\b(` + strings.Join(out, "|") + `)\b`)
	const known = "state database" // the name of a test of check, which scripts rely on
	for path, texts := range textsForPeople(t) {
		for _, text := range texts {
			if found := banned.FindString(text); found != "" && strings.Trim(text, `"`) != known {
				t.Errorf("%s: %q is out, see the words in CONTRIBUTING.md: %s", path, found, strings.TrimSpace(text))
			}
		}
	}
}

// textsForPeople are the strings, comments and test names of the Go files, the templates of the
// status page and the sandbox, and the lines of the pages, by file. The strings of tests are inputs
// as often as texts, and are left out.
func textsForPeople(t *testing.T) map[string][]string {
	t.Helper()
	texts := make(map[string][]string)
	walkGo(t, func(path string) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range file.Comments {
			texts[path] = append(texts[path], strings.Join(strings.Fields(group.Text()), " "))
		}
		if strings.HasSuffix(path, "_test.go") {
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
					texts[path] = append(texts[path], spaced(f.Name.Name))
				}
			}
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Field:
				return n.Tag == nil // names of JSON members stay
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					texts[path] = append(texts[path], n.Value)
				}
			}
			return true
		})
	})
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"ccapi/sandbox", "cmd/ccsyncd/internal/web"} {
		templates, err := filepath.Glob(folder + "/templates/*.html")
		if err != nil || len(templates) == 0 {
			t.Fatalf("no templates in %s: %v", folder, err)
		}
		pages = append(pages, templates...)
	}
	for _, path := range append(pages, "README.md", "SECURITY.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = strings.Split(string(text), "\n")
	}
	return texts
}

// spaced is a name in camel case as words.
func spaced(name string) string {
	name = regexp.MustCompile(`([A-Z])([A-Z][a-z])`).ReplaceAllString(name, "$1 $2")
	return regexp.MustCompile(`([a-z0-9])([A-Z])`).ReplaceAllString(name, "$1 $2")
}

// Each row of "Where do I find" in the page on the architecture leads to files, and to functions in
// them.
func TestTheIndexOfTheCodeLeadsSomewhere(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	_, index, _ := strings.Cut(string(page), "## Where do I find")
	index, _, _ = strings.Cut(index, "\n## ")
	rows := 0
	for line := range strings.Lines(index) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.Contains(cells[2], ".go`") {
			continue
		}
		rows++
		text := ""
		for _, file := range quoted.FindAllStringSubmatch(cells[2], -1) {
			text += source(t, file[1])
		}
		for _, name := range quoted.FindAllStringSubmatch(cells[3], -1) {
			if !regexp.MustCompile(`(?m)^func (\([^)]+\) )?` + name[1] + `\b`).MatchString(text) {
				t.Errorf("%s: there is no function %s", strings.TrimSpace(line), name[1])
			}
		}
	}
	if rows < 40 {
		t.Errorf("only %d rows were found", rows)
	}
}

// source reads a file that the index names: from the root, from the rooms of the command or from
// the engine.
func source(t *testing.T, name string) string {
	t.Helper()
	for _, folder := range []string{".", "cmd/ccsyncd/internal", "sync"} {
		if text, err := os.ReadFile(filepath.Join(folder, name)); err == nil {
			return string(text)
		}
	}
	t.Errorf("there is no file %s", name)
	return ""
}

func goFiles(t *testing.T, folder string) map[string]*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no Go files in %s: %v", folder, err)
	}
	files := make(map[string]*ast.File)
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			files[path] = parse(t, path)
		}
	}
	return files
}

func everyGoFile(t *testing.T, visit func(path string, file *ast.File)) {
	t.Helper()
	walkGo(t, func(path string) { visit(path, parse(t, path)) })
}

func walkGo(t *testing.T, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != "."):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go"):
			visit(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func parse(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func lines(t *testing.T, path string) (n int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for scan := bufio.NewScanner(f); scan.Scan(); {
		n++
	}
	return n
}
