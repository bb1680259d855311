package sync_test

import (
	"net/http"
	"strings"
	"testing"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// A contact that is gone before or after its import proves nothing, and holds nobody up: another
// one goes in its place.
func TestAFirstContactThatIsGoneProvesNothing(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]int{"before the import": 1, "after it": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.guard.Canary = 2
				w.populate(8, 1)
				w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: http.StatusNotFound, Method: "GET", Path: "/v3/contacts/*", At: []int{at}, Times: 1})
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Partial)
				if report.Unproven != 1 || !strings.Contains(strings.Join(report.Notes, "\n"), "not all of the first contacts") {
					t.Errorf("%d to prove, notes %q", report.Unproven, report.Notes)
				}
				w.wantSent(2)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.wantSent(2, 1, 5)
				w.wantAllCodes()
			})
		})
	}
}

// What the guard says is shown where no address may be.
func TestAKeyThatIsAnAddressDoesNotNameAFirstContact(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.guard.Canary = 2
		w.populate(8, 1)
		w.rows[0].Key, w.rows[1].Key = w.rows[0].Email, ""
		w.throw(func(s *sandbox.Switches) { s.ImportSetsPermission = true })
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Refused)
		if text := report.Guard.Summary(); strings.Contains(text, "@") || strings.Contains(text, "user key:") || strings.Count(text, "contact ") != 2 {
			t.Errorf("%q", text)
		}
	})
}
