package daemon

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/cmd/ccsyncd/internal/web"
	ccsync "ccsyncd/sync"
)

// bubble is a whole daemon beside the sandbox, in a bubble of time: the real loop, the real pages,
// the real clients, over connections that never leave the process.
type bubble struct {
	t      *testing.T
	ctx    context.Context // of the loop
	end    context.CancelFunc
	box    *sandbox.Server
	app    *sql.DB
	cfg    *config.Config
	dir    string
	d      *daemon
	pages  *http.Client // asks the status page
	looks  *pipes
	log    logBuffer
	hangUp chan os.Signal
	after  []func()
	before atomic.Pointer[func(*http.Request)] // sees each request before it is sent
	// lets the loop begin, with what the test has configured
	begin func()

	mu    sync.Mutex // guards what follows
	runs  []*ccsync.Report
	ticks int // that found nothing to do
}

// ran are the runs so far.
func (b *bubble) ran() []*ccsync.Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.runs)
}

// idled is how many ticks have found nothing to do.
func (b *bubble) idled() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ticks
}

// onRequest lets the test see each request before it is sent.
func (b *bubble) onRequest(hook func(*http.Request)) { b.before.Store(&hook) }

const bubbleToken = "the-token-of-the-bubble"

// inBubble runs a test beside a daemon that looks for something to do every 10 seconds. users are
// contacts on "App users" with their codes.
func inBubble(t *testing.T, users int, test func(*bubble)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		b := &bubble{t: t, ctx: ctx, end: end, hangUp: make(chan os.Signal, 1)}
		b.sides(dir, users)
		defer b.app.Close()
		closePages := b.open(dir)
		ended := make(chan struct{})
		begun := make(chan struct{})
		b.begin = sync.OnceFunc(func() { close(begun) })
		go func() { defer close(ended); <-begun; b.d.loop(ctx) }()
		test(b)
		b.begin()
		for _, undo := range b.after {
			undo()
		}
		end()
		<-ended
		b.turnAway()
		closePages()
		if err := b.d.app.Load().Close(); err != nil {
			t.Error(err)
		}
	})
}

// turnAway is what a daemon does when its loop has ended.
func (b *bubble) turnAway() {
	select {
	case <-b.d.asks.stopped:
	default:
		b.d.asks.stop()
	}
}

// sides makes the account and the app's table.
func (b *bubble) sides(dir string, users int) {
	b.t.Helper()
	b.box = sandbox.New(sandbox.Options{Approve: true})
	b.box.AddCustomField("Short code", "string")
	b.box.AddList("App users")
	var err error
	b.app, err = sql.Open("sqlite3", filepath.Join(dir, "app.db"))
	b.must(err)
	b.exec("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, short_code TEXT)")
	for i := range users {
		address, code := fmt.Sprintf("user%04d@example.com", i), fmt.Sprintf("CODE%04d", i)
		b.exec("INSERT INTO users VALUES (?, ?, ?)", i, address, code)
		b.box.AddContact(sandbox.Contact{Address: address, Lists: []string{"App users"}, Fields: map[string]string{"Short code": code}})
	}
}

// open opens the installation, logs in and serves the pages.
func (b *bubble) open(dir string) (closePages func()) {
	b.t.Helper()
	cfg := config.Default()
	cfg.Source.DSN, cfg.Source.Table, cfg.Source.Email = config.NewSecret(filepath.Join(dir, "app.db")), "users", "email"
	cfg.Fields = []config.Field{{Column: "short_code", CustomField: "short_code"}}
	cfg.Endpoints.API, cfg.Endpoints.Auth = "http://127.0.0.1:8585/v3", "http://127.0.0.1:8585/oauth2/default/v1"
	cfg.Auth.ClientID = "a-client-id"
	cfg.HTTP.Listen, cfg.HTTP.Token = "127.0.0.1:8484", config.NewSecret(bubbleToken)
	cron, err := config.ParseCron("@every 10s", time.UTC)
	b.must(err)
	cfg.Schedule.Cron = cron
	b.cfg, b.dir = &cfg, dir
	wire := newPipes()
	box := &http.Server{Handler: b.box}
	go box.Serve(wire)
	base := &http.Transport{DialContext: wire.dial}
	sh := &shell.Shell{Getenv: os.Getenv, Terminal: term.New(term.Options{Stdout: io.Discard, Stderr: &b.log})}
	sh.Wire = &hooked{base, func(r *http.Request) {
		if hook := b.before.Load(); hook != nil {
			(*hook)(r)
		}
	}}
	cfg.State.Path = filepath.Join(dir, "ccsync.db")
	a := app.New(sh, &cfg)
	b.must(a.OpenState(b.ctx))
	b.must(a.OpenSource(b.ctx))
	b.d = &daemon{Shell: sh, asks: newAsks(), hangUp: b.hangUp}
	b.d.app.Store(a)
	b.d.ran = append(b.d.ran, func(_ context.Context, r *ccsync.Report) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.runs = append(b.runs, r)
	})
	b.d.idle = append(b.d.idle, func(context.Context) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ticks++
	})
	b.must(b.d.openSite(a))
	b.login()
	b.looks = newPipes()
	site := web.NewServer(b.d.site, a.Log)
	go site.Serve(b.looks)
	transport := &http.Transport{DialContext: b.looks.dial}
	b.pages = &http.Client{Transport: transport}
	return func() {
		transport.CloseIdleConnections()
		base.CloseIdleConnections()
		site.Close()
		box.Close()
	}
}

// hooked shows each request before it is sent.
type hooked struct {
	base *http.Transport
	hook func(*http.Request)
}

func (h *hooked) RoundTrip(r *http.Request) (*http.Response, error) {
	h.hook(r)
	return h.base.RoundTrip(r)
}
func (h *hooked) CloseIdleConnections() { h.base.CloseIdleConnections() }

// login is `auth login`.
func (b *bubble) login() {
	b.t.Helper()
	a := b.d.app.Load()
	device, err := a.Auth.Start(b.ctx)
	b.must(err)
	token, err := a.Auth.Wait(b.ctx, device)
	b.must(err)
	_, err = a.Login(b.ctx, token, false)
	b.must(err)
}

func (b *bubble) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bubble) exec(query string, args ...any) {
	b.t.Helper()
	_, err := b.app.Exec(query, args...)
	b.must(err)
}

// wait lets time pass, and everybody come to rest.
func (b *bubble) wait(d time.Duration) {
	b.begin()
	time.Sleep(d)
	synctest.Wait()
}

// get asks the status page.
func (b *bubble) get(path string) (status int, body string) {
	b.t.Helper()
	return b.ask(http.MethodGet, path, "")
}

// ask sends a request with the token.
func (b *bubble) ask(method, path, body string) (status int, text string) {
	b.t.Helper()
	answer, err := b.send(b.ctx, method, path, body)
	b.must(err)
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	b.must(err)
	return answer.StatusCode, string(got)
}

func (b *bubble) send(ctx context.Context, method, path, body string) (*http.Response, error) {
	b.begin()
	r, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1:8484"+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+bubbleToken)
	return b.pages.Do(r)
}

// pipes is a listener whose connections never leave the process.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.done:
	default:
		close(p.done)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8484} }

// logBuffer keeps what several goroutines log.
type logBuffer struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
