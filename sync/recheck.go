package sync

import (
	"context"
	"fmt"

	"ccsyncd/sync/mirror"
	"ccsyncd/sync/plan"
)

// recheck reads the contacts concerned again, the cheapest way there is. The mirror believes
// what it was told when it was last told, and not every change is told. A snapshot of this run that
// is young enough stands for it; but where that may lack somebody, whoever is to be created is
// looked up by address all the same.
func recheck(ctx context.Context, m *mirror.Mirror, p *plan.Plan, step func(done int)) error {
	doubtful, err := m.Doubtful(ctx)
	if err != nil {
		return err
	}
	if m.Fresh() {
		if !doubtful {
			return nil
		}
		return recheckPlaces(ctx, m, p, step, func(p plan.Place) bool { return p.Create })
	}
	all, err := m.CostOfAll(ctx)
	if err != nil {
		return err
	}
	if p.Len() <= all {
		return recheckPlaces(ctx, m, p, step, func(plan.Place) bool { return true })
	}
	if err := m.Snapshot(ctx); err != nil {
		return err
	}
	if doubtful, err = m.Doubtful(ctx); err != nil || !doubtful {
		return err
	}
	return recheckPlaces(ctx, m, p, step, func(p plan.Place) bool { return p.Create })
}

func recheckPlaces(ctx context.Context, m *mirror.Mirror, p *plan.Plan, step func(done int), concerned func(plan.Place) bool) error {
	done := 0
	for place, err := range p.Places() {
		if err != nil {
			return err
		}
		if !concerned(place) {
			continue
		}
		if err := m.Place(ctx, place.Norm, place.Addresses); err != nil {
			return fmt.Errorf("recheck: %w", err)
		}
		done++
		step(done)
	}
	return nil
}
