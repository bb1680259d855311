package mirror

import (
	"context"
	"fmt"
	"time"

	"ccsyncd/internal/kit"
)

// When activities, exports and imports alike, are looked at.
const (
	FirstPoll = time.Second
	LastPoll  = 30 * time.Second // the longest wait between two
	// LetGo is how much longer a run waits for an activity that does not move any more.
	LetGo = 10 * time.Minute
)

// NextPoll is when to look at an activity again: after a wait half as long again as the last, and a
// little more, which saves a look in a minute; or when it will have ended if it goes on as it did,
// if that is sooner.
func NextPoll(last, took time.Duration, percent int) time.Duration {
	next := min(last*31/20, LastPoll)
	if percent > 0 && percent < 100 {
		return min(next, max(took*time.Duration(100-percent)/time.Duration(percent), FirstPoll))
	}
	return next
}

// wait sleeps, or ends with the context.
func wait(ctx context.Context, d time.Duration) error {
	if kit.Sleep(ctx, d) != nil {
		return fmt.Errorf("wait: %w", ctx.Err())
	}
	return nil
}
