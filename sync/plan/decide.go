package plan

import (
	"slices"
	"time"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

// Action is what is done to a contact.
type Action string

// The actions of a plan.
const (
	Update Action = "update"
	Create Action = "create"
	Clear  Action = "clear" // at least one value is emptied
)

// subject is all that a decision looks at.
type subject struct {
	norm, key, address string
	// canonical values of the row; nil when no row stands for the contact
	fields   []string
	contacts []state.Contact
	problem  *state.Problem // of an earlier try
	pending  bool           // in a batch that is not settled
	// somebody asked for this user by name: quarantine does not hold
	asked bool
	// the address under which a contact carries the user's unique value
	movedFrom string
	newcomer  bool // planned as a create
}

// decision is what becomes of one subject. Neither action nor skip: the contact carries the values,
// or, with pending, is on its way to.
type decision struct {
	action  Action
	skip    contact.Reason
	detail  string
	pending bool
	// of a contact without a row: it would be cleared, but is under way or waits for its retry
	held    bool
	wanted  []string // in mapping order
	old     []string
	contact state.Contact // the zero one for a create
	lists   []string      // ids that the import names; empty: one of onLists
	onLists []string      // ids of the lists that every contact of the address is on
	joins   []string      // of lists, those that the contact is not on
}

func skip(reason contact.Reason, detail string) decision {
	return decision{skip: reason, detail: detail}
}

// decide is the policy. What is true of one contact of an address is taken for all of them, since
// an import names no more than the address.
//
//	no row                            clear what this program filled, if orphans are cleared
//	no contact                        moved, create or not_a_contact
//	a contact carries the values      nothing, or pending in a batch under way
//	one is deleted                    deleted
//	one opted out                     unsubscribed, unless those are updated too (never cleared),
//	                                  and no import has ever subscribed one
//	in a batch under way              pending
//	failed with these same values     quarantined until its retry is due
//	a value is to be emptied          clear, or clearing_off if nothing else changes
//	no list can be named              no_list
//	else                              update
func decide(r *Rules, s *subject) decision {
	switch {
	case s.fields == nil:
		return decideOrphan(r, s)
	case len(s.contacts) == 0:
		return decideAbsent(r, s)
	case s.contacts[0].Permission == contact.Unclear:
		return skip(contact.NotAContact, "Constant Contact counts a contact with this address but does not show it, so ccsyncd creates none")
	}
	d, carried := compare(r.Mapping, s)
	optedOut, why := optedOut(s.contacts)
	clears := d.clears()
	if optedOut || r.ClearingOff {
		d.keepEmptied()
	}
	switch {
	case carried:
		return decision{pending: s.pending}
	case slices.ContainsFunc(s.contacts, func(c state.Contact) bool { return c.Deleted }):
		return skip(contact.Deleted, "the contact was deleted in Constant Contact")
	case optedOut && (!r.UpdateUnsubscribed || slices.Equal(d.wanted, d.old)):
		return skip(contact.Unsubscribed, why)
	case optedOut && r.Sparing:
		return skip(contact.Unsubscribed, why+"; "+sparing)
	case s.pending:
		return decision{pending: true}
	case clears && slices.Equal(d.wanted, d.old):
		return skip(contact.ClearingOff, clearingOff)
	case s.quarantined(d.wanted, r.Now):
		return skip(contact.Quarantined, s.quarantine())
	}
	if d.clears() {
		d.action = Clear
		return d
	}
	d.action = Update
	if !d.chooseLists(r.Mapping, s.contacts, optedOut) {
		return skip(contact.NoList, "the contact is on no list, and an import must name one")
	}
	return d
}

// optedOut tells whether one of the contacts of an address opted out, and why that is thought.
func optedOut(contacts []state.Contact) (bool, string) {
	for _, c := range contacts {
		if contact.OptedOut(c.Permission) {
			return true, contact.WhyOptedOut(c.Permission)
		}
	}
	return false, ""
}

const clearingOff = "ccsyncd clears nothing, because a clear once changed a contact's permission; empty the value in Constant Contact"

const sparing = "ccsyncd sends nothing to contacts that opted out, because an import once subscribed one"

// decideOrphan empties what this program filled and nobody changed since.
func decideOrphan(r *Rules, s *subject) decision {
	switch {
	case !r.ClearOrphans || r.ClearingOff || len(s.contacts) != 1:
		return decision{}
	case s.pending:
		return decision{held: true}
	}
	c := s.contacts[0]
	if c.Deleted || contact.OptedOut(c.Permission) || c.Filled == "" {
		return decision{}
	}
	old, filled := contact.Split(c.Fields), contact.Split(c.Filled)
	wanted := slices.Clone(old)
	for i := range wanted {
		if i < len(filled) && filled[i] != "" && filled[i] == old[i] {
			wanted[i] = ""
		}
	}
	switch {
	case slices.Equal(wanted, old):
		return decision{}
	case s.quarantined(wanted, r.Now):
		return decision{held: true}
	}
	return decision{action: Clear, wanted: wanted, old: old, contact: c}
}

func decideAbsent(r *Rules, s *subject) decision {
	switch {
	case s.movedFrom != "":
		return skip(contact.Moved, "the contact with this user's value still has the address "+s.movedFrom)
	case !r.Create:
		return skip(contact.NotAContact, "no contact has this address")
	case s.pending:
		return decision{pending: true}
	case s.quarantined(s.fields, r.Now):
		return skip(contact.Quarantined, s.quarantine())
	}
	d := decision{action: Create, wanted: s.fields, old: make([]string, len(s.fields))}
	for _, l := range r.Mapping.Lists {
		d.lists = append(d.lists, l.ID)
	}
	return d
}

// compare works out the values wanted of one contact that is not deleted, and whether any such
// contact carries them already. The one is the first that has a value to be emptied, since that is
// done contact by contact, else the first.
func compare(m *contact.Mapping, s *subject) (d decision, carried bool) {
	for i, c := range s.contacts {
		if c.Deleted {
			continue
		}
		old := m.Decode(c.Fields)
		wanted := make([]string, len(old))
		for f, value := range s.fields {
			wanted[f] = value
			if value == "" && !m.Targets[f].Clear {
				wanted[f] = old[f]
			}
		}
		one := decision{wanted: wanted, old: old, contact: s.contacts[i]}
		switch {
		case slices.Equal(wanted, old):
			carried = true
		case d.contact.ID == "", one.clears() && !d.clears():
			d = one
		}
	}
	return d, carried && !d.clears()
}

func (d *decision) clears() bool {
	for i, value := range d.wanted {
		if value == "" && d.old[i] != "" {
			return true
		}
	}
	return false
}

// keepEmptied takes the values back that would be emptied: what an import cannot do, and a PUT may
// not do to one who opted out.
func (d *decision) keepEmptied() {
	for i, value := range d.wanted {
		if value == "" {
			d.wanted[i] = d.old[i]
		}
	}
}

// quarantined tells whether these same values failed before and the next try is not due.
func (s *subject) quarantined(wanted []string, now time.Time) bool {
	return s.problem != nil && !s.asked && s.problem.Wanted == contact.Encode(wanted) && now.Before(s.problem.RetryAt)
}

func (s *subject) quarantine() string {
	return "the last attempt failed (" + s.problem.Reason + "); the next one is due at " + s.problem.RetryAt.Format(time.RFC3339)
}
