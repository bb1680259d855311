package plan

import (
	"bytes"
	"errors"
	"iter"

	"ccsyncd/sync/ahead"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// errOrder ends a plan whose users or contacts do not ascend.
var errOrder = errors.New("the rows are not in order; nothing was sent")

// pair is one normalised address in users, contacts or both.
//
//	user   contacts  equal   means
//	yes    yes       true    the contact carries the user's values: nothing to do
//	yes    yes       false   something differs, or several contacts share the address
//	yes    no        false   the user is no contact
//	nil    yes       false   no row stands for the contact
type pair struct {
	norm   string      // only when equal is false
	user   *users.User // valid until the next pair
	known  bool        // the mirror has contacts of this address
	equal  bool
	fields string // of the first contact
}

// join merges users and contacts, both ascending by the bytes of their normalised address, on
// address and values alone. A stream out of order ends it with an error: a merge over a wrong order
// invents joiners and leavers.
func join(users iter.Seq2[*users.User, error], contacts *entries) iter.Seq2[pair, error] {
	return func(yield func(pair, error) bool) {
		j := joiner{contacts: contacts, yield: yield}
		for u, err := range users {
			if err == nil && bytes.Compare(u.Norm, j.last) <= 0 && j.last != nil {
				err = errOrder
			}
			if err != nil {
				yield(pair{}, err)
				return
			}
			j.last = append(j.last[:0], u.Norm...)
			if !j.orphansBefore(u.Norm) || !j.meet(u) {
				return
			}
		}
		j.orphansBefore(nil)
	}
}

type joiner struct {
	contacts *entries
	yield    func(pair, error) bool
	last     []byte
}

// orphansBefore yields the contacts in front of an address, all that are left when it is nil.
func (j *joiner) orphansBefore(norm []byte) bool {
	for j.contacts.ok && (norm == nil || j.contacts.head.Norm < string(norm)) {
		p := pair{norm: j.contacts.head.Norm, known: true, fields: j.contacts.head.Fields}
		for j.contacts.ok && j.contacts.head.Norm == p.norm {
			j.contacts.advance()
		}
		if !j.yield(p, nil) {
			return false
		}
	}
	if j.contacts.err != nil {
		j.yield(pair{}, j.contacts.err)
		return false
	}
	return true
}

// meet yields a user with the contacts of its address.
func (j *joiner) meet(u *users.User) bool {
	p := pair{user: u}
	several := false
	for j.contacts.ok && j.contacts.head.Norm == string(u.Norm) {
		several = p.known
		if !p.known {
			p.known, p.fields = true, j.contacts.head.Fields
		}
		j.contacts.advance()
	}
	if j.contacts.err != nil {
		j.yield(pair{}, j.contacts.err)
		return false
	}
	p.equal = p.known && !several && u.Skip == "" && p.fields != "" && p.fields == string(u.First.Fields)
	if !p.equal {
		p.norm = string(u.Norm)
	}
	return j.yield(p, nil)
}

// entries is the mirror's side of the join, read ahead. total counts them, carriers those with a
// value, by field.
type entries struct {
	*ahead.Reader[state.Entry]
	head     state.Entry
	ok       bool
	err      error
	total    int
	carriers []int
}

// readEntries starts reading. Close them.
func readEntries(seq iter.Seq2[state.Entry, error], fields int) *entries {
	e := &entries{Reader: ahead.Read(seq, keepEntry), carriers: make([]int, fields)}
	e.advance()
	return e
}

func keepEntry(into *state.Entry, from state.Entry) int {
	*into = from
	return len(from.Norm) + len(from.Fields)
}

// advance moves to the next entry and checks that they ascend.
func (e *entries) advance() {
	next := e.Reader.Advance()
	switch {
	case next == nil:
		e.ok, e.err = false, e.Reader.Err()
	case e.ok && next.Norm < e.head.Norm:
		e.ok, e.err = false, errOrder
	default:
		e.head, e.ok = *next, true
		e.total++
		e.count(next.Fields)
	}
}

// count notes which fields of a contact have a value.
func (e *entries) count(fields string) {
	if len(e.carriers) == 1 {
		if fields != "" {
			e.carriers[0]++
		}
		return
	}
	field, empty := 0, true
	for i := range len(fields) {
		if fields[i] == state.Separator[0] {
			field, empty = field+1, true
			continue
		}
		if empty && field < len(e.carriers) {
			e.carriers[field]++
			empty = false
		}
	}
}
