package mirror

import (
	"context"
	"iter"
	"slices"
	"strings"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

// view reads contacts of one mapping under another, without changing anything. Of contacts in a
// private mirror it takes what is remembered of them, what was filled and which lists they left,
// from the real one.
type view struct {
	db      *state.DB // where the contacts are
	state   *state.DB // where everything else is
	from    string    // the mapping that db's contacts have; "" for mapping
	mapping string    // the mapping that they are wanted in
	real    string    // the mapping of state's contacts, where db is another
	unread  bool      // no refresh was ever complete: the values say nothing
}

func (v *view) key() string {
	if v.from != "" || v.unread { // before the first refresh the mirror has no mapping
		return v.from
	}
	return v.mapping
}

// Look is the mirror of a state file as a plan of this mapping sees it, whatever mapping the
// mirror has. lacks are the fields, in the words of the mapping's key, that the mirror does not
// have: they are taken as empty.
func Look(ctx context.Context, db *state.DB, m *contact.Mapping) (look View, lacks []string, err error) {
	at, err := db.Mirror(ctx)
	if err != nil {
		return View{}, nil, err
	}
	v := view{db: db, state: db, mapping: m.Key(), unread: at.Mark.IsZero()}
	if v.unread {
		v.from = at.Mapping
	}
	if at.Mapping != v.mapping && !at.Mark.IsZero() {
		v.from, lacks = at.Mapping, lacking(at.Mapping, v.mapping)
	}
	return View{view: v, foreign: foreign(at, v.mapping)}, lacks, nil
}

// View is what a plan reads of a mirror.
type View struct {
	view
	foreign bool
}

// Foreign tells whether a dry run of the view's mapping would leave the mirror as it is.
func (v *View) Foreign() bool { return v.foreign }

// Unread tells whether no refresh was ever complete: nobody knows who is a contact.
func (v *View) Unread() bool { return v.unread }

// lacking are the fields of one mapping that another does not have.
func lacking(has, wanted string) []string {
	known := strings.Fields(has)
	return slices.DeleteFunc(strings.Fields(wanted), func(key string) bool { return slices.Contains(known, key) })
}

// Entries yields every contact with an address, ascending by the bytes of its normalised address.
func (v *view) Entries(ctx context.Context) iter.Seq2[state.Entry, error] {
	carry := contact.Carry(v.key(), v.mapping)
	return func(yield func(state.Entry, error) bool) {
		if v.unread {
			return
		}
		for e, err := range v.db.Entries(ctx, v.key()) {
			if v.from != "" && e.Fields != "" {
				e.Fields = carry(e.Fields)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// Contacts returns the contacts of these normalised addresses, ascending by them.
func (v *view) Contacts(ctx context.Context, norms []string) ([]state.Contact, error) {
	contacts, err := v.db.Contacts(ctx, v.key(), norms)
	if err != nil {
		return nil, err
	}
	if v.db != v.state {
		return contacts, v.remember(ctx, contacts, norms)
	}
	for i := range contacts {
		if v.unread {
			contacts[i].Fields, contacts[i].Filled = "", ""
		}
	}
	if v.from != "" && !v.unread {
		carry := contact.Carry(v.from, v.mapping)
		for i := range contacts {
			contacts[i].Fields, contacts[i].Filled = carried(carry, contacts[i].Fields), carried(carry, contacts[i].Filled)
		}
	}
	return contacts, nil
}

func carried(carry func(string) string, fields string) string {
	if fields == "" {
		return ""
	}
	return carry(fields)
}

// remember takes over what the real mirror remembers of contacts. One that an export showed there
// has no id.
func (v *view) remember(ctx context.Context, contacts []state.Contact, norms []string) error {
	known, err := v.state.Contacts(ctx, v.real, norms)
	if err != nil {
		return err
	}
	carry := contact.Carry(v.real, v.mapping)
	for i := range contacts {
		c := &contacts[i]
		for _, k := range known {
			if k.Norm != c.Norm || k.ID != c.ID && !k.Unnamed() {
				continue
			}
			c.Filled, c.FilledKey = carried(carry, k.Filled), k.FilledKey
			c.Left = slices.DeleteFunc(append(slices.Clone(k.Left), k.Lists...), func(id string) bool { return slices.Contains(c.Lists, id) })
		}
	}
	return nil
}

// ProblemsOf returns the open problems of these normalised addresses.
func (v *view) ProblemsOf(ctx context.Context, norms []string) (map[string]state.Problem, error) {
	return v.state.ProblemsOf(ctx, norms)
}

// Pending tells which of these normalised addresses stand in a batch that is not settled.
func (v *view) Pending(ctx context.Context, norms []string) (map[string]bool, error) {
	return v.state.Pending(ctx, norms)
}

// AnyPending tells whether there is a batch that is not settled.
func (v *view) AnyPending(ctx context.Context) (bool, error) { return v.state.AnyPending(ctx) }

// Entries yields every contact with an address, ascending by the bytes of its normalised address.
func (m *Mirror) Entries(ctx context.Context) iter.Seq2[state.Entry, error] {
	return m.view.Entries(ctx)
}

// Contacts returns the contacts of these normalised addresses, ascending by them. One that the
// account counts and does not show has the permission contact.Unclear.
func (m *Mirror) Contacts(ctx context.Context, norms []string) ([]state.Contact, error) {
	contacts, err := m.view.Contacts(ctx, norms)
	if err != nil || len(m.unclear) == 0 {
		return contacts, err
	}
	for _, norm := range norms {
		if m.unclear[norm] && !slices.ContainsFunc(contacts, func(c state.Contact) bool { return c.Norm == norm }) {
			contacts = append(contacts, state.Contact{ID: state.UnnamedID(norm), Norm: norm, Address: norm, Permission: contact.Unclear, Fields: contact.Encode(make([]string, len(m.mapping.Targets)))})
		}
	}
	slices.SortStableFunc(contacts, func(x, y state.Contact) int { return strings.Compare(x.Norm, y.Norm) })
	return contacts, nil
}

// ProblemsOf returns the open problems of these normalised addresses.
func (m *Mirror) ProblemsOf(ctx context.Context, norms []string) (map[string]state.Problem, error) {
	return m.view.ProblemsOf(ctx, norms)
}

// Pending tells which of these normalised addresses stand in a batch that is not settled.
func (m *Mirror) Pending(ctx context.Context, norms []string) (map[string]bool, error) {
	return m.view.Pending(ctx, norms)
}

// AnyPending tells whether there is a batch that is not settled.
func (m *Mirror) AnyPending(ctx context.Context) (bool, error) { return m.view.AnyPending(ctx) }

// foreign tells whether this is a dry run whose mapping is not that of a mirror that somebody else
// uses.
func (m *Mirror) foreign() bool { return m.Write == nil && foreign(m.at, m.mapping.Key()) }

func foreign(at state.Mirror, mapping string) bool {
	return at.Mapping != mapping && (at.Mapping != "" || at.Loading > 0 || !at.Mark.IsZero())
}

// lookOnly looks at a mirror of another mapping. When it has all contacts and fields that are
// wanted they are carried over on the fly. Otherwise all contacts are read into a mirror of the
// run's own, which is removed with it.
func (m *Mirror) lookOnly(ctx context.Context) error {
	forgotten, err := m.State.ReadingWanted(ctx)
	if err != nil {
		return err
	}
	if forgotten == "" && !m.at.Mark.IsZero() && len(lacking(m.at.Mapping, m.mapping.Key())) == 0 {
		m.view.from = m.at.Mapping
		m.Note("the configuration maps other fields than the local copy of the contacts; this dry run uses the contacts as last read, " + m.at.Mark.Format("2006-01-02 15:04 MST"))
		m.tell("none")
		return nil
	}
	private, remove, err := state.Temporary(ctx, m.Scratch)
	if err != nil {
		return err
	}
	m.remove = remove
	m.view = view{db: private, state: m.State, mapping: m.mapping.Key(), real: m.at.Mapping}
	m.db = private
	if m.at, err = private.Mirror(ctx); err != nil {
		return err
	}
	m.Note("the configuration maps other fields than the local copy of the contacts; this dry run read all contacts separately")
	if err := m.carryOver(ctx); err != nil {
		return err
	}
	return m.Snapshot(ctx)
}
