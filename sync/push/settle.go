package push

import (
	"context"
	"slices"

	"ccsyncd/ccapi"
	"ccsyncd/sync/state"
)

// Settle reads back the contacts of every import of former runs that has ended, and settles it. The
// run has not planned yet: what is missing is planned again.
func (o *Outbox) Settle(ctx context.Context) error { return o.settleEnded(ctx, false) }

// settleEnded reads back the contacts of every import that has ended and settles it. Rows that are
// sent again in halves make new batches, which are posted here.
func (o *Outbox) settleEnded(ctx context.Context, planned bool) error {
	ended := o.in(state.Ended)
	if o.Write == nil || len(ended) == 0 {
		return nil
	}
	if err := o.verifier.refreshFor(ctx, ended); err != nil {
		return err
	}
	for i, b := range ended {
		o.Step("verify", i, len(ended))
		if err := o.settle(ctx, b, planned); err != nil {
			return err
		}
	}
	return nil
}

// settle verifies one batch and writes down how it ended, the batch's own end last.
func (o *Outbox) settle(ctx context.Context, b *state.Batch, planned bool) error {
	v, err := o.verifier.verify(ctx, b)
	if err != nil {
		return err
	}
	if err := o.verifier.leaveErased(ctx, v); err != nil {
		return err
	}
	problems, err := o.verifier.problemsOf(ctx, v)
	if err != nil {
		return err
	}
	refused, err := o.verifier.refusals(ctx, v)
	if err != nil {
		return err
	}
	if o.guessed[b.ID] && v.landed == 0 && len(v.missing) > 0 && unexplained(b) == Lost {
		b.Ending = endedForeign
	}
	ours := b.Run == o.Run
	o.late = o.late || !ours && planned
	can := retry{anew: !planned || !ours, halve: ours && o.halves < maxHalves}
	s := v.settlement(o.mapping, problems, can, o.now())
	if err := o.writeDown(context.WithoutCancel(ctx), v, &s); err != nil {
		return err
	}
	b.State = state.Settled
	o.results.overstepped(ours, v.missing)
	o.results.failed(ours, append(s.failed, refused...))
	o.results.notSent(v.unsent)
	for i := range s.again {
		if err := o.postHalf(ctx, &s.again[i]); err != nil {
			return err
		}
	}
	return nil
}

func (o *Outbox) writeDown(ctx context.Context, v *verification, s *settlement) (err error) {
	if err := o.State.Fail(ctx, v.batch.ID, s.failed); err != nil {
		return err
	}
	for i := range s.again {
		h := &s.again[i]
		if h.batch.ID, err = o.State.AddBatch(ctx, h.batch, slices.Values(h.rows)); err != nil {
			return err
		}
	}
	return o.State.Settle(ctx, v.batch.ID, v.sent(o.mapping))
}

// postHalf sends rows again that were lost with their neighbours.
func (o *Outbox) postHalf(ctx context.Context, h *half) error {
	b := o.track(h.batch)
	o.sent -= h.batch.Contacts
	o.halves++
	var body ccapi.ImportBody
	body.Reset(h.batch.Lists, o.mapping.Members())
	var values []string
	for i := range h.rows {
		values = changed(o.mapping, &h.rows[i], values)
		body.Add(h.rows[i].Address, values)
	}
	return o.post(ctx, b, &body)
}
