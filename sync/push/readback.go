package push

import (
	"slices"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

// Reasons for a problem.
const (
	Rejected = "rejected" // the import said that it could not take the row
	Lost     = "lost"     // the import ended, but the value did not arrive
	Altered  = "altered"  // another value stands there
	// the contact opted out between the last reading and the import, or had opted out and is
	// subscribed after it, or is another one
	Overstepped     = state.Overstepped
	ActivityFailed  = "activity_failed"  // the import ended without success
	ActivityTimeout = "activity_timeout" // the import did not end in time
	// no problem: the fields that were sent are no longer mapped, and nobody knows whether they
	// arrived
	Unmapped = "unmapped"
)

// verdict is what reading back says of one row.
type verdict struct {
	landed bool
	filled string // of what landed: the values that this program wrote
	reason string // of what did not arrive, or of what should not have
	detail string
	left   []string // of what landed: lists that the import named and the contact is not on
	// did not arrive, and is not to be sent again with its neighbours: deleted, opted out or off
	// the list
	alone bool
	// what the import did to the contact that it must not: "" for nothing
	overstep     string
	harmed       string // the id of that contact
	resubscribed bool   // it subscribed a contact that had opted out
	replaced     bool   // it created another contact
}

// readBack judges one row of an ended batch by its contacts as they are now. recent tells that it
// is an import that was sent within the last hour: later a permission may well have changed by
// itself.
//
//	the contact                                         then
//	carries the values                                  landed
//	carries them, and opted out since                   landed, overstepped
//	does not exist, is deleted or carries the old values     lost, or as the activity explains it
//	carries other values                                altered
//	had opted out, and is subscribed now                the same, and an overstep
//	is another one than the row was for                 the same, and an overstep
//	has another permission, within an hour              the same, and an overstep
func readBack(m *contact.Mapping, updateUnsubscribed, recent bool, b *state.Batch, row *state.BatchRow, contacts []state.Contact) verdict {
	wasOut := row.Permission != "" && contact.OptedOut(row.Permission)
	v := readValues(m, updateUnsubscribed || wasOut, b, row, contacts)
	if v.landed && v.reason == "" && replaced(row, contacts) {
		v.replaced, v.overstep = true, "the contact was renamed or removed during the import, and another one has the address now"
	}
	changed := func(is string) string {
		return "the contact's permission changed from " + row.Permission + " to " + is + " during the import"
	}
	id, is := subscribed(contacts)
	v.harmed = id
	switch {
	case wasOut && is != "":
		v.overstep = changed(is)
		v.resubscribed, v.alone = true, v.alone || !v.landed
	case v.overstep == "" && recent:
		if is := otherConsent(row, contacts); is != "" {
			v.harmed, v.overstep = row.ID, changed(is)
		}
	}
	return v
}

// consents are the permissions that tell whether and how somebody agreed. The others come and go by
// themselves.
var consents = []string{"explicit", "implicit", "not_set"}

// otherConsent is the permission of the contact that a row was for if it tells another consent than
// before; "" if not. Somebody may have opted out just before the import, and been subscribed by it.
func otherConsent(row *state.BatchRow, contacts []state.Contact) string {
	for _, c := range contacts {
		if c.ID == row.ID && !c.Deleted && c.Permission != row.Permission && slices.Contains(consents, c.Permission) && slices.Contains(consents, row.Permission) {
			return c.Permission
		}
	}
	return ""
}

// replaced tells whether none of the contacts of an address is the one that its row was for: an
// import creates a contact where it finds none.
func replaced(row *state.BatchRow, contacts []state.Contact) bool {
	was := state.Contact{ID: row.ID}
	return row.Action == "update" && row.ID != "" && !was.Unnamed() &&
		!slices.ContainsFunc(contacts, func(c state.Contact) bool { return c.ID == row.ID || c.Unnamed() })
}

// subscribed is one of the contacts of whom none opted out, "" where one did or there is none.
func subscribed(contacts []state.Contact) (id, permission string) {
	for _, c := range contacts {
		switch {
		case c.Deleted:
		case contact.OptedOut(c.Permission):
			return "", ""
		default:
			id, permission = c.ID, c.Permission
		}
	}
	return id, permission
}

// readValues is readBack, but for the permission that a contact had before.
func readValues(m *contact.Mapping, updateUnsubscribed bool, b *state.Batch, row *state.BatchRow, contacts []state.Contact) verdict {
	wanted, old := m.Decode(row.Wanted), m.Decode(row.Old)
	v := verdict{reason: unexplained(b), detail: "the import ended, but the contact does not exist"}
	for _, c := range contacts {
		optedOut := contact.OptedOut(c.Permission)
		v.alone = v.alone || c.Deleted || optedOut || hasLeft(&c, b.Lists)
		if c.Deleted {
			v.detail = "the contact was deleted during the import"
			continue
		}
		is := m.Decode(c.Fields)
		changed, carried := true, true
		for i := range wanted {
			if wanted[i] != old[i] && is[i] != wanted[i] {
				carried = false
				changed = changed && is[i] != old[i]
			}
		}
		switch {
		case c.Permission == contact.Unclear:
			v.detail = "Constant Contact counts a contact with this address but does not show it"
		case carried && optedOut && !updateUnsubscribed:
			return verdict{landed: true, filled: filled(m, wanted, old, c.Filled), left: notOn(&c, b), reason: Overstepped, detail: "the contact opted out during the import"}
		case carried:
			return verdict{landed: true, filled: filled(m, wanted, old, c.Filled), left: notOn(&c, b)}
		case optedOut && updateUnsubscribed:
			v.detail = "the contact opted out, and the import did not change it"
		case optedOut:
			v.detail = "the contact opted out during the import"
		case changed:
			return verdict{alone: v.alone, reason: Altered, detail: "the contact has another value"}
		default:
			v.detail = "the import ended, but the value did not arrive"
		}
	}
	if len(b.Errors) > 0 && v.reason != Lost {
		v.detail += such(len(b.Errors)) + b.Errors[0]
	}
	return v
}

// notOn are the lists that an import named and the contact is not on though he carries its values:
// he has left them since, even if nobody saw him there. Should they only be late, he is on them at
// the next look, and has left none.
func notOn(c *state.Contact, b *state.Batch) []string {
	return slices.DeleteFunc(slices.Clone(b.Lists), func(id string) bool { return slices.Contains(c.Lists, id) })
}

// hasLeft tells whether a contact left one of the lists.
func hasLeft(c *state.Contact, lists []string) bool {
	return slices.ContainsFunc(lists, func(id string) bool { return slices.Contains(c.Left, id) })
}

// filled are the values that this program wrote: those that it just changed, and of the others
// those that it had written before.
func filled(m *contact.Mapping, wanted, old []string, before string) string {
	ours := m.Decode(before)
	for i := range ours {
		switch {
		case wanted[i] != old[i]:
			ours[i] = wanted[i]
		case ours[i] != wanted[i]:
			ours[i] = ""
		}
	}
	return contact.Encode(ours)
}

// unexplained is the reason for a row that did not arrive, by how its batch ended.
func unexplained(b *state.Batch) string {
	switch b.Ending {
	case ccapi.StateCompleted, endedGone, endedDirect:
		return Lost
	case endedTimeout:
		return ActivityTimeout
	case endedRefused:
		return Rejected
	case endedBroken, endedForeign:
		return b.Ending
	}
	return ActivityFailed
}
