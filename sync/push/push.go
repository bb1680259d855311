// Package push sends a plan and proves that it arrived: packs its changes into as few batches as
// the caps allow, looks for imports whose answer was lost, polls them to their end, clears single
// contacts, reads everything back and settles it.
package push

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/internal/kit"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/mirror"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
)

// Words for the end of a batch that are none of the activity's states.
const (
	endedGone    = "gone"             // older than ten days: nobody knows any more
	endedTimeout = "activity_timeout" // not ended in time
	endedRefused = "refused"          // the request itself was refused
	endedDirect  = "direct"           // single contacts, no activity
	endedBroken  = "interrupted"      // the same, and the process died before it was through
	// the activity that was found in place of an answer was another program's
	endedForeign = "unknown"
)

// chunk is how many rows are looked up in the state file at once.
const chunk = 500

// Options are what an outbox works with.
type Options struct {
	Run     int64 // the run's number
	State   *state.DB
	Quota   *state.Quota
	Read    *ccapi.Reader
	Write   *ccapi.Writer // nil in a dry run, which neither sends nor settles
	Mirror  *mirror.Mirror
	Asked   *plan.Asked // the users whom the run is for
	Scratch string      // folder for what does not fit into memory
	Log     *slog.Logger
	Step    func(name string, done, total int) // progress
	// Waited hears how long an import was waited for, or what it wrote.
	Waited func(time.Duration)
	// ActivityTimeout is how old an import may become before it counts as lost; 0: it never does.
	ActivityTimeout time.Duration
	// UpdateUnsubscribed tells that contacts that opted out are sent too.
	UpdateUnsubscribed bool
}

// base is what the parts of an outbox share.
type base struct {
	Options
	mapping *contact.Mapping
	ages    ages
}

// now is the server's time.
func (b *base) now() time.Time { return b.State.Now() }

// wait waits until an activity may have moved on, or what it wrote may be readable.
func (b *base) wait(ctx context.Context, d time.Duration) error {
	began := time.Now()
	defer func() { b.Waited(time.Since(began)) }()
	if kit.Sleep(ctx, d) != nil {
		return fmt.Errorf("wait: %w", ctx.Err())
	}
	return nil
}

// rowsOf reads the rows of a batch. Their values come in the present mapping, whatever it was when
// the batch was sent.
func (b *base) rowsOf(ctx context.Context, batch *state.Batch) iter.Seq2[judged, error] {
	present := contact.Carry(batch.Mapping, b.mapping.Key())
	return func(yield func(judged, error) bool) {
		for row, err := range b.State.BatchRows(ctx, batch.ID) {
			changes := row.Wanted != row.Old
			row.Wanted, row.Old = present(row.Wanted), present(row.Old)
			if !yield(judged{BatchRow: row, unmapped: changes && row.Wanted == row.Old}, err) {
				return
			}
		}
	}
}

// Outbox is what a run has under way: its own batches, and those that former runs left open. Its
// methods must not overlap.
type Outbox struct {
	*base
	batches  []*state.Batch
	sent     int            // rows of them, but for those that go again
	halves   int            // batches made of rows that were lost
	guessed  map[int64]bool // batches whose activity was found by looking for it
	sparing  bool           // contacts that opted out are sent nothing
	late     bool           // an import of a former run has ended since this run planned
	results  results
	verifier verifier
	clearer  clearer
}

// Open returns the outbox of a run with this mapping. Close it.
func Open(o Options, m *contact.Mapping) *Outbox {
	b := &base{Options: o, mapping: m}
	out := &Outbox{base: b, guessed: make(map[int64]bool)}
	out.results = results{base: b}
	out.clearer = clearer{base: b, results: &out.results}
	out.verifier = verifier{base: b, results: &out.results, clearer: &out.clearer}
	return out
}

// Close removes what the outbox kept for its run alone.
func (o *Outbox) Close() { o.results.close() }

// Use says which mapping holds from now on.
func (o *Outbox) Use(m *contact.Mapping) { o.mapping = m }

// Recall finds out what earlier runs have shown that an import or a clear does to permissions.
func (o *Outbox) Recall(ctx context.Context) error {
	if err := o.clearer.recall(ctx); err != nil {
		return err
	}
	s, err := ReadSparing(ctx, o.State)
	o.sparing = s != nil
	return err
}

// Restrict takes out of what a plan may do what an import or a clear was seen to do harm with.
func (o *Outbox) Restrict(rules *plan.Rules) {
	rules.ClearingOff = o.clearer.off
	rules.Sparing = o.sparing || o.results.resubscribed > 0
}

// Late tells whether an import of a former run has ended since this run planned, which left its
// users out.
func (o *Outbox) Late() bool { return o.late }

// Resume takes up what former runs left open.
//
//	recorded   was never sent: dropped, planned again
//	sending    looked for: found, or dropped and planned again; single contacts are read back
//	sent       polled
//	ended      read back by Settle, after the refresh
func (o *Outbox) Resume(ctx context.Context) error {
	if o.Write == nil {
		return nil
	}
	open, err := o.State.OpenBatches(ctx)
	if err != nil {
		return err
	}
	for i := range open {
		if err := o.resume(ctx, open[i]); err != nil {
			return err
		}
	}
	if len(o.in(state.Sent)) == 0 {
		return nil
	}
	return o.poll(ctx)
}

func (o *Outbox) resume(ctx context.Context, open state.Batch) error {
	if open.State == state.Recorded {
		return o.State.DropBatch(ctx, open)
	}
	b := o.track(open)
	if b.State != state.Sending {
		return nil
	}
	if b.Kind == state.Replace {
		b.Ending = endedBroken
		return o.move(ctx, b, state.Ended)
	}
	seen, err := o.find(ctx, b, false)
	if err != nil || seen == found || seen == unclear && !o.timedOut(b) {
		return err
	}
	return o.drop(ctx, b)
}

func (o *Outbox) track(b state.Batch) *state.Batch {
	o.batches = append(o.batches, &b)
	o.ages.recall(&b, o.State)
	o.sent += b.Contacts
	return &b
}

func (o *Outbox) drop(ctx context.Context, b *state.Batch) error {
	o.batches = slices.DeleteFunc(o.batches, func(other *state.Batch) bool { return other == b })
	o.sent -= b.Contacts
	return o.State.DropBatch(context.WithoutCancel(ctx), *b)
}

// in gives the batches in a state.
func (o *Outbox) in(s state.BatchState) []*state.Batch {
	var found []*state.Batch
	for _, b := range o.batches {
		if b.State == s {
			found = append(found, b)
		}
	}
	return found
}

// move takes a batch one transition further. It is recorded even if the run was just told to
// stop: what happened, happened.
func (o *Outbox) move(ctx context.Context, b *state.Batch, to state.BatchState) error {
	ctx = context.WithoutCancel(ctx)
	if err := hideUsers(ctx, o.State, b); err != nil {
		return err
	}
	if err := o.State.MoveBatch(ctx, *b, to); err != nil {
		return err
	}
	b.State, b.MovedAt = to, o.now()
	switch to {
	case state.Sending:
		b.SendingAt = o.now()
	case state.Ended:
		b.EndedAt = o.now()
	}
	o.ages.moved(b.ID, to)
	return nil
}

// timedOut tells whether an import counts as lost.
func (o *Outbox) timedOut(b *state.Batch) bool {
	return o.ActivityTimeout > 0 && o.ages.of(b.ID).sinceSending() > o.ActivityTimeout
}
