package web

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

func TestTheProcessIsHealthy(t *testing.T) {
	t.Parallel()
	s := newWorld(t).serve()
	if got := s.ask("GET", "/healthz", ""); got.status != 200 || got.body != "ok\n" {
		t.Errorf("%d %q", got.status, got.body)
	}
	if got := s.ask("GET", "/readyz", ""); got.status != 503 || got.body != "no run yet\n" {
		t.Errorf("before the first run: %d %q", got.status, got.body)
	}
}

// The schedule of the world fires every five minutes; its clock begins at midnight.
func TestReadyFollowsTheLastWholeRun(t *testing.T) {
	t.Parallel()
	ends := func(o ccsync.Outcome) func(*world) {
		return func(w *world) { w.ran(ccsync.Report{Outcome: o}, time.Second) }
	}
	tests := map[string]struct {
		before func(*world)
		after  time.Duration
		want   string
	}{
		"synced":                          {ends(ccsync.Synced), 0, ""},
		"partial":                         {ends(ccsync.Partial), 0, ""},
		"deferred":                        {ends(ccsync.Deferred), 0, ""},
		"failed":                          {ends(ccsync.Failed), 0, "run 1 ended failed"},
		"refused":                         {ends(ccsync.Refused), 0, "run 1 ended refused"},
		"unauthorized":                    {ends(ccsync.Unauthorized), 0, "run 1 ended unauthorized"},
		"of an outcome that is not known": {ends("odd"), 0, "run 1 ended odd"},
		"a dry run is none":               {func(w *world) { w.ran(ccsync.Report{Outcome: ccsync.Planned, DryRun: true}, time.Second) }, 0, "no run yet"},
		"one scheduled time has passed":   {ends(ccsync.Synced), 9 * time.Minute, ""},
		"two have":                        {ends(ccsync.Synced), 10 * time.Minute, "no run since 2000-01-01T00:00:01Z"},
		"two have, and a tick found nothing to do": {func(w *world) { ends(ccsync.Synced)(w); w.progress.IdleAt = time.Now().Add(5 * time.Minute) }, 10 * time.Minute, ""},
		"two have since the tick":                  {func(w *world) { ends(ccsync.Synced)(w); w.progress.IdleAt = time.Now().Add(5 * time.Minute) }, 15 * time.Minute, "no run since 2000-01-01T00:05:01Z"},
		"a run for one user went well after one that was refused": {func(w *world) {
			ends(ccsync.Refused)(w)
			w.ran(ccsync.Report{Outcome: ccsync.Synced, Extent: ccsync.Extent{Only: 1}}, time.Second)
		}, 0, "run 1 ended refused"},
		"a run for one user failed after one that went well": {func(w *world) {
			ends(ccsync.Synced)(w)
			w.ran(ccsync.Report{Outcome: ccsync.Failed, Extent: ccsync.Extent{Only: 1}}, time.Second)
		}, 0, ""},
		"a limited run left changes after one that failed": {func(w *world) {
			ends(ccsync.Failed)(w)
			w.ran(ccsync.Report{Outcome: ccsync.Partial, Extent: ccsync.Extent{Limited: 3}}, time.Second)
		}, 0, "run 1 ended failed"},
		"the cause is named, by our own words": {func(w *world) {
			w.ran(ccsync.Report{Outcome: ccsync.Failed, Error: &ccsync.Problem{Code: "state_full", Message: "ann@example.com", Hint: "make room on the disk"}}, time.Second)
		}, 0, "run 1 ended failed (state_full): make room on the disk"},
		"the cause has no hint": {func(w *world) {
			w.ran(ccsync.Report{Outcome: ccsync.Failed, Error: &ccsync.Problem{Code: "failed", Message: "ann@example.com"}}, time.Second)
		}, 0, "run 1 ended failed: `ccsyncd runs 1` shows why"},
		"a run could not be written down": {func(w *world) {
			ends(ccsync.Synced)(w)
			w.progress.Trouble = "a run could not be written down (state_full): make room on the disk"
		}, 0, "a run could not be written down (state_full): make room on the disk"},
		"two have, and a run for one user ended": {func(w *world) {
			ends(ccsync.Synced)(w)
			w.progress.EndedAt = time.Now().Add(9 * time.Minute)
		}, 10 * time.Minute, ""},
		"two have, and a run gets further": {func(w *world) {
			ends(ccsync.Synced)(w)
			w.progress = Progress{Run: 2, MovedAt: time.Now().Add(50 * time.Minute)}
		}, time.Hour, ""},
		"a run does not get any further": {func(w *world) { ends(ccsync.Synced)(w); w.progress = Progress{Run: 2, MovedAt: time.Now()} }, time.Hour, "run 2 has not got any further for 60 min"},
		"no run and no login yet":        {func(w *world) { w.login = Authorization{Reason: "nobody has logged in"} }, 0, "no run yet; not authorized: nobody has logged in"},
		"no login any more": {func(w *world) {
			ends(ccsync.Synced)(w)
			w.login = Authorization{Reason: "the refresh token was refused"}
		}, 0, "not authorized: the refresh token was refused"},
		"a login that cannot be read": {func(w *world) {
			ends(ccsync.Failed)(w)
			w.login = Authorization{Trouble: "the stored login cannot be read (state_key): set the key"}
		}, 0, "the stored login cannot be read (state_key): set the key"},
		"a refresh token in doubt": {func(w *world) {
			ends(ccsync.Failed)(w)
			w.login.DoubtSince, w.login.NextTry = time.Now().UTC(), time.Now().Add(time.Minute).UTC()
		}, 0, "refresh token in doubt since 2000-01-01T00:00:01Z, next try 2000-01-01T00:01:01Z"},
		"a refresh token in doubt before the first run": {func(w *world) {
			w.login.DoubtSince, w.login.NextTry = time.Now().UTC(), time.Now().Add(time.Minute).UTC()
		}, 0, "no run yet; refresh token in doubt since 2000-01-01T00:00:00Z, next try 2000-01-01T00:01:00Z"},
		"a refresh under way": {func(w *world) { ends(ccsync.Synced)(w); w.login.DoubtSince = time.Now() }, 0, ""},
		"a run died, and the one before it was good": {func(w *world) {
			ends(ccsync.Synced)(w)
			_, err := w.db.BeginRun(w.Context(), state.Run{Trigger: "schedule"})
			w.must(err)
		}, 0, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				tt.before(w)
				time.Sleep(tt.after)
				got, err := w.options.Unready(t.Context())
				if err != nil || got != tt.want {
					t.Errorf("%q %v, want %q", got, err, tt.want)
				}
			})
		})
	}
}

func TestAServerWhoseClockIsAheadIsNoLateRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.must(w.db.Saw(t.Context(), time.Now().Add(-time.Hour)))
		w.ran(synced(1), time.Second)
		if got, err := w.options.Unready(t.Context()); err != nil || got != "" {
			t.Errorf("%q %v, want ready", got, err)
		}
	})
}

// Where the file is damaged no page can be made, and each says why and what a person can do.
func TestAPageWithoutItsStateFileSaysWhyWithAHint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ran(synced(3), 0)
	beside, err := sql.Open("sqlite3", w.db.Path())
	w.must(err)
	beside.SetMaxOpenConns(1)
	t.Cleanup(func() { beside.Close() })
	edit := func() {
		_, err := beside.Exec("INSERT INTO facts (name, value) VALUES ('of another process', '') ON CONFLICT (name) DO UPDATE SET value = value || '1'")
		w.must(err)
	}
	edit()
	w.must(w.db.Wipe(t.Context())) // the log is empty
	_, err = beside.Exec("SELECT * FROM facts")
	w.must(err)
	f, err := os.OpenFile(w.db.Path(), os.O_WRONLY, 0)
	w.must(err)
	t.Cleanup(func() { f.Close() }) // earlier, it would drop SQLite's locks
	info, err := f.Stat()
	w.must(err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xA5}, int(info.Size())-4096), 4096)
	w.must(err)
	w.options.Explain = func(ctx context.Context, _ string) (*ccsync.Explanation, error) {
		_, err := w.db.Runs(ctx, 1)
		return nil, err
	}
	edit() // from here on nobody has a page in memory
	if _, err := w.db.BeginRun(t.Context(), state.Run{}); err == nil {
		t.Fatal("the file can be written")
	}
	s := w.serve()
	for _, path := range []string{"/readyz", "/", "/runs/1", "/problems", "/problems.csv", "/explain?who=ann@example.com"} {
		got := s.ask("GET", path, "")
		if got.status < 500 || !strings.Contains(got.body, "the state file cannot be read (state_damaged)") || !strings.Contains(got.body, "move the file away") {
			t.Errorf("%s: %d %q", path, got.status, got.body)
		}
	}
}
