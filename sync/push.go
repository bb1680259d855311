package sync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/mirror"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
)

const (
	// maxPosts is how often an import is sent that turned out not to have been accepted.
	maxPosts = 4
	// lookTwice is how long after a request without an answer its activity may appear.
	lookTwice = 3 * time.Second
	// sendingSlack is how much earlier than our record the server may have made an activity.
	sendingSlack = 2 * time.Minute
)

// Words for the end of a batch that are none of the activity's states.
const (
	endedGone    = "gone"             // older than ten days: nobody knows any more
	endedTimeout = "activity_timeout" // not ended in time
	endedRefused = "refused"          // the request itself was refused
	endedDirect  = "direct"           // single contacts, no activity
	endedBroken  = "interrupted"      // the same, and the process died before it was through
	endedForeign = "unknown"          // the activity that was found in place of an answer was another program's
)

// pusher is what a run has under way.
type pusher struct {
	batches  []*state.Batch // of this run, and those of former runs that were open
	sent     int
	verified int           // rows seen carrying their values
	arrived  int           // of those, rows of this run's plan
	created  int           // of those, contacts that were created
	missed   int           // rows of this run's plan whose values did not arrive
	landedOf map[int64]int // of verified, by batch
	rejected int
	lost     int // rows that ended in any other way
	problems []PushProblem
	asked    *plan.Asked       // the users that the run is for
	orphans  map[string]bool   // by norm, contacts cleared that no row stands for
	late     bool              // an import of a former run has ended since this run planned
	refused  map[string]string // by norm, why a contact cannot be replaced
	off      bool              // nothing is cleared: a contact that was put back got another permission
	altered  map[string]string // by norm, the contacts that got one in this run
	left     map[string]bool   // by norm, contacts that were not cleared because clearing is off
	unsent   []state.BatchRow  // their rows, once settled
	halves   int               // batches made of rows that were lost
	prompt   bool              // what an import of this run wrote was readable soon after its end
	guessed  map[int64]bool    // batches whose activity was found by looking for it
}

func (p *pusher) track(b state.Batch) *state.Batch {
	p.batches = append(p.batches, &b)
	p.sent += b.Contacts
	return &b
}

func (p *pusher) guess(b *state.Batch) {
	if p.guessed == nil {
		p.guessed = make(map[int64]bool)
	}
	p.guessed[b.ID] = true
}

// in gives the batches in a state.
func (p *pusher) in(s state.BatchState) []*state.Batch {
	var found []*state.Batch
	for _, b := range p.batches {
		if b.State == s {
			found = append(found, b)
		}
	}
	return found
}

// move takes a batch one transition further. It is written down even if the run was just told to stop: what
// happened, happened.
func (r *run) move(ctx context.Context, b *state.Batch, to state.BatchState) error {
	if err := r.withoutUsers(context.WithoutCancel(ctx), b); err != nil {
		return err
	}
	if err := r.State.MoveBatch(context.WithoutCancel(ctx), *b, to); err != nil {
		return err
	}
	b.State, b.MovedAt = to, r.now()
	switch to {
	case state.Sending:
		b.SendingAt = r.now()
	case state.Ended:
		b.EndedAt = r.now()
	}
	return nil
}

// resume takes up what a former run left open.
//
//	recorded   was never sent: dropped, planned anew
//	sending    looked for: found, or dropped and planned anew; single contacts are read back
//	sent       polled
//	ended      read back after the refresh
func (r *run) resume(ctx context.Context) error {
	if r.Write == nil {
		return nil
	}
	open, err := r.State.OpenBatches(ctx)
	if err != nil {
		return err
	}
	for i := range open {
		if err := r.resumeBatch(ctx, open[i]); err != nil {
			return err
		}
	}
	if len(r.push.in(state.Sent)) == 0 {
		return nil
	}
	return r.poll(ctx)
}

func (r *run) resumeBatch(ctx context.Context, open state.Batch) error {
	if open.State == state.Recorded {
		return r.State.DropBatch(ctx, open)
	}
	b := r.push.track(open)
	if b.State != state.Sending {
		return nil
	}
	if b.Kind == state.Replace {
		b.Ending = endedBroken
		return r.move(ctx, b, state.Ended)
	}
	found, err := r.look(ctx, b)
	if err != nil || found {
		return err
	}
	return r.drop(ctx, b)
}

func (r *run) drop(ctx context.Context, b *state.Batch) error {
	r.push.batches = slices.DeleteFunc(r.push.batches, func(other *state.Batch) bool { return other == b })
	r.push.sent -= b.Contacts
	return r.State.DropBatch(context.WithoutCancel(ctx), *b)
}

// post sends a recorded import.
//
//	answer                          then
//	accepted                        sent
//	none, or one that proves        looked for among the activities: sent if it is there, else
//	nothing                         recorded and posted again
//	the body was refused            ended, its rows are tried in halves; dropped when it names a list that is
//	                                gone, and the run ends with the error
//	any other refusal               dropped, the run ends with the error
func (r *run) post(ctx context.Context, b *state.Batch, body *ccapi.ImportBody) error {
	for range maxPosts {
		if err := r.move(ctx, b, state.Sending); err != nil {
			return err
		}
		activity, err := r.Write.Import(ctx, body)
		switch {
		case err == nil:
			return r.accepted(ctx, b, activity)
		case ctx.Err() != nil:
			return fmt.Errorf("send batch %d: %w", b.ID, err) // stays "sending": the next run looks for it
		case errors.Is(err, ccapi.ErrBadRequest):
			return r.refused(ctx, b, err)
		case !errors.Is(err, ccapi.ErrUnknownOutcome):
			return errors.Join(fmt.Errorf("send batch %d: %w", b.ID, err), r.drop(ctx, b))
		}
		r.Log.WarnContext(ctx, "import without an answer, looking for it", "run", r.id, "batch", b.ID, "error", err)
		found, err := r.look(ctx, b)
		if err != nil || found {
			return err
		}
		if err := r.move(ctx, b, state.Recorded); err != nil {
			return err
		}
	}
	return errors.Join(fmt.Errorf("send batch %d: no answer to %d requests, and no activity", b.ID, maxPosts), r.drop(ctx, b))
}

// refused ends a batch whose body was refused, for the sake of a row as a rule. Of a list that was deleted since the contacts were
// read no row is guilty.
func (r *run) refused(ctx context.Context, b *state.Batch, refusal error) error {
	lists, err := r.Read.Lists(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("send batch %d: %w", b.ID, refusal), err, r.drop(ctx, b))
	}
	for _, id := range b.Lists {
		if !slices.ContainsFunc(lists, func(l ccapi.List) bool { return l.ID == id }) {
			return errors.Join(fmt.Errorf("send batch %d: the list %s was deleted meanwhile: %w", b.ID, id, refusal), r.drop(ctx, b))
		}
	}
	b.Ending, b.Errors = endedRefused, []string{refusal.Error()}
	return r.move(ctx, b, state.Ended)
}

func (r *run) accepted(ctx context.Context, b *state.Batch, a ccapi.Activity) error {
	b.Activity, b.Percent, b.Ending = a.ID, a.PercentDone, a.State
	if err := r.move(ctx, b, state.Sent); err != nil {
		return err
	}
	r.Log.InfoContext(ctx, "import sent", "run", r.id, "batch", b.ID, "activity", a.ID, "contacts", b.Contacts)
	return nil
}

// look searches the activities for an import whose answer was lost: made since it was sent, of as many rows, and not
// known as another batch. When the request is fresh it looks twice. Whether it is not another program's, the contacts
// tell in the end.
func (r *run) look(ctx context.Context, b *state.Batch) (found bool, err error) {
	for second := range 2 {
		if second == 1 {
			if r.now().Sub(b.SendingAt) > time.Minute {
				break
			}
			if err := r.waitForActivity(ctx, lookTwice); err != nil {
				return false, err
			}
		}
		candidates, err := r.unclaimed(ctx, b)
		if err != nil {
			return false, err
		}
		if len(candidates) > 0 {
			r.push.guess(b)
			return true, r.accepted(ctx, b, candidates[0])
		}
	}
	return false, nil
}

// unclaimed are the activities that can be this batch, the nearest in time first. The list of activities counts a header line.
func (r *run) unclaimed(ctx context.Context, b *state.Batch) ([]ccapi.Activity, error) {
	all, err := r.Read.Activities(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for batch %d: %w", b.ID, err)
	}
	var ids []string
	for _, a := range all {
		ids = append(ids, a.ID)
	}
	ours := make(map[string]bool)
	for part := range slices.Chunk(ids, chunk) {
		known, err := r.State.KnownActivities(ctx, part)
		if err != nil {
			return nil, err
		}
		for id := range known {
			ours[id] = true
		}
	}
	var found []ccapi.Activity
	for _, a := range all {
		fits := a.Items == 0 || a.Items == b.Contacts || a.Items == b.Contacts+1
		if a.IsImport && fits && !ours[a.ID] && !a.CreatedAt.Before(b.SendingAt.Add(-sendingSlack)) {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(x, y ccapi.Activity) int {
		return cmp.Compare(x.CreatedAt.Sub(b.SendingAt).Abs(), y.CreatedAt.Sub(b.SendingAt).Abs())
	})
	return found, nil
}

// poll asks how the imports under way are doing: one by its id, several by the list of all.
func (r *run) poll(ctx context.Context) error {
	open := r.push.in(state.Sent)
	listed := make(map[string]ccapi.Activity)
	if len(open) > 1 {
		all, err := r.Read.Activities(ctx)
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
			a, err = r.Read.Activity(ctx, b.Activity)
			if errors.Is(err, ccapi.ErrNotFound) {
				if err := r.vanished(ctx, b); err != nil {
					return err
				}
				continue
			}
			if err != nil {
				return fmt.Errorf("poll import %s: %w", b.Activity, err)
			}
		}
		if err := r.progressed(ctx, b, a); err != nil {
			return err
		}
	}
	return nil
}

// vanished ends an import that nobody can look at any more, as after ten days. One that was there just now may still be
// at work: it ends when a few of its contacts carry their values, or when the run would not wait any longer.
func (r *run) vanished(ctx context.Context, b *state.Batch) error {
	few, err := r.someRows(ctx, b)
	if err != nil {
		return err
	}
	if len(few) > 0 && r.now().Sub(b.MovedAt) < mirror.LetGo { // rows can have been forgotten
		switch err := r.readRows(ctx, few); {
		case errors.Is(err, state.ErrMapping): // it is brought to the present one after this look
			return nil
		case err != nil:
			return err
		}
		_, missing, err := r.judgeRows(ctx, b, few)
		if err != nil || len(missing) > 0 {
			return err
		}
	}
	b.Ending = endedGone
	return r.move(ctx, b, state.Ended)
}

// someRows are the first row of a batch, the last and one between.
func (r *run) someRows(ctx context.Context, b *state.Batch) (few []judged, err error) {
	n := 0
	var last judged
	for row, err := range r.rowsOf(ctx, b) {
		if err != nil {
			return nil, err
		}
		if n == 0 || n == b.Contacts/2 {
			few = append(few, row)
		}
		n, last = n+1, row
	}
	if n > 1 {
		few = append(few, last)
	}
	return few, nil
}

// progressed takes what a poll said of a batch.
func (r *run) progressed(ctx context.Context, b *state.Batch, a ccapi.Activity) error {
	moved := b.Ending != a.State || b.Percent != a.PercentDone
	b.Ending, b.Percent, b.Errors = a.State, a.PercentDone, a.Errors
	b.ErrorCount = a.ErrorCount + a.Correctable
	switch {
	case a.Ended():
		r.Log.InfoContext(ctx, "import ended", "run", r.id, "activity", a.ID, "state", a.State, "errors", b.ErrorCount)
		return r.move(ctx, b, state.Ended)
	case r.Policy.ActivityTimeout > 0 && r.now().Sub(b.SendingAt) > r.Policy.ActivityTimeout:
		b.Ending = endedTimeout
		return r.move(ctx, b, state.Ended)
	case moved:
		return r.move(ctx, b, state.Sent)
	}
	return nil
}

// await polls until no import moves any more, then settles those that have ended, all with one refresh. Rows
// that are sent again in halves are awaited in turn. What is still under way is left to a later run.
func (r *run) await(ctx context.Context) error {
	for {
		if err := r.pollToTheEnd(ctx); err != nil {
			return err
		}
		if len(r.push.in(state.Ended)) == 0 {
			return nil
		}
		if err := r.settleEnded(ctx); err != nil {
			return err
		}
	}
}

func (r *run) pollToTheEnd(ctx context.Context) error {
	var delay time.Duration
	for open := r.moving(); len(open) > 0; open = r.moving() {
		delay = r.nextDelay(delay, open)
		r.step("import", len(r.push.batches)-len(open), len(r.push.batches))
		if err := r.waitForActivity(ctx, delay); err != nil {
			return err
		}
		if err := r.poll(ctx); err != nil {
			return err
		}
	}
	return nil
}

// moving are the imports under way that are worth waiting for.
func (r *run) moving() []*state.Batch {
	return slices.DeleteFunc(r.push.in(state.Sent), func(b *state.Batch) bool { return r.now().Sub(b.MovedAt) > mirror.LetGo })
}

// perRow is how long an import takes for a row.
const perRow = 200 * time.Microsecond

// nextDelay starts by the size of the smallest import and goes on by how far the furthest one came.
func (r *run) nextDelay(last time.Duration, open []*state.Batch) time.Duration {
	if last == 0 {
		smallest := slices.MinFunc(open, func(x, y *state.Batch) int { return x.Contacts - y.Contacts })
		return min(mirror.FirstPoll+time.Duration(smallest.Contacts)*perRow, mirror.LastPoll)
	}
	next := mirror.LastPoll
	for _, b := range open {
		next = min(next, mirror.NextPoll(last, r.now().Sub(b.SendingAt), b.Percent))
	}
	return next
}
