package sync_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// idle tells whether a tick now would find nothing to do.
func (w *world) idle() bool {
	w.t.Helper()
	idle, err := w.engine().Idle(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return idle
}

// settled brings 10 users into step and makes sure that the next tick is idle.
func (w *world) settled() {
	w.t.Helper()
	w.populate(10, 0)
	w.want(w.run(ccsync.Options{}), ccsync.Synced)
	if !w.idle() {
		w.t.Fatal("not idle after a run whose plan was empty")
	}
}

func TestATickIsIdleOnlyWhileEveryConditionHolds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*world)
		want   bool
	}{
		"nothing changed":                {func(*world) {}, true},
		"the rows came in another order": {func(w *world) { slices.Reverse(w.rows) }, true},
		"a value changed":                {func(w *world) { w.rows[3].Values = []string{"NEW"} }, false},
		"a row is gone":                  {func(w *world) { w.rows = w.rows[1:] }, false},
		"a row was added": {func(w *world) {
			w.rows = append(w.rows, source.Row{Key: "99", Email: "new@example.com", Values: []string{"NEW"}})
		}, false},
		"the policy is another":   {func(w *world) { w.policy.UpdateUnsubscribed = true }, false},
		"the guard is another":    {func(w *world) { w.guard.MaxClears = 7 }, false},
		"drift has nearly passed": {func(w *world) { time.Sleep(w.policy.Drift - 5*time.Second) }, true},
		"drift has passed":        {func(w *world) { time.Sleep(w.policy.Drift) }, false},
		"a snapshot is due": {func(w *world) {
			w.policy.NextSnapshot = func(last time.Time) time.Time { return last.Add(time.Second) }
			time.Sleep(2 * time.Second)
		}, false},
		"a snapshot is not due":             {func(w *world) { w.policy.NextSnapshot = func(last time.Time) time.Time { return last.Add(time.Hour) } }, true},
		"a run for all died":                {func(w *world) { w.runUntil(moment{request: 1, seen: true}, ccsync.Options{}) }, false},
		"a dry run came between":            {func(w *world) { w.dry(ccsync.Options{}) }, true},
		"a run for all found nothing to do": {func(w *world) { w.run(ccsync.Options{Trigger: "push"}) }, true},
		"a run for one user found nothing":  {func(w *world) { w.run(ccsync.Options{Only: []string{"user000001@example.com"}}) }, true},
		"a run for one user left a problem": {(*world).loseOne, false},
		"a run for another user dropped what one for one user did not live to send": {func(w *world) {
			w.leaveRecorded("user000001@example.com")
			w.want(w.run(ccsync.Options{Only: []string{"user000002@example.com"}}), ccsync.Synced)
		}, false},
		"a run for one user sent a value": {func(w *world) {
			w.byHand("user000001@example.com")
			w.want(w.run(ccsync.Options{Only: []string{"user000001@example.com"}, Full: true}), ccsync.Synced)
		}, false},
		"a retry is due": {func(w *world) {
			w.policy.Drift = 3 * time.Hour
			w.loseOne()
			w.want(w.run(ccsync.Options{}), ccsync.Partial)
			time.Sleep(time.Hour)
		}, false},
		"a retry is not due": {func(w *world) {
			w.policy.Drift = 3 * time.Hour
			w.loseOne()
			w.want(w.run(ccsync.Options{}), ccsync.Partial)
			time.Sleep(50 * time.Minute)
		}, true},
		"a run for all was refused":            {func(w *world) { w.guard.MinSourceRows = 11; w.run(ccsync.Options{}); w.guard.MinSourceRows = 0 }, false},
		"the clock of the server was set back": {func(w *world) { w.box.Advance(-time.Hour); w.dry(ccsync.Options{}) }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.settled()
				tt.change(w)
				if got := w.idle(); got != tt.want {
					t.Errorf("idle: %v, want %v", got, tt.want)
				}
			})
		})
	}
}

// byHand edits contacts by hand.
func (w *world) byHand(addresses ...string) {
	time.Sleep(time.Second)
	for _, address := range addresses {
		w.box.SetField(address, "Short code", "BYHAND")
	}
}

// leaveRecorded lets a run for one user, whose contact was edited by hand, die before it sends what
// it has recorded.
func (w *world) leaveRecorded(address string) {
	w.t.Helper()
	w.byHand(address)
	for request := 1; ; request++ {
		if !w.runUntil(moment{request: request}, ccsync.Options{Only: []string{address}, Full: true}) {
			w.t.Fatal("no run died between recording and sending")
		}
		open, err := w.state.OpenBatches(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if len(open) > 0 {
			return
		}
	}
}

// loseOne edits a contact by hand, and a run for its user alone puts it right in vain.
func (w *world) loseOne() {
	w.box.SetField("user000001@example.com", "Short code", "BYHAND")
	w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Path: importPath})
	time.Sleep(time.Second)
	w.want(w.run(ccsync.Options{Only: []string{"user000001@example.com"}, Full: true}), ccsync.Partial)
}

// Rows that were lost with their neighbours are planned again, and are no problem before that.
func TestNoTickIsIdleAfterARunForOthersSettledWhatWasSentInVain(t *testing.T) {
	t.Parallel()
	for name, guard := range map[string]ccsync.Guard{"the last plan was empty": {}, "the last plan was refused": {MaxChangePercent: 20}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, slowly, func(w *world) {
				w.settled()
				if w.guard = guard; guard != (ccsync.Guard{}) {
					w.change(5, 10, "A")
					w.want(w.run(ccsync.Options{}), ccsync.Refused)
				} else {
					w.want(w.run(ccsync.Options{}), ccsync.Synced)
				}
				w.byHand(w.rows[1].Email, w.rows[3].Email)
				w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Path: importPath})
				w.killAfter(30*time.Second, ccsync.Options{Only: []string{w.rows[1].Email, w.rows[3].Email}, Full: true, Force: true})
				time.Sleep(2 * time.Minute)
				w.run(ccsync.Options{Only: []string{w.rows[2].Email}})
				open, err := w.state.OpenBatches(w.t.Context())
				if err != nil || len(open) > 0 || w.code(w.rows[1].Email) != "BYHAND" {
					t.Fatalf("%d batches are open, %v, and the contact carries %q", len(open), err, w.code(w.rows[1].Email))
				}
				for problem := range w.state.Problems(w.t.Context()) {
					t.Fatalf("%s is a problem", problem.Norm)
				}
				if w.idle() {
					t.Error("idle though two users are without their values")
				}
			})
		})
	}
}

func TestAfterARunThatFailedBeforeItsPlanNoTickIsIdleUntilOneSucceeds(t *testing.T) {
	t.Parallel()
	failures := map[string]func(*world){
		"the source is away":        func(w *world) { w.broken = errors.New("connection lost") },
		"constant contact is away":  func(w *world) { w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 503}) },
		"constant contact says 400": func(w *world) { w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 400}) },
		"constant contact says 401": func(w *world) { w.box.RevokeAccess() },
	}
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.settled()
				home, tokens := w.home, w.tokens
				time.Sleep(time.Minute)
				w.rows[3].Values = []string{"NEW"}
				fail(w)
				if r := w.run(ccsync.Options{}); r.Outcome == ccsync.Synced {
					t.Fatal("the run succeeded")
				}
				w.broken, w.home, w.tokens = nil, home, tokens
				w.box.ClearFaults()
				for range 3 {
					e := w.engine()
					// since somebody read it last
					e.Unchanged = func(context.Context, string) (bool, error) { return true, nil }
					if idle, err := e.Idle(w.t.Context()); idle || err != nil {
						t.Fatalf("a tick is idle (%v) while a change waits", err)
					}
					time.Sleep(10 * time.Second)
				}
				access, _ := w.box.Authorize()
				w.tokens = fixedToken(access)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				if got := w.code("user000003@example.com"); got != "NEW" {
					t.Errorf("the contact carries %s", got)
				}
			})
		})
	}
}

// A run for some users and a dry run refresh the mirror too, but plan for nobody else. An import
// that does not move any more is looked at every few minutes, not at each tick; a change of the
// table is served at once.
func TestTicksAreIdleBetweenTheLooksAtAnImportThatDoesNotMove(t *testing.T) {
	t.Parallel()
	for name, canary := range map[string]int{"an import": 0, "that of the contacts that go ahead": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.settled()
				w.guard.Canary = canary
				w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath})
				w.change(2, 7, "A")
				w.want(w.run(ccsync.Options{}), ccsync.Partial) // it waits, in vain
				w.want(w.run(ccsync.Options{}), ccsync.Partial)
				if !w.idle() {
					t.Error("not idle though the import does not move")
				}
				time.Sleep(5 * time.Minute)
				if w.idle() {
					t.Error("idle though nobody has looked for five minutes")
				}
				w.want(w.run(ccsync.Options{}), ccsync.Partial)
				w.change(7, 8, "A")
				if w.idle() {
					t.Error("idle though a row has changed")
				}
			})
		})
	}
}

// A refused plan is not made again at each tick: it would be the same, and cost the day's requests.
// Whatever may make it another ends that.
func TestATickIsIdleWhileARefusedPlanWouldBeTheSame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*world)
		want   bool
	}{
		"nothing changed":              {func(*world) {}, true},
		"the table was put right":      {func(w *world) { w.rows[3].Values = []string{"CODE000003"} }, false},
		"the guard was told otherwise": {func(w *world) { w.guard.MaxChangePercent = 50 }, false},
		"drift has passed":             {func(w *world) { time.Sleep(w.policy.Drift) }, false},
		"the plan was forced":          {func(w *world) { w.want(w.run(ccsync.Options{Force: true}), ccsync.Synced) }, false},
		"one user was forced": {func(w *world) {
			w.want(w.run(ccsync.Options{Force: true, Only: []string{w.rows[4].Email}}), ccsync.Synced)
		}, false},
		"a limited plan was refused": {func(w *world) { w.want(w.run(ccsync.Options{Limit: 4}), ccsync.Refused) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.settled()
				w.guard = ccsync.Guard{MaxChangePercent: 20}
				w.change(2, 7, "A")
				w.want(w.run(ccsync.Options{}), ccsync.Refused)
				c.change(w)
				if got := w.idle(); got != c.want {
					t.Errorf("idle %v, want %v", got, c.want)
				}
			})
		})
	}
}

func TestWhatRunsBesideTheScheduleDoesNotPutOffDrift(t *testing.T) {
	t.Parallel()
	besides := map[string]func(*world){
		"a run for one user": func(w *world) { w.want(w.run(ccsync.Options{Only: []string{"user000001@example.com"}}), ccsync.Synced) },
		"a dry run":          func(w *world) { w.want(w.dry(ccsync.Options{}), ccsync.Planned) },
	}
	for name, beside := range besides {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.settled()
				time.Sleep(w.policy.Drift - time.Minute)
				w.box.SetField("user000003@example.com", "Short code", "BYHAND")
				beside(w)
				time.Sleep(time.Minute)
				if w.idle() {
					t.Error("a change in the account waits longer than drift")
				}
			})
		})
	}
}

func TestASourceThatCannotBeReadIsNoIdleTick(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.settled()
		w.broken = errors.New("connection lost")
		if idle, err := w.engine().Idle(w.t.Context()); idle || !errors.As(err, new(*ccsync.SourceError)) {
			t.Errorf("idle: %v, %v", idle, err)
		}
		w.broken = nil
		e := w.engine()
		e.Unchanged = func(context.Context, string) (bool, error) { return false, errors.New("gone") }
		if idle, err := e.Idle(w.t.Context()); idle || !errors.As(err, new(*ccsync.SourceError)) {
			t.Errorf("idle: %v, %v", idle, err)
		}
	})
}

func TestAStateFileThatCannotBeReadIsNoIdleTick(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.settled()
		w.state.Close()
		if idle, err := w.engine().Idle(w.t.Context()); idle || err == nil {
			t.Errorf("idle: %v, %v", idle, err)
		}
	})
}
