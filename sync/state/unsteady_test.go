package state

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func TestAJumpOfTheServersClockIsRememberedForTenDays(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ccsync.db")
	synctest.Test(t, func(t *testing.T) {
		for _, step := range []struct {
			name               string
			ahead, later, want time.Duration
		}{
			{"the first answer tells no jump", 3 * time.Hour, 0, 0},
			{"nor does the same clock", 3 * time.Hour, time.Hour, 0},
			{"a jump", 10 * time.Hour, time.Minute, 7 * time.Hour},
			{"a smaller one back", 9 * time.Hour, 5 * 24 * time.Hour, 7 * time.Hour},
			{"it is forgotten", 9 * time.Hour, 6 * 24 * time.Hour, 0},
		} {
			time.Sleep(step.later)
			db, err := Open(t.Context(), path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Saw(t.Context(), time.Now().Add(step.ahead)); err != nil {
				t.Fatal(err)
			}
			if got := db.Unsteady(); got != step.want {
				t.Errorf("%s: %s, want %s", step.name, got, step.want)
			}
			db.Close()
		}
	})
}

func TestAJumpIsNoticedByTheProcessThatSawTheClockBefore(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, db *DB) {
		for _, step := range []struct{ ahead, want time.Duration }{{3 * time.Hour, 0}, {10 * time.Hour, 7 * time.Hour}, {9 * time.Hour, 7 * time.Hour}, {-time.Hour, 10 * time.Hour}} {
			if err := db.Saw(t.Context(), time.Now().Add(step.ahead)); err != nil {
				t.Fatal(err)
			}
			if got := db.Unsteady(); got != step.want {
				t.Errorf("%s ahead: %s, want %s", step.ahead, got, step.want)
			}
		}
	})
}
