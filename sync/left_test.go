package sync_test

import (
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// The last whole run waited for an import. Once another run has settled it, its codes wait for a
// plan.
func TestNoTickIsIdleAfterARunForOneUserSettledAnImportThatLostTheOthersCodes(t *testing.T) {
	t.Parallel()
	long := time.Second
	inWorld(t, sandbox.Options{ImportTime: func(int) time.Duration { return long }}, func(w *world) {
		w.policy.ActivityTimeout, w.policy.Drift = 48*time.Hour, time.Hour
		w.populate(20, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.change(0, 5, "V")
		began := time.Now()
		long = 20 * time.Hour
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Share: 1, Path: importPath, Times: 1})
		w.run(ccsync.Options{})
		time.Sleep(20*time.Hour - 14*time.Minute - time.Since(began))
		w.want(w.run(ccsync.Options{}), ccsync.Partial)
		time.Sleep(20*time.Hour + 3*time.Minute - time.Since(began))
		w.want(w.run(ccsync.Options{Only: []string{w.rows[15].Email}}), ccsync.Synced)
		if w.idle() {
			t.Error("five codes were lost, nothing sends them, and the tick is idle")
		}
		long = time.Second
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		if n := w.begin("V"); n != 5 {
			t.Errorf("then %d of 5 codes arrived", n)
		}
	})
}

func TestNoTickIsIdleWhileAUserWhoseContactChangedItsAddressWaitsForTheNextRun(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Create, w.policy.Lists = true, []string{"App users"}
		w.populate(20, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.rows[3].Values = []string{"NEW"}
		w.whileReading = func() {
			w.whileReading = nil
			w.box.ChangeAddress(w.rows[3].Email, "moved@example.com")
		}
		if r := w.run(ccsync.Options{}); r.Outcome != ccsync.Partial || r.Coverage.Pending != 1 || w.idle() {
			t.Errorf("%s, %+v, idle %v", r.Outcome, r.Coverage, w.idle())
		}
	})
}
