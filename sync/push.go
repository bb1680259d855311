package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/mirror"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
)

// maxPosts is how often an import is sent that turned out not to have been accepted.
const maxPosts = 4

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
	former   *spool.Spool  // norms of the others: what former runs sent; nil: none
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
	ages     ages
	state    *state.DB
}

func (p *pusher) track(b state.Batch) *state.Batch {
	p.batches = append(p.batches, &b)
	p.ages.recall(&b, p.state)
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
	r.push.ages.moved(b.ID, to)
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
	seen, err := r.look(ctx, b, false)
	if err != nil || seen == found || seen == unclear && !r.timedOut(b) {
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
//	none, or one that proves        looked for among the activities: sent if it is there, recorded and posted
//	nothing                         again if it is not, left as it is while an activity does not tell what it is
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
		seen, err := r.look(ctx, b, true)
		if err != nil || seen != absent {
			return err // an unclear one stays "sending": the next run looks again
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
	if len(few) > 0 && r.push.ages.of(b.ID).sinceMoved() < mirror.LetGo { // rows can have been forgotten
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
		if err := r.learnPace(ctx, b, a); err != nil {
			return err
		}
		return r.move(ctx, b, state.Ended)
	case r.timedOut(b):
		b.Ending = endedTimeout
		return r.move(ctx, b, state.Ended)
	case moved:
		return r.move(ctx, b, state.Sent)
	}
	return nil
}

// timedOut tells whether an import counts as lost.
func (r *run) timedOut(b *state.Batch) bool {
	return r.Policy.ActivityTimeout > 0 && r.push.ages.of(b.ID).sinceSending() > r.Policy.ActivityTimeout
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

func (r *run) pollToTheEnd(ctx context.Context) (err error) {
	var delay time.Duration
	for open := r.moving(); len(open) > 0; open = r.moving() {
		if delay, err = r.nextDelay(ctx, delay, open); err != nil {
			return err
		}
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
	return slices.DeleteFunc(r.push.in(state.Sent), func(b *state.Batch) bool { return r.push.ages.of(b.ID).sinceMoved() > mirror.LetGo })
}
