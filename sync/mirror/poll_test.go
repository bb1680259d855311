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
		{5 * s, 10 * s, 0, 7750 * time.Millisecond},   // nothing to go by
		{5 * s, 10 * s, 100, 7750 * time.Millisecond}, // all done, and yet not ended
		{5 * s, 10 * s, 1, 7750 * time.Millisecond},   // 990 s from here, if that is to be believed
		{5 * s, 10 * s, 80, 2500 * time.Millisecond},
		{5 * s, 10 * s, 99, s},
		{25 * s, 60 * s, 0, 30 * s},
	} {
		if got := NextPoll(tt.last, tt.took, tt.percent); got != tt.want {
			t.Errorf("after %s at %d %% the wait is %s, want %s", tt.took, tt.percent, got, tt.want)
		}
	}
}

// An activity is looked at soon, and for that no more than four times more often than when the
// first look at 20,000 contacts came after 5.5 seconds and each wait was 8/5 of the last.
func TestAnActivityOfAnyLengthIsLookedAtAFewTimesMore(t *testing.T) {
	t.Parallel()
	soFar := func(at, takes time.Duration) int { return int(100 * at / takes) }
	for name, percent := range map[string]func(at, takes time.Duration) int{
		"it tells how far it is": soFar,
		"it tells in tens":       func(at, takes time.Duration) int { return soFar(at, takes) / 10 * 10 },
		"it does not tell":       func(time.Duration, time.Duration) int { return 1 },
		"it begins late": func(at, takes time.Duration) int {
			return max(1, 2*soFar(at, takes)-100)
		},
	} {
		for takes := 500 * time.Millisecond; takes <= 10*time.Minute; takes += 100 * time.Millisecond {
			looks := func(first time.Duration, next func(last, at time.Duration, percent int) time.Duration) (n int) {
				for at, delay := first, first; ; at += delay {
					if n++; at >= takes {
						return n
					}
					delay = next(delay, at, percent(at, takes))
				}
			}
			now, once := looks(FirstPoll, NextPoll), looks(5500*time.Millisecond, func(last, at time.Duration, percent int) time.Duration {
				next := min(last*8/5, LastPoll)
				if percent > 0 {
					next = min(next, max(at*time.Duration(100-percent)/time.Duration(percent), 1500*time.Millisecond))
				}
				return next
			})
			if now > once+4 {
				t.Fatalf("%s: one of %s is looked at %d times, once it was %d", name, takes, now, once)
			}
		}
	}
}
