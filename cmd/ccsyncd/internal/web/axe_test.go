package web

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// axe installs axe-core, of the version that testdata/axe pins, into the user's cache and returns
// its source. The test is skipped where it cannot be had.
func axe(t *testing.T) []byte {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	manifest, err := os.ReadFile("testdata/axe/package.json")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`"axe-core": "([^"]+)"`).FindSubmatch(manifest)[1]
	home := filepath.Join(cache, "ccsyncd-axe", string(version))
	script := filepath.Join(home, "node_modules", "axe-core", "axe.min.js")
	if text, err := os.ReadFile(script); err == nil {
		return text
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join("testdata/axe", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	c.Dir = home
	if out, err := c.CombinedOutput(); err != nil {
		t.Skipf("axe-core cannot be installed here: %v\n%s", err, out)
	}
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// judge is the script that tells the server what axe found, and by how much a page is wider than
// its frame.
const judge = `<script src="/axe.js"></script><script>
axe.run(document, {iframes: false}).then(r => fetch("/found", {method: "POST", body: JSON.stringify({
	name: window.name,
	wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
	found: r.violations.map(v => v.id + ": " + v.help + ": " + v.nodes.map(n => n.target + " " + n.failureSummary).join("; ")),
})}))</script></body>`

// finding is what axe says of one page.
type finding struct {
	Name  string // of the page, and the width of its frame
	Wide  int    // pixels
	Found []string
}

// judged serves pages with axe-core on them, which our own policy would not let run, and at /judge
// a page that shows each of them in frames as wide as a screen and as a telephone. That page has
// come to its end when all were judged.
func judged(t *testing.T, pages map[string]http.Handler, names []string, script []byte) (address string, found chan finding) {
	t.Helper()
	found = make(chan finding, 2*len(names))
	var left sync.WaitGroup
	left.Add(2 * len(names))
	mux := http.NewServeMux()
	mux.HandleFunc("/axe.js", func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "text/javascript")
		_, _ = out.Write(script)
	})
	mux.HandleFunc("/judge", func(out http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(out, `<!DOCTYPE html><img src="/end" alt="">`)
		for _, name := range names {
			for _, width := range []string{"1280", "390"} {
				fmt.Fprintf(out, `<iframe name="%[1]s %[2]s" width="%[2]s" height="900" src="/at/%[1]s"></iframe>`, html.EscapeString(name), width)
			}
		}
	})
	mux.HandleFunc("/found", func(_ http.ResponseWriter, r *http.Request) {
		var f finding
		if err := json.NewDecoder(r.Body).Decode(&f); err != nil {
			t.Error(err)
		}
		found <- f
		left.Done()
	})
	mux.HandleFunc("/end", func(http.ResponseWriter, *http.Request) { left.Wait() })
	mux.HandleFunc("/static/{file}", func(out http.ResponseWriter, r *http.Request) {
		for _, any := range pages {
			r.Header.Set("Authorization", "Bearer "+token)
			any.ServeHTTP(out, r)
			return
		}
	})
	mux.HandleFunc("/at/{world}/{path...}", func(out http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/" + r.PathValue("path")
		r.Header.Set("Authorization", "Bearer "+token)
		page := httptest.NewRecorder()
		pages[r.PathValue("world")].ServeHTTP(page, r)
		out.Header().Set("Content-Type", page.Header().Get("Content-Type"))
		out.WriteHeader(page.Code)
		_, _ = io.WriteString(out, strings.Replace(page.Body.String(), "</body>", judge, 1))
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }() // Close ends it
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + l.Addr().String() + "/judge", found
}

// worlds are installations in the states that people meet.
func worlds(t *testing.T) map[string]*world {
	t.Helper()
	long := strings.Repeat("long-name-", 19)
	all := make(map[string]*world)
	for name, tell := range map[string]func(*world){
		"fresh": func(*world) {},
		"synced": func(w *world) {
			r := synced(988)
			r.Coverage = ccsync.Coverage{Users: 1010, Contacts: 988, Verified: 988, Skipped: 22}
			r.Reasons = map[string]int{"invalid_email": 12, "duplicate_value": 10}
			r.Push = &ccsync.Pushed{Verified: 3}
			w.ran(r, time.Millisecond)
		},
		"missing": func(w *world) { w.lost(120, func(i int) string { return fmt.Sprintf("user%d", i) }) },
		"long":    func(w *world) { w.login.Account = long; w.lost(3, func(i int) string { return fmt.Sprint(long, i) }) },
		"planned": func(w *world) { w.dry = dryRun(12) },
		"refused": func(w *world) {
			w.ran(synced(10), time.Millisecond)
			w.ran(ccsync.Report{Outcome: ccsync.Refused, Coverage: ccsync.Coverage{Users: 10, Contacts: 10, Verified: 5, Pending: 5},
				Guard: ccsync.Verdict{Tripped: true, Reasons: []string{"max_creates"}, Details: []string{"too many"}},
				Error: &ccsync.Problem{Code: "refused", Message: "nothing was sent: too many", Hint: "run `ccsyncd push --force`"}}, time.Millisecond)
		},
		"loggedout": func(w *world) {
			w.ran(synced(10), time.Millisecond)
			w.login = Authorization{Account: "Example Ltd", Reason: "the refresh token was refused"}
		},
	} {
		w := newWorld(t)
		w.options.Token = token
		w.explains["ann@example.com"] = explained()
		tell(w)
		all[name] = w
	}
	return all
}

// lost lets a run end with so many problems, of all reasons, of users with the names that name
// gives.
func (w *world) lost(n int, name func(int) string) {
	w.Helper()
	r := synced(988 - n)
	r.Outcome, r.Push, r.OpenProblems = ccsync.Partial, &ccsync.Pushed{}, map[string]int{"lost": n}
	r.Coverage = ccsync.Coverage{Users: 1010, Contacts: 988, Verified: 988 - n, Missing: n, Skipped: 22}
	r.Reasons = map[string]int{"quarantined": n, "unsubscribed": 22}
	id := w.ran(r, time.Millisecond)
	var rows []state.BatchRow
	var problems []state.Problem
	for i := range n {
		address := name(i) + "@example.com"
		rows = append(rows, state.BatchRow{Norm: address, Address: address, Key: name(i), Action: "update", Wanted: "M9X4"})
		problems = append(problems, state.Problem{Norm: address, Address: address, Key: name(i), Reason: problemReasons[i%len(problemReasons)],
			Detail: "the import ended, the value is not there", Wanted: "M9X4", Attempts: 1, Since: time.Now(), RetryAt: time.Now().Add(time.Hour), Run: id})
	}
	w.sent(id, "0d6a0f6e-5f0b-11f0-9d6c-1b5a7f0e2c33", rows, problems...)
}

// axe-core finds nothing on any page, light or dark, and no page is wider than a telephone.
func TestEveryPageIsAccessible(t *testing.T) {
	t.Parallel()
	script := axe(t)
	pages := make(map[string]http.Handler)
	for name, w := range worlds(t) {
		pages[name] = w.site()
		if w.dry != nil {
			ask := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8484/plan", nil)
			ask.Header.Set("Authorization", "Bearer "+token)
			pages[name].ServeHTTP(httptest.NewRecorder(), ask)
		}
	}
	names := []string{"fresh/", "synced/", "synced/?technical=yes", "missing/", "missing/problems", "missing/problems?reason=lost", "missing/runs/1",
		"long/?technical=yes", "long/problems", "long/runs/1", "refused/", "refused/runs/2", "loggedout/", "missing/explain", "planned/plan", "fresh/plan", "missing/explain?who=ann@example.com"}
	for scheme, flag := range map[string]string{"light": "preferredColorScheme=1", "dark": "preferredColorScheme=0"} {
		address, all := judged(t, pages, names, script)
		browse(t, address, "--blink-settings="+flag)
		close(all)
		if len(all) != 2*len(names) {
			t.Errorf("%s: %d pages were judged, want %d", scheme, len(all), 2*len(names))
		}
		for f := range all {
			if f.Wide > 0 {
				t.Errorf("%s, %s: %d pixels wider than the window", scheme, f.Name, f.Wide)
			}
			for _, found := range f.Found {
				t.Errorf("%s, %s: %s", scheme, f.Name, found)
			}
		}
	}
}
