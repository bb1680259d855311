package sync_test

import (
	"maps"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// The status page, the metrics and the webhook read this record and nothing else.
func TestTheRecordOfTheLastWholeRunKeepsWhatALaterRunDoesNotTell(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return began.Add(time.Duration(minutes) * time.Minute) }
	counted := func(outcome ccsync.Outcome, minute, verified, pending int, done int) *ccsync.Report {
		return &ccsync.Report{Run: int64(minute), Outcome: outcome, StartedAt: at(minute), Reasons: map[string]int{"deleted": minute},
			Coverage: ccsync.Coverage{Users: verified + pending, Contacts: verified + pending, Verified: verified, Pending: pending},
			Push:     &ccsync.Pushed{Verified: done}, OpenProblems: map[string]int{"lost": minute}}
	}
	failed := func(outcome ccsync.Outcome, minute int) *ccsync.Report {
		return &ccsync.Report{Run: int64(minute), Outcome: outcome, StartedAt: at(minute)}
	}
	type kept struct {
		failures          int
		coverageRun       int64
		deleted, lost     int
		synced, pending   int // minutes; -1 for never
		latency           float64
		guard, unverified int
	}
	minute := func(at time.Time) int {
		if at.IsZero() {
			return -1
		}
		return int(at.Sub(began) / time.Minute)
	}
	refused := failed(ccsync.Refused, 80)
	refused.Guard = ccsync.Verdict{Tripped: true, Reasons: []string{"max_clears"}}
	var l ccsync.LastWhole
	for _, step := range []struct {
		report *ccsync.Report // each ends after a minute
		want   kept
	}{
		{failed(ccsync.Failed, 0), kept{failures: 1, synced: -1, pending: -1}},
		{failed(ccsync.Unauthorized, 10), kept{failures: 2, synced: -1, pending: -1}},
		{counted(ccsync.Partial, 20, 5, 5, 0), kept{coverageRun: 20, deleted: 20, lost: 20, synced: -1, pending: 20}},
		{failed(ccsync.Failed, 30), kept{failures: 1, coverageRun: 20, deleted: 20, lost: 20, synced: -1, pending: 20}},
		{counted(ccsync.Partial, 40, 8, 2, 3), kept{coverageRun: 40, deleted: 40, lost: 40, synced: -1, pending: 20, latency: 21 * 60}},
		{counted(ccsync.Synced, 50, 10, 0, 1), kept{coverageRun: 50, deleted: 50, lost: 50, synced: 51, pending: -1, latency: 31 * 60}},
		{counted(ccsync.Synced, 60, 10, 0, 0), kept{coverageRun: 60, deleted: 60, lost: 60, synced: 61, pending: -1, latency: 31 * 60}},
		{counted(ccsync.Synced, 70, 10, 0, 4), kept{coverageRun: 70, deleted: 70, lost: 70, synced: 71, pending: -1, latency: 60}},
		{refused, kept{coverageRun: 70, deleted: 70, lost: 70, synced: 71, pending: -1, latency: 60, guard: 1}},
	} {
		end := step.report.StartedAt.Add(time.Minute)
		l = l.After(step.report, end)
		got := kept{l.Failures, l.CoverageRun, l.Skips["deleted"], l.Problems["lost"], minute(l.SyncedAt), minute(l.PendingSince), l.Latency, len(l.Guard), l.Unverified}
		if got != step.want || l.Run != step.report.Run || l.Outcome != step.report.Outcome || !l.EndedAt.Equal(end) || l.OpenProblems() != got.lost {
			t.Errorf("after run %d (%s): %+v, want %+v", l.Run, l.Outcome, got, step.want)
		}
		if l.Coverage != nil && l.CoverageRun == l.Run && !l.CoverageAt.Equal(end) {
			t.Errorf("run %d counted at %s, want %s", l.Run, l.CoverageAt, end)
		}
	}
	counts := counted(ccsync.Synced, 90, 1, 0, 0)
	l = l.After(counts, at(91))
	maps.Copy(counts.Reasons, map[string]int{"deleted": 1})
	if counts.OpenProblems["lost"] = 1; l.Skips["deleted"] != 90 || l.Problems["lost"] != 90 {
		t.Errorf("the record changes with the report: %v, %v", l.Skips, l.Problems)
	}
}

// A daemon that slept, or whose schedule changed, is not late for times long gone.
func TestTheNextLookIsTheFirstThatIsNotOver(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	next := ccsync.Next{At: began}
	following := func(at time.Time) time.Time { return at.Add(time.Minute) }
	for after, want := range map[time.Duration]time.Duration{-time.Hour: 0, 0: 0, time.Second: time.Minute, time.Minute: time.Minute, 90 * time.Second: 2 * time.Minute,
		999 * time.Minute: 999 * time.Minute, 5000*time.Minute + time.Second: 5001*time.Minute + time.Second} {
		if got := next.After(began.Add(after), following).Sub(began); got != want {
			t.Errorf("%s later it is %s, want %s", after, got, want)
		}
	}
}

// A user who waits for a retry makes no other change old: the age of a problem is its own.
func TestAQuarantinedUserMakesNoOtherChangeOld(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Path: importPath, Match: "user000001@"})
		w.rows[1].Values = []string{"NEW1"}
		w.want(w.run(ccsync.Options{}), ccsync.Partial)
		for range 30 {
			time.Sleep(time.Hour)
			w.run(ccsync.Options{})
		}
		w.rows[5].Values = []string{"NEW5"}
		r := w.run(ccsync.Options{})
		l, _, err := ccsync.ReadLastWhole(w.t.Context(), w.state)
		if err != nil || r.Push.Verified != 1 || l.Latency == 0 || l.Latency > 60 || !l.PendingSince.IsZero() {
			t.Errorf("verified %d, latency %vs, pending since %s, %v", r.Push.Verified, l.Latency, l.PendingSince, err)
		}
	})
}
