package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
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
	"ccsyncd/sync/state"
)

// answered is the body of an answer to POST /run.
type answered struct {
	Run   int64         `json:"run"`
	Users []web.RunUser `json:"users"`
}

// askFor asks for a run and decodes the answer.
func (b *bubble) askFor(body string) (status int, a answered) {
	b.t.Helper()
	status, text := b.ask(http.MethodPost, "/run", body)
	if status == http.StatusOK {
		b.must(json.Unmarshal([]byte(text), &a))
	}
	return status, a
}

// runsOf counts the runs that this trigger began.
func (b *bubble) runsOf(trigger string) (n int) {
	for _, r := range b.ran() {
		if r.Trigger == trigger {
			n++
		}
	}
	return n
}

// A burst is one run, also where a busy machine hands its asks over one by one.
func TestABurstOfAsksIsOneRun(t *testing.T) {
	t.Parallel()
	for name, apart := range map[string]time.Duration{"at once": 0, "within a second": 4 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, 1000, func(b *bubble) {
				b.cfg.Guard.MaxChangePercent = 0
				b.wait(time.Minute)
				b.exec("UPDATE users SET short_code = 'NEW' || id WHERE id < 200")
				began := time.Now()
				var all sync.WaitGroup
				for i := range 200 {
					all.Go(func() {
						status, a := b.askFor(fmt.Sprintf(`{"emails": ["user%04d@example.com"], "wait": "60s"}`, i))
						if status != http.StatusOK || len(a.Users) != 1 || a.Users[0].State != "verified" || a.Users[0].Email != fmt.Sprintf("user%04d@example.com", i) {
							t.Errorf("ask %d: %d %+v", i, status, a)
						}
					})
					time.Sleep(apart)
				}
				all.Wait()
				if n := b.runsOf("http"); n != 1 {
					t.Errorf("%d runs", n)
				}
				t.Logf("200 asks were answered within %s, by one run of %d requests", time.Since(began).Round(time.Millisecond), b.ran()[len(b.ran())-1].Requests)
				if took := time.Since(began); took > 30*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// What `push EMAIL` leaves for the daemon joins the asks over HTTP: all that wait become one run,
// and each is told of its own user.
func TestABurstOfPushesAndAsksIsOneRun(t *testing.T) {
	t.Parallel()
	inBubble(t, 50, func(b *bubble) {
		b.cfg.Guard.MaxChangePercent = 0
		b.wait(time.Minute)
		b.exec("UPDATE users SET short_code = 'NEW' || id WHERE id < 30")
		b.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: "user0003@"})
		db := b.d.app.Load().State
		ids := make([]int64, 20)
		for i := range ids {
			options, err := json.Marshal(Request{Only: []string{fmt.Sprintf("user%04d@example.com", i)}, Wait: true})
			b.must(err)
			ids[i], err = db.Ask(b.ctx, string(options))
			b.must(err)
		}
		var all sync.WaitGroup
		for i := 20; i < 25; i++ {
			all.Go(func() {
				if status, a := b.askFor(fmt.Sprintf(`{"emails": ["user%04d@example.com"]}`, i)); status != http.StatusOK || len(a.Users) != 1 || a.Users[0].State != "verified" {
					t.Errorf("ask %d: %d %+v", i, status, a)
				}
			})
		}
		all.Wait()
		b.wait(2 * time.Minute)
		if pushes, asks := b.runsOf("push"), b.runsOf("http"); pushes+asks > 2 {
			t.Errorf("%d runs of pushes, %d of asks", pushes, asks)
		}
		for i, id := range ids {
			text, err := db.Answer(b.ctx, id)
			b.must(err)
			var r ccsync.Report
			b.must(json.Unmarshal([]byte(text), &r))
			email := fmt.Sprintf("user%04d@example.com", i)
			code, state, outcome := 0, "verified", ccsync.Synced
			if i == 3 {
				code, state, outcome = 3, "rejected", ccsync.Partial
			}
			if len(r.Users) != 1 || r.Users[0].Email != email || r.Users[0].State != state || r.ExitCode != code || r.Outcome != outcome || (r.Error != nil) != (code != 0) || r.Only != 1 {
				t.Errorf("push %d: %s, exit %d, error %v, %+v", i, r.Outcome, r.ExitCode, r.Error, r.Users)
			}
			if len(r.Changes) != 1 || r.Changes[0].Email != email || r.Summary.Update != 1 || r.Push.Verified+r.Push.Unverified != 1 || len(r.Push.Problems) != code/3 || r.Coverage.Users != 1 {
				t.Errorf("push %d: changes %+v, %+v, %+v, %+v", i, r.Changes, r.Summary, r.Push, r.Coverage)
			}
		}
	})
}

// A push whose configuration is not the daemon's is not carried out under another one.
func TestAPushWithAnotherConfigurationIsTurnedAway(t *testing.T) {
	t.Parallel()
	inBubble(t, 5, func(b *bubble) {
		b.wait(time.Minute)
		b.exec("UPDATE users SET short_code = 'NEW' WHERE id = 1")
		a := b.d.app.Load()
		left := func(configuration string) int64 {
			options, err := json.Marshal(Request{Only: []string{"user0001@example.com"}, Wait: true, Configuration: configuration})
			b.must(err)
			id, err := a.State.Ask(b.ctx, string(options))
			b.must(err)
			return id
		}
		before := b.runsOf("push")
		id := left("another")
		b.wait(10 * time.Second)
		if text, err := a.State.Answer(b.ctx, id); text != answerOtherFile || err != nil || b.runsOf("push") != before {
			t.Errorf("answer %q (%v), %d runs", text, err, b.runsOf("push")-before)
		}
		// a push with --no-wait hears nothing itself
		if !strings.Contains(b.log.String(), "a push was refused") {
			t.Error("the log does not say that a push was refused")
		}
		if report, err := answer(b.ctx, a, id); report != nil || !errors.Is(err, errOtherFile) {
			t.Errorf("the asker gets %+v, %v", report, err)
		}
		id = left(a.Fingerprint())
		b.wait(time.Minute)
		if report, err := answer(b.ctx, a, id); err != nil || report == nil || report.Users[0].State != "verified" {
			t.Errorf("the asker gets %+v, %v", report, err)
		}
		for what, change := range map[string]func(*config.Config){
			"a guard":           func(c *config.Config) { c.Guard.MaxClears++ },
			"an API":            func(c *config.Config) { c.Endpoints.API += "/other" },
			"an authorization":  func(c *config.Config) { c.Endpoints.Auth += "/other" },
			"an application":    func(c *config.Config) { c.Auth.ClientID = "another" },
			"a limit of a day":  func(c *config.Config) { c.Limits.PerDay-- },
			"a limit of a wait": func(c *config.Config) { c.Limits.ActivityTimeout++ },
		} {
			other := *a.Config
			if change(&other); (&app.App{Config: &other, State: a.State, Source: a.Source}).Fingerprint() == a.Fingerprint() {
				t.Errorf("another of %s is the same configuration", what)
			}
		}
		same := *a.Config
		if (&app.App{Config: &same, State: a.State, Source: a.Source}).Fingerprint() != a.Fingerprint() {
			t.Error("the same configuration is another one")
		}
	})
}

// Nobody is told "request left" of a push that the daemon would turn away.
func TestAPushThatDoesNotWaitLearnsOfAnotherConfiguration(t *testing.T) {
	t.Parallel()
	inBubble(t, 1, func(b *bubble) {
		b.wait(time.Minute)
		a := b.d.app.Load()
		holder := &state.HeldError{PID: os.Getpid()}
		var told bytes.Buffer
		sh := &shell.Shell{Getenv: os.Getenv, Terminal: term.New(term.Options{Stdout: &told, Stderr: &told})}
		if _, err := handOver(b.ctx, sh, a, &Request{}, holder); err != nil || !strings.HasPrefix(told.String(), "request left for process") {
			t.Errorf("with the daemon's configuration: %v, %q", err, &told)
		}
		other := *a.Config
		other.Guard.MaxClears++
		mine := &app.App{Config: &other, State: a.State}
		told.Reset()
		if _, err := handOver(b.ctx, sh, mine, &Request{}, holder); !errors.Is(err, errOtherFile) || told.Len() > 0 {
			t.Errorf("with another: %v, %q", err, &told)
		}
		if _, err := handOver(b.ctx, sh, mine, &Request{}, &state.HeldError{PID: 1}); err != nil {
			t.Errorf("beside a process that wrote nothing down: %v", err)
		}
	})
}

// A push that is forced, limited or for everybody is a run of its own.
func TestAPushThatIsNotForSomeUsersAloneIsARunOfItsOwn(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.wait(time.Minute)
		before := b.runsOf("push")
		for _, r := range []Request{{Only: []string{"user0001@example.com"}}, {}, {Only: []string{"user0002@example.com"}, Force: true},
			{Only: []string{"user0002@example.com"}, Full: true}, {Limit: 5}, {Only: []string{"user0003@example.com"}}} {
			options, err := json.Marshal(r)
			b.must(err)
			_, err = b.d.app.Load().State.Ask(b.ctx, string(options))
			b.must(err)
		}
		b.wait(2 * time.Minute)
		if n := b.runsOf("push") - before; n != 5 {
			t.Errorf("%d runs, want 4 and one for the two", n)
		}
	})
}

func TestEachAskGetsItsOwnUsersByTheMemberItAskedBy(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.wait(time.Minute)
		b.exec("UPDATE users SET short_code = 'NEW' || id WHERE id < 5")
		var one, two answered
		var all sync.WaitGroup
		all.Go(func() {
			_, one = b.askFor(`{"keys": ["3", "99"], "emails": ["USER0001@example.com", "nobody@example.com", "user0001@example.com"]}`)
		})
		all.Go(func() { _, two = b.askFor(`{"keys": ["3"]}`) })
		all.Wait()
		want := []web.RunUser{{Email: "USER0001@example.com", State: "verified"}, {Email: "nobody@example.com", State: "skipped", Reason: "not_in_source"},
			{Email: "user0001@example.com", State: "verified"}, {Key: "3", State: "verified"}, {Key: "99", State: "skipped", Reason: "not_in_source"}}
		if !slices.Equal(one.Users, want) {
			t.Errorf("got %+v, want %+v", one.Users, want)
		}
		if want := []web.RunUser{{Key: "3", State: "verified"}}; !slices.Equal(two.Users, want) || one.Run != two.Run || one.Run == 0 {
			t.Errorf("got %+v of run %d, want %+v of run %d", two.Users, two.Run, want, one.Run)
		}
	})
}

// A run that ends without having done its work says so at once, whatever time the asker has.
func TestAPendingUserLearnsWhyAtOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*bubble){
		"failed":       func(b *bubble) { b.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 400}) },
		"unauthorized": func(b *bubble) { b.box.RevokeAll() },
		"refused":      func(b *bubble) { b.d.app.Load().Config.Guard.MinSourceRows = 1000 },
		"deferred":     func(b *bubble) { b.box.Fault(sandbox.Fault{Kind: sandbox.FaultQuotaExceeded}) },
	}
	for want, spoil := range tests {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			inBubble(t, 20, func(b *bubble) {
				b.wait(time.Minute)
				b.exec("UPDATE users SET short_code = 'NEW' || id WHERE id = 1")
				spoil(b)
				began := time.Now()
				status, a := b.askFor(`{"emails": ["user0001@example.com"], "wait": "10m"}`)
				if status != http.StatusOK || len(a.Users) != 1 || a.Users[0].State != "pending" || a.Users[0].Reason != want {
					t.Errorf("%d %+v", status, a)
				}
				if took := time.Since(began); took > 5*time.Minute {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

func TestAUserWhoWaitsForTheFirstContactsLearnsThat(t *testing.T) {
	t.Parallel()
	inBubble(t, 30, func(b *bubble) {
		b.cfg.Guard.MaxChangePercent, b.cfg.Guard.Canary = 0, 2
		b.wait(time.Minute)
		b.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Times: 1})
		b.exec("UPDATE users SET short_code = 'NEW' || id WHERE id < 3")
		b.wait(15 * time.Minute)
		b.exec("UPDATE users SET short_code = 'NEW20' WHERE id = 20")
		status, a := b.askFor(`{"emails": ["user0020@example.com"], "wait": "10m"}`)
		if status != http.StatusOK || len(a.Users) != 1 || a.Users[0].State != "pending" || a.Users[0].Reason != "canary" {
			t.Errorf("%d %+v", status, a)
		}
	})
}

func TestAnAskWhoseTimeIsUpIsPendingAndStillServed(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.wait(time.Minute)
		b.exec("UPDATE users SET short_code = 'NEW' || id WHERE id = 1")
		_, a := b.askFor(`{"emails": ["user0001@example.com"], "wait": "0s"}`)
		if want := []web.RunUser{{Email: "user0001@example.com", State: "pending"}}; !slices.Equal(a.Users, want) {
			t.Errorf("got %+v", a.Users)
		}
		b.wait(5 * time.Second)
		if b.runsOf("http") != 1 {
			t.Errorf("%d runs", b.runsOf("http"))
		}
	})
}

// An import can take minutes.
func TestWhoAsksLearnsTheNumberOfTheRunWhileItRuns(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.wait(time.Minute)
		b.box.Fault(sandbox.Fault{Kind: sandbox.FaultSlowWork, Delay: 10 * time.Minute})
		b.exec("UPDATE users SET short_code = 'NEW' || id WHERE id = 1")
		began := time.Now()
		status, a := b.askFor(`{"emails": ["user0001@example.com"], "wait": "20s"}`)
		if took := time.Since(began); status != http.StatusOK || a.Run == 0 || a.Users[0].State != "pending" || took != 20*time.Second {
			t.Errorf("%d %+v after %s", status, a, took)
		}
		if now := b.d.progress.now(); now.Run != a.Run {
			t.Errorf("run %d is under way, and %d was told", now.Run, a.Run)
		}
		b.wait(time.Hour)
		b.exec("UPDATE users SET short_code = 'NEWER' || id WHERE id = 1")
		began = time.Now()
		status, text := b.ask(http.MethodPost, "/run", "")
		if took := time.Since(began); status != http.StatusAccepted || !strings.Contains(text, fmt.Sprintf(`"run":%d`, b.d.progress.now().Run)) || took > time.Second {
			t.Errorf("%d %s after %s", status, text, took)
		}
	})
}

func TestWhoHasLeftIsNotServed(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.wait(time.Minute)
		before := len(b.ran())
		ctx, leave := context.WithCancel(b.ctx)
		left := make(chan error)
		go func() {
			_, err := b.send(ctx, http.MethodPost, "/run", `{"emails": ["user0001@example.com"]}`)
			left <- err
		}()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		b.wait(5 * time.Second)
		if n := len(b.ran()) - before; n != 0 {
			t.Errorf("%d runs for nobody", n)
		}
	})
}

func TestAsksBeyondOneRunWaitForTheNext(t *testing.T) {
	t.Parallel()
	q := newAsks()
	names := func(from, n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf("user%d@example.com", from+i))
		}
		return all
	}
	whole := newAsk("http", nil)
	asks := []*ask{newAsk("http", names(0, 600)), newAsk("http", names(300, 600)), whole, newAsk("http", names(5000, 200)), newAsk("http", names(0, 1))}
	gone := newAsk("http", names(0, 1))
	gone.gone.Store(true)
	for _, a := range append(asks, gone) {
		if err := q.add(a); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range [][]*ask{asks[:2], {whole}, asks[3:], nil} {
		if got := q.take(); !slices.Equal(got, want) {
			t.Errorf("take %d: %d asks, want %d", i, len(got), len(want))
		}
	}
	for range maxAsks {
		if err := q.add(newAsk("http", names(0, 1))); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.add(newAsk("http", names(0, 1))); !errors.Is(err, web.ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	q.stop()
	if err := q.add(newAsk("http", names(0, 1))); !errors.Is(err, web.ErrStopping) {
		t.Errorf("after the end: %v", err)
	}
}

func TestADaemonThatStopsTurnsAsksAway(t *testing.T) {
	t.Parallel()
	d, _ := brokenDaemon(t)
	told := make(chan error)
	for _, r := range []web.RunRequest{{}, {Emails: []string{"ann@example.com"}, Wait: time.Minute}} {
		go func() { _, err := d.askRun(t.Context(), r); told <- err }()
	}
	for len(d.asks.waitingNow()) < 2 {
		time.Sleep(time.Millisecond)
	}
	d.asks.stop()
	for range 2 {
		if err := <-told; !errors.Is(err, web.ErrStopping) {
			t.Errorf("told %v", err)
		}
	}
	if d.asks.count() > 0 {
		t.Error("somebody still waits")
	}
	d.busy.Store(false)
	for _, r := range []web.RunRequest{{}, {Emails: []string{"ann@example.com"}}, {Emails: []string{"ann@example.com"}, Wait: time.Minute}} {
		if _, err := d.askRun(t.Context(), r); !errors.Is(err, web.ErrStopping) || d.busy.Load() {
			t.Errorf("an ask that comes later: %v, busy %v", err, d.busy.Load())
		}
	}
}

// It is for everybody.
func TestARunForAllUsersComesThoughWhoAskedHasLeft(t *testing.T) {
	t.Parallel()
	d, _ := brokenDaemon(t)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := d.askRun(ctx, web.RunRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if together := d.asks.take(); len(together) != 1 || len(together[0].names) != 0 {
		t.Errorf("%d asks wait", len(together))
	}
}

// The loop is woken for each burst, and again for what did not fit.
func TestAskersWakeTheLoop(t *testing.T) {
	t.Parallel()
	woken := func(q *asks) bool {
		select {
		case <-q.woken:
			return true
		default:
			return false
		}
	}
	q := newAsks()
	for range 3 {
		if err := q.add(newAsk("http", nil)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if !woken(q) || woken(q) || len(q.take()) != 1 {
			t.Error("the loop is not woken once for those that are left")
		}
	}
	if !woken(q) || len(q.take()) != 1 || woken(q) || q.count() > 0 {
		t.Error("the loop is woken for nobody")
	}
}

func TestAnAskWhoseRunIsCutShortByTheEndOfTheDaemonIsTurnedAway(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.wait(time.Minute)
		b.exec("UPDATE users SET short_code = 'NEW' || id WHERE id < 5")
		b.onRequest(func(r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/contacts_json_import") {
				b.end() // SIGTERM
				time.AfterFunc(time.Minute, b.turnAway)
			}
		})
		answer, err := b.send(b.t.Context(), http.MethodPost, "/run", `{"keys": ["3"], "wait": "5m"}`)
		b.must(err)
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
			text, err := io.ReadAll(answer.Body)
			t.Errorf("%s %v %s, %v", answer.Status, answer.Header, text, err)
		}
	})
}

// waitingNow are those that wait.
func (q *asks) waitingNow() []*ask {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.waiting)
}

func TestTwoRunsForAllUsersAreNotAskedForAtOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.wait(time.Minute)
		var statuses []int
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				status, _ := b.ask(http.MethodPost, "/run", "")
				mu.Lock()
				defer mu.Unlock()
				statuses = append(statuses, status)
			})
		}
		all.Wait()
		slices.Sort(statuses)
		if !slices.Equal(statuses, []int{202, 409, 409}) {
			t.Errorf("answered %v", statuses)
		}
		b.wait(5 * time.Second)
		if status, text := b.ask(http.MethodPost, "/run", ""); status != 202 || !strings.Contains(text, `"run":`) {
			t.Errorf("after it: %d %s", status, text)
		}
	})
}

// A run that could not begin leaves the way free for the next.
func TestAnAskWhoseRunCouldNotStartIsAnswered(t *testing.T) {
	t.Parallel()
	d, _ := brokenDaemon(t)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	if err := d.app.Load().State.Close(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for range 2 {
			<-d.asks.woken
			d.serveAsks(ctx)
		}
	}()
	if _, err := d.askAll(t.Context()); err == nil {
		t.Error("a run for all users that could not start is taken for begun")
	}
	if d.busy.Load() {
		t.Error("busy for ever")
	}
	a, err := d.askRun(t.Context(), web.RunRequest{Emails: []string{"ann@example.com"}, Wait: time.Minute})
	if want := []web.RunUser{{Email: "ann@example.com", State: "pending", Reason: "failed"}}; err != nil || !slices.Equal(a.Users, want) {
		t.Errorf("got %+v, %v", a, err)
	}
}

// A script's log learns what a push waits for; it shows no live line.
func TestAPushThatWaitsForABusyDaemonSaysSoOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, 1, func(b *bubble) {
		a := b.d.app.Load()
		held, release, err := a.LockRun(b.ctx)
		b.must(err)
		defer release()
		_, _, err = a.LockRun(held)
		var holder *state.HeldError
		if !errors.As(err, &holder) {
			t.Fatalf("the lock: %v", err)
		}
		var told bytes.Buffer
		sh := &shell.Shell{Getenv: os.Getenv, Terminal: term.New(term.Options{Stdout: io.Discard, Stderr: &told})}
		waits := func(d time.Duration) {
			t.Helper()
			told.Reset()
			ctx, end := context.WithTimeout(b.ctx, d)
			defer end()
			if _, err := handOver(ctx, sh, a, &Request{Wait: true}, holder); err == nil {
				t.Errorf("a push of %s was answered", d)
			}
		}
		if waits(9 * time.Second); told.Len() > 0 {
			t.Errorf("after 9 s it said %q", &told)
		}
		if waits(5 * time.Minute); strings.Count(told.String(), "waiting for process") != 1 || strings.Count(told.String(), "\n") != 1 {
			t.Errorf("in five minutes it said %q", &told)
		}
	})
}

func TestAnAskThatTheStateFileStopsIsAnsweredWithItsCode(t *testing.T) {
	t.Parallel()
	inBubble(t, 3, func(b *bubble) {
		b.every("1h")
		b.wait(time.Minute)
		b.lockState()
		status, got := b.askFor(`{"emails": ["user0001@example.com"]}`)
		if status != http.StatusOK || len(got.Users) != 1 || got.Users[0].State != "pending" || got.Users[0].Reason != "failed" {
			t.Errorf("for one user: %d %+v", status, got)
		}
		answer, err := b.send(b.ctx, http.MethodPost, "/run", "")
		b.must(err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		b.must(err)
		if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" || !strings.Contains(string(text), "(state_busy)") {
			t.Errorf("for all users: %s %q", answer.Status, text)
		}
	})
}
