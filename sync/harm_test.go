package sync_test

import (
	"slices"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// Where next links lead astray no account is read whole: the run fails soon, and nothing is
// written.
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
				// links that go round in circles are gone on with for an hour
				time.Sleep(2 * time.Hour)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
			})
		})
	}
}

// A link to a next page is as good as the server's memory of it: a snapshot that cannot be resumed
// where it was interrupted starts again immediately.
func TestASnapshotWhoseNextLinkHasDiedStartsAgain(t *testing.T) {
	t.Parallel()
	for name, dead := range map[string]sandbox.Fault{
		"400":             {Kind: sandbox.FaultStatus, Status: 400},
		"404":             {Kind: sandbox.FaultStatus, Status: 404},
		"a gateway's 403": {Kind: sandbox.FaultGateway, Status: 403, Body: "message"},
		"an inner path":   {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(1200, 60)
				if dead.Kind == "" {
					w.box.SetSwitches(sandbox.Switches{NextLinksInternal: true})
				} else {
					w.box.Fault(sandbox.Fault{Kind: sandbox.FaultRevoked, Path: "/v3/contacts", At: []int{2}})
				}
				w.run(ccsync.Options{})
				access, _ := w.box.Authorize()
				w.tokens = fixedToken(access)
				w.box.SetSwitches(sandbox.Switches{})
				w.box.ClearFaults()
				if dead.Kind != "" {
					dead.Path, dead.At = "/v3/contacts", []int{1}
					w.box.Fault(dead)
				}
				before := len(w.box.Requests())
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				if first := w.box.Requests()[before:]; dead.Kind != "" && !slices.ContainsFunc(first, func(r sandbox.Request) bool { return r.Status/100 == 4 }) {
					t.Error("no link was dead")
				}
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
