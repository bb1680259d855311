package sync

import (
	"testing"
	"time"

	"ccsyncd/sync/state"
)

// A run that ends while it verifies counts a row once.
func TestWhatLandedOfAnOpenBatchIsNotUnverifiedToo(t *testing.T) {
	t.Parallel()
	r := &run{id: 1, report: &Report{Push: &Pushed{}}}
	b := r.push.track(state.Batch{ID: 7, Run: 1, Kind: state.Import, State: state.Ended, Contacts: 3})
	for range 2 {
		r.landed(b, &judged{verdict: verdict{landed: true}})
	}
	r.countPushed()
	if p := r.report.Push; p.Verified != 2 || p.Unverified != 1 {
		t.Errorf("%d verified, %d unverified of 3 with 2 landed", p.Verified, p.Unverified)
	}
}

func TestAPercentageOnlyShortensTheWaitForAnActivity(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for _, tt := range []struct {
		last, took time.Duration
		percent    int
		want       time.Duration
	}{
		{5 * s, 10 * s, 0, 8 * s},   // nothing to go by
		{5 * s, 10 * s, 100, 8 * s}, // all done, and yet not ended
		{5 * s, 10 * s, 1, 8 * s},   // 990 s from here, if that is to be believed
		{5 * s, 10 * s, 80, 2500 * time.Millisecond},
		{5 * s, 10 * s, 99, firstPoll},
		{25 * s, 60 * s, 0, lastPoll},
	} {
		if got := nextPoll(tt.last, tt.took, tt.percent); got != tt.want {
			t.Errorf("after %s at %d %% the wait is %s, want %s", tt.took, tt.percent, got, tt.want)
		}
	}
}
