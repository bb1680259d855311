package daemon

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// pusher is another process on the files of a bubble.
type pusher struct {
	sh  *shell.Shell
	app *app.App
	out bytes.Buffer
}

func (b *bubble) pusher() *pusher {
	b.t.Helper()
	p := new(pusher)
	p.sh = &shell.Shell{Getenv: os.Getenv, Wire: b.d.app.Load().Wire, Terminal: term.New(term.Options{Stdout: &p.out, Stderr: &b.log})}
	cfg := *b.cfg
	p.app = app.New(p.sh, &cfg)
	b.must(p.app.OpenState(b.ctx))
	b.must(p.app.OpenSource(b.ctx))
	b.after = append(b.after, func() { b.must(p.app.Close()) })
	return p
}

// push hands a push over to a daemon that holds the lock.
func (p *pusher) push(ctx context.Context, r *Request) (*ccsync.Report, error) {
	return handOver(ctx, p.sh, p.app, r, &state.HeldError{Name: "run", PID: 12, Host: "here"})
}

// answers are those of the requests so far.
func (b *bubble) answers() (all []string) {
	b.t.Helper()
	disk, err := sql.Open("sqlite3", filepath.Join(b.dir, "ccsync.db"))
	b.must(err)
	defer disk.Close()
	rows, err := disk.Query("SELECT answer FROM requests ORDER BY id")
	b.must(err)
	defer rows.Close()
	for rows.Next() {
		var answer string
		b.must(rows.Scan(&answer))
		all = append(all, answer)
	}
	b.must(rows.Err())
	return all
}

func (b *bubble) wantAnswer(want string) {
	b.t.Helper()
	if all := b.answers(); len(all) != 1 || all[0] != want {
		b.t.Errorf("answers %q, want %q", all, want)
	}
}

// lock takes the run lock, as a daemon does.
func (b *bubble) lock() {
	b.t.Helper()
	_, release, err := b.d.app.Load().LockRun(b.ctx)
	b.must(err)
	b.after = append(b.after, release)
}

var forOne = Request{Only: []string{"user0001@example.com"}, Wait: true}

// Its report has addresses and values: the state file keeps it no longer than needed.
func TestAPushBesideADaemonGetsItsReportAndLeavesNone(t *testing.T) {
	t.Parallel()
	inBubble(t, 5, func(b *bubble) {
		b.lock()
		b.wait(time.Minute)
		b.exec("UPDATE users SET short_code = 'NEW' WHERE id = 1")
		report, err := b.pusher().push(b.ctx, &forOne)
		if err != nil || report.Outcome != ccsync.Synced || len(report.Users) != 1 || report.Users[0].State != "verified" {
			t.Errorf("%+v, %v", report, err)
		}
		b.wantAnswer(answerRead)
	})
}

func TestAPushThatDoesNotWaitSaysWhoDoesIt(t *testing.T) {
	t.Parallel()
	inBubble(t, 5, func(b *bubble) {
		b.wait(time.Minute)
		p := b.pusher()
		report, err := p.push(b.ctx, &Request{Full: true})
		if want := "request left for process 12 on here\n"; report != nil || err != nil || p.out.String() != want {
			t.Errorf("%+v, %v, %q", report, err, p.out.String())
		}
		b.wait(time.Minute)
		if n := b.runsOf("push"); n != 1 {
			t.Errorf("%d runs", n)
		}
		b.wantAnswer(answerDone)
	})
}

// Ctrl-C means that the push is not wanted any more.
func TestAPushThatIsInterruptedWithdrawsItsRequest(t *testing.T) {
	t.Parallel()
	inBubble(t, 5, func(b *bubble) {
		b.lock()
		ctx, interrupt := context.WithCancel(b.ctx)
		time.AfterFunc(10*time.Second, interrupt)
		report, err := b.pusher().push(ctx, &forOne)
		if report != nil || err == nil || !strings.Contains(err.Error(), "interrupted") {
			t.Errorf("%+v, %v", report, err)
		}
		b.wantAnswer(answerWithdrawn)
		b.wait(time.Minute)
		if n := b.runsOf("push"); n != 0 {
			t.Errorf("%d runs for nobody", n)
		}
	})
}

// A daemon that is restarted takes a request up; one that is gone for longer does not.
func TestAPushWhoseDaemonIsGoneIsDoneHere(t *testing.T) {
	t.Parallel()
	inBubble(t, 5, func(b *bubble) {
		b.exec("UPDATE users SET short_code = 'NEW' WHERE id = 1")
		p, asked := b.pusher(), time.Now()
		var first time.Duration
		b.onRequest(func(*http.Request) {
			if first == 0 {
				first = time.Since(asked)
			}
		})
		report, err := p.push(b.ctx, &forOne)
		if err != nil || report.Trigger != "push" || len(report.Users) != 1 || report.Users[0].State != "verified" {
			t.Errorf("%+v, %v", report, err)
		}
		if first < 2*time.Second || first > 3*time.Second {
			t.Errorf("it began after %s", first)
		}
		b.wantAnswer(answerWithdrawn)
		if _, release, err := p.app.LockRun(b.ctx); err != nil {
			t.Errorf("the lock is still held: %v", err)
		} else {
			release()
		}
	})
}

// What a daemon did just before it was gone is not done again.
func TestAnAnswerThatCameBeforeTheDaemonWentIsTaken(t *testing.T) {
	t.Parallel()
	inBubble(t, 5, func(b *bubble) {
		p := b.pusher()
		id, err := p.app.State.Ask(b.ctx, "{}")
		b.must(err)
		text, err := json.Marshal(ccsync.Report{Run: 77})
		b.must(err)
		b.must(p.app.State.SetAnswer(b.ctx, id, string(text)))
		before := len(b.box.Requests())
		if report, err := takeBack(b.ctx, p.sh, p.app, id, &forOne, time.Now()); err != nil || report.Run != 77 || len(b.box.Requests()) != before {
			t.Errorf("%+v, %v, %d requests", report, err, len(b.box.Requests())-before)
		}
		b.wantAnswer(answerRead)
		b.must(p.app.State.SetAnswer(b.ctx, id, answerDone)) // by a daemon of another version
		if report, err := takeBack(b.ctx, p.sh, p.app, id, &forOne, time.Now()); report != nil || err == nil || !strings.Contains(err.Error(), "did not understand") {
			t.Errorf("%+v, %v", report, err)
		}
		if _, err := p.app.State.Forget(b.ctx, "user0001@example.com"); err != nil {
			t.Fatal(err)
		}
		if report, err := takeBack(b.ctx, p.sh, p.app, id+1, &forOne, time.Now()); report != nil || !errors.Is(err, state.ErrWithdrawn) {
			t.Errorf("a request that is gone: %+v, %v", report, err)
		}
	})
}

func TestARequestThatCannotBeReadHoldsUpNobody(t *testing.T) {
	t.Parallel()
	inBubble(t, 5, func(b *bubble) {
		b.wait(time.Minute)
		db := b.d.app.Load().State
		_, err := db.Ask(b.ctx, "{")
		b.must(err)
		_, err = db.Ask(b.ctx, `{"only": ["user0001@example.com"]}`)
		b.must(err)
		b.wait(time.Minute)
		if all := b.answers(); len(all) != 2 || all[0] != answerDone || all[1] != answerDone || b.runsOf("push") != 1 {
			t.Errorf("answers %q, %d runs", all, b.runsOf("push"))
		}
		if !strings.Contains(b.log.String(), "could not parse a request of another process") {
			t.Error("the log does not say that a request could not be parsed")
		}
	})
}

// Nobody answers a push whose run was cut short: the next daemon takes it up.
func TestAPushThatTheEndOfTheDaemonCutShortIsLeftForTheNext(t *testing.T) {
	t.Parallel()
	inBubble(t, 5, func(b *bubble) {
		b.wait(time.Minute)
		b.exec("UPDATE users SET short_code = 'NEW' WHERE id = 1")
		b.onRequest(func(r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/contacts_json_import") {
				b.end()
			}
		})
		db := b.d.app.Load().State
		_, err := db.Ask(b.ctx, `{"only": ["user0001@example.com"], "wait": true}`)
		b.must(err)
		b.wait(time.Minute)
		b.wantAnswer("")
		_, err = db.Requeue(b.t.Context())
		b.must(err)
		if _, ok, err := db.Asked(b.t.Context()); !ok || err != nil {
			t.Errorf("the next daemon does not find it: %v", err)
		}
	})
}

// leave leaves a request as another process does that does not wait.
func (b *bubble) leave(r Request) {
	b.t.Helper()
	a := b.d.app.Load()
	r.Configuration = a.Fingerprint()
	options, err := json.Marshal(r)
	b.must(err)
	_, err = a.State.Ask(b.ctx, string(options))
	b.must(err)
}

// Whoever forced it saw another plan. What is not forced passes the guard like any other run.
func TestAForcedPushIsCarriedOutOnlyByTheDaemonThatItWasLeftFor(t *testing.T) {
	t.Parallel()
	for _, taken := range []bool{false, true} {
		inBubble(t, 50, func(b *bubble) {
			b.leave(Request{Force: true})
			b.leave(Request{})
			if taken { // by a daemon that died before it answered
				_, _, err := b.d.app.Load().State.Asked(b.ctx)
				b.must(err)
			}
			b.exec("UPDATE users SET short_code = 'OOPS'")
			b.wait(2 * time.Minute)
			for _, r := range b.ran() {
				if r.Forced || r.Outcome != ccsync.Refused {
					t.Errorf("taken %v: run %d for %s ended %s, forced %v", taken, r.Run, r.Trigger, r.Outcome, r.Forced)
				}
			}
			if all := b.answers(); len(all) != 2 || all[0] != answerWithdrawn || all[1] != answerDone || !strings.Contains(b.log.String(), "forced push") {
				t.Errorf("taken %v: answers %q, log %s", taken, all, b.log.String())
			}
			b.leave(Request{Force: true})
			b.wait(time.Minute)
			if got := b.ran(); !got[len(got)-1].Forced && !got[len(got)-2].Forced {
				t.Errorf("taken %v: a forced push for this daemon is not carried out", taken)
			}
		})
	}
}

// The daemon may be in a long run, or stopped with its machine.
func TestAForcedPushWaitsTenMinutesForItsTurnAtMost(t *testing.T) {
	t.Parallel()
	for busy, want := range map[time.Duration]error{9 * time.Minute: nil, 11 * time.Minute: exit.ErrForcedLate} {
		inBubble(t, 5, func(b *bubble) {
			b.lock()
			var once sync.Once
			b.onRequest(func(*http.Request) { once.Do(func() { time.Sleep(busy) }) })
			b.wait(time.Second)
			report, err := b.pusher().push(b.ctx, &Request{Force: true, Wait: true})
			if !errors.Is(err, want) || want == nil && !report.Forced {
				t.Errorf("behind a run of %s: %+v, %v", busy, report, err)
			}
		})
	}
	inBubble(t, 5, func(b *bubble) {
		p := b.pusher()
		id, err := p.app.State.Ask(b.ctx, "{}")
		b.must(err)
		before := len(b.box.Requests())
		report, err := takeBack(b.ctx, p.sh, p.app, id, &Request{Force: true}, time.Now().Add(-11*time.Minute))
		if report != nil || !errors.Is(err, exit.ErrForcedLate) || len(b.box.Requests()) != before {
			t.Errorf("whose daemon is gone: %+v, %v", report, err)
		}
		b.wantAnswer(answerWithdrawn)
	})
}
