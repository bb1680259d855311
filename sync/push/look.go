package push

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/mirror"
	"ccsyncd/sync/state"
)

const (
	// firstLook is how long after a request without an answer its activity is looked for again.
	firstLook = 3 * time.Second
	// appearsWithin is how long after it the activity may appear: a gateway may accept late, and
	// the list of activities may lag.
	appearsWithin = 30 * time.Second
	// sendingSlack is how much earlier than our record the server may have made an activity.
	sendingSlack = 2 * time.Minute
)

// sighting is what looking for an import without an answer came to.
type sighting int

const (
	absent  sighting = iota // no activity can be it
	found                   // it is taken for one of the activities
	unclear                 // an activity may be it, and does not tell yet what it is
)

// look searches the activities for an import whose answer was lost: made since it was sent, of as
// many rows, and not known as another batch. When the request is fresh it looks again until the
// activity would have appeared. One that does not tell what it is is read again until it does, as
// long as a run waits for anything, if the caller has that patience. Whether what is found is not
// another program's, the contacts tell in the end.
func (b *base) look(ctx context.Context, batch *state.Batch, patient bool) (a ccapi.Activity, s sighting, err error) {
	began, pause := time.Now(), firstLook
	for {
		all, err := b.unclaimed(ctx, batch)
		if err != nil {
			return a, absent, err
		}
		doubtful := slices.ContainsFunc(all, func(a ccapi.Activity) bool { return a.Unclear && !a.Ended() })
		waits := patient && time.Since(began) < mirror.LetGo
		switch {
		case len(all) > 0 && !doubtful, len(all) > 0 && !all[0].Unclear && !waits:
			return all[0], found, nil
		case doubtful && !waits:
			b.Log.WarnContext(ctx, "an activity may be this import but lacks details, looking again later", "run", b.Run, "batch", batch.ID)
			return a, unclear, nil
		case len(all) == 0 && b.ages.of(batch.ID).sinceSending() > appearsWithin:
			return a, absent, nil
		}
		if err := b.wait(ctx, pause); err != nil {
			return a, absent, err
		}
		pause = min(pause*3/2, mirror.LastPoll)
	}
}

// unclaimed are the activities that can be this batch: those that tell before those that do not,
// the nearest in time first. The list of activities counts a header line.
func (b *base) unclaimed(ctx context.Context, batch *state.Batch) ([]ccapi.Activity, error) {
	all, err := b.Read.Activities(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for batch %d: %w", batch.ID, err)
	}
	var ids []string
	for _, a := range all {
		ids = append(ids, a.ID)
	}
	ours := make(map[string]bool)
	for part := range slices.Chunk(ids, chunk) {
		known, err := b.State.KnownActivities(ctx, part)
		if err != nil {
			return nil, err
		}
		for id := range known {
			ours[id] = true
		}
	}
	since := batch.SendingAt.Add(-sendingSlack - b.State.Unsteady())
	var found []ccapi.Activity
	for _, a := range all {
		fits := a.Items == 0 || a.Items == batch.Contacts || a.Items == batch.Contacts+1
		if (a.IsImport || a.Unclear) && fits && !ours[a.ID] && !a.CreatedAt.Before(since) {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(x, y ccapi.Activity) int {
		if x.Unclear != y.Unclear {
			return map[bool]int{true: 1, false: -1}[x.Unclear]
		}
		return cmp.Compare(x.CreatedAt.Sub(batch.SendingAt).Abs(), y.CreatedAt.Sub(batch.SendingAt).Abs())
	})
	return found, nil
}
