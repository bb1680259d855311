package sync_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// What tells how an installation fares goes by whole runs.
func TestALimitedRunIsWholeOnlyIfTheLimitLeftNothingInAnyPass(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.populate(100, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.change(0, 3, "V")
		w.killAfter(30*time.Second, ccsync.Options{})
		w.guard = ccsync.Guard{MaxChangePercent: 10}
		w.change(10, 60, "W")
		refused := w.run(ccsync.Options{})
		w.want(refused, ccsync.Refused)
		stays := func(o ccsync.Options, want ccsync.Outcome, limited int) {
			t.Helper()
			r := w.run(o)
			if l := w.lastWhole(); r.Outcome != want || r.Limited != limited || l.Run != refused.Run {
				t.Errorf("--limit %d: %s, %d left out; the last whole run is %d, %s", o.Limit, r.Outcome, r.Limited, l.Run, l.Outcome)
			}
		}
		stays(ccsync.Options{Limit: 2}, ccsync.Partial, 48) // beside the import of V
		stays(ccsync.Options{Limit: 20}, ccsync.Refused, 28)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultGateway})
		stays(ccsync.Options{Limit: 20}, ccsync.Failed, 0) // before its plan
		w.box.ClearFaults()
		if r := w.run(ccsync.Options{Limit: 48, Force: true}); r.Outcome != ccsync.Synced || w.lastWhole().Run != r.Run {
			t.Errorf("a limit that leaves nothing out: %s, the last whole run is %d", r.Outcome, w.lastWhole().Run)
		}
	})
}

// The status page goes by what the history keeps.
func TestTheHistoryTellsWhichRunsWereWhole(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(10, 1)
		for _, c := range []struct {
			name    string
			options ccsync.Options
			fault   bool
			whole   bool
		}{
			{name: "for one user", options: ccsync.Options{Only: []string{w.rows[0].Email}}},
			{name: "for one user, failed", options: ccsync.Options{Only: []string{w.rows[0].Email}}, fault: true},
			{name: "limited", options: ccsync.Options{Limit: 1}},
			{name: "limited, failed before its plan", options: ccsync.Options{Limit: 1}, fault: true},
			{name: "for all, failed before its plan", fault: true, whole: true},
			{name: "limited, and the limit left out none", options: ccsync.Options{Limit: 20}, whole: true},
		} {
			if w.box.ClearFaults(); c.fault {
				w.box.Fault(sandbox.Fault{Kind: sandbox.FaultGateway})
			}
			r := w.run(c.options)
			kept, _, err := w.state.Run(w.t.Context(), r.Run)
			var history ccsync.Report
			if err := errors.Join(err, json.Unmarshal(kept.Report, &history)); err != nil {
				t.Fatal(err)
			}
			if r.Whole() != c.whole || history.Whole() != c.whole {
				t.Errorf("%s: whole %v, by the history %v, want %v", c.name, r.Whole(), history.Whole(), c.whole)
			}
		}
	})
}

func TestAnEmptiedTableHasNoUsersWithTheirValues(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(10, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.rows = nil
		r := w.run(ccsync.Options{})
		if l := w.lastWhole(); r.Outcome != ccsync.Synced || l.Coverage == nil || *l.Coverage != (ccsync.Coverage{}) || l.CoverageRun != r.Run {
			t.Errorf("%s; coverage %+v of run %d", r.Outcome, l.Coverage, l.CoverageRun)
		}
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultGateway})
		if w.want(w.run(ccsync.Options{}), ccsync.Failed); w.lastWhole().CoverageRun != r.Run {
			t.Error("a run without a plan counts users")
		}
	})
}

func (w *world) lastWhole() ccsync.LastWhole {
	w.t.Helper()
	l, _, err := ccsync.ReadLastWhole(w.t.Context(), w.state)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}
