package sync_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mattn/go-sqlite3"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state/statetest"
)

// moment is an instant of a run at which its process dies. Counted from 1; 0 is never.
type moment struct {
	request int  // at this request:
	seen    bool // after it was carried out and before its answer came; else before it was sent
	commit  int  // instead of this commit of the state file
}

func (m moment) String() string {
	switch {
	case m.commit > 0:
		return fmt.Sprintf("at commit %d", m.commit)
	case m.seen:
		return fmt.Sprintf("after request %d", m.request)
	}
	return fmt.Sprintf("before request %d", m.request)
}

// life is that of the process in a world: it dies at a moment, when it is told to. Its context ends
// then, and nothing that it does afterwards reaches the disk or the network, as after kill -9.
type life struct {
	wire http.RoundTripper

	mu       sync.Mutex // guards what follows
	mortal   bool
	gentle   bool // it is only told to stop
	end      moment
	ended    time.Time
	dead     bool
	requests int
	commits  int
	denier   statetest.Denier // of statements on the state file
	kill     context.CancelFunc
	pages    int // that the state file may have, as on a full disk; 0: any number
}

var errDead = errors.New("the process is dead")

// lives are by the path of the state file.
var lives sync.Map

// Every connection to the state file of a world asks its process whether it may commit. No test
// cuts the power, so what is written need not be waited for.
func init() {
	db, err := sql.Open("sqlite3", "")
	if err != nil {
		panic(err)
	}
	db.Driver().(*sqlite3.SQLiteDriver).ConnectHook = func(c *sqlite3.SQLiteConn) error {
		l, ok := lives.Load(c.GetFilename(""))
		if !ok {
			return nil
		}
		c.RegisterCommitHook(l.(*life).commit)
		c.RegisterAuthorizer(l.(*life).denier.Ask)
		settings := "PRAGMA synchronous = OFF"
		if pages := l.(*life).pages; pages > 0 {
			settings += fmt.Sprintf("; PRAGMA max_page_count = %d", pages)
		}
		_, err := c.Exec(settings, nil)
		return err
	}
}

// endAt lets the process die at a moment.
func (l *life) endAt(end moment, kill context.CancelFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mortal, l.end, l.kill, l.dead, l.ended, l.requests, l.commits = true, end, kill, false, time.Time{}, 0, 0
}

// again makes the next process immortal and tells when this one died or was told to stop, zero if
// it was not.
func (l *life) again() (ended time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mortal, l.dead, l.gentle = false, false, false
	return l.ended
}

// commit is SQLite's commit hook: anything but 0 makes the commit a rollback.
func (l *life) commit() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commits++
	l.meet(l.commits == l.end.commit)
	if l.dead {
		return 1
	}
	return 0
}

// RoundTrip sends a request, unless the process is dead or dies of it.
func (l *life) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.diesOf(false) {
		return nil, errDead
	}
	resp, err := l.wire.RoundTrip(r)
	if l.diesOf(true) {
		if err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		return nil, errDead
	}
	return resp, err
}

// diesOf tells whether the process is dead before a request is sent, or after it was carried out.
func (l *life) diesOf(carriedOut bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !carriedOut {
		l.requests++
	}
	l.meet(l.requests == l.end.request && carriedOut == l.end.seen)
	return l.dead
}

func (l *life) meet(end bool) {
	if l.mortal && end && l.ended.IsZero() {
		l.dead, l.ended = !l.gentle, time.Now()
		l.kill()
	}
}

// runUntil runs once in a process that dies at a moment, if the run lasts that long, and starts a
// new one.
func (w *world) runUntil(end moment, o ccsync.Options) (died bool) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	w.life.endAt(end, cancel)
	_, err := w.engine().Run(ctx, o)
	gentle := w.life.gentle
	ended := w.life.again()
	if err != nil && (ended.IsZero() || gentle) {
		w.t.Fatalf("%s: %v", end, err)
	}
	if took := time.Since(ended); gentle && !ended.IsZero() && took > 10*time.Second {
		w.t.Errorf("%s: it took %s to stop", end, took)
	}
	w.restart()
	return !ended.IsZero()
}

// finish runs every five minutes, as a daemon does, until nothing is left to do.
func (w *world) finish() {
	w.t.Helper()
	var last *ccsync.Report
	for range 5 {
		last = w.run(ccsync.Options{})
		if last.Outcome == ccsync.Synced && last.Coverage.Pending == 0 {
			return
		}
		time.Sleep(5 * time.Minute)
	}
	w.t.Errorf("not done after five runs: %s, error %+v, push %+v, summary %+v", last.Outcome, last.Error, last.Push, last.Summary)
}

// story is a scenario of which one run is killed: the installation before it, and what has to be
// true in the end.
type story struct {
	name    string
	prepare func(*world)
	full    bool
	want    map[string]string // codes by address
	lists   map[string]string // memberships by address, of those that change
	clears  int               // contacts that are cleared
	lossy   bool              // an import loses its rows: they are sent again
}

// rows of users a to f and their contacts on different lists, so that an update without `lists`
// takes several batches.
func severalLists(w *world) {
	for i, on := range [][]string{{"App users"}, {"Newsletter"}, {"Third"}, {"App users"}, {"Newsletter"}, {"Third"}} {
		address := string(rune('a'+i)) + "@example.com"
		w.box.Seed(sandbox.Contact{Address: address, Lists: on, FirstName: "Hand", Fields: map[string]string{"Short code": "OLD" + address, "Other": "kept"}})
		w.rows = append(w.rows, row(fmt.Sprint(i+1), address, "NEW"+address))
	}
}

var sixNew = map[string]string{"a@example.com": "NEWa@example.com", "b@example.com": "NEWb@example.com", "c@example.com": "NEWc@example.com",
	"d@example.com": "NEWd@example.com", "e@example.com": "NEWe@example.com", "f@example.com": "NEWf@example.com"}

var stories = []story{
	{name: "first sync in several batches", prepare: severalLists, want: sixNew},
	{name: "a few changes later", want: map[string]string{"a@example.com": "LATER", "b@example.com": "NEWb@example.com", "d@example.com": "LATER4"}, prepare: func(w *world) {
		severalLists(w)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.rows[0].Values, w.rows[3].Values = []string{"LATER"}, []string{"LATER4"}
	}},
	{name: "one change in a full run", full: true, want: map[string]string{"a@example.com": "LATER"}, prepare: func(w *world) {
		severalLists(w)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.rows[0].Values = []string{"LATER"}
	}},
	{name: "joining a list", want: sixNew, lists: map[string]string{"b@example.com": "App users,Newsletter", "c@example.com": "App users,Third",
		"e@example.com": "App users,Newsletter", "f@example.com": "App users,Third"}, prepare: func(w *world) {
		severalLists(w)
		w.policy.Lists = []string{"App users"}
		w.knowsWhoLeft()
	}},
	{name: "creating contacts", want: map[string]string{"a@example.com": "NEWa@example.com", "new1@example.com": "N1", "new2@example.com": "N2"},
		lists: map[string]string{"b@example.com": "App users,Newsletter", "c@example.com": "App users,Third", "e@example.com": "App users,Newsletter",
			"f@example.com": "App users,Third", "new1@example.com": "App users", "new2@example.com": "App users"}, prepare: func(w *world) {
			severalLists(w)
			w.policy.Lists, w.policy.Create = []string{"App users"}, true
			w.knowsWhoLeft()
			w.rows = append(w.rows, row("7", "new1@example.com", "N1"), row("8", "new2@example.com", "N2"))
		}},
	{name: "clearing what is empty", clears: 2, want: map[string]string{"a@example.com": "", "b@example.com": "NEWb@example.com", "d@example.com": ""}, prepare: func(w *world) {
		severalLists(w)
		w.policy.Fields[0].Clear = true
		w.rows[0].Values, w.rows[3].Values = []string{""}, []string{""}
	}},
	{name: "clearing orphans", clears: 2, want: map[string]string{"a@example.com": "", "b@example.com": "LATER", "f@example.com": ""}, prepare: func(w *world) {
		severalLists(w)
		w.policy.ClearOrphans = true
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.rows = w.rows[1:5]
		w.rows[0].Values = []string{"LATER"}
	}},
	{name: "an import that loses its rows", want: sixNew, lossy: true, prepare: func(w *world) {
		severalLists(w)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Path: importPath, Times: 1})
	}},
	{name: "a snapshot of several pages", want: map[string]string{"user000000@example.com": "CODE000000", "user000300@example.com": "CODE000300"},
		prepare: func(w *world) { w.populate(510, 300) }},
	{name: "creating the custom field", want: map[string]string{"a@example.com": "OLDa@example.com"}, prepare: func(w *world) {
		severalLists(w)
		w.policy.Fields = []ccsync.Field{{Column: "short_code", CustomField: "Made by us", Create: true}}
	}},
}

// TestAKillAtAnyInstantLosesNothingAndRepeatsNothing kills a run of each scenario before and after
// each of its requests and at each of its commits. A new process on the same state file then
// finishes the work.
func TestAKillAtAnyInstantLosesNothingAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			kills := 0
			for _, at := range []moment{{commit: 1}, {request: 1}, {request: 1, seen: true}} {
				for s.survives(t, at, false) {
					kills++
					at.next()
				}
			}
			t.Logf("%d kills survived", kills)
		})
	}
}

// TestAStopAtAnyInstantIsSoonAndIsFinishedByTheNextRun tells a run of each scenario to stop, as
// SIGTERM does, at each of its requests and commits.
func TestAStopAtAnyInstantIsSoonAndIsFinishedByTheNextRun(t *testing.T) {
	t.Parallel()
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			stops := 0
			for _, at := range []moment{{commit: 1}, {request: 1}} {
				for s.survives(t, at, true) {
					stops++
					at.next()
				}
			}
			t.Logf("%d stops", stops)
		})
	}
}

func (m *moment) next() {
	if m.commit > 0 {
		m.commit++
	} else {
		m.request++
	}
}

// survives tells a story with one death, or one stop, and tells whether the run lasted until then.
func (s story) survives(t *testing.T, at moment, gentle bool) (died bool) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sandbox.Options{}, dir)
		defer func() { w.close() }()
		s.prepare(w)
		before := byAddress(w.box)
		first := len(w.box.Imports())
		w.life.gentle = gentle
		if died = w.runUntil(at, ccsync.Options{Full: s.full}); !died {
			return
		}
		w.finish()
		s.judge(w, before, first)
		if t.Failed() {
			t.Logf("killed %s", at)
		}
	})
	return died && !t.Failed()
}

func byAddress(box *sandbox.Server) map[string]sandbox.Contact {
	all := make(map[string]sandbox.Contact)
	for _, c := range box.Contacts() {
		all[c.Address] = c
	}
	return all
}

// judge checks that the work is done, once, and that nothing else is.
func (s story) judge(w *world, before map[string]sandbox.Contact, first int) {
	w.t.Helper()
	after := byAddress(w.box)
	for address, want := range s.want {
		if got := after[address].Fields["short_code"]; got != want {
			w.t.Errorf("%s carries %q, want %q", address, got, want)
		}
	}
	for address, now := range after {
		s.judgeContact(w, before[address], now)
	}
	if len(after) != len(w.box.Contacts()) {
		w.t.Error("an address was made twice")
	}
	if twice := w.sentTwice(first); len(twice) > 0 && !s.lossy {
		w.t.Errorf("sent twice: %v", twice)
	}
	if n := len(w.clears()); n != s.clears {
		w.t.Errorf("%d contacts were replaced, want %d", n, s.clears)
	}
	w.judgeQuota()
}

// judgeContact checks that nothing but the code, and the memberships that were asked for, changed.
func (s story) judgeContact(w *world, was, now sandbox.Contact) {
	w.t.Helper()
	lists := slices.Sorted(slices.Values(now.Lists))
	want := slices.Sorted(slices.Values(was.Lists))
	if s.lists[now.Address] != "" {
		if got := fmt.Sprint(lists); got != "["+joinWords(s.lists[now.Address])+"]" {
			w.t.Errorf("%s is on %v, want %s", now.Address, lists, s.lists[now.Address])
		}
	} else if !slices.Equal(lists, want) {
		w.t.Errorf("%s is on %v, was on %v", now.Address, lists, want)
	}
	if was.ID == "" {
		if s.lists[now.Address] == "" {
			w.t.Errorf("%s was created", now.Address)
		}
		return
	}
	other := func(c sandbox.Contact) map[string]string {
		kept := maps.Clone(c.Fields)
		delete(kept, "short_code")
		delete(kept, "made_by_us")
		return kept
	}
	if now.ID != was.ID || now.Permission != was.Permission || now.Deleted || now.FirstName != was.FirstName || !maps.Equal(other(now), other(was)) {
		w.t.Errorf("more changed than the code: %+v, was %+v", now, was)
	}
}

func joinWords(commas string) string {
	words := []byte(commas)
	for i, b := range words {
		if b == ',' {
			words[i] = ' '
		}
	}
	return string(words)
}

// clears are the contacts that were replaced, each once.
func (w *world) clears() map[string]bool {
	paths := make(map[string]bool)
	for _, r := range w.box.Writes() {
		if r.Method == http.MethodPut {
			paths[r.Path] = true
		}
	}
	return paths
}

// judgeQuota checks that no more was sent than was recorded.
func (w *world) judgeQuota() {
	w.t.Helper()
	days, err := w.state.Quota(w.limits).Days(w.t.Context(), 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	charged := 0
	for _, d := range days {
		charged += d.Used
	}
	if seen := len(w.box.Requests()); charged < seen {
		w.t.Errorf("%d requests were charged, the server saw %d", charged, seen)
	}
	if most := w.box.MaxPerSecond(); most > w.limits.PerSecond {
		w.t.Errorf("%d requests in one second", most)
	}
}
