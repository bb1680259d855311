package daemon

import (
	"testing"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/config"
	ccsync "ccsyncd/sync"
)

func everyTenSeconds(t *testing.T) config.Cron {
	t.Helper()
	cron, err := config.ParseCron("@every 10s", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return cron
}

func TestRunsThatFailBackOff(t *testing.T) {
	t.Parallel()
	cron, now := everyTenSeconds(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	failed := &ccsync.Report{Outcome: ccsync.Failed, Error: &ccsync.Problem{Code: "failed"}}
	incomplete := &ccsync.Report{Outcome: ccsync.Failed, Error: &ccsync.Problem{Code: "snapshot_incomplete"}}
	const s, m = time.Second, time.Minute
	tests := map[string]struct {
		report *ccsync.Report
		want   []time.Duration
	}{
		"failed":       {failed, []time.Duration{10 * s, 10 * s, 20 * s, 40 * s, 80 * s, 160 * s, 5 * m, 5 * m}},
		"unauthorized": {&ccsync.Report{Outcome: ccsync.Unauthorized}, []time.Duration{10 * s, 10 * s, 20 * s}},
		"refused":      {&ccsync.Report{Outcome: ccsync.Refused}, []time.Duration{10 * s, 10 * s, 10 * s, 10 * s}},
		"unproven":     {&ccsync.Report{Outcome: ccsync.Partial, Unproven: 1}, []time.Duration{10 * s, 10 * s, 20 * s, 40 * s, 80 * s, 160 * s, 320 * s, 640 * s, 1280 * s, 2560 * s, time.Hour, time.Hour}},
		"partial":      {&ccsync.Report{Outcome: ccsync.Partial}, []time.Duration{10 * s, 10 * s, 10 * s, 10 * s}},
		"incomplete":   {incomplete, []time.Duration{m, 2 * m, 4 * m, 8 * m, 16 * m, 32 * m, time.Hour, time.Hour}},
	}
	for name, tt := range tests {
		var sched schedule
		for i, want := range tt.want {
			sched.ran(tt.report, cron, now)
			if got := sched.plan(cron, now).Sub(now); got != want {
				t.Errorf("%s, run %d: the next after %s, want %s", name, i+1, got, want)
			}
		}
		if back := now.Add(-24 * time.Hour); sched.plan(cron, back).Sub(back) != 10*s {
			t.Errorf("%s: a clock that was set back keeps the daemon waiting", name)
		}
		sched.ran(&ccsync.Report{Outcome: ccsync.Synced}, cron, now)
		if got := sched.plan(cron, now).Sub(now); got != 10*s {
			t.Errorf("%s, then synced: the next after %s", name, got)
		}
		sched.ran(failed, cron, now)
		if got := sched.plan(cron, now).Sub(now); got != 10*s {
			t.Errorf("%s, then synced, then failed once: the next after %s", name, got)
		}
	}
}

// What is recorded is for whoever asks beside the daemon: it need not change while the schedule
// tells the rest.
func TestTicksThatFindNothingToDoHardlyWrite(t *testing.T) {
	t.Parallel()
	inBubble(t, 3, func(b *bubble) {
		b.wait(2 * time.Minute)
		runs, idled, written := len(b.ran()), b.idled(), make(map[time.Time]bool)
		for range 60 {
			b.wait(10 * time.Second)
			next, ok, err := ccsync.ReadNext(b.ctx, b.d.app.Load().State)
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			written[next.At] = true
		}
		if len(b.ran()) != runs || b.idled()-idled != 60 {
			t.Fatalf("%d runs and %d idle ticks", len(b.ran())-runs, b.idled()-idled)
		}
		if n := len(written); n < 18 || n > 21 {
			t.Errorf("written %d times in ten minutes, want each half minute", n)
		}
	})
}
