package plan

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// Contacts is what a plan reads of the mirror: a *state.DB, or a view of one.
type Contacts interface {
	// Entries yields every contact with an address, ascending by the bytes of its normalised
	// address.
	Entries(context.Context) iter.Seq2[state.Entry, error]
	// Contacts returns the contacts of these normalised addresses, ascending by them.
	Contacts(ctx context.Context, norms []string) ([]state.Contact, error)
	// ProblemsOf returns the open problems of these normalised addresses.
	ProblemsOf(ctx context.Context, norms []string) (map[string]state.Problem, error)
	// Pending tells which of these normalised addresses stand in a batch that is not settled.
	Pending(ctx context.Context, norms []string) (map[string]bool, error)
	// AnyPending tells whether there is a batch that is not settled.
	AnyPending(context.Context) (bool, error)
}

// Rules are what a plan goes by.
type Rules struct {
	Mapping            *contact.Mapping
	Create             bool // add users that are no contact yet
	UpdateUnsubscribed bool // fields of contacts that opted out, never their lists
	Sparing            bool // contacts that opted out all the same: an import subscribed one
	ClearOrphans       bool // empty what this program filled when the user is gone
	ClearingOff        bool // empty nothing: putting a contact back changed a permission
	Limit              int  // at most so many changes; 0: no limit
	Now                time.Time
	Scratch            string                // folder for what does not fit into memory
	Progress           func(done, total int) // users joined so far. nil: nobody listens
}

// Plan is what would be done: the contacts that change, in a spool, and counts of all. Close it.
type Plan struct {
	Rules
	Listing
	Summary  Summary
	Tally    state.Tally     // what the guard counts
	Total    int             // contacts with an address
	Carriers []int           // contacts with a value, by field
	Valued   map[string]int  // rows with an address and a value, by column, "" for any
	Sharing  []Sharing       // by field
	Pending  int             // users in batches under way
	Limited  int             // changes beyond the limit
	Problems map[string]bool // by normalised address: open problems that still are some

	changes *spool.Spool // step by norm
	waiting *spool.Spool // norms of the users in batches under way
	asked   *Asked
	orphans int // changes of contacts that no row stands for, beyond the limit too
	absent  int // users without a contact that are to be created, wait for it or failed to be
	lacking int // of absent, those that wait for a batch under way
}

func newPlan(r Rules, asked *Asked) *Plan {
	return &Plan{Rules: r, Listing: NewListing(),
		Problems: make(map[string]bool), changes: spool.New(r.Scratch), waiting: spool.New(r.Scratch), asked: asked}
}

// Close removes the spools.
func (p *Plan) Close() {
	p.changes.Close()
	p.waiting.Close()
}

// Len is how many contacts change.
func (p *Plan) Len() int { return p.changes.Len() }

// Empty tells whether nothing is to be sent now, nor later by itself.
func (p *Plan) Empty() bool { return p.Len() == 0 && p.Pending == 0 && p.Limited == 0 }

// Make joins users and contacts and decides on all that differs. asked is nil for a plan for all.
func Make(ctx context.Context, r Rules, look Contacts, us *users.Users, asked *Asked) (*Plan, error) {
	var wants func([]byte) bool
	if asked != nil {
		wants = asked.wants
	}
	return makePlan(ctx, r, look, us, asked, wants)
}

// Rest plans for the users that waited for a batch under way when p was made, over the same rows.
func (p *Plan) Rest(ctx context.Context, look Contacts, us *users.Users, now time.Time) (*Plan, error) {
	waiting := newCursor(p.waiting)
	defer waiting.close()
	r := p.Rules
	r.Now = now
	if r.Limit > 0 {
		if r.Limit -= p.Len(); r.Limit <= 0 {
			r.Limit = -1 // none at all
		}
	}
	rest, err := makePlan(ctx, r, look, us, p.asked, waiting.has)
	if err == nil && waiting.err() != nil {
		rest.Close()
		return nil, fmt.Errorf("plan: %w", waiting.err())
	}
	return rest, err
}

func makePlan(ctx context.Context, r Rules, look Contacts, us *users.Users, asked *Asked, wants func([]byte) bool) (*Plan, error) {
	b := newPlanner(newPlan(r, asked), look, us)
	defer b.close()
	b.wants = wants
	if err := b.makeAll(ctx); err != nil {
		b.Plan.Close()
		return nil, err
	}
	return b.Plan, nil
}

// Again decides on every change again, by what the contacts are now, and takes the place of p,
// which is closed. Who needs nothing any more is counted as what he is: unchanged, skipped or
// pending.
func (p *Plan) Again(ctx context.Context, look Contacts, now time.Time) (*Plan, error) {
	defer p.changes.Close()
	next := *p
	next.Now, next.changes = now, spool.New(p.Scratch)
	next.Changes, next.Tally, next.Carriers = []Change{}, state.Tally{}, slices.Clone(p.Carriers)
	sum := p.Summary
	next.Summary = Summary{Unchanged: sum.Unchanged, Skipped: sum.Skipped}
	next.absent -= sum.Create
	b := newPlanner(&next, look, nil)
	defer b.close()
	if err := b.decideAgain(ctx, p); err != nil {
		next.Close()
		return nil, fmt.Errorf("plan again: %w", err)
	}
	return &next, nil
}

// Renamed is the plan under a mapping that differs only in how its fields are named in the account.
// It takes p's place.
func (p *Plan) Renamed(m *contact.Mapping) *Plan {
	next := *p
	next.Mapping = m
	return &next
}

// Each yields the changes as they go into batches, ascending by address. A change is valid until
// the next one.
func (p *Plan) Each() iter.Seq2[*Outgoing, error] {
	return func(yield func(*Outgoing, error) bool) {
		for _, buf := range p.changes.Sorted() {
			var s step
			s.parse(buf)
			if !yield(&s.out, nil) {
				return
			}
		}
		if err := p.changes.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// Places yields each address that changes, normalised, with the spellings under which its contacts
// are to be read.
func (p *Plan) Places() iter.Seq2[Place, error] {
	return func(yield func(Place, error) bool) {
		for _, buf := range p.changes.Sorted() {
			var s step
			s.parse(buf)
			if !yield(Place{Norm: s.out.Row.Norm, Addresses: s.addresses, Create: s.out.Row.Action == string(Create)}, nil) {
				return
			}
		}
		if err := p.changes.Err(); err != nil {
			yield(Place{}, err)
		}
	}
}

// Ahead chooses contacts to go ahead of the others, by normalised address: one of each kind of
// change, then the first ones, n at most.
func (p *Plan) Ahead(n int) (map[string]bool, error) {
	chosen, kinds := make(map[string]bool, n), make(map[string]bool)
	for _, everyKind := range []bool{true, false} {
		for o, err := range p.Each() {
			if err != nil {
				return nil, err
			}
			kind := kindOf(o)
			if len(chosen) < n && (!everyKind || !kinds[kind]) {
				chosen[o.Row.Norm], kinds[kind] = true, true
			}
		}
	}
	return chosen, nil
}

// kindOf tells changes apart by what an import does with them.
func kindOf(o *Outgoing) string {
	kind := o.Row.Action
	if o.Row.Old == "" {
		kind += " fill"
	}
	if o.OptedOut() {
		kind += " opted out"
	}
	for _, id := range o.Lists {
		if !slices.Contains(o.Row.Lists, id) {
			return kind + " join"
		}
	}
	return kind
}

// CountAmong counts the changes whose normalised addresses are among those in a spool.
func (p *Plan) CountAmong(norms *spool.Spool) (n int, err error) {
	among := newCursor(norms)
	defer among.close()
	for o, err := range p.Each() {
		if err != nil {
			return 0, err
		}
		if among.has([]byte(o.Row.Norm)) {
			n++
		}
	}
	return n, among.err()
}

// Place is where the contacts of one normalised address are read.
type Place struct {
	Norm string
	// as Constant Contact writes them, or as one that is to be created will be sent
	Addresses []string
	Create    bool
}

// PlaceOf is where the contacts of an address are read: under the spelling given, if any, and under
// those of its known contacts, letter case aside.
func PlaceOf(norm, address string, contacts []state.Contact) Place {
	p := Place{Norm: norm}
	if address != "" {
		p.Addresses = append(p.Addresses, address)
	}
	for _, c := range contacts {
		if !slices.ContainsFunc(p.Addresses, func(a string) bool { return strings.EqualFold(a, c.Address) }) {
			p.Addresses = append(p.Addresses, c.Address)
		}
	}
	return p
}
