package push

import (
	"testing"

	"ccsyncd/sync/state"
)

// A run that ends while it verifies counts a row once.
func TestWhatLandedOfAnOpenBatchIsNotUnverifiedToo(t *testing.T) {
	t.Parallel()
	o := Open(Options{Run: 1}, nil)
	b := o.track(state.Batch{ID: 7, Run: 1, Kind: state.Import, State: state.Ended, Contacts: 3})
	for range 2 {
		o.results.landed(b, &judged{verdict: verdict{landed: true}})
	}
	sent, err := o.Sent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if sent.Verified != 2 || sent.Unverified != 1 {
		t.Errorf("%d verified, %d unverified of 3 with 2 landed", sent.Verified, sent.Unverified)
	}
}
