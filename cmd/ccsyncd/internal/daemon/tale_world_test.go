package daemon

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/mattn/go-sqlite3"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/sync/state"
)

// taleWorld is where a tale is lived.
type taleWorld struct {
	*tale
	ctx   context.Context // of the people and their commands
	leave context.CancelFunc
	dir   string
	box   *sandbox.Server
	app   *sql.DB // the app's database
	lines *pipes  // to Constant Contact
	serve *http.Server
	log   logBuffer // of all processes
	began time.Time

	d        *daemon // nil while none runs
	end      context.CancelFunc
	ended    chan struct{} // closed when the loop has ended
	lost     error         // why it ended by itself
	stopTell func()
	hangUp   chan os.Signal
	life     *taleLife // of the daemon
	others   sync.WaitGroup
	guests   int // other processes so far

	mu        sync.Mutex // guards what follows
	people    map[string]*taleUser
	codes     int // given out so far
	known     taleMemory
	deaf      int    // next messages that the receiver refuses
	shownLate bool   // a fault shows minutes late what imports wrote
	stateLost bool   // the state file was lost once: who left a list before is not known
	at        int    // step
	promise   string // that was broken
	wrong     string // what was seen
	diary     strings.Builder
}

// newTaleWorld makes both sides and starts the daemon.
func newTaleWorld(ctx context.Context, t *tale, dir string) *taleWorld {
	w := &taleWorld{tale: t, dir: dir, people: make(map[string]*taleUser), began: time.Now()}
	w.ctx, w.leave = context.WithCancel(ctx)
	o := sandbox.Options{Seed: t.seed, Approve: true, Switches: t.switches}
	if t.rules.shortLogin {
		o.Tokens.Access = 10 * time.Minute
	}
	w.box = sandbox.New(o)
	for _, name := range []string{"Short code", "Plan", "Other"} {
		w.box.AddCustomField(name, "string")
	}
	w.lines = newPipes()
	w.serve = &http.Server{Handler: w.box}
	go w.serve.Serve(w.lines)
	var err error
	w.app, err = sql.Open("sqlite3", filepath.Join(dir, "app.db")+"?_synchronous=OFF")
	w.must(err)
	w.exec("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, short_code TEXT, first_name TEXT, plan TEXT)")
	w.must(os.WriteFile(filepath.Join(dir, "ccsync.toml"), []byte(w.config(t.rules.fields)), 0o600))
	w.populate()
	return w
}

// must is for what is no part of the program.
func (w *taleWorld) must(err error) {
	if err != nil {
		panic(fmt.Sprintf("tale %d: %v", w.seed, err))
	}
}

func (w *taleWorld) exec(query string, args ...any) {
	_, err := w.app.Exec(query, args...)
	w.must(err)
}

// note writes into the diary of the tale.
func (w *taleWorld) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(&w.diary, "   %9s %s\n", time.Since(w.began).Round(time.Millisecond), fmt.Sprintf(format, args...))
}

// breaks notes the first promise that was broken.
func (w *taleWorld) breaks(promise, seen string) {
	if seen == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wrong == "" {
		w.promise, w.wrong = promise, fmt.Sprintf("%s: step %d, %s: %s", promise, w.at, time.Since(w.began).Round(time.Millisecond), seen)
	}
}

// whole tells whether every promise was kept so far.
func (w *taleWorld) whole() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wrong == ""
}

// taleFields are the mappings that configurations have.
var taleFields = [][]string{{"short_code"}, {"short_code", "first_name", "plan"}, {"plan", "short_code"}, {"first_name", "short_code"}}

var taleTargets = map[string]string{"short_code": `custom_field = "short_code"`, "first_name": `property = "first_name"`, "plan": `custom_field = "Plan"`}

// taleEvery is the schedule, and taleFull how often all contacts are read again.
const (
	taleEvery = 10 * time.Second
	taleFull  = 30 * time.Minute
)

// config is a configuration with one of taleFields.
func (w *taleWorld) config(fields int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[source]\ndsn = \"app.db\"\ntable = \"users\"\nwhere = \"\"\nemail = \"email\"\n")
	for _, column := range taleFields[fields] {
		fmt.Fprintf(&b, "[[field]]\ncolumn = %q\n%s\n", column, taleTargets[column])
	}
	if w.rules.lists {
		fmt.Fprintf(&b, "[contacts]\nlists = [\"App users\"]\ncreate = %v\n", w.rules.create)
	}
	fmt.Fprintf(&b, "[guard]\n")
	if !w.rules.canary {
		fmt.Fprintf(&b, "canary = 0\n")
	}
	if w.rules.guarded {
		fmt.Fprintf(&b, "exempt_below = 3\nmax_change_percent = 25\n")
	}
	fmt.Fprintf(&b, "[endpoints]\napi = \"http://127.0.0.1:8585/v3\"\nauth = \"http://127.0.0.1:8585/oauth2/default/v1\"\n")
	fmt.Fprintf(&b, "[auth]\nclient_id = \"a-client-id\"\n[http]\nlisten = \"127.0.0.1:8484\"\ntoken = %q\n", bubbleToken)
	fmt.Fprintf(&b, "[schedule]\ncron = \"@every %s\"\nfull = \"@every %s\"\n", taleEvery, taleFull)
	fmt.Fprintf(&b, "[notify]\nwebhook = \"http://127.0.0.1:9/hook\"\nheartbeat = \"http://127.0.0.1:9/beat\"\n[log]\nlevel = \"debug\"\nformat = \"json\"\n")
	return b.String()
}

// process is one process of the program: where its requests go, and a terminal that nobody looks
// at.
func (w *taleWorld) process(config string, life *taleLife) *shell.Shell {
	w.guests++
	wire := &http.Transport{DialContext: w.lines.dial}
	c := &shell.Shell{ConfigPath: filepath.Join(w.dir, config), Getenv: func(string) string { return "" }, LogLevel: "debug",
		Terminal: term.New(term.Options{Stdout: io.Discard, Stderr: &w.log}), In: strings.NewReader("")}
	c.Wire = &taleWire{world: w, base: wire, life: life, far: 11*time.Millisecond + time.Duration(w.guests%89)*137*time.Microsecond}
	c.Random = drawing(w.seed, uint64(w.guests))
	return c
}

// drawing draws numbers in [0, 1) for one process, so that none draws what another was to.
func drawing(seed, process uint64) func() float64 {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, process))
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return r.Float64()
	}
}

// start starts the daemon; false when it cannot begin now.
func (w *taleWorld) start() bool {
	w.life = &taleLife{}
	c := w.process("ccsync.toml", w.life)
	c.Unwatched = true
	ctx, end := context.WithCancel(context.WithoutCancel(w.ctx))
	w.life.kill = end
	taleLives.Store(filepath.Join(w.dir, "ccsync.db"), w.life)
	a, err := app.Open(ctx, c)
	taleLives.Delete(filepath.Join(w.dir, "ccsync.db"))
	if err == nil {
		err = a.OpenSource(ctx)
	}
	if err != nil {
		w.note("the daemon does not start: %v", err)
		end()
		return false
	}
	held, release, err := a.LockRun(ctx)
	if err != nil {
		w.note("the daemon does not start: %v", errors.Join(err, a.Close()))
		end()
		return false
	}
	w.hangUp, w.ended, w.end = make(chan os.Signal, 1), make(chan struct{}), end
	d := &daemon{Shell: c, asks: newAsks(), hangUp: w.hangUp}
	d.app.Store(a)
	w.must(d.openSite(a))
	d.ran = append(d.ran, w.ran)
	d.idle = append(d.idle, w.idle)
	stop := d.tellOthers(held)
	w.stopTell = func() { stop(); release() }
	w.mu.Lock()
	w.d = d
	w.mu.Unlock()
	go func() { defer close(w.ended); w.lost = d.loop(held) }()
	w.note("the daemon begins")
	return true
}

// buried closes what a daemon that has ended had open.
func (w *taleWorld) buried() {
	<-w.ended
	w.mu.Lock()
	d := w.d
	w.d = nil
	w.known.restarted = true
	w.mu.Unlock()
	w.end()
	d.asks.stop()
	w.stopTell()
	_ = d.app.Load().Close() // what it could not write any more is lost, as with its process
	w.note("the daemon has ended: killed %v, %v", w.life.isDead(), w.lost)
	if w.lost != nil && !errors.Is(w.lost, state.ErrReplaced) {
		w.breaks("the daemon goes on", w.lost.Error())
	}
}

// stop is SIGTERM.
func (w *taleWorld) stop() {
	if w.d == nil {
		return
	}
	w.end()
	began := time.Now()
	<-w.ended
	if took := time.Since(began); took > endWithin && !w.life.isDead() {
		w.note("it took %s to end: a service manager would have killed it", took)
	}
	w.buried()
}

// manage is what a service manager does once a while.
func (w *taleWorld) manage() {
	if w.d != nil {
		select {
		case <-w.ended:
			w.buried()
		default:
			return
		}
	}
	w.start()
}

// close ends everything, so that nobody is left in the bubble.
func (w *taleWorld) close() {
	w.leave()
	w.stop()
	w.others.Wait()
	w.app.Close()
	w.serve.Close()
	synctest.Wait()
}

// running is the daemon, nil while none runs.
func (w *taleWorld) running() *daemon {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.d
}

// live is the tale from its beginning to its end.
func (w *taleWorld) live() {
	w.start()
	w.login()
	w.wait(40 * time.Second)
	for i, s := range w.steps {
		w.mu.Lock()
		w.at = i
		w.mu.Unlock()
		w.note("%d: %s", i, s.event.name)
		s.event.do(w, s.draw())
		w.wait(s.pause)
		if !w.whole() {
			return
		}
	}
	w.at = len(w.steps)
	w.conclude()
}

// wait lets time pass, and looks around meanwhile.
func (w *taleWorld) wait(d time.Duration) {
	const look = 5 * time.Second
	for until := time.Now().Add(d); ; {
		time.Sleep(min(look, time.Until(until)))
		synctest.Wait()
		w.manage()
		w.look()
		if !time.Now().Before(until) || !w.whole() {
			return
		}
	}
}

// beside is another process that works for itself.
func (w *taleWorld) beside(what string, config string, work func(context.Context, *shell.Shell) error) {
	c := w.process(config, nil)
	w.others.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				w.breaks("no process panics", fmt.Sprintf("%s: %v", what, p))
			}
		}()
		ctx, end := context.WithTimeout(w.ctx, time.Hour)
		defer end()
		err := work(ctx, c)
		w.note("%s: %v", what, err)
	})
}

// ask asks the daemon's pages; the status is 0 while there is no daemon.
func (w *taleWorld) ask(ctx context.Context, method, path, body string) (status int, text string) {
	d := w.running()
	if d == nil {
		return 0, ""
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1:8484"+path, strings.NewReader(body))
	w.must(err)
	r.Header.Set("Authorization", "Bearer "+bubbleToken)
	a := newTaleAnswer()
	d.site.ServeHTTP(a, r)
	return a.Code, a.Body.String()
}

// taleLife is that of a process: at a moment it dies, and nothing that it does afterwards reaches
// the disk or the network.
type taleLife struct {
	kill context.CancelFunc

	mu       sync.Mutex // guards what follows
	dead     bool
	requests int // until it dies; 0: it lives
	commits  int
}

// endAt lets the process die before its n-th request, or at its n-th commit, from now on.
func (l *taleLife) endAt(requests, commits int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests, l.commits = requests, commits
}

func (l *taleLife) isDead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// meets counts one of them down and tells whether the process is dead.
func (l *taleLife) meets(left *int) bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if *left > 0 {
		if *left--; *left == 0 {
			l.dead = true
			l.kill()
		}
	}
	return l.dead
}

// taleLives are by the path of a state file that a mortal process is opening.
var taleLives sync.Map

// Every connection that a mortal process opens asks whether it lives before it commits. No test
// cuts the power, so that what is written need not be waited for.
func init() {
	db, err := sql.Open("sqlite3", "")
	if err != nil {
		panic(err)
	}
	defer db.Close()
	db.Driver().(*sqlite3.SQLiteDriver).ConnectHook = func(c *sqlite3.SQLiteConn) error {
		path := c.GetFilename("")
		if !strings.Contains(path, "TestTales") {
			return nil
		}
		if life, ok := taleLives.Load(path); ok {
			l := life.(*taleLife)
			c.RegisterCommitHook(func() int {
				if l.meets(&l.commits) {
					return 1
				}
				return 0
			})
		}
		_, err := c.Exec("PRAGMA synchronous = OFF", nil)
		return err
	}
}

// taleWire is the network as one process sees it.
type taleWire struct {
	world *taleWorld
	base  *http.Transport
	life  *taleLife // nil: it does not die
	far   time.Duration
}

var errTaleDead = errors.New("the process is dead")

// RoundTrip sends a request to Constant Contact or to the receiver of notifications.
func (wire *taleWire) RoundTrip(r *http.Request) (*http.Response, error) {
	if l := wire.life; l != nil && l.meets(&l.requests) {
		return nil, errTaleDead
	}
	time.Sleep(wire.far)
	if r.URL.Host == "127.0.0.1:9" {
		return wire.world.receive(r)
	}
	wire.world.sees(wire, r)
	answer, err := wire.base.RoundTrip(r)
	if l := wire.life; l != nil && l.isDead() && err == nil {
		answer.Body.Close()
		return nil, errTaleDead
	}
	return answer, err
}

func (wire *taleWire) CloseIdleConnections() { wire.base.CloseIdleConnections() }

// opens works on the installation as a process opens it for a look.
func (w *taleWorld) opens(ctx context.Context, sh *shell.Shell, work func(*app.App) error) (err error) {
	a, err := app.OpenAll(ctx, sh)
	if err != nil {
		return err
	}
	defer shell.AtExit(&err, "close", a.Close)
	return work(a)
}
