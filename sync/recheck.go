package sync

import (
	"context"
	"fmt"
	"time"
)

// recheck reads the contacts concerned once more, the cheapest way there is, and decides again: who has
// meanwhile opted out, been deleted or left a list is planned again by the same rules. The mirror believes what it was told
// when it was last told, and not every change is told.
func (r *run) recheck(ctx context.Context) error {
	if !r.fresh.IsZero() && time.Since(r.fresh) < freshFor {
		return r.sameMapping(ctx)
	}
	all, err := r.readingAll(ctx)
	if err != nil {
		return err
	}
	if r.plan.Len() > all {
		return r.snapshot(ctx)
	}
	done := 0
	for place, err := range r.plan.Places() {
		if err != nil {
			return err
		}
		if err := r.readPlace(ctx, place); err != nil {
			return fmt.Errorf("recheck: %w", err)
		}
		done++
		r.step("recheck", done, r.plan.Len())
	}
	return nil
}
