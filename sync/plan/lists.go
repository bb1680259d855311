package plan

import (
	"slices"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

// chooseLists finds the lists that an import may name: the configured ones that the contact has not
// left, else any that it is on. One that opted out is sent with a list of its own first; it cannot
// join the others either.
func (d *decision) chooseLists(m *contact.Mapping, contacts []state.Contact, optedOut bool) bool {
	on, left := memberships(contacts)
	d.onLists = on
	if optedOut && len(on) > 0 {
		return true
	}
	for _, l := range m.Lists {
		if (m.NoJoins || slices.Contains(left, l.ID)) && !slices.Contains(on, l.ID) && !optedOut {
			continue
		}
		d.lists = append(d.lists, l.ID)
		if !slices.Contains(on, l.ID) && !optedOut {
			d.joins = append(d.joins, l.ID)
		}
	}
	return len(d.lists) > 0 || len(on) > 0
}

// memberships are the lists that every contact is on, and those that any has left.
func memberships(contacts []state.Contact) (on, left []string) {
	on = slices.Clone(contacts[0].Lists)
	for _, c := range contacts {
		on = slices.DeleteFunc(on, func(id string) bool { return !slices.Contains(c.Lists, id) })
		left = append(left, c.Left...)
	}
	return on, left
}

// UniqueLists are sorted ids without repeats.
func UniqueLists(ids []string) []string {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}
