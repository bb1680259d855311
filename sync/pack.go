package sync

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"strings"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
)

// outgoing is one contact on its way into a batch.
type outgoing struct {
	row   state.BatchRow
	lists []string // that the import names; empty for one that is cleared
}

// maxReplaces is how many contacts one batch of single replacements holds.
const maxReplaces = 100

func (o *outgoing) append(buf []byte) []byte {
	return spool.AppendTexts(buf, o.row.Norm, o.row.ID, o.row.Address, o.row.Key, o.row.Action, o.row.Wanted, o.row.Old,
		strings.Join(o.row.Lists, " "), strings.Join(o.lists, " "))
}

// parseOutgoing reads what append wrote, and returns what stands behind.
func parseOutgoing(buf []byte) (o outgoing, rest []byte) {
	var on, lists string
	rest = spool.ParseTexts(buf, &o.row.Norm, &o.row.ID, &o.row.Address, &o.row.Key, &o.row.Action, &o.row.Wanted, &o.row.Old, &on, &lists)
	o.row.Lists, o.lists = strings.Fields(on), strings.Fields(lists)
	return o, rest
}

// sendable is an address for an import: in front of the @ as the app has it, the domain in its ASCII form.
func sendable(address, norm string) string {
	return address[:strings.LastIndexByte(address, '@')] + norm[strings.LastIndexByte(norm, '@'):]
}

func newOutgoing(s *subject, d *decision) outgoing {
	o := outgoing{row: state.BatchRow{Norm: s.norm, ID: d.contact.ID, Address: d.contact.Address, Key: s.key, Action: string(d.action),
		Wanted: contact.Encode(d.wanted), Old: contact.Encode(d.old), Lists: d.contact.Lists}, lists: d.lists}
	if d.action == Create {
		o.row.Address = sendable(s.address, s.norm)
	}
	return o
}

// packer puts changes into as few batches as the caps allow.
type packer struct {
	*run
	ready *spool.Spool   // outgoing by norm
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

func (p *packed) add(o *outgoing) {
	o.lists = nil // the batch has them
	p.buf = o.append(p.buf)
	p.n++
}

func (p *packed) reset() { p.buf, p.n = p.buf[:0], 0 }

// all yields the rows in the order of their addresses.
func (p *packed) all() iter.Seq[state.BatchRow] {
	return func(yield func(state.BatchRow) bool) {
		for o, rest := (outgoing{}), p.buf; len(rest) > 0; {
			if o, rest = parseOutgoing(rest); !yield(o.row) {
				return
			}
		}
	}
}

// send rechecks the plan, packs what survives and sends it.
func (r *run) send(ctx context.Context) error {
	if r.plan.count == 0 {
		return nil
	}
	if err := r.createFields(ctx); err != nil {
		return err
	}
	if err := r.recheck(ctx); err != nil {
		return err
	}
	p := &packer{run: r, ready: spool.New(r.Scratch), sets: make(map[string]int)}
	defer p.ready.Close()
	if err := r.decideAgain(ctx, p.add); err != nil {
		return err
	}
	return p.sendAll(ctx)
}

func (p *packer) add(s *subject, d *decision) error {
	o := newOutgoing(s, d)
	if d.action == Update && len(d.lists) == 0 {
		o.row.Lists = uniqueLists(d.onLists)
		p.sets[strings.Join(o.row.Lists, " ")]++
	}
	p.buf = o.append(p.buf[:0])
	return p.ready.Add([]byte(o.row.Norm), p.buf)
}

// sendAll groups the changes by the lists that their import names, and sends one group after the other.
func (p *packer) sendAll(ctx context.Context) error {
	chosen := chooseCover(p.sets)
	grouped := spool.New(p.Scratch)
	defer grouped.Close()
	for _, buf := range p.ready.Sorted() {
		o, _ := parseOutgoing(buf)
		if o.row.Action == string(Update) && len(o.lists) == 0 {
			o.lists = []string{chosen[strings.Join(o.row.Lists, " ")]}
		}
		kind := byte('i')
		if o.row.Action == string(Clear) {
			kind, o.lists = 'c', nil
		}
		p.buf = o.append(p.buf[:0])
		if err := grouped.Add(groupKey(kind, uniqueLists(o.lists), o.row.Norm), p.buf); err != nil {
			return err
		}
	}
	if err := p.ready.Err(); err != nil {
		return err
	}
	for key, buf := range grouped.Sorted() {
		o, _ := parseOutgoing(buf)
		if err := p.pack(ctx, key, &o); err != nil {
			return err
		}
	}
	if err := grouped.Err(); err != nil {
		return err
	}
	return p.flush(ctx)
}

// pack adds one contact to the batch that is being filled, and sends the batch when it is full or the group
// ends.
func (p *packer) pack(ctx context.Context, key []byte, o *outgoing) error {
	group := key[:bytes.IndexByte(key, 0)]
	if p.rows.n == 0 || !bytes.Equal(group, p.group) {
		if err := p.flush(ctx); err != nil {
			return err
		}
		p.begin(group, o.lists)
	}
	if p.fits(&o.row) {
		p.take(o)
		return nil
	}
	if err := p.flush(ctx); err != nil {
		return err
	}
	p.begin(group, o.lists)
	p.fits(&o.row)
	p.take(o)
	return nil
}

func (p *packer) begin(group []byte, lists []string) {
	p.group = append(p.group[:0], group...)
	p.batch = state.Batch{Run: p.id, Kind: state.Import, State: state.Recorded, Lists: lists, Mapping: p.mapping.Key()}
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

func (p *packer) take(o *outgoing) {
	p.rows.add(o)
	count(&p.batch.Tally, p.mapping, &p.batch, &o.row)
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
	b := p.run.push.track(p.batch)
	p.step("push", p.run.push.sent, p.plan.count)
	if b.Kind == state.Replace {
		return p.replaceAll(ctx, b, slices.Collect(p.rows.all()))
	}
	return p.post(ctx, b, &p.body)
}

// changed are the values of a row that differ from what stood there; the others are "" and are not sent.
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

// count adds what one row of a batch counts for the guard.
func count(t *state.Tally, m *contact.Mapping, b *state.Batch, row *state.BatchRow) {
	d := decision{action: Action(row.Action), wanted: m.Decode(row.Wanted), old: m.Decode(row.Old)}
	if d.action == Update {
		for _, id := range b.Lists {
			if !slices.Contains(row.Lists, id) {
				d.joins = append(d.joins, id)
			}
		}
	}
	d.addTo(t, m)
}
