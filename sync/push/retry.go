package push

import "time"

// Delays of the next try.
var retryDelays = []time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour}

// refusedFor is how long an address is left alone that was refused: Constant Contact blocks one for
// 48 hours that signed up or changed its profile too often.
const refusedFor = 48 * time.Hour

// retryAt is when a row is retried that failed for the given time. What is not the row's own
// fault is retried at once, twice. An import that counted the row as an error may have a
// blocked address in it; a request that was refused whole says nothing of that.
func retryAt(reason, ending string, attempts int, now time.Time) time.Time {
	switch reason {
	case Rejected:
		if ending != endedRefused {
			return now.Add(refusedFor)
		}
	case ActivityFailed, ActivityTimeout:
		if attempts <= 2 {
			return now
		}
		attempts -= 2
	}
	return now.Add(retryDelays[min(attempts, len(retryDelays))-1])
}
