package plan

import (
	"strings"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// Outgoing is one contact on its way into a batch.
type Outgoing struct {
	Row state.BatchRow
	// Lists are the ids that the import names. Empty for a contact that is cleared; of another, the
	// import may name any of Row.Lists.
	Lists  []string
	Orphan bool // no row stands for the contact
}

// OptedOut tells that the contact opted out: its fields alone are sent.
func (o *Outgoing) OptedOut() bool {
	return o.Row.Action != string(Create) && contact.OptedOut(o.Row.Permission)
}

// Append writes it behind buf, for a spool.
func (o *Outgoing) Append(buf []byte) []byte {
	return spool.AppendTexts(buf, mark(o.Orphan), o.Row.Norm, o.Row.ID, o.Row.Address, o.Row.Key, o.Row.Action, o.Row.Wanted, o.Row.Old,
		o.Row.Permission, strings.Join(o.Row.Lists, " "), strings.Join(o.Lists, " "))
}

// Parse reads what Append wrote, and returns what stands behind.
func (o *Outgoing) Parse(buf []byte) (rest []byte) {
	var orphan, on, lists string
	rest = spool.ParseTexts(buf, &orphan, &o.Row.Norm, &o.Row.ID, &o.Row.Address, &o.Row.Key, &o.Row.Action, &o.Row.Wanted, &o.Row.Old, &o.Row.Permission, &on, &lists)
	o.Row.Lists, o.Lists, o.Orphan = strings.Fields(on), strings.Fields(lists), orphan != ""
	return rest
}

// mark is a yes or no as a text.
func mark(is bool) string {
	if is {
		return "y"
	}
	return ""
}

func newOutgoing(s *subject, d *decision) Outgoing {
	o := Outgoing{Row: state.BatchRow{Norm: s.norm, ID: d.contact.ID, Address: d.contact.Address, Key: s.key, Action: string(d.action),
		Wanted: contact.Encode(d.wanted), Old: contact.Encode(d.old), Lists: d.contact.Lists,
		Permission: permissionOf(d.contact, s.contacts)}, Lists: d.lists, Orphan: s.fields == nil}
	if d.action == Create {
		o.Row.Address = sendable(s.address, s.norm)
	}
	if d.action == Update && len(d.lists) == 0 {
		o.Row.Lists = UniqueLists(d.onLists)
	}
	return o
}

// permissionOf is that of a contact, or of another one of its address who opted out: one is taken
// for all.
func permissionOf(c state.Contact, all []state.Contact) string {
	if contact.OptedOut(c.Permission) {
		return c.Permission
	}
	for _, other := range all {
		if contact.OptedOut(other.Permission) {
			return other.Permission
		}
	}
	return c.Permission
}

// sendable is an address for an import: in front of the @ as the app has it, the domain in its
// ASCII form.
func sendable(address, norm string) string {
	return address[:strings.LastIndexByte(address, '@')] + norm[strings.LastIndexByte(norm, '@'):]
}

// step is a change in the plan's own spool: what goes out, and what it takes to decide on it
// again.
type step struct {
	out       Outgoing
	addresses []string // under which its contacts are read
	address   string   // of the row
	fields    string   // of the row: what the plan wanted may have kept some of the contact's
}

func newStep(s *subject, d *decision) step {
	st := step{out: newOutgoing(s, d), addresses: PlaceOf(s.norm, "", s.contacts).Addresses, address: s.address,
		fields: contact.Encode(s.fields)}
	if len(st.addresses) == 0 {
		st.addresses = []string{sendable(s.address, s.norm)}
	}
	return st
}

func (st *step) append(buf []byte) []byte {
	buf = st.out.Append(buf)
	return spool.AppendTexts(buf, st.address, st.fields, strings.Join(st.addresses, state.Separator))
}

func (st *step) parse(buf []byte) {
	var addresses string
	spool.ParseTexts(st.out.Parse(buf), &st.address, &st.fields, &addresses)
	st.addresses = strings.Split(addresses, state.Separator)
}

// subject is what is decided on again.
func (st *step) subject(m *contact.Mapping) subject {
	s := subject{norm: st.out.Row.Norm, key: st.out.Row.Key, address: st.address, newcomer: st.out.Row.Action == string(Create)}
	if !st.out.Orphan {
		s.fields = m.Decode(st.fields)
	}
	return s
}

func subjectOf(norm string, rec *users.Record, m *contact.Mapping) subject {
	return subject{norm: norm, key: string(rec.Key), address: string(rec.Address), fields: m.Decode(string(rec.Fields))}
}
