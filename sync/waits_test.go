package sync

import (
	"testing"

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
