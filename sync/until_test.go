package sync_test

import (
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// A push forced for one user sends an import beside that of the contacts that go ahead.
func TestAnImportForOthersDoesNotPutOffTheEndOfTheWaitForTheFirstContacts(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.guard = ccsync.Guard{Canary: 2}
		w.populate(50, 1)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath})
		first := w.run(ccsync.Options{}).Ahead
		time.Sleep(3 * time.Hour)
		w.run(ccsync.Options{Only: []string{w.rows[40].Email}, Force: true})
		if again := w.run(ccsync.Options{}).Ahead; first == nil || again == nil || first.Until.IsZero() || !again.Until.Equal(first.Until) {
			t.Errorf("until %v, then %v", first, again)
		}
	})
}
