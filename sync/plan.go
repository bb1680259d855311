package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// chunk is how many subjects are looked up in the state database at once.
const chunk = 500

// plan is what a run would send: the subjects that change, in a spool, and counts of all.
type plan struct {
	changes  *spool.Spool // record by norm
	count    int
	limited  int // changes beyond Options.Limit
	pending  int // users in batches under way
	tally    state.Tally
	contacts int   // with an address
	carriers []int // contacts with a value, by field
	sharing  *sharing
	visited  map[string]bool      // problems that are still problems
	asked    map[string]namedUser // users that the run is for, by the name asked for
}

// namedUser is a user that the run is for, under the name by which it was asked for.
type namedUser struct {
	UserState
	norm string
}

func (p *plan) close() { p.changes.Close() }

// planner makes a plan.
type planner struct {
	*run
	*plan
	chunk  []subject
	absent *spool.Spool // users without a contact and contacts without a user, by unique value
	byKey  *spool.Spool // keys of skipped rows, and contacts whose user may be gone; nil: none is cleared
	only   map[string]bool
	buf    []byte
}

// makePlan joins users and mirror and decides on all that differs.
func (r *run) makePlan(ctx context.Context) (err error) {
	r.step("plan", 0, 0)
	p := &planner{run: r, plan: &plan{changes: spool.New(r.Scratch), sharing: newSharing(r.mapping, r.Scratch), visited: make(map[string]bool), asked: make(map[string]namedUser)},
		absent: spool.New(r.Scratch)}
	r.plan = p.plan
	defer p.absent.Close()
	p.onlyThese()
	if p.Policy.ClearOrphans && p.only == nil {
		p.byKey = spool.New(r.Scratch)
		defer p.byKey.Close()
	}
	p.skipUnaddressed()
	for _, step := range []func(context.Context) error{p.joinAll, p.decideAbsent, p.decideGone, p.sameMapping} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	p.cover()
	if err := p.bindAgain(ctx); err != nil {
		return err
	}
	return p.estimate(ctx)
}

// bindAgain reads fields and lists before anything is sent, or shown as if it would be: one that is gone or renamed
// since shows in nothing else.
func (p *planner) bindAgain(ctx context.Context) error {
	if p.count == 0 || p.bound {
		return nil
	}
	return p.bind(ctx, true)
}

// onlyThese prepares Options.Only: addresses by their normalised form.
func (p *planner) onlyThese() {
	if len(p.opts.Only) == 0 {
		return
	}
	p.only = make(map[string]bool)
	for _, who := range p.opts.Only {
		norm, fault := contact.Normalise(who)
		if fault != "" {
			norm = who // a key, or nobody
		}
		p.only[norm] = true
	}
}

// wants tells whether the run is for this user.
func (p *planner) wants(norm, key string) bool {
	return p.only == nil || p.only[norm] || key != "" && p.only["key:"+key]
}

func (p *planner) skipUnaddressed() {
	for _, s := range p.run.users.Skips {
		if p.wants(s.Email, s.Key) {
			p.report.addSkip(s)
		}
	}
	if p.only == nil && p.run.users.More > 0 {
		p.report.Summary.Skipped += p.run.users.More
		p.report.Reasons[string(contact.InvalidEmail)] += p.run.users.More
		p.report.Truncated = true
	}
}

func (p *planner) joinAll(ctx context.Context) error {
	contacts := readEntries(p.State.Entries(ctx), len(p.mapping.Targets))
	defer contacts.Close()
	done := 0
	for pair, err := range join(p.run.users.Each(), contacts) {
		if err != nil {
			return fmt.Errorf("plan: %w", err)
		}
		if done++; done%100_000 == 0 {
			p.step("plan", done, p.report.Source.Rows)
		}
		if err := p.meet(ctx, &pair); err != nil {
			return fmt.Errorf("plan: %w", err)
		}
	}
	p.contacts, p.carriers = contacts.total, contacts.carriers
	return p.decideChunk(ctx)
}

// meet sorts a pair: equal ones are counted, the rest is collected.
func (p *planner) meet(ctx context.Context, pair *pair) error {
	switch u := pair.user; {
	case u == nil:
		return p.meetOrphan(ctx, pair)
	case pair.equal:
		p.unchanged(u)
		return nil
	case !p.wants(pair.norm, string(u.First.Key)):
		return nil
	case u.Skip != "":
		err := p.setAside(pair, users.Unusable)
		u.Skipped(func(s users.Skipped) {
			p.report.addSkip(s)
			err = errors.Join(err, p.skippedRow(s.Key))
		})
		p.named(pair.norm, string(u.First.Key), UserState{Email: string(u.First.Address), State: "skipped", Reason: string(u.Skip)})
		return err
	case !pair.known && p.mapping.UniqueValue(string(u.First.Fields)) != "":
		return p.setAside(pair, users.Usable)
	}
	return p.collect(ctx, subjectOf(pair.norm, &pair.user.First, p.mapping))
}

func subjectOf(norm string, rec *users.Record, m *contact.Mapping) subject {
	return subject{norm: norm, key: string(rec.Key), address: string(rec.Address), fields: m.Decode(string(rec.Fields))}
}

func (p *planner) unchanged(u *users.User) {
	if p.only == nil {
		p.report.Summary.Unchanged++
		return
	}
	if norm, key := string(u.Norm), string(u.First.Key); p.wants(norm, key) {
		p.report.Summary.Unchanged++
		p.named(norm, key, UserState{Email: string(u.First.Address), State: "verified"})
	}
}

func (p *planner) collect(ctx context.Context, s subject) error {
	s.asked = p.only != nil
	p.chunk = append(p.chunk, s)
	if len(p.chunk) < chunk {
		return nil
	}
	return p.decideChunk(ctx)
}

func (p *planner) decideChunk(ctx context.Context) error {
	if err := p.lookUp(ctx, p.chunk); err != nil {
		return err
	}
	for i := range p.chunk {
		s := &p.chunk[i]
		d := decide(&p.Policy, p.mapping, s, p.now())
		if s.problem != nil && (d.action != "" || d.skip == contact.Quarantined || d.pending) {
			p.visited[s.norm] = true
		}
		if p.waits(s, &d) {
			if err := p.byKey.Add([]byte(d.contact.FilledKey), []byte(s.norm)); err != nil {
				return err
			}
			continue
		}
		if err := p.take(s, &d); err != nil {
			return err
		}
	}
	p.chunk = p.chunk[:0]
	return nil
}

// lookUp fills in what the state database knows of the subjects.
func (r *run) lookUp(ctx context.Context, subjects []subject) error {
	norms := make([]string, len(subjects))
	for i := range subjects {
		norms[i] = subjects[i].norm
	}
	contacts, err := r.State.Contacts(ctx, norms)
	if err != nil {
		return err
	}
	problems, err := r.State.ProblemsOf(ctx, norms)
	if err != nil {
		return err
	}
	pending, err := r.State.Pending(ctx, norms)
	if err != nil {
		return err
	}
	for i := range subjects {
		s := &subjects[i]
		s.contacts, s.pending, s.problem = contactsOf(contacts, s.norm), pending[s.norm], nil
		if problem, ok := problems[s.norm]; ok {
			s.problem = &problem
		}
	}
	return nil
}

// contactsOf are the contacts of one address, of contacts that ascend by address.
func contactsOf(contacts []state.Contact, norm string) []state.Contact {
	from := sort.Search(len(contacts), func(i int) bool { return contacts[i].Norm >= norm })
	to := from
	for to < len(contacts) && contacts[to].Norm == norm {
		to++
	}
	return contacts[from:to:to]
}

// take counts a decision and spools a change.
func (p *planner) take(s *subject, d *decision) error {
	switch {
	case d.skip != "":
		p.report.addSkip(users.Skipped{Key: s.key, Email: s.address, Reason: d.skip, Detail: d.detail})
		p.named(s.norm, s.key, UserState{Email: s.address, State: "skipped", Reason: string(d.skip)})
		return p.skippedRow(s.key)
	case d.pending:
		p.pending++
		p.named(s.norm, s.key, UserState{Email: s.address, State: "pending"})
		return nil
	case d.action == "" && s.fields == nil:
		return nil
	case d.action == "":
		p.report.Summary.Unchanged++
		p.named(s.norm, s.key, UserState{Email: s.address, State: "verified"})
		return nil
	case p.opts.Limit > 0 && p.count == p.opts.Limit:
		p.limited++
		return nil
	}
	p.count++
	p.named(s.norm, s.key, UserState{Email: s.address, State: "pending"})
	if err := p.sharing.add(d); err != nil {
		return err
	}
	p.countChange(p.run, s, d)
	s.newcomer = d.action == Create
	return p.changes.Add([]byte(s.norm), s.append(nil))
}

// append writes a subject for the spool of changes.
func (s *subject) append(buf []byte) []byte {
	rec := users.Record{Kind: users.Usable, Key: []byte(s.key), Address: []byte(s.address), Fields: []byte(contact.Encode(s.fields))}
	switch {
	case s.fields == nil:
		rec.Kind = users.Orphaned
	case s.newcomer:
		rec.Kind = users.Newcomer
	}
	return rec.Append(buf)
}

func parseSubject(norm, buf []byte, m *contact.Mapping) subject {
	var rec users.Record
	rec.Parse(buf)
	s := subjectOf(string(norm), &rec, m)
	s.newcomer = rec.Kind == users.Newcomer
	if rec.Kind == users.Orphaned {
		s.fields = nil
	}
	return s
}

// countChange adds a change to summary, tally and listing.
func (p *plan) countChange(r *run, s *subject, d *decision) {
	sum := &r.report.Summary
	replaced := false
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
	d.addTo(&p.tally, r.mapping)
	if len(r.report.Changes) == users.MaxListed {
		r.report.Truncated = true
		return
	}
	r.report.Changes = append(r.report.Changes, changeOf(r.mapping, s, d))
}

// changeOf is a change as the report lists it.
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

// named keeps the state of a user that the run is for.
func (p *planner) named(norm, key string, s UserState) {
	if p.only == nil {
		return
	}
	for _, name := range []string{norm, "key:" + key} {
		if p.only[name] {
			p.asked[name] = namedUser{UserState: s, norm: norm}
		}
	}
}

// cover works out the coverage from the summary.
func (r *run) cover() {
	sum, c := &r.report.Summary, &r.report.Coverage
	missing := r.report.Reasons[string(Quarantined)]
	*c = Coverage{
		Verified: sum.Unchanged,
		Pending:  sum.Update + sum.Clear + sum.Create + r.plan.pending + r.plan.limited,
		Missing:  missing,
		Skipped:  sum.Skipped - missing,
	}
	c.Contacts = c.Verified + c.Pending + c.Missing
	c.Users = c.Contacts + c.Skipped
}

// groupKey orders changes for packing: first what is cleared, then imports by the lists that they name.
func groupKey(kind byte, lists []string, norm string) []byte {
	key := []byte{kind}
	for _, id := range lists {
		key = append(key, id...)
		key = append(key, ' ')
	}
	key = append(key, 0)
	return append(key, norm...)
}

// uniqueLists are sorted ids without repeats.
func uniqueLists(ids []string) []string {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}
