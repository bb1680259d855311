package daemon

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// wantReady fails the test unless /readyz has this status and says so much.
func (b *bubble) wantReady(status int, says string) {
	b.t.Helper()
	if got, text := b.get("/readyz"); got != status || !strings.Contains(text, says) {
		b.t.Errorf("/readyz: %d %q, want %d and %q", got, text, status, says)
	}
}

// wantMetric fails the test unless /metrics has this line.
func (b *bubble) wantMetric(line string) {
	b.t.Helper()
	if _, text := b.get("/metrics"); !strings.Contains(text, "\n"+line+"\n") {
		b.t.Errorf("/metrics lacks %s", line)
	}
}

func TestAGoodRunForOneUserDoesNotHideThatTheWholeIsRefused(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.wait(time.Minute)
		b.wantReady(200, "ready")
		b.exec("DELETE FROM users WHERE id >= 10")
		b.wait(30 * time.Second)
		b.wantReady(503, "ended refused")
		if status, a := b.askFor(`{"emails": ["user0001@example.com"]}`); status != 200 || len(a.Users) != 1 {
			t.Errorf("%d %+v", status, a)
		}
		b.wantReady(503, "ended refused")
		b.wantMetric(`ccsync_last_run_outcome{outcome="refused"} 1`)
		b.wantMetric(`ccsync_last_run_outcome{outcome="synced"} 0`)
		if _, page := b.get("/"); !strings.Contains(page, "The safety limits stopped the last run") {
			t.Error("the page does not say that the plan was refused")
		}
	})
}

func TestCoverageOutlivesManyRunsForSomeUsers(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.wait(time.Minute)
		for range 210 {
			if status, _ := b.askFor(`{"emails": ["user0001@example.com"]}`); status != 200 {
				t.Fatal(status)
			}
		}
		b.wantMetric(`ccsync_users{state="verified"} 20`)
		last, _, err := ccsync.ReadLastWhole(b.ctx, b.d.app.Load().State)
		if err != nil || last.Coverage == nil || last.Coverage.Verified != 20 || last.Trigger != "schedule" {
			t.Errorf("status: %+v, %v", last, err)
		}
	})
}

// An import lost some codes. The page is amber while a single one has not arrived, and no tick ends
// synced.
func TestWhileACodeHasNotArrivedNobodyIsToldThatAllIsWell(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.cfg.Guard.MaxChangePercent = 0
		b.wait(time.Minute)
		b.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: "user0003@"})
		b.exec("UPDATE users SET short_code = 'NEW' || id WHERE id < 10")
		b.wait(10 * time.Minute)
		from := len(b.ran())
		idle := b.idled()
		b.wait(40 * time.Minute) // drift passes, the retry is not due
		for _, r := range b.ran()[from:] {
			if r.Outcome != ccsync.Partial {
				t.Errorf("run %d ended %s", r.Run, r.Outcome)
			}
		}
		if b.idled() == idle {
			t.Error("no tick was idle while the retry was not due")
		}
		b.wantMetric(`ccsync_users{state="missing"} 1`)
		if _, page := b.get("/"); strings.Contains(page, "In sync") || !strings.Contains(page, "Some codes did not arrive") {
			t.Error("the page is green")
		}
		b.box.ClearFaults()
		b.wait(90 * time.Minute)
		if _, page := b.get("/"); !strings.Contains(page, "In sync") {
			t.Error("the page is not green after the retry")
		}
	})
}

// The server refuses a login that is good by all that is known.
func TestALoginThatIsRefusedIsNotTriedEachSecond(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.wait(time.Minute)
		b.box.Fault(sandbox.Fault{Kind: sandbox.FaultUnauthorized, Path: "/v3/contacts"})
		b.exec("UPDATE users SET short_code = 'NEW' WHERE id = 1")
		b.wait(20 * time.Second)
		from := len(b.ran())
		b.wait(10 * time.Minute)
		if n := len(b.ran()) - from; n > 8 {
			t.Errorf("%d runs in ten minutes", n)
		}
		b.box.ClearFaults()
		b.login()
		b.wait(30 * time.Second)
		if last := b.ran()[len(b.ran())-1]; last.Outcome != ccsync.Synced {
			t.Errorf("after a login: %s %+v", last.Outcome, last.Error)
		}
		b.wantReady(200, "ready")
	})
}

func TestAnOutageTakesFewRequests(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.wait(time.Minute)
		b.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 503})
		b.exec("UPDATE users SET short_code = 'NEW' WHERE id = 1")
		var requests atomic.Int64
		b.onRequest(func(*http.Request) { requests.Add(1) })
		b.wait(6 * time.Hour)
		if requests.Load() > 500 {
			t.Errorf("%d requests in six hours: 2,000 in a day are too many", requests.Load())
		}
		b.box.ClearFaults()
		b.wait(6 * time.Minute)
		b.wantReady(200, "ready")
		if c, _ := b.box.Contact("user0001@example.com"); c.Fields["short_code"] != "NEW" {
			t.Errorf("the contact carries %q", c.Fields["short_code"])
		}
	})
}

func TestAQuarantinedUserTakesFewRequests(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: "user0003@"})
		b.exec("UPDATE users SET short_code = 'NEW' WHERE id = 3")
		var requests atomic.Int64
		b.onRequest(func(*http.Request) { requests.Add(1) })
		b.wait(6 * time.Hour)
		if requests.Load() > 75 {
			t.Errorf("%d requests in six hours: 300 in a day are too many", requests.Load())
		}
	})
}

func TestTheNextRunIsTold(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		for range 20 {
			b.wait(7 * time.Second)
			at, err := NextRun(b.ctx, b.d.app.Load(), b.pid())
			if left := time.Until(at); err != nil || left < 0 || left > 10*time.Second {
				t.Fatalf("the next run is told to be in %s (%v)", left, err)
			}
			runs := len(b.ran()) + b.idled()
			b.wait(time.Until(at) + time.Second)
			if len(b.ran())+b.idled() == runs {
				t.Errorf("nothing happened at %s", at)
			}
		}
	})
}

// pid is that of the process that wrote down when the next run is due.
func (b *bubble) pid() int {
	next, ok, err := ccsync.ReadNext(b.ctx, b.d.app.Load().State)
	if err != nil || !ok {
		b.t.Fatalf("not written down: %v", err)
	}
	return next.PID
}

// What many ask at once keeps no run from its work.
func TestManyScrapesAndOpenConnectionsDisturbNoRun(t *testing.T) {
	t.Parallel()
	inBubble(t, 200, func(b *bubble) {
		b.cfg.Guard.MaxChangePercent = 0
		b.wait(time.Minute)
		alone := b.timed("ONE")
		for range 500 { // that never say anything
			conn, err := b.looks.dial(b.ctx, "", "")
			b.must(err)
			defer conn.Close()
		}
		var all sync.WaitGroup
		statuses := make(chan int, 1000)
		for i := range 1000 {
			all.Go(func() {
				status, _ := b.get([]string{"/metrics", "/readyz", "/healthz", "/"}[i%4])
				statuses <- status
			})
		}
		beside := b.timed("TWO")
		all.Wait()
		close(statuses)
		counts := make(map[int]int)
		for status := range statuses {
			counts[status]++
		}
		t.Logf("a run took %s alone and %s beside 1,000 requests, which were answered %v", alone, beside, counts)
		if beside > alone+time.Second {
			t.Errorf("a run took %s alone and %s beside 1,000 requests", alone, beside)
		}
		if counts[200]+counts[503] != 1000 || counts[200] < 750 {
			t.Errorf("answered %v", counts)
		}
	})
}

// timed is how long a run for 50 changed users takes.
func (b *bubble) timed(code string) time.Duration {
	b.t.Helper()
	b.exec("UPDATE users SET short_code = '" + code + "' || id WHERE id < 50")
	began := time.Now()
	var keys []string
	for i := range 50 {
		keys = append(keys, fmt.Sprintf("%q", fmt.Sprint(i)))
	}
	status, a := b.askFor(`{"keys": [` + strings.Join(keys, ",") + `]}`)
	for _, u := range a.Users {
		if status != 200 || u.State != "verified" {
			b.t.Errorf("%d %+v", status, u)
		}
	}
	return time.Since(began)
}

func TestAPanicInATickEndsNothingAndARunFindsOut(t *testing.T) {
	t.Parallel()
	d, log := brokenDaemon(t)
	a := d.app.Load()
	a.Source = new(source.DB) // whoever asks it for its name panics
	told := 0
	d.ran = append(d.ran, func(context.Context, *ccsync.Report) { told++ })
	d.idle = append(d.idle, func(context.Context) { t.Error("the tick counts as idle") })
	if d.scheduled(t.Context(), a) || told != 1 {
		t.Errorf("%d runs after a tick that panicked, want 1", told)
	}
	if n := strings.Count(log.String(), `"msg":"panic"`); n != 2 {
		t.Errorf("the log has %d panics, want that of the tick and that of the run", n)
	}
}

// Whoever logs in while the daemon is down waits for no schedule.
func TestADaemonThatFindsANewLoginAtItsStartRunsAtOnce(t *testing.T) {
	t.Parallel()
	for _, outcome := range []ccsync.Outcome{ccsync.Unauthorized, ccsync.Failed} {
		inBubble(t, 3, func(b *bubble) {
			b.every("1h")
			b.cfg.Schedule.RunOnStart = false
			db := b.d.app.Load().State
			records, err := ccsync.WholeRecord(b.ctx, db, &ccsync.Report{Run: 1, Outcome: outcome, Error: &ccsync.Problem{}})
			b.must(err)
			b.must(db.SetRecords(b.ctx, records))
			b.wait(30 * time.Second)
			want := 0
			if outcome == ccsync.Unauthorized {
				want = 1
			}
			if n := len(b.ran()); n != want {
				t.Errorf("%d runs after one that ended %s, want %d", n, outcome, want)
			}
			if b.d.schedule.next.Before(time.Now()) || time.Until(b.d.schedule.next) > time.Hour {
				t.Errorf("the next run is due at %s", b.d.schedule.next)
			}
		})
	}
}

// What a run did that could not be recorded is not known: that there was nothing to do before
// it says nothing.
func TestWhileARunCouldNotBeRecordedEachTickRuns(t *testing.T) {
	t.Parallel()
	inBubble(t, 3, func(b *bubble) {
		b.wait(time.Minute)
		before, idled := len(b.ran()), b.idled()
		b.d.progress.troubled("a run could not be recorded")
		b.wantReady(503, "could not be recorded")
		b.wait(15 * time.Second)
		if n := len(b.ran()) - before; n != 1 || b.idled() != idled {
			t.Errorf("%d runs and %d idle ticks", n, b.idled()-idled)
		}
		b.wantReady(200, "ready") // the run was
		b.wait(10 * time.Second)
		if b.idled() == idled {
			t.Error("the next tick is not idle")
		}
	})
}

func TestAStateFileThatDoesNotAnswerIsLogged(t *testing.T) {
	t.Parallel()
	d, log := brokenDaemon(t)
	a := d.app.Load()
	if err := a.State.Close(); err != nil {
		t.Fatal(err)
	}
	d.notice(t.Context(), a)
	if !strings.Contains(log.String(), "state file does not answer") {
		t.Errorf("log: %s", log)
	}
	if d.well(t.Context()) || !d.progress.now().GoodAt.IsZero() || !strings.Contains(log.String(), "could not check whether values arrive") {
		t.Errorf("all is well; log: %s", log)
	}
}

// The heartbeat and the metrics go by the same as /readyz.
func TestAllIsWellWhenReadyzSaysSo(t *testing.T) {
	t.Parallel()
	inBubble(t, 3, func(b *bubble) {
		b.every("1h")
		b.cfg.Schedule.RunOnStart = false
		b.wait(time.Minute)
		if b.wantReady(503, "no run"); b.d.well(b.ctx) || !b.d.progress.now().GoodAt.IsZero() {
			t.Error("all is well before the first run")
		}
		b.wait(time.Hour)
		if b.wantReady(200, "ready"); !b.d.well(b.ctx) || !b.d.progress.now().GoodAt.Equal(time.Now()) {
			t.Errorf("not all is well after it; well at %s", b.d.progress.now().GoodAt)
		}
	})
}

func TestTheWatchdogBitesWhenNothingMoves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &daemon{}
		d.woke.Store(time.Now().Unix())
		for _, tt := range []struct {
			after time.Duration
			move  func()
			works bool
		}{
			{stillFor - time.Second, func() {}, true},
			{2 * time.Second, func() {}, false},
			{0, func() { d.progress.began(1) }, true},
			{stillFor + time.Second, func() {}, false},
			{0, func() { d.progress.step("import", 1, 2) }, true},
			{stillFor + time.Second, func() { d.progress.ended() }, false},
			{0, func() { d.woke.Store(time.Now().Unix()) }, true},
		} {
			time.Sleep(tt.after)
			tt.move()
			if d.works() != tt.works {
				t.Errorf("after %s: works %v, want %v", tt.after, d.works(), tt.works)
			}
		}
	})
}

// Each tick looks around, for the watchdog.
func TestATickIsASignOfLife(t *testing.T) {
	t.Parallel()
	inBubble(t, 1, func(b *bubble) {
		b.wait(time.Hour)
		if age := time.Since(time.Unix(b.d.woke.Load(), 0)); age > 2*time.Second {
			t.Errorf("the loop last looked around %s ago", age)
		}
	})
}

// /readyz, page, log and status name the cause and give a hint.
func TestTheCauseIsNamedWhereverSomebodyLooks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(*bubble)
		after time.Duration
		hint  string
	}{
		"network":    {func(b *bubble) { b.box.Fault(sandbox.Fault{Kind: sandbox.FaultResetBefore}) }, 4 * time.Minute, "check network, DNS and proxy"},
		"source":     {func(b *bubble) { b.exec("ALTER TABLE users RENAME TO others") }, 30 * time.Second, "ccsyncd check"},
		"state_busy": {(*bubble).lockState, 11 * time.Second, "stop the program that locks the state file"},
	}
	for code, tt := range tests {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			inBubble(t, 3, func(b *bubble) {
				b.wait(time.Minute)
				b.exec("UPDATE users SET short_code = 'NEW' WHERE id = 1")
				tt.spoil(b)
				b.wait(tt.after)
				b.wantReady(503, "("+code+")")
				b.wantReady(503, tt.hint)
				if _, page := b.get("/"); !strings.Contains(page, tt.hint) {
					t.Errorf("the page does not say %q", tt.hint)
				}
				if log := b.log.String(); !strings.Contains(log, tt.hint) {
					t.Errorf("the log does not say %q", tt.hint)
				}
				last, _, err := ccsync.ReadLastWhole(b.ctx, b.d.app.Load().State)
				if code != "state_busy" && (err != nil || last.Error.Code != code || !strings.Contains(last.Error.Hint, tt.hint)) {
					t.Errorf("status: %+v, %v", last, err)
				}
			})
		})
	}
}

// Another process may spoil what a running daemon needs of its login. The daemon can still read the
// rest of its state.
func TestALoginThatCannotBeReadIsNamedWithAHintWhereverSomebodyLooks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		key   []byte // of the process
		spoil string // a statement, after that
		ready string
		hint  string
	}{
		"the tokens are encrypted with a key that the daemon lacks": {[]byte("0123456789abcdef0123456789abcdef"), "SELECT 1", "(state_key)", "restart a daemon that runs without it"},
		"the record is damaged": {nil, "UPDATE vault SET record = X'007B'", "not authorized: the stored login is damaged", "ccsyncd auth login"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, 3, func(b *bubble) {
				b.wait(time.Minute)
				path := filepath.Join(b.dir, "ccsync.db")
				beside, err := state.Open(b.ctx, path, tt.key)
				b.must(err)
				b.must(beside.Close())
				disk, err := sql.Open("sqlite3", path)
				b.must(err)
				_, err = disk.Exec(tt.spoil)
				b.must(err)
				b.must(disk.Close())
				b.exec("UPDATE users SET short_code = 'NEW' WHERE id = 1")
				b.wait(time.Minute)
				b.wantReady(503, tt.ready)
				if status, page := b.get("/"); status != http.StatusOK || !strings.Contains(page, tt.hint) {
					t.Errorf("the page is a %d, or does not say %q", status, tt.hint)
				}
				if log := b.log.String(); !strings.Contains(log, tt.hint) {
					t.Errorf("the log does not say %q", tt.hint)
				}
				last, _, err := ccsync.ReadLastWhole(b.ctx, b.d.app.Load().State)
				if err != nil || last.Error == nil || !strings.Contains(last.Error.Hint, tt.hint) {
					t.Errorf("status: %+v, %v", last.Error, err)
				}
				b.wantMetric("ccsync_authorized 0")
			})
		})
	}
}

// lockState keeps the state file locked, as a backup that hangs.
func (b *bubble) lockState() {
	disk, err := sql.Open("sqlite3", filepath.Join(b.dir, "ccsync.db")+"?_txlock=immediate")
	b.must(err)
	tx, err := disk.Begin()
	b.must(err)
	b.after = append(b.after, func() { _ = tx.Rollback(); _ = disk.Close() })
}
