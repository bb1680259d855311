package sync_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// stopped is a run that is told to stop when it comes to a step.
func (w *world) stopped(step string, o ccsync.Options) *ccsync.Report {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	defer stop()
	e := w.engine()
	e.Progress = func(name string, _, _ int) {
		if name == step {
			stop()
		}
	}
	report, err := e.Run(ctx, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// It is in the history, and says nothing of the whole: a service that is restarted often would else
// look as if it failed often.
func TestARunThatWasToldToStopIsKeptAndIsNoRunThatFailed(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"source", "plan", "snapshot"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(4, 0)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				time.Sleep(10 * time.Minute)
				w.change(0, 2, "NEW")
				report := w.stopped(step, ccsync.Options{})
				if !errors.Is(report.Err(), context.Canceled) {
					t.Errorf("%v", report.Err())
				}
				kept, ok, err := w.state.Run(w.t.Context(), report.Run)
				if err != nil || !ok || kept.Outcome != string(report.Outcome) || kept.Requests != report.Requests {
					t.Errorf("the history has %+v (%v)", kept, err)
				}
				last, _, err := ccsync.ReadLastWhole(w.t.Context(), w.state)
				if err != nil || last.Run != 1 || last.Failures != 0 {
					t.Errorf("the last whole run is %+v (%v)", last, err)
				}
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.wantAllCodes()
			})
		})
	}
}

func TestARunTellsHowFarItIsToWhoeverListens(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(600, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.change(0, 2, "NEW")
		var steps []string
		began := int64(0)
		e := w.engine()
		e.Progress = func(name string, done, total int) { steps = append(steps, fmt.Sprintf("%s %d/%d", name, done, total)) }
		e.Began = func(run int64) { began = run }
		e.ExitCode = func(r *ccsync.Report) int { return len(r.Outcome) }
		report, err := e.Run(w.t.Context(), ccsync.Options{})
		if err != nil || began != report.Run || report.ExitCode != len("synced") {
			t.Errorf("run %d began, run %d ended with %d (%v)", began, report.Run, report.ExitCode, err)
		}
		want := []string{"refresh 0/0", "source 0/0", "source 600/600", "plan 0/0", "recheck 1/2", "recheck 2/2", "push 0/2", "push 2/2", "import 0/1", "refresh 2/2", "verify 0/1"}
		if !slices.Equal(steps, want) {
			t.Errorf("steps %q, want %q", steps, want)
		}
	})
}

// What an earlier plan found is void from the beginning of a run on, forced or not: if it dies,
// nobody knows what it did.
func TestNoTickIsIdleAfterARunForAllDied(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]ccsync.Options{"forced": {Force: true}, "not forced": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.settled()
				w.runUntil(moment{request: 1}, o)
				if w.idle() {
					t.Error("it is idle")
				}
			})
		})
	}
}

func TestATickIsIdleUntilDriftHasPassedToTheSecond(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(10, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		report := w.run(ccsync.Options{})
		time.Sleep(time.Until(report.StartedAt.Add(w.policy.Drift)) - time.Millisecond)
		if !w.idle() {
			t.Error("it is not idle before Drift has passed")
		}
		time.Sleep(time.Millisecond)
		if w.idle() {
			t.Error("it is idle when Drift has passed")
		}
	})
}

// A plan that the day's quota kept from being carried out was made for everybody; one that an error
// ended was not.
func TestProblemsAreSolvedByAWholePlanAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(*world)
		outcome ccsync.Outcome
		open    int
	}{
		"it was carried out":   {func(*world) {}, ccsync.Synced, 0},
		"the quota was spent":  {func(w *world) { w.limits.PerDay = len(w.box.Requests()) + 2; w.restart() }, ccsync.Deferred, 0},
		"a request was denied": {func(w *world) { w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 403, At: []int{3}}) }, ccsync.Failed, 1},
		"the guard refused it": {func(w *world) { w.guard.MinSourceRows = 100 }, ccsync.Refused, 1},
		"the source is broken": {func(w *world) { w.broken = errors.New("no such table") }, ccsync.Failed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(10, 0)
				w.change(1, 2, "NEW")
				w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Path: importPath})
				w.want(w.run(ccsync.Options{}), ccsync.Partial)
				w.box.ClearFaults()
				time.Sleep(10 * time.Minute)
				w.rows[1].Values = []string{w.code(w.rows[1].Email)} // the problem is none any more
				w.change(2, 3, "NEW")
				c.prepare(w)
				report := w.run(ccsync.Options{})
				w.want(report, c.outcome)
				if len(report.OpenProblems) != c.open {
					t.Errorf("open problems %v, want %d", report.OpenProblems, c.open)
				}
			})
		})
	}
}

func TestAForcedRunTellsWhetherItOverrodeTheGuard(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(10, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.guard = ccsync.Guard{MaxChangePercent: 10}
		w.change(0, 5, "NEW")
		for _, c := range []struct {
			o    ccsync.Options
			want bool
		}{{ccsync.Options{}, false}, {ccsync.Options{Force: true}, true}, {ccsync.Options{Force: true}, false}} {
			if r := w.run(c.o); r.Overridden() != c.want {
				t.Errorf("%+v: overridden %v, want %v; notes %v", c.o, r.Overridden(), c.want, r.Notes)
			}
		}
	})
}

// Nobody is told of lists where none is to be joined.
func TestARunSaysThatContactsJoinNoListOnlyWhereThatKeepsSomebodyOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		changed int
		lists   []string
		force   bool
		noted   bool
	}{
		"one change":   {1, []string{"App users"}, false, true},
		"no change":    {0, []string{"App users"}, false, false},
		"no lists":     {1, nil, false, false},
		"it is forced": {1, []string{"App users"}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(4, 0)
				w.policy.Lists = c.lists
				w.change(0, c.changed, "NEW")
				report := w.run(ccsync.Options{Force: c.force})
				w.want(report, ccsync.Synced)
				if (len(report.Notes) > 0) != c.noted {
					t.Errorf("notes %q", report.Notes)
				}
			})
		})
	}
}

// A restarted daemon is not late, and a daemon that another asks after is found.
func TestWhatADaemonPlansNextIsRead(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		if n, ok, err := ccsync.ReadNext(w.t.Context(), w.state); ok || err != nil {
			t.Errorf("%+v (%v) before any daemon", n, err)
		}
		next := ccsync.Next{At: time.Now().Add(time.Hour).UTC(), Schedule: "@hourly", PID: 17, Configuration: "c"}
		if err := ccsync.SetNext(w.t.Context(), w.state, next); err != nil {
			t.Fatal(err)
		}
		if n, ok, err := ccsync.ReadNext(w.t.Context(), w.state); n != next || !ok || err != nil {
			t.Errorf("%+v (%v), want %+v", n, err, next)
		}
	})
}
