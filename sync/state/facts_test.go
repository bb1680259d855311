package state

import (
	"path/filepath"
	"testing"
	"time"
)

// One answer that is dated to the year 9999 would put everything that goes by the server's time
// centuries off.
func TestATimeYearsOffIsNotTaken(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ccsync.db")
	db := open(t, path)
	saw := func(at time.Time) {
		t.Helper()
		if err := db.Saw(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	saw(time.Now().Add(time.Hour))
	for _, year := range []int{9999, 1970} {
		saw(time.Date(year, 12, 31, 23, 59, 59, 0, time.UTC))
		if skew := db.Skew(); (skew - time.Hour).Abs() > time.Minute {
			t.Errorf("the year %d: the skew is %v, want that of the answer before", year, skew)
		}
	}
	if err := db.SetFacts(t.Context(), map[string]string{skewFact: "2562047h47m16.854775807s"}); err != nil {
		t.Fatal(err)
	}
	if skew := open(t, path).Skew(); skew != 0 {
		t.Errorf("a stored skew of %v was taken", skew)
	}
}

// A Date has whole seconds, and an answer takes time to come.
func TestDifferencesOfTwoSecondsAreNone(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, db *DB) {
		for _, step := range []struct{ ahead, want time.Duration }{
			{2 * time.Second, 0},
			{-2 * time.Second, 0},
			{3 * time.Second, 3 * time.Second},
			{5 * time.Second, 3 * time.Second},
			{6 * time.Second, 6 * time.Second},
			{2 * time.Second, 0},
			{-3 * time.Second, -3 * time.Second},
			{maxSkew + time.Second, -3 * time.Second},
			{maxSkew, maxSkew},
		} {
			if err := db.Saw(t.Context(), time.Now().Add(step.ahead)); err != nil {
				t.Fatal(err)
			}
			if got, now := db.Skew(), time.Until(db.Now()); got != step.want || now != step.want {
				t.Errorf("after a Date that is %s ahead the skew is %s, and Now %s ahead; want %s", step.ahead, got, now, step.want)
			}
		}
	})
}
