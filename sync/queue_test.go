package sync_test

import (
	"fmt"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// Where imports wait for hours in the service's queue, a run does not wait with them: nobody is
// sent twice, others are served meanwhile, and a later run settles what has ended.
func TestAQueueOfHoursHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]bool{"with a status": false, "without one": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.members(20)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				for i := range 5 {
					w.rows[i].Values = []string{fmt.Sprintf("NEW%d", i)}
				}
				w.box.SetSwitches(sandbox.Switches{ActivitiesWait: sandbox.Duration(3 * time.Hour), ActivityStatusLate: late})
				began := time.Now()
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Partial)
				if took := time.Since(began); took > 20*time.Minute || report.Push.Unverified != 5 {
					t.Errorf("it took %s, %d unverified", took, report.Push.Unverified)
				}
				w.box.SetSwitches(sandbox.Switches{})
				w.rows[7].Values = []string{"NEW7"}
				w.run(ccsync.Options{})
				w.wantHeld(w.rows[7].Email, "NEW7")
				w.wantHeld(w.rows[0].Email, "C000")
				time.Sleep(3 * time.Hour)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.wantAllCodes()
				if twice := w.sentTwice(0); len(twice) > 0 || len(w.box.Imports()) != 2 {
					t.Errorf("sent twice: %v, in %d imports", twice, len(w.box.Imports()))
				}
				w.wantQuiet()
			})
		})
	}
}
