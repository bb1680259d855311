package push

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ccsyncd/ccapi"
	"ccsyncd/sync/state"
)

// maxPosts is how often an import is sent that turned out not to have been accepted.
const maxPosts = 4

// post sends a recorded import.
//
//	answer                          then
//	accepted                        sent
//	none, or one that proves        looked for among the activities: sent if it is there, recorded and posted
//	nothing                         again if it is not, left as it is while an activity does not tell what it is
//	the body was refused            ended, its rows are tried in halves; dropped when it names a list that is
//	                                gone, and the run ends with the error
//	any other refusal               dropped, the run ends with the error
func (o *Outbox) post(ctx context.Context, b *state.Batch, body *ccapi.ImportBody) error {
	for range maxPosts {
		if err := o.move(ctx, b, state.Sending); err != nil {
			return err
		}
		activity, err := o.Write.Import(ctx, body)
		switch {
		case err == nil:
			return o.accepted(ctx, b, activity)
		case ctx.Err() != nil:
			// stays "sending": the next run looks for it
			return fmt.Errorf("send batch %d: %w", b.ID, err)
		case errors.Is(err, ccapi.ErrBadRequest):
			return o.refused(ctx, b, err)
		case !errors.Is(err, ccapi.ErrUnknownOutcome):
			return errors.Join(fmt.Errorf("send batch %d: %w", b.ID, err), o.drop(ctx, b))
		}
		o.Log.WarnContext(ctx, "no answer to an import, looking for it among the activities", "run", o.Run, "batch", b.ID, "error", err)
		seen, err := o.find(ctx, b, true)
		if err != nil || seen != absent {
			return err // an unclear one stays "sending": the next run looks again
		}
		if err := o.move(ctx, b, state.Recorded); err != nil {
			return err
		}
	}
	return errors.Join(fmt.Errorf("send batch %d: no answer to %d requests, and no activity for it", b.ID, maxPosts), o.drop(ctx, b))
}

// refused ends a batch whose body was refused, for the sake of a row as a rule. Of a list that was
// deleted since the contacts were read no row is guilty.
func (o *Outbox) refused(ctx context.Context, b *state.Batch, refusal error) error {
	lists, err := o.Read.Lists(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("send batch %d: %w", b.ID, refusal), err, o.drop(ctx, b))
	}
	for _, id := range b.Lists {
		if !slices.ContainsFunc(lists, func(l ccapi.List) bool { return l.ID == id }) {
			return errors.Join(fmt.Errorf("send batch %d: the list %q was deleted during the run: %w", b.ID, o.mapping.ListNames([]string{id})[0], refusal), o.drop(ctx, b))
		}
	}
	b.Ending, b.Errors = endedRefused, []string{refusal.Error()}
	return o.move(ctx, b, state.Ended)
}

func (o *Outbox) accepted(ctx context.Context, b *state.Batch, a ccapi.Activity) error {
	b.Activity, b.Percent, b.Ending = a.ID, a.PercentDone, a.State
	if err := o.move(ctx, b, state.Sent); err != nil {
		return err
	}
	o.Log.InfoContext(ctx, "import sent", "run", o.Run, "batch", b.ID, "activity", a.ID, "contacts", b.Contacts)
	return nil
}

// find looks for an import whose answer was lost, and continues with it if it is there.
func (o *Outbox) find(ctx context.Context, b *state.Batch, patient bool) (sighting, error) {
	a, seen, err := o.look(ctx, b, patient)
	if err != nil || seen != found {
		return seen, err
	}
	o.guessed[b.ID] = true
	return found, o.accepted(ctx, b, a)
}
