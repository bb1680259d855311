package push

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"strings"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
)

// maxReplaces is how many contacts one batch of single replacements holds.
const maxReplaces = 100

// packer puts changes into as few batches as the caps allow.
type packer struct {
	*Outbox
	plan  *plan.Plan
	sets  map[string]int // how many contacts have a given choice of lists
	group []byte
	body  ccapi.ImportBody
	batch state.Batch
	rows  packed
	value []string
	buf   []byte
}

// packed are the rows of a batch that is being filled, in little room.
type packed struct {
	buf []byte
	n   int
}

func (p *packed) add(o *plan.Outgoing) {
	o.Lists = nil // the batch has them
	p.buf = o.Append(p.buf)
	p.n++
}

func (p *packed) reset() { p.buf, p.n = p.buf[:0], 0 }

// all yields the rows in the order of their addresses.
func (p *packed) all() iter.Seq[state.BatchRow] {
	return func(yield func(state.BatchRow) bool) {
		for rest := p.buf; len(rest) > 0; {
			var o plan.Outgoing
			if rest = o.Parse(rest); !yield(o.Row) {
				return
			}
		}
	}
}

// Send packs a plan and sends it: grouped by the lists that an import names, one group after the
// other. which tells the contacts concerned; nil: all.
func (o *Outbox) Send(ctx context.Context, all *plan.Plan, which func(norm string) bool) error {
	p := &packer{Outbox: o, plan: all, sets: make(map[string]int)}
	for out, err := range all.Each() {
		if err != nil {
			return err
		}
		if free(out) && (which == nil || which(out.Row.Norm)) {
			p.sets[strings.Join(out.Row.Lists, " ")]++
		}
	}
	chosen := chooseCover(p.sets)
	grouped := spool.New(o.Scratch)
	defer grouped.Close()
	for out, err := range all.Each() {
		if err != nil {
			return err
		}
		if which != nil && !which(out.Row.Norm) {
			continue
		}
		if free(out) {
			out.Lists = []string{chosen[strings.Join(out.Row.Lists, " ")]}
		}
		kind := byte('i')
		if out.Row.Action == string(plan.Clear) {
			kind, out.Lists = 'c', nil
		}
		p.buf = out.Append(p.buf[:0])
		if err := grouped.Add(groupKey(kind, plan.UniqueLists(out.Lists), out.Row.Norm), p.buf); err != nil {
			return err
		}
	}
	return p.sendAll(ctx, grouped)
}

// free tells whether the import of a contact may name any list that it is on.
func free(o *plan.Outgoing) bool {
	return o.Row.Action == string(plan.Update) && len(o.Lists) == 0
}

func (p *packer) sendAll(ctx context.Context, grouped *spool.Spool) error {
	for key, buf := range grouped.Sorted() {
		var o plan.Outgoing
		o.Parse(buf)
		if err := p.pack(ctx, key, &o); err != nil {
			return err
		}
	}
	if err := grouped.Err(); err != nil {
		return err
	}
	return p.flush(ctx)
}

// pack adds one contact to the batch that is being filled, and sends the batch when it is full or
// the group ends.
func (p *packer) pack(ctx context.Context, key []byte, o *plan.Outgoing) error {
	group := key[:bytes.IndexByte(key, 0)]
	if p.rows.n == 0 || !bytes.Equal(group, p.group) {
		if err := p.flush(ctx); err != nil {
			return err
		}
		p.begin(group, o.Lists)
	}
	if p.fits(&o.Row) {
		p.take(o)
		return nil
	}
	if err := p.flush(ctx); err != nil {
		return err
	}
	p.begin(group, o.Lists)
	p.fits(&o.Row)
	p.take(o)
	return nil
}

func (p *packer) begin(group []byte, lists []string) {
	p.group = append(p.group[:0], group...)
	p.batch = state.Batch{Run: p.Run, Kind: state.Import, State: state.Recorded, Lists: lists, Mapping: p.mapping.Key()}
	if group[0] == 'c' {
		p.batch.Kind = state.Replace
	}
	p.rows.reset()
	p.body.Reset(lists, p.mapping.Members())
}

func (p *packer) fits(row *state.BatchRow) bool {
	if p.batch.Kind == state.Replace {
		return p.rows.n < maxReplaces
	}
	p.value = changed(p.mapping, row, p.value)
	return p.body.Add(row.Address, p.value)
}

func (p *packer) take(o *plan.Outgoing) {
	if o.Orphan {
		p.results.orphan(o.Row.Norm)
	}
	p.rows.add(o)
	plan.Count(&p.batch.Tally, p.mapping, &o.Row, p.batch.Lists)
}

// flush records the batch and sends it.
func (p *packer) flush(ctx context.Context) (err error) {
	if p.rows.n == 0 {
		return nil
	}
	defer p.rows.reset()
	p.batch.Contacts = p.rows.n
	if p.batch.ID, err = p.State.AddBatch(ctx, p.batch, p.rows.all()); err != nil {
		return err
	}
	p.Step("push", p.Outbox.sent, p.plan.Len())
	b := p.track(p.batch)
	if b.Kind == state.Replace {
		err = p.clear(ctx, b, slices.Collect(p.rows.all()))
	} else {
		err = p.post(ctx, b, &p.body)
	}
	if err == nil {
		p.Step("push", p.Outbox.sent, p.plan.Len())
	}
	return err
}

// changed are the values of a row that differ from what stood there; the others are "" and are not
// sent.
func changed(m *contact.Mapping, row *state.BatchRow, values []string) []string {
	wanted, old := m.Decode(row.Wanted), m.Decode(row.Old)
	values = append(values[:0], wanted...)
	for i := range values {
		if values[i] == old[i] {
			values[i] = ""
		}
	}
	return values
}

// groupKey orders changes for packing: first what is cleared, then imports by the lists that they
// name.
func groupKey(kind byte, lists []string, norm string) []byte {
	key := []byte{kind}
	for _, id := range lists {
		key = append(key, id...)
		key = append(key, ' ')
	}
	key = append(key, 0)
	return append(key, norm...)
}
