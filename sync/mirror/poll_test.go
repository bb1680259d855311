package mirror

import (
	"testing"
	"time"
)

func TestAPercentageOnlyShortensTheWaitForAnActivity(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for _, tt := range []struct {
		last, took time.Duration
		percent    int
		want       time.Duration
	}{
		{5 * s, 10 * s, 0, 7500 * time.Millisecond},   // nothing to go by
		{5 * s, 10 * s, 100, 7500 * time.Millisecond}, // all done, and yet not ended
		{5 * s, 10 * s, 1, 7500 * time.Millisecond},   // 990 s from here, if that is to be believed
		{5 * s, 10 * s, 80, 2500 * time.Millisecond},
		{5 * s, 10 * s, 99, FirstPoll},
		{25 * s, 60 * s, 0, LastPoll},
	} {
		if got := NextPoll(tt.last, tt.took, tt.percent); got != tt.want {
			t.Errorf("after %s at %d %% the wait is %s, want %s", tt.took, tt.percent, got, tt.want)
		}
	}
}
