package main

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/cmd/ccsyncd/internal/exit"
)

// The marks of secrets that the owner gives to the program. All are easy to find, in whatever form
// they leave it.
const (
	markPassword = "MARKpassword7"
	markStateKey = "abadcafe0123456789abcdef0123456789abcdef0123456789abcdefabadcafe"
	markHTTP     = "MARKhttptoken7"
	markWebhook  = "MARKwebhook7"
	markBeat     = "MARKheartbeat7"
	markOld      = "OLDCODE7MARK"
	markNew      = "NEWCODE7MARK"
	markFill     = "FILLCODE7MARK"
)

// marked is an installation whose secrets can all be told from anything else. Between the program
// and the sandbox stands an observer that takes down each token that is given out, and can answer
// in the place of the sandbox.
type marked struct {
	*testing.T
	dir     string
	box     *sandbox.Server
	remote  *httptest.Server
	hostile atomic.Bool // answers quote whatever the request carried
	refuses atomic.Bool // so do those to imports alone
	env     []string

	mu     sync.Mutex // guards tokens
	tokens map[string]bool
}

const markedConfig = `
[source]
dsn = "env:MARK_DSN"
%s
email = "email"
[[field]]
column = "short_code"
custom_field = "short_code"
create = true
[contacts]
lists = ["App users"]
[limits]
per_second = 200
[schedule]
cron = "@every 1h"
[auth]
client_id = "a-client-id"
[state]
key = "env:MARK_KEY"
[http]
listen = "127.0.0.1:0"
token = "secret:http-token"
[notify]
webhook = "env:MARK_WEBHOOK"
heartbeat = "env:MARK_HEARTBEAT"
[log]
level = "debug"
`

func newMarked(t *testing.T) *marked {
	t.Helper()
	m := &marked{T: t, dir: t.TempDir(), tokens: make(map[string]bool)}
	m.box = sandbox.New(sandbox.Options{Approve: true, PerSecond: 1000, Tokens: sandbox.Lifetimes{Interval: time.Second},
		ImportTime: func(int) time.Duration { return 50 * time.Millisecond }})
	m.box.Seed(sandbox.Contact{Address: "ann@example.com", Lists: []string{"App users"}, Fields: map[string]string{"Short code": markOld}},
		sandbox.Contact{Address: "ben@example.com", Lists: []string{"App users"}},
		sandbox.Contact{Address: "cat@example.com", Lists: []string{"App users"}, Permission: sandbox.Unsubscribed})
	m.remote = httptest.NewServer(http.HandlerFunc(m.observe))
	t.Cleanup(func() { m.remote.CloseClientConnections(); m.remote.Close() })
	m.setConfig(`table = "users"`)
	m.write("http-token", markHTTP+"\n")
	m.env = append(os.Environ(), "NO_COLOR=1", "CCSYNC_ENDPOINT="+m.remote.URL, "MARK_DSN=app.db", "MARK_KEY="+markStateKey,
		"MARK_WEBHOOK="+m.remote.URL+"/hook/"+markWebhook, "MARK_HEARTBEAT="+m.remote.URL+"/beat/"+markBeat, "GOTRACEBACK=all")
	appDatabase(t, filepath.Join(m.dir, "app.db"), `CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, short_code TEXT)`,
		`INSERT INTO users (email, short_code) VALUES ('ann@example.com', '`+markNew+`'), ('ben@example.com', '`+markFill+`'),
		('cat@example.com', 'CATCODE7MARK'), ('nobody@example.com', 'NOBODY7MARK'), ('bob@', 'BOBCODE7MARK')`)
	return m
}

// appDatabase makes an app's database of SQLite.
func appDatabase(t testing.TB, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func (m *marked) setConfig(what string) { m.write("ccsync.toml", fmt.Sprintf(markedConfig, what)) }

func (m *marked) write(name, text string) {
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
		m.Fatal(err)
	}
}

// with is the environment with some variables changed.
func (m *marked) with(changes ...string) []string { return slices.Concat(m.env, changes) }

// observe passes a request on, and notes the tokens in the answer.
func (m *marked) observe(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	isHook := strings.HasPrefix(r.URL.Path, "/hook/") || strings.HasPrefix(r.URL.Path, "/beat/")
	switch {
	case isHook:
		m.clean("a notification", false, string(body))
		w.WriteHeader(http.StatusTeapot)
		return
	case m.hostile.Load(), m.refuses.Load() && strings.HasSuffix(r.URL.Path, "/contacts_json_import"):
		quoteAll(w, r, body)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	m.box.ServeHTTP(answer, r)
	if strings.Contains(r.URL.Path, "/oauth2/") {
		m.note(answer.Body.Bytes())
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // the program may have left
}

// quoteAll is a server that says in its error what it was sent.
func quoteAll(w http.ResponseWriter, r *http.Request, body []byte) {
	form, _ := url.ParseQuery(string(body))
	quoted := fmt.Sprintf("%s %s %s %s", r.Header.Get("Authorization"), form.Get("refresh_token"), form.Get("device_code"), body)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	if strings.Contains(r.URL.Path, "/oauth2/") {
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_request", "error_description": quoted})
		return
	}
	_ = json.NewEncoder(w).Encode([]map[string]string{{"error_key": "quoted", "error_message": quoted}})
}

func (m *marked) note(answer []byte) {
	var given map[string]any
	if json.Unmarshal(answer, &given) != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range []string{"access_token", "refresh_token", "device_code"} {
		if token, ok := given[name].(string); ok && token != "" {
			m.tokens[token] = true
		}
	}
}

// secrets are all that may never be seen; codes only where they were not asked for.
func (m *marked) secrets(codes bool) []string {
	all := []string{markPassword, markStateKey, markHTTP, markWebhook, markBeat}
	if codes {
		all = append(all, markOld, markNew, markFill, "CATCODE7MARK", "NOBODY7MARK", "BOBCODE7MARK")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for token := range m.tokens {
		all = append(all, token)
	}
	return all
}

// forms are the ways in which a secret could be written.
func forms(secret string) []string {
	return []string{secret, url.QueryEscape(secret), hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.RawURLEncoding.EncodeToString([]byte(secret)), strconv.Quote(secret)}
}

// clean looks for secrets in a text.
func (m *marked) clean(where string, codes bool, text string) {
	for _, secret := range m.secrets(codes) {
		secret = secret[:min(len(secret), 40)] // a part of a token is too much as well
		for _, form := range forms(secret) {
			if at := strings.Index(text, form); at >= 0 {
				m.Errorf("%s shows the secret %.12s…: …%s…", where, secret, text[max(0, at-60):min(len(text), at+40)])
				return
			}
		}
	}
}

// command runs the program and looks at all that it says.
func (m *marked) command(env []string, args ...string) (code int) {
	m.Helper()
	cmd := exec.CommandContext(m.Context(), "ccsyncd", args...)
	cmd.Dir, cmd.Env = m.dir, env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // the exit code tells
	name := "ccsyncd " + strings.Join(args, " ")
	asked := slices.Contains(args, "json") || slices.Contains(args, "csv") || slices.Contains(args, "--reveal")
	m.clean(name+", stdout", !asked, stdout.String())
	m.clean(name+", stderr", true, stderr.String())
	return cmd.ProcessState.ExitCode()
}

// files looks at every file but those of the owner: what is encrypted can be read by nobody, and
// nothing by others.
func (m *marked) files() {
	m.Helper()
	err := filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch filepath.Base(path) {
		case "app.db", "http-token", "old-key":
			return nil
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			m.Errorf("%s has mode %04o", path, mode)
		}
		text, err := os.ReadFile(path)
		m.clean(path, false, string(text))
		return err
	})
	if err != nil {
		m.Fatal(err)
	}
}

// everyCommand are all commands that open an installation, but the daemon and the login.
var everyCommand = []string{
	"check", "check --output json", "check --offline --strict", "account", "account --output json",
	"--dry-run", "--dry-run --output json", "--dry-run --output csv", "--dry-run --full", "--dry-run --reveal",
	"status", "status --output json", "runs", "runs --output json", "runs show 1", "runs show 1 --output json",
	"explain ann@example.com", "explain key:2 --output json", "explain nobody@nowhere.example",
	"auth status", "auth status --output json", "forget nobody@nowhere.example",
	"push ann@example.com", "push --output json ben@example.com", "--once", "--once --output json",
}

func (m *marked) all(env []string) {
	m.Helper()
	for _, line := range everyCommand {
		m.command(env, append(strings.Fields(line), "--log-level", "debug")...)
	}
}

// Each way in which things can go wrong, and each command in it.
func TestNoCommandShowsASecret(t *testing.T) {
	t.Parallel()
	dsn := func(dsn string) func(*marked) []string {
		return func(m *marked) []string { return m.with("MARK_DSN=" + dsn) }
	}
	for name, prepare := range map[string]func(*marked) []string{
		"all is well":                func(m *marked) []string { return m.env },
		"a table that is not there":  func(m *marked) []string { m.setConfig(`table = "uzers"`); return m.env },
		"a condition that is no SQL": func(m *marked) []string { m.setConfig("table = \"users\"\nwhere = \"short_code = 'x\""); return m.env },
		"a typing error in the file": func(m *marked) []string { m.setConfig(`tabel = "users"`); return m.env },
		"secrets in a broken file": func(m *marked) []string {
			m.setConfig(`dsn = "postgres://a:` + markPassword + `@h/d" token = `)
			return m.env
		},
		"another state key":            func(m *marked) []string { return m.with("MARK_KEY=" + strings.Repeat("42", 32)) },
		"a state key that is too long": func(m *marked) []string { return m.with("MARK_KEY=" + markStateKey + "00") },
		"no state key":                 func(m *marked) []string { return m.with("MARK_KEY=") },
		"a webhook that is none":       func(m *marked) []string { return m.with("MARK_WEBHOOK=ftp://" + markWebhook) },
		"a token file that is gone":    func(m *marked) []string { _ = os.Remove(filepath.Join(m.dir, "http-token")); return m.env },
		"PostgreSQL away":              dsn("postgres://app:" + markPassword + "@127.0.0.1:1/app?sslmode=disable"),
		"PostgreSQL, wrong parameter":  dsn("postgres://app:" + markPassword + "@127.0.0.1:1/app?sslmode=banana&password=" + markPassword),
		"PostgreSQL, no URL":           dsn("postgres://app:" + markPassword + "%zz@127.0.0.1:1/app"),
		"PostgreSQL, bad port":         dsn("postgres://app:" + markPassword + "@127.0.0.1:port/app"),
		"PostgreSQL, keywords":         dsn("host=127.0.0.1 port=1 user=app password=" + markPassword + " dbname=app sslmode=banana"),
		"MySQL away":                   dsn("mysql://app:" + markPassword + "@127.0.0.1:1/app"),
		"MySQL, the driver's form":     dsn("app:" + markPassword + "@tcp(127.0.0.1:1)/app?timeout=banana"),
		"MySQL, no URL":                dsn("mysql://app:" + markPassword + "@127.0.0.1:1/%zz"),
		"SQLite that is none":          dsn("file:ccsync.toml?_auth_pass=" + markPassword),
		"an unknown database":          dsn("oracle://app:" + markPassword + "@127.0.0.1/app"),
		"a login that was revoked":     func(m *marked) []string { m.box.RevokeAll(); return m.env },
		"a server that quotes imports": func(m *marked) []string { m.refuses.Store(true); return m.env },
		"imports that refuse rows": func(m *marked) []string {
			m.box.Fault(sandbox.Fault{Kind: sandbox.FaultRefused})
			return m.env
		},
		"a server that quotes all": func(m *marked) []string { m.hostile.Store(true); return m.env },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMarked(t)
			if code := m.command(m.env, "auth", "login", "--log-level", "debug"); code != exit.Done {
				t.Fatalf("auth login ends with %d", code)
			}
			env := prepare(m)
			m.all(env)
			m.command(env, "auth", "login")
			m.hostile.Store(false)
			if name == "secrets in a broken file" {
				return // the file itself has one
			}
			m.files()
		})
	}
}

func TestInitAndRekeyShowNoSecret(t *testing.T) {
	t.Parallel()
	m := newMarked(t)
	m.command(m.env, "auth", "login")
	for _, args := range [][]string{
		{"init", "--force", "--dsn", "env:MARK_DSN", "--table", "users", "--config", "new.toml"},
		{"init", "--force", "--dsn", "env:MARK_BAD", "--table", "users", "--config", "new.toml"},
		{"auth", "rekey", "--old-key", "env:MARK_KEY"},
		{"auth", "rekey", "--old-key", markStateKey},
		{"auth", "rekey", "--old-key", "secret:old-key"},
		{"auth", "rekey", "--old-key", "env:MARK_BAD"},
		{"auth", "rekey"}, {"auth", "status"}, {"auth", "logout"}, {"version"}, {"completion", "bash"},
	} {
		m.write("old-key", markStateKey)
		m.command(m.with("MARK_BAD=mysql://app:"+markPassword+"@127.0.0.1:1/app"), args...)
	}
	m.files()
}

// A daemon's log, pages, metrics and end.
func TestTheDaemonShowsNoSecret(t *testing.T) {
	t.Parallel()
	m := newMarked(t)
	m.command(m.env, "auth", "login")
	cmd := exec.CommandContext(t.Context(), "ccsyncd", "--log-level", "debug")
	cmd.Dir, cmd.Env = m.dir, m.env
	log := new(syncBuffer)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	log.waitFor(t, `"msg":"run ended"`)
	base := listensAt.FindStringSubmatch(log.String())[1]
	look := func() {
		for _, path := range []string{"/", "/runs/1", "/runs/2", "/explain?who=ann@example.com", "/explain?who=key:2", "/metrics", "/healthz", "/readyz", "/nothing"} {
			m.ask("GET", base+path, "", "")
		}
		m.ask("POST", base+"/run", "wrong", "")
		m.ask("POST", base+"/run", markHTTP, `{"emails": ["ann@example.com", "bob@"], "wait": "10s"}`)
		m.ask("POST", base+"/run", markHTTP, `{"emails": "`+markNew)
		m.ask("GET", base+"/", markHTTP, "")
	}
	look()
	m.command(m.env, "push", "ann@example.com")
	arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", cmd.Process.Pid))
	m.clean("the process's arguments", true, string(arguments))
	if err != nil {
		t.Logf("no process arguments to look at: %v", err)
	}
	m.files()
	m.hostile.Store(true)
	m.command(m.env, "push", "--full")
	look()
	if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	<-ended
	if code := cmd.ProcessState.ExitCode(); code == exit.Pending || code == exit.Done {
		t.Errorf("SIGQUIT ends with %d", code)
	}
	if !strings.Contains(log.String(), "goroutine ") {
		t.Errorf("SIGQUIT shows no stacks")
	}
	m.clean("the log", true, log.String())
	m.files()
}

// ask asks the status page and looks at the answer. The page masks codes.
func (m *marked) ask(method, address, token, body string) {
	m.Helper()
	r, err := http.NewRequestWithContext(m.Context(), method, address, strings.NewReader(body))
	if err != nil {
		m.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		m.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		m.Fatal(err)
	}
	m.clean(method+" "+address, true, string(text)+fmt.Sprint(answer.Header))
}

// syncBuffer takes what a program says while others read it.
type syncBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *syncBuffer) waitFor(t *testing.T, pattern string) {
	t.Helper()
	wanted := regexp.MustCompile(pattern)
	last := eventually(func() ([]byte, bool) { text := []byte(b.String()); return text, wanted.Match(text) })
	if !wanted.Match(last) {
		t.Fatalf("never said %s:\n%s", pattern, last)
	}
}
