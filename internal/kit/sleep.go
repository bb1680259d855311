// Package kit has the small things that several packages need and that belong to none of them. It
// imports nothing of ours.
package kit

import (
	"context"
	"time"
)

// Sleep waits for d. It returns early, with the cause, when ctx ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	if err := context.Cause(ctx); err != nil || d <= 0 {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
