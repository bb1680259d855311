package state

import (
	"testing"
	"time"
)

// The guard's counts restart with a forced run: from its end, or from its beginning if it died.
// Dry runs and others count for nothing.
func TestTheHistoryTellsOfEachRun(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	var ids []int64
	for _, r := range []Run{{Trigger: "schedule"}, {Trigger: "command", Forced: true}, {Trigger: "command", Dry: true}, {Trigger: "http"}} {
		id, err := db.BeginRun(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
		if r.Trigger == "http" {
			continue // it is under way
		}
		if err := db.EndRun(t.Context(), Run{ID: id, Outcome: "partial", Requests: 7, Report: []byte(r.Trigger)}); err != nil {
			t.Fatal(err)
		}
	}
	last, ok, err := db.Run(t.Context(), ids[1])
	if err != nil || !ok || last.ID != ids[1] || !last.Forced || last.Dry || last.Outcome != "partial" || last.Requests != 7 || string(last.Report) != "command" ||
		last.StartedAt.IsZero() || last.EndedAt.IsZero() {
		t.Errorf("the forced run is %+v %v (%v)", last, ok, err)
	}
	open, ok, err := db.Run(t.Context(), ids[3])
	if err != nil || !ok || open.Outcome != "" || !open.EndedAt.IsZero() || open.Trigger != "http" {
		t.Errorf("the run under way is %+v %v (%v)", open, ok, err)
	}
	if _, ok, err := db.Run(t.Context(), 99); ok || err != nil {
		t.Errorf("a run that there is not: %v (%v)", ok, err)
	}
	if runs, err := db.Runs(t.Context(), 2); err != nil || len(runs) != 2 || runs[0].ID != ids[3] || !runs[1].Dry {
		t.Errorf("the last two are %+v (%v)", runs, err)
	}
}

// The most of each column in the last days, and after a forced run what it saw.
func TestTheBestOfTheLastDays(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, db *DB) {
		put := func(valued map[string]int) {
			t.Helper()
			if err := db.PutValued(t.Context(), valued); err != nil {
				t.Fatal(err)
			}
		}
		want := func(days int, all, code int) {
			t.Helper()
			best, err := db.BestValued(t.Context(), days)
			if err != nil || best[""] != all || best["code"] != code {
				t.Errorf("the best of %d days is %v (%v), want %d and %d", days, best, err, all, code)
			}
		}
		put(map[string]int{"": 100, "code": 90})
		put(map[string]int{"": 80, "code": 95})
		want(7, 100, 95)
		time.Sleep(3 * 24 * time.Hour)
		put(map[string]int{"": 50, "code": 50})
		want(7, 100, 95)
		want(2, 50, 50)
		time.Sleep(5 * 24 * time.Hour)
		want(7, 50, 50)
		if err := db.ResetValued(t.Context(), map[string]int{"": 10}); err != nil {
			t.Fatal(err)
		}
		want(7, 10, 0)
	})
}
