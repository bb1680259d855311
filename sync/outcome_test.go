package sync_test

import (
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// wantCoverage fails the test unless the coverage is this one, and adds up.
func (w *world) wantCoverage(r *ccsync.Report, verified, pending, missing, skipped int) {
	w.t.Helper()
	want := ccsync.Coverage{Users: verified + pending + missing + skipped, Contacts: verified + pending + missing,
		Verified: verified, Pending: pending, Missing: missing, Skipped: skipped}
	if r.Coverage != want {
		w.t.Errorf("coverage %+v, want %+v", r.Coverage, want)
	}
}

func TestSyncedIsSaidOnlyWhenEveryUserWasSeenWithHisValues(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 4)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: "user000004@", Path: importPath})
		first := w.run(ccsync.Options{})
		w.want(first, ccsync.Partial)
		w.wantCoverage(first, 19, 0, 1, 0)
		for range 3 { // nothing is to be sent, and one user lacks his code all the same
			time.Sleep(time.Minute)
			r := w.run(ccsync.Options{})
			w.want(r, ccsync.Partial)
			w.wantCoverage(r, 19, 0, 1, 0)
			if r.Summary.Skipped != 1 || r.Error == nil || r.Error.Code != "partial" {
				t.Errorf("summary %+v, error %+v", r.Summary, r.Error)
			}
			if !w.idle() {
				t.Error("no tick is idle while a retry is not due")
			}
		}
		w.want(w.run(ccsync.Options{Only: []string{"user000001@example.com"}}), ccsync.Synced)
		w.want(w.run(ccsync.Options{Only: []string{"user000004@example.com"}}), ccsync.Partial)
		w.box.ClearFaults()
		time.Sleep(7 * time.Hour)
		last := w.run(ccsync.Options{})
		w.want(last, ccsync.Synced)
		w.wantCoverage(last, 20, 0, 0, 0)
	})
}

func TestAProblemThatTheSourceSolvedIsOpenNoMore(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 4)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: "user000004@", Path: importPath})
		w.want(w.run(ccsync.Options{}), ccsync.Partial)
		w.rows[4].Values = []string{w.code("user000004@example.com")}
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Synced)
		w.wantCoverage(r, 20, 0, 0, 0)
	})
}

func TestALimitedRunThatLeavesChangesIsPartial(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 4)
		r := w.run(ccsync.Options{Limit: 2})
		w.want(r, ccsync.Partial)
		w.wantCoverage(r, 17, 3, 0, 0)
		if w.idle() {
			t.Error("a tick is idle while changes wait")
		}
		w.want(w.run(ccsync.Options{Limit: 3}), ccsync.Synced)
	})
}

func TestAnImportUnderWayLeavesARunPartial(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 4)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath, Times: 1})
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Partial)
		w.wantCoverage(r, 15, 5, 0, 0)
		w.want(w.run(ccsync.Options{Only: []string{"user000001@example.com"}}), ccsync.Synced)
		w.want(w.run(ccsync.Options{Only: []string{"user000004@example.com"}}), ccsync.Partial)
	})
}
