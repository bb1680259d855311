package sync_test

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// Each UTC day keeps the lowest coverage that whole runs found on it, and days that are too old go.
func TestADayKeepsItsLowestCoverage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	synctest.Test(t, func(t *testing.T) {
		db, err := state.Open(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		run := func(r ccsync.Report) {
			t.Helper()
			if r.Run, err = db.BeginRun(t.Context(), state.Run{Trigger: "schedule"}); err != nil {
				t.Fatal(err)
			}
			records, err := ccsync.WholeRecord(t.Context(), db, &r)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.EndRun(t.Context(), state.Run{ID: r.Run, Outcome: string(r.Outcome), Records: records}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		counted := func(verified, missing int) ccsync.Report {
			return ccsync.Report{Outcome: ccsync.Partial, Coverage: ccsync.Coverage{Users: verified + missing, Contacts: verified + missing,
				Verified: verified, Missing: missing}}
		}
		want := func(verified ...int) {
			t.Helper()
			days, err := ccsync.ReadDays(t.Context(), db)
			if err != nil || len(days) != len(verified) {
				t.Fatalf("%d days (%v), want %d: %+v", len(days), err, len(verified), days)
			}
			for i, d := range days {
				if d.Verified != verified[i] {
					t.Errorf("%s has %d verified, want %d", d.Day, d.Verified, verified[i])
				}
			}
		}
		run(counted(100, 0))
		want(100)
		run(counted(90, 10))
		run(counted(99, 1))
		want(90)
		run(ccsync.Report{Outcome: ccsync.Failed}) // it counted nobody
		dry := counted(1, 99)
		dry.DryRun = true
		run(dry)
		want(90)
		time.Sleep(24 * time.Hour)
		run(counted(100, 0))
		want(90, 100)
		time.Sleep(28 * 24 * time.Hour)
		run(counted(98, 2))
		want(90, 100, 98)
		time.Sleep(24 * time.Hour)
		run(counted(97, 3))
		want(100, 98, 97)
	})
}
