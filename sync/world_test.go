package sync_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"ccsyncd/ccapi"
	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// world is a whole installation in a bubble: the sandbox behind a real HTTP server, the real
// client, a real state file, and a source that is a slice of rows. Time stands still but for
// those who wait.
type world struct {
	t      testing.TB
	box    *sandbox.Server
	state  *state.DB
	path   string
	rows   []source.Row
	broken error // what the source fails with after half of its rows
	// whileReading happens while the source is read: after the refresh of the mirror, before the
	// recheck.
	whileReading func()
	policy       ccsync.Policy
	guard        ccsync.Guard
	limits       state.Limits
	client       *http.Client
	door         *ccapi.Transport
	slow         time.Duration // before the source gives its first row
	tokens       ccapi.Tokens
	home         ccsync.Home
	// the state file knows who left a list: a forced run has let contacts join
	joins     bool
	unrenewed bool // the access token has expired, and only the refresh token gives another
	stop      func()
	life      *life
}

// inWorld runs a test in a bubble, in a world whose account has the list "App users" and the custom
// field "Short code".
func inWorld(t *testing.T, o sandbox.Options, test func(*world)) {
	t.Helper()
	inWorldAt(t, o, t.TempDir(), test)
}

// inWorldAt is inWorld with the state file in this folder.
func inWorldAt(t *testing.T, o sandbox.Options, dir string, test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, o, dir)
		defer w.close()
		test(w)
	})
}

func newWorld(t testing.TB, o sandbox.Options, dir string) *world {
	o.Tokens.Access = 10 * 365 * 24 * time.Hour
	box := sandbox.New(o)
	box.AddCustomField("Short code", "string")
	box.AddList("App users")
	box.AddList("Newsletter")
	access, _ := box.Authorize()
	w := &world{
		t: t, box: box, life: &life{}, path: filepath.Join(dir, "ccsync.db"), tokens: fixedToken(access),
		policy: ccsync.Policy{Fields: []ccsync.Field{{Column: "short_code", CustomField: "short_code"}}, ActivityTimeout: 6 * time.Hour, Drift: 15 * time.Minute},
		guard:  ccsync.Guard{},
		limits: state.Limits{PerSecond: 4, PerDay: 9500},
	}
	lives.Store(w.path, w.life)
	w.open()
	return w
}

type fixedToken string

func (f fixedToken) Token(context.Context) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: string(f), TokenType: "Bearer"}, nil
}

func (f fixedToken) Renew(context.Context, *oauth2.Token) (*oauth2.Token, error) {
	return nil, errors.New("no other token")
}

// open opens the state file and connects to the sandbox, as a fresh process would.
func (w *world) open() {
	w.t.Helper()
	var err error
	if w.state, err = state.Open(w.t.Context(), w.path, nil); err != nil {
		w.t.Fatal(err)
	}
	if w.joins {
		w.knowsWhoLeft()
	}
	lines := newPipeListener()
	server := &http.Server{Handler: w.box}
	go server.Serve(lines)
	base := &http.Transport{DialContext: lines.dial}
	w.life.wire = base
	transport := &ccapi.Transport{Base: w.life, Quota: w.state.Quota(w.limits), PerSecond: w.limits.PerSecond, Observe: w.observe}
	w.client, w.door = &http.Client{Transport: transport}, transport
	db := w.state
	w.stop = func() {
		base.CloseIdleConnections()
		server.Close()
		db.Close()
	}
}

// knowsWhoLeft lets existing contacts join lists, as after a forced run, now and whenever the state
// file is opened.
func (w *world) knowsWhoLeft() {
	w.t.Helper()
	w.joins = true
	if err := w.state.SetFacts(w.t.Context(), map[string]string{"joins": "yes"}); err != nil {
		w.t.Fatal(err)
	}
}

// observe learns the server's time from every answer, as the program does.
func (w *world) observe(r *http.Request, answer *http.Response, err error) {
	if err != nil {
		return
	}
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		w.state.Saw(context.WithoutCancel(r.Context()), date)
	}
}

func (w *world) close() { w.stop() }

// restart closes everything and opens it again.
func (w *world) restart() {
	w.close()
	w.open()
}

func (w *world) engine() *ccsync.Engine {
	reader := ccapi.NewReader("http://sandbox/v3", w.client, w.tokens)
	return &ccsync.Engine{
		LookOnly: func(context.Context) *ccapi.Reader {
			if w.unrenewed {
				return nil
			}
			return ccapi.NewReader("http://sandbox/v3", w.client, w.tokens)
		},
		State: w.state, Quota: w.state.Quota(w.limits), Users: w.users, Read: reader, Write: ccapi.NewWriter(reader), Scratch: filepath.Dir(w.path),
		Home: w.home, Policy: w.policy, Guard: w.guard, Version: "test", Waited: w.door.Waited, Log: slog.New(slog.NewTextHandler(testLog{w.t}, &slog.HandlerOptions{Level: logLevel()})),
	}
}

func logLevel() slog.Level {
	if os.Getenv("CCSYNC_TEST_LOG") != "" {
		return slog.LevelDebug
	}
	return slog.LevelError
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) { l.t.Log(string(p)); return len(p), nil }

func (w *world) users(context.Context, ...int) *source.Reading {
	return source.ReadingOf(func(yield func(source.Row, error) bool) {
		if w.whileReading != nil {
			w.whileReading()
		}
		time.Sleep(w.slow)
		if w.broken != nil && len(w.rows) == 0 {
			yield(source.Row{}, w.broken)
			return
		}
		for i, row := range w.rows {
			if w.broken != nil && i >= len(w.rows)/2 {
				yield(source.Row{}, w.broken)
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	})
}

// run runs once and fails the test if the run could not even be reported.
func (w *world) run(o ccsync.Options) *ccsync.Report {
	w.t.Helper()
	report, err := w.engine().Run(w.t.Context(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// dry plans without sending.
func (w *world) dry(o ccsync.Options) *ccsync.Report {
	w.t.Helper()
	e := w.engine()
	e.Write = nil
	report, err := e.Run(w.t.Context(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// want fails the test unless the report has this outcome.
func (w *world) want(r *ccsync.Report, outcome ccsync.Outcome) {
	w.t.Helper()
	if r.Outcome != outcome {
		w.t.Fatalf("outcome %q, want %q; error %+v, guard %+v, push %+v, notes %v", r.Outcome, outcome, r.Error, r.Guard, r.Push, r.Notes)
	}
}

// code is the short code that a contact carries.
func (w *world) code(address string) string {
	w.t.Helper()
	c, ok := w.box.Contact(address)
	if !ok {
		w.t.Fatalf("no contact %s", address)
	}
	return c.Fields["short_code"]
}

// populate makes n users that are contacts on "App users" and carry their codes, but for every
// outdated-th.
func (w *world) populate(n, outdated int) {
	w.rows = nil
	contacts := make([]sandbox.Contact, n)
	for i := range n {
		code := fmt.Sprintf("CODE%06d", i)
		address := fmt.Sprintf("user%06d@example.com", i)
		w.rows = append(w.rows, source.Row{Key: fmt.Sprint(i + 1), Email: address, Values: []string{code}})
		if outdated > 0 && i%outdated == 0 {
			code = fmt.Sprintf("OLD%06d", i)
		}
		contacts[i] = sandbox.Contact{Address: address, Lists: []string{"App users"}, Fields: map[string]string{"Short code": code}}
	}
	w.box.Seed(contacts...)
}

// pipeListener is a listener whose connections never leave the process.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// forgetBindings lets the next run find custom fields and lists by their names again.
func (w *world) forgetBindings() {
	w.t.Helper()
	if err := w.state.SetBindings(w.t.Context(), nil); err != nil {
		w.t.Fatal(err)
	}
}
