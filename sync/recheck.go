package sync

import (
	"context"
	"fmt"

	"ccsyncd/sync/plan"
)

// recheck reads the contacts concerned once more, the cheapest way there is. The mirror believes what it was told when it was
// last told, and not every change is told. A snapshot of this run that is young enough stands for it; but where that may lack somebody,
// whoever is to be created is looked up by address all the same.
func (r *run) recheck(ctx context.Context) error {
	doubtful, err := r.mirror.Doubtful(ctx)
	if err != nil {
		return err
	}
	if r.mirror.Fresh() {
		if !doubtful {
			return nil
		}
		return r.recheckPlaces(ctx, func(p plan.Place) bool { return p.Create })
	}
	all, err := r.mirror.CostOfAll(ctx)
	if err != nil {
		return err
	}
	if r.plan.Len() <= all {
		return r.recheckPlaces(ctx, func(plan.Place) bool { return true })
	}
	if err := r.mirror.Snapshot(ctx); err != nil {
		return err
	}
	if doubtful, err = r.mirror.Doubtful(ctx); err != nil || !doubtful {
		return err
	}
	return r.recheckPlaces(ctx, func(p plan.Place) bool { return p.Create })
}

func (r *run) recheckPlaces(ctx context.Context, concerned func(plan.Place) bool) error {
	done := 0
	for place, err := range r.plan.Places() {
		if err != nil {
			return err
		}
		if !concerned(place) {
			continue
		}
		if err := r.mirror.Place(ctx, place.Norm, place.Addresses); err != nil {
			return fmt.Errorf("recheck: %w", err)
		}
		done++
		r.step("recheck", done, r.plan.Len())
	}
	return nil
}
