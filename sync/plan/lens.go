package plan

import (
	"context"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// Decision is what a plan makes of one address, for an explanation.
type Decision struct {
	Action  Action // "" for none
	Skip    contact.Reason
	Detail  string
	Pending bool
	// of a contact without a row: it would be cleared, but is under way or waits for its retry
	Held    bool
	Row     bool // a row of the source stands for the address
	Fields  Fields
	Problem *state.Problem
}

// lens watches one address while a plan for all is made, and keeps the planner from looking at what
// has no bearing on it.
type lens struct {
	norm  string
	key   string // of the user whose values the contact was filled with
	value string // the contact's unique one
	seen  Decision
}

func (l *lens) on(norm string) bool { return l != nil && l.norm == norm }

// sees tells whether a subject has a bearing: it is the address itself, or a row of the user whose
// contact it may be.
func (l *lens) sees(m *contact.Mapping, s *subject) bool {
	return s.norm == l.norm || s.key != "" && s.key == l.key || l.value != "" && m.UniqueValue(contact.Encode(s.fields)) == l.value
}

// take notes a decision. s is nil for rows that are skipped by themselves.
func (l *lens) take(m *contact.Mapping, s *subject, d *decision) {
	l.seen.Action, l.seen.Skip, l.seen.Detail, l.seen.Pending, l.seen.Held = d.action, d.skip, d.detail, d.pending, d.held
	l.seen.Row = s == nil || s.fields != nil
	if d.action != "" {
		l.seen.Fields = changeOf(m, s, d).Fields
	}
}

// spared notes why a contact without a row is left alone.
func (l *lens) spared(norm, detail string) {
	if l.on(norm) {
		l.seen.Detail = detail
	}
}

// Decide finds out what a plan for all would make of one normalised address: it is that plan,
// looked at in one place.
func Decide(ctx context.Context, r Rules, look Contacts, us *users.Users, norm string) (d Decision, err error) {
	l := &lens{norm: norm}
	s := []subject{{norm: norm}}
	if err := lookUp(ctx, look, s); err != nil {
		return d, err
	}
	for _, c := range s[0].contacts {
		l.key, l.value = c.FilledKey, r.Mapping.UniqueValue(c.Fields)
	}
	p := newPlan(r, nil)
	defer p.Close()
	b := newPlanner(p, look, us)
	defer b.close()
	b.lens = l
	if err := b.makeAll(ctx); err != nil {
		return d, err
	}
	d = l.seen
	d.Problem = s[0].problem
	return d, nil
}
