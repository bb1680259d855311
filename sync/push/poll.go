package push

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/mirror"
	"ccsyncd/sync/state"
)

// Await polls until no import moves any more, then settles those that have ended, all with one
// refresh. Rows that are sent again in halves are awaited in turn. What is still under way is left
// to a later run. The run has planned.
func (o *Outbox) Await(ctx context.Context) error {
	for {
		if err := o.pollToTheEnd(ctx); err != nil {
			return err
		}
		if len(o.in(state.Ended)) == 0 {
			return nil
		}
		if err := o.settleEnded(ctx, true); err != nil {
			return err
		}
	}
}

func (o *Outbox) pollToTheEnd(ctx context.Context) (err error) {
	var delay time.Duration
	for open := o.moving(); len(open) > 0; open = o.moving() {
		if delay, err = o.nextDelay(ctx, delay, open); err != nil {
			return err
		}
		o.Step("import", len(o.batches)-len(open), len(o.batches))
		if err := o.wait(ctx, delay); err != nil {
			return err
		}
		if err := o.poll(ctx); err != nil {
			return err
		}
	}
	return nil
}

// moving are the imports under way that are worth waiting for.
func (o *Outbox) moving() []*state.Batch {
	return slices.DeleteFunc(o.in(state.Sent), func(b *state.Batch) bool { return o.ages.of(b.ID).sinceMoved() > mirror.LetGo })
}

// poll asks how the imports under way are doing: one by its id, several by the list of all.
func (o *Outbox) poll(ctx context.Context) error {
	open := o.in(state.Sent)
	listed := make(map[string]ccapi.Activity)
	if len(open) > 1 {
		all, err := o.Read.Activities(ctx)
		if err != nil {
			return fmt.Errorf("poll the imports: %w", err)
		}
		for _, a := range all {
			listed[a.ID] = a
		}
	}
	for _, b := range open {
		a, ok := listed[b.Activity]
		if !ok {
			var err error
			a, err = o.Read.Activity(ctx, b.Activity)
			if errors.Is(err, ccapi.ErrNotFound) {
				if err := o.vanished(ctx, b); err != nil {
					return err
				}
				continue
			}
			if err != nil {
				return fmt.Errorf("poll import %s: %w", b.Activity, err)
			}
		}
		if err := o.progressed(ctx, b, a); err != nil {
			return err
		}
	}
	return nil
}

// vanished ends an import that nobody can look at any more, as after ten days. One that was there
// just now may still be at work: it ends when a few of its contacts carry their values, or when the
// run would not wait any longer.
func (o *Outbox) vanished(ctx context.Context, b *state.Batch) error {
	if o.ages.of(b.ID).sinceMoved() < mirror.LetGo {
		landed, err := o.verifier.someLanded(ctx, b)
		if err != nil || !landed {
			return err
		}
	}
	b.Ending = endedGone
	return o.move(ctx, b, state.Ended)
}

// progressed takes what a poll said of a batch.
func (o *Outbox) progressed(ctx context.Context, b *state.Batch, a ccapi.Activity) error {
	moved := b.Ending != a.State || b.Percent != a.PercentDone
	b.Ending, b.Percent, b.Errors = a.State, a.PercentDone, a.Errors
	b.ErrorCount = a.ErrorCount + a.Correctable
	switch {
	case a.Ended():
		o.Log.InfoContext(ctx, "import ended", "run", o.Run, "activity", a.ID, "state", a.State, "errors", b.ErrorCount)
		if err := o.learnPace(ctx, b, a); err != nil {
			return err
		}
		return o.move(ctx, b, state.Ended)
	case o.timedOut(b):
		b.Ending = endedTimeout
		return o.move(ctx, b, state.Ended)
	case moved:
		return o.move(ctx, b, state.Sent)
	}
	return nil
}
