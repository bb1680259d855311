// Package kit has the small things that several packages need and that belong to none of them. It imports
// nothing of ours.
package kit

import (
	"context"
	"time"
)

// Sleep waits for d. It returns early, with the context's error, when ctx ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
