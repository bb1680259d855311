package sandbox

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// account is everything that belongs to the account of the sandbox: what a
// snapshot holds. Contacts are in the order in which they came.
type account struct {
	Owner      owner          `json:"owner"`
	Contacts   []*contact     `json:"contacts"`
	Fields     []*customField `json:"custom_fields"`
	Lists      []*list        `json:"lists"`
	Tags       []*tag         `json:"tags"`
	Activities []*activity    `json:"activities"`
	Dropped    []droppedField `json:"dropped_fields,omitempty"`

	byID      map[string]*contact
	byAddress map[string][]*contact
	pages     []*contact // in the order of pages
	newestIn  bool       // pages are sorted so that the newest comes first
	sorted    bool
	scramble  uint64
	newest    stamp     // no contact was updated later
	hidden    time.Time // until then readers do not see every contact as it is
}

func newAccount(seed uint64) *account {
	a := &account{Owner: defaultOwner(), scramble: seed}
	a.index()
	return a
}

// index builds the look-up tables again.
func (a *account) index() {
	a.byID = make(map[string]*contact, len(a.Contacts))
	a.byAddress = make(map[string][]*contact, len(a.Contacts))
	a.pages, a.newest = a.pages[:0], 0
	for _, c := range a.Contacts {
		a.enter(c)
	}
}

// enter makes a contact findable.
func (a *account) enter(c *contact) {
	c.rank = rank(c.ID, a.scramble)
	a.byID[c.ID] = c
	if c.Address != "" {
		key := foldAddress(c.Address)
		a.byAddress[key] = append(a.byAddress[key], c)
	}
	a.pages = append(a.pages, c)
	a.newest = max(a.newest, c.Updated)
	a.sorted = false
}

func (a *account) add(c *contact) {
	a.Contacts = append(a.Contacts, c)
	a.enter(c)
}

// rename gives a contact another address.
func (a *account) rename(c *contact, address string) {
	old := foldAddress(c.Address)
	a.byAddress[old] = slices.DeleteFunc(a.byAddress[old], func(o *contact) bool { return o == c })
	if len(a.byAddress[old]) == 0 {
		delete(a.byAddress, old)
	}
	c.Address = address
	if address != "" {
		key := foldAddress(address)
		a.byAddress[key] = append(a.byAddress[key], c)
	}
}

// ordered is every contact in the order of pages: stable, and one that neither
// id nor time nor address explains, or the newest first.
func (a *account) ordered(newestFirst bool) []*contact {
	if !a.sorted || a.newestIn != newestFirst {
		slices.SortFunc(a.pages, func(x, y *contact) int {
			byTime := 0
			if newestFirst {
				byTime = cmp.Compare(y.Created, x.Created)
			}
			return cmp.Or(byTime, cmp.Compare(x.rank, y.rank), strings.Compare(x.ID, y.ID))
		})
		a.sorted, a.newestIn = true, newestFirst
	}
	return a.pages
}

// rank scrambles an id into a place in the order of pages.
func rank(id string, seed uint64) uint64 {
	x := seed + 0x9e3779b97f4a7c15
	for b := []byte(id); len(b) > 0; {
		var word [8]byte
		b = b[copy(word[:], b):]
		x = (x ^ binary.LittleEndian.Uint64(word[:])) * 0xff51afd7ed558ccd
		x ^= x >> 32
	}
	return x
}

// byEmail is the contact that has an address: of several the one that is not
// deleted, else the oldest; nil for none.
func (a *account) byEmail(address string) *contact {
	twins := a.byAddress[foldAddress(address)]
	for _, c := range twins {
		if c.Deleted == 0 {
			return c
		}
	}
	if len(twins) == 0 {
		return nil
	}
	return twins[0]
}

// find is the contact with an id or an address, nil for none.
func (a *account) find(key string) *contact {
	if c := a.byID[key]; c != nil {
		return c
	}
	return a.byEmail(key)
}

func (a *account) field(id string) *customField {
	return first(a.Fields, func(f *customField) bool { return f.ID == id })
}

// fieldNamed finds a custom field by name or label, without regard to case.
func (a *account) fieldNamed(name string) *customField {
	return first(a.Fields, func(f *customField) bool {
		return strings.EqualFold(f.Name, name) || strings.EqualFold(f.Label, name)
	})
}

func (a *account) list(id string) *list {
	return first(a.Lists, func(l *list) bool { return l.ID == id && l.Deleted == 0 })
}

// listNamed finds a list by id or name.
func (a *account) listNamed(key string) *list {
	return first(a.Lists, func(l *list) bool {
		return l.Deleted == 0 && (l.ID == key || strings.EqualFold(l.Name, key))
	})
}

func (a *account) tag(id string) *tag {
	return first(a.Tags, func(t *tag) bool { return t.ID == id })
}

// first is the first element that fits, nil for none.
func first[T any](all []*T, fits func(*T) bool) *T {
	i := slices.IndexFunc(all, fits)
	if i < 0 {
		return nil
	}
	return all[i]
}
