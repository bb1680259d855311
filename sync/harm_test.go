package sync_test

import (
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// Where next links lead astray no account is read whole: the run fails soon, and nothing is written.
func TestNextLinksThatLeadAstrayEndTheRun(t *testing.T) {
	t.Parallel()
	for name, switches := range map[string]sandbox.Switches{
		"to an internal path":    {NextLinksInternal: true},
		"to the same page again": {NextLinksRepeat: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{Switches: switches}, func(w *world) {
				w.populate(1200, 60)
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Failed)
				if len(w.box.Writes()) != 0 || report.Requests > 40 {
					t.Errorf("%d writes, %d requests", len(w.box.Writes()), report.Requests)
				}
				w.box.SetSwitches(sandbox.Switches{})
				time.Sleep(2 * time.Hour) // a snapshot under way is not gone on with for ever
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
			})
		})
	}
}

// Times and update_source are the service's own: that a write moves them holds up no first push.
func TestAFirstPushThatMovesTimesAndSourcePasses(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{Switches: sandbox.Switches{WritesMoveUpdatedAt: true}}, func(w *world) {
		w.guard.Canary = 5
		w.populate(20, 1)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantSent(5, 15)
		w.wantAllCodes()
	})
}
