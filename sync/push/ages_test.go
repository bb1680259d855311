package push

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"ccsyncd/sync/state"
)

// An import that moves is waited for however long it takes. One that a former run sent is as old as
// its record says.
func TestABatchIsAsOldAsItsLastTransitionAndItsRecord(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ccsync.db")
	synctest.Test(t, func(t *testing.T) {
		db, err := state.Open(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var a ages
		want := func(sending, moved, ended time.Duration) {
			t.Helper()
			is := a.of(7)
			for what, age := range map[string][2]time.Duration{"sent": {is.sinceSending(), sending}, "moved": {is.sinceMoved(), moved}, "ended": {is.sinceEnd(), ended}} {
				if got := age[0].Round(time.Minute); got != age[1] {
					t.Errorf("%s %s ago, want %s", what, got, age[1])
				}
			}
		}
		a.recall(&state.Batch{ID: 7, SendingAt: db.Now().Add(-3 * time.Hour), MovedAt: db.Now().Add(-2 * time.Hour)}, db)
		want(3*time.Hour, 2*time.Hour, 0)
		time.Sleep(time.Hour)
		want(4*time.Hour, 3*time.Hour, time.Hour)
		a.moved(7, state.Sent)
		want(4*time.Hour, 0, time.Hour)
		time.Sleep(time.Hour)
		a.moved(7, state.Ended)
		want(5*time.Hour, 0, 0)
		time.Sleep(time.Hour)
		a.moved(7, state.Sending)
		want(0, 0, time.Hour)
		// the server's clock was set back
		a.recall(&state.Batch{ID: 7, SendingAt: db.Now().Add(time.Hour)}, db)
		want(0, 0, 0)
	})
}
