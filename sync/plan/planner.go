package plan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// chunk is how many subjects are looked up at once.
const chunk = 500

// planner makes a plan.
type planner struct {
	*Plan
	look   Contacts
	users  *users.Users
	wants  func(norm []byte) bool // ascending, in a plan for some; nil: for all
	lens   *lens                  // set in an explanation
	chunk  []subject
	absent *spool.Spool // users without a contact and contacts without a user, by unique value
	// keys of skipped rows, and contacts whose user may be gone; nil: none is cleared
	byKey   *spool.Spool
	sharing *sharing
	allMet  bool // all users have met their contacts
	open    bool // a batch is not settled: it may still change contacts that carry their values
	buf     []byte
}

func newPlanner(p *Plan, look Contacts, us *users.Users) *planner {
	return &planner{Plan: p, look: look, users: us, absent: spool.New(p.Scratch), sharing: newSharing(p.Mapping, p.Scratch)}
}

func (b *planner) close() {
	b.absent.Close()
	b.sharing.values.Close()
	if b.byKey != nil {
		b.byKey.Close()
	}
}

// forAll tells whether contacts without a user are looked at too: in a plan for some users they are
// nobody's business.
func (b *planner) forAll() bool { return b.wants == nil }

func (b *planner) makeAll(ctx context.Context) (err error) {
	b.Valued = b.users.Valued.ByColumn(b.Mapping)
	if b.ClearOrphans && b.forAll() {
		b.byKey = spool.New(b.Scratch)
	}
	b.skipUnaddressed()
	for _, step := range []func(context.Context) error{b.joinAll, b.decideAbsent, b.decideGone} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("plan: %w", err)
		}
	}
	b.Sharing, err = b.sharing.count()
	return err
}

func (b *planner) skipUnaddressed() {
	for _, s := range b.users.Skips {
		if b.forAll() || b.asked != nil && b.asked.wantsRow(&s) {
			b.Summary.Skipped++
			b.Listing.Skip(s)
		}
	}
	if b.forAll() {
		b.Summary.Skipped += b.users.More
		b.Listing.SkipMore(contact.InvalidEmail, b.users.More)
	}
}

func (b *planner) joinAll(ctx context.Context) (err error) {
	if b.open, err = b.look.AnyPending(ctx); err != nil {
		return err
	}
	contacts := readEntries(b.look.Entries(ctx), len(b.Mapping.Targets))
	defer contacts.Close()
	done := 0
	for pair, err := range join(b.users.Each(), contacts) {
		if err != nil {
			return err
		}
		if done++; done%100_000 == 0 && b.Progress != nil {
			b.Progress(done, b.users.Count.Rows)
		}
		if err := b.meet(ctx, &pair); err != nil {
			return err
		}
	}
	b.Total, b.Carriers = contacts.total, contacts.carriers
	return b.decideChunk(ctx)
}

// meet sorts a pair: equal ones are counted, the rest is collected. While a batch is not settled,
// equal ones are collected too, since it may be going to change them.
func (b *planner) meet(ctx context.Context, pair *pair) error {
	u := pair.user
	if u == nil {
		return b.meetOrphan(ctx, pair)
	}
	wanted := b.wants == nil || b.wants(u.Norm)
	switch {
	case !wanted:
		return nil
	case pair.equal && !b.open:
		b.unchanged(u)
		return nil
	case u.Skip != "":
		return b.skipUser(pair.norm, u)
	}
	if value := b.Mapping.UniqueValue(string(u.First.Fields)); !pair.known && value != "" {
		return b.setAside(pair, value)
	}
	return b.collect(ctx, subjectOf(string(u.Norm), &u.First, b.Mapping))
}

func (b *planner) skipUser(norm string, u *users.User) (err error) {
	u.Skipped(func(s users.Skipped) {
		b.Summary.Skipped++
		b.Listing.Skip(s)
		err = errors.Join(err, b.skippedRow(s.Key))
	})
	u.Fields(func(fields []byte) { err = errors.Join(err, b.skippedValue(string(fields))) })
	b.Summary.Skipped += u.More
	b.Listing.SkipMore(u.Skip, u.More)
	b.asked.decided(norm, UserState{Email: string(u.First.Address), State: "skipped", Reason: string(u.Skip)})
	if b.lens.on(norm) {
		b.lens.take(b.Mapping, nil, &decision{skip: u.Skip, detail: u.Detail})
	}
	return err
}

func (b *planner) unchanged(u *users.User) {
	b.Summary.Unchanged++
	if b.lens != nil && string(u.Norm) == b.lens.norm {
		b.lens.seen.Row = true
	}
	if b.asked != nil {
		b.asked.decided(string(u.Norm), UserState{Email: string(u.First.Address), State: "verified"})
	}
}

func (b *planner) collect(ctx context.Context, s subject) error {
	if b.lens != nil && !b.lens.sees(b.Mapping, &s) {
		return nil
	}
	s.asked = b.asked != nil
	b.chunk = append(b.chunk, s)
	if len(b.chunk) < chunk {
		return nil
	}
	return b.decideChunk(ctx)
}

func (b *planner) decideChunk(ctx context.Context) error {
	if err := lookUp(ctx, b.look, b.chunk); err != nil {
		return err
	}
	for i := range b.chunk {
		s := &b.chunk[i]
		d := decide(&b.Rules, s)
		if s.problem != nil && (d.action != "" || d.skip == contact.Quarantined || d.pending || d.held) {
			b.Problems[s.norm] = true
		}
		if b.waits(s, &d) {
			if err := b.byKey.Add([]byte(d.contact.FilledKey), []byte(s.norm)); err != nil {
				return err
			}
			continue
		}
		if err := b.take(s, &d); err != nil {
			return err
		}
	}
	b.chunk = b.chunk[:0]
	return nil
}

// lookUp fills in what is known of the subjects.
func lookUp(ctx context.Context, look Contacts, subjects []subject) error {
	norms := make([]string, len(subjects))
	for i := range subjects {
		norms[i] = subjects[i].norm
	}
	contacts, err := look.Contacts(ctx, norms)
	if err != nil {
		return err
	}
	problems, err := look.ProblemsOf(ctx, norms)
	if err != nil {
		return err
	}
	pending, err := look.Pending(ctx, norms)
	if err != nil {
		return err
	}
	for i := range subjects {
		s := &subjects[i]
		s.contacts, s.pending, s.problem = ContactsOf(contacts, s.norm), pending[s.norm], nil
		if problem, ok := problems[s.norm]; ok {
			s.problem = &problem
		}
	}
	return nil
}

// ContactsOf are the contacts of one address, of contacts that ascend by address.
func ContactsOf(contacts []state.Contact, norm string) []state.Contact {
	from := sort.Search(len(contacts), func(i int) bool { return contacts[i].Norm >= norm })
	to := from
	for to < len(contacts) && contacts[to].Norm == norm {
		to++
	}
	return contacts[from:to:to]
}

// take counts a decision and spools a change.
func (b *planner) take(s *subject, d *decision) error {
	if b.lens.on(s.norm) {
		b.lens.take(b.Mapping, s, d)
	}
	absent := s.fields != nil && len(s.contacts) == 0
	switch {
	case d.skip != "":
		b.Summary.Skipped++
		b.Listing.Skip(users.Skipped{Key: s.key, Email: s.address, Reason: d.skip, Detail: d.detail})
		if absent && d.skip == contact.Quarantined {
			b.Plan.absent++
		}
		b.asked.decided(s.norm, UserState{Email: s.address, State: "skipped", Reason: string(d.skip)})
		return errors.Join(b.skippedRow(s.key), b.skippedValue(contact.Encode(s.fields)))
	case d.pending:
		return b.takePending(s, absent)
	case d.action == "" && s.fields == nil:
		return nil
	case d.action == "":
		b.Summary.Unchanged++
		b.asked.decided(s.norm, UserState{Email: s.address, State: "verified"})
		return nil
	}
	b.asked.decided(s.norm, UserState{Email: s.address, State: "pending"})
	if absent {
		b.Plan.absent++
	}
	if s.fields == nil {
		b.orphans++
	}
	if b.Limit != 0 && b.Len() >= b.Limit {
		b.Limited++
		return nil
	}
	return b.change(s, d)
}

// takePending counts a user whose batch is under way. One that is pending because the contact took
// another address waits for the next run.
func (b *planner) takePending(s *subject, absent bool) error {
	b.Pending++
	b.asked.decided(s.norm, UserState{Email: s.address, State: "pending"})
	if absent {
		b.Plan.absent++
	}
	if !s.pending {
		return nil
	}
	if absent {
		b.lacking++
	}
	return b.waiting.Add([]byte(s.norm), nil)
}

// change adds a change to the plan, and to its counts.
func (b *planner) change(s *subject, d *decision) error {
	sum, replaced := &b.Summary, false
	for i, wanted := range d.wanted {
		replaced = replaced || d.old[i] != "" && wanted != "" && wanted != d.old[i]
	}
	switch {
	case d.action == Create:
		sum.Create++
	case d.action == Clear:
		sum.Clear++
	case replaced:
		sum.Update, sum.Change = sum.Update+1, sum.Change+1
	default:
		sum.Update, sum.Fill = sum.Update+1, sum.Fill+1
	}
	sum.Joins += len(d.joins)
	d.addTo(&b.Tally, b.Mapping)
	b.Listing.change(changeOf(b.Mapping, s, d))
	st := newStep(s, d)
	b.buf = st.append(b.buf[:0])
	return errors.Join(b.sharing.add(d), b.changes.Add([]byte(s.norm), b.buf))
}

// changeOf is a change as it is listed.
func changeOf(m *contact.Mapping, s *subject, d *decision) Change {
	c := Change{Action: d.action, Key: s.key, Email: s.address, ContactID: d.contact.ID, Fields: make(Fields, 0, 1), Joins: m.ListNames(d.joins)}
	if c.Email == "" {
		c.Email = d.contact.Address
	}
	for i, wanted := range d.wanted {
		if old := d.old[i]; wanted != old {
			c.Fields.set(m.Targets[i].Column, OldToNew{Old: old, New: wanted})
		}
	}
	return c
}

// addTo counts a decision for the guard.
func (d *decision) addTo(t *state.Tally, m *contact.Mapping) {
	t.Joins += len(d.joins)
	for i, wanted := range d.wanted {
		if old := d.old[i]; old != "" && wanted != "" && old != wanted {
			t.Change(m.Targets[i].Column)
		}
	}
	switch d.action {
	case Create:
		t.Creates++
	case Clear:
		t.Clears++
	}
}

// Count adds what one row of a batch counts for the guard; lists are those that its import names.
func Count(t *state.Tally, m *contact.Mapping, row *state.BatchRow, lists []string) {
	d := decision{action: Action(row.Action), wanted: m.Decode(row.Wanted), old: m.Decode(row.Old)}
	if d.action == Update {
		for _, id := range lists {
			if !slices.Contains(row.Lists, id) {
				d.joins = append(d.joins, id)
			}
		}
	}
	d.addTo(t, m)
}

// decideAgain decides on the changes of a plan again.
func (b *planner) decideAgain(ctx context.Context, p *Plan) (err error) {
	var before []step
	again := func() error {
		b.chunk = b.chunk[:0]
		for i := range before {
			s := before[i].subject(b.Mapping)
			s.asked = b.asked != nil
			b.chunk = append(b.chunk, s)
		}
		if err := lookUp(ctx, b.look, b.chunk); err != nil {
			return err
		}
		for i := range b.chunk {
			if err := b.decideStep(&before[i], &b.chunk[i]); err != nil {
				return err
			}
		}
		before = before[:0]
		return nil
	}
	for _, buf := range p.changes.Sorted() {
		var st step
		st.parse(buf)
		if before = append(before, st); len(before) == chunk {
			if err := again(); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(p.changes.Err(), again()); err != nil {
		return err
	}
	b.Sharing, err = b.sharing.count()
	return err
}

// decideStep decides on one change again. What the contacts were found to carry meanwhile
// counts for the guard.
func (b *planner) decideStep(before *step, s *subject) error {
	if before.out.Orphan {
		b.orphans--
	}
	d := decide(&b.Rules, s)
	// the contact has another address now: the next run finds out whose
	if d.action == Create && !s.newcomer {
		d = decision{pending: true}
	}
	if d.action != "" {
		old := b.Mapping.Decode(before.out.Row.Old)
		for i := range old {
			if old[i] == "" && d.old[i] != "" {
				b.Carriers[i]++
			}
		}
	}
	return b.take(s, &d)
}

// cursor looks addresses up that ascend, in a spool of them.
type cursor struct {
	spool *spool.Spool
	next  func() ([]byte, []byte, bool)
	stop  func()
	at    []byte
	more  bool
}

func newCursor(s *spool.Spool) *cursor {
	c := &cursor{spool: s}
	c.next, c.stop = iter.Pull2(s.Sorted())
	c.advance()
	return c
}

func (c *cursor) advance() {
	var at []byte
	at, _, c.more = c.next()
	c.at = append(c.at[:0], at...)
}

func (c *cursor) has(norm []byte) bool {
	for c.more && bytes.Compare(c.at, norm) < 0 {
		c.advance()
	}
	return c.more && bytes.Equal(c.at, norm)
}

func (c *cursor) err() error { return c.spool.Err() }
func (c *cursor) close()     { c.stop() }
