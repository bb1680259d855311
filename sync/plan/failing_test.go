package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// crowd is an account and rows with about as many users of each kind as are looked up at once.
// Those that only one side knows by a unique value are exactly three times as many, so that the
// last of them fills a look-up.
func crowd(t *testing.T, m *contact.Mapping) (*account, *users.Users) {
	t.Helper()
	a := of()
	var rows []string
	filled := func(key string) func(*state.Contact) {
		return func(c *state.Contact) { c.Filled, c.FilledKey = c.Fields, key }
	}
	for i := range chunk + 1 {
		rows = append(rows, fmt.Sprintf("k%d known%04d@x.example N%d -", i, i, i))
		a.contacts = append(a.contacts, at(fmt.Sprintf("known%04d@x.example", i), fields("OLD", "")),
			at(fmt.Sprintf("gone%04d@x.example", i), fields(fmt.Sprint("G", i), ""), filled(fmt.Sprint("g", i))))
		if i < chunk {
			a.contacts = append(a.contacts, at(fmt.Sprintf("left%04d@x.example", i), fields(fmt.Sprint("L", i), ""), filled("")))
		}
		if i < chunk-1 {
			rows = append(rows, fmt.Sprintf("w%d who%04d@x.example W%d -", i, i, i))
		}
	}
	return of(a.contacts...), read(t, m, rows...)
}

// Whatever cannot be read, no plan is made of the rest.
func TestAMirrorThatFailsAnywhereEndsThePlan(t *testing.T) {
	t.Parallel()
	errMirror := errors.New("the mirror cannot be read")
	few, many := twoFields(), twoFields()
	many.Targets[0].Unique = true
	a, us := everyone(t, few)
	b, them := crowd(t, many)
	for name, c := range map[string]struct {
		mapping *contact.Mapping
		account *account
		users   *users.Users
		entries bool // each may fail, too
	}{"a few": {few, a, us, true}, "more than are looked up at once": {many, b, them, false}} {
		r := Rules{Mapping: c.mapping, Create: true, ClearOrphans: true, Now: now, Scratch: t.TempDir()}
		for what, try := range map[string]func(*Plan) (*Plan, error){
			"make": func(*Plan) (*Plan, error) { return Make(t.Context(), r, c.account, c.users, nil) },
			"explain": func(*Plan) (*Plan, error) {
				_, err := Decide(t.Context(), r, c.account, c.users, "ida@example.com")
				return nil, err
			},
			"rest":  func(p *Plan) (*Plan, error) { return p.Rest(t.Context(), c.account, c.users, now) },
			"again": func(p *Plan) (*Plan, error) { return p.Again(t.Context(), c.account, now) },
		} {
			if (what == "explain" || what == "rest") && !c.entries {
				continue // as a plan is made
			}
			failed := true
			for n := 0; failed; n++ {
				c.account.fails, failed = nil, false
				p := made(t, r, c.account, c.users, nil)
				calls := 0
				c.account.fails = func(what string) error {
					if what == "entry" && !c.entries {
						return nil
					}
					if calls++; calls != n+1 {
						return nil
					}
					failed = true
					return errMirror
				}
				got, err := try(p)
				if got != nil {
					got.Close()
				}
				if errors.Is(err, errMirror) != failed || err != nil && got != nil {
					t.Fatalf("%s, %s: call %d failed: %t, and the error is %v", name, what, n, failed, err)
				}
			}
		}
		c.account.fails = nil
	}
	entries := 0 // which are read ahead, some hundred at a time
	b.fails = func(what string) error {
		if what == "entry" {
			entries++
		}
		if entries > 600 {
			return errMirror
		}
		return nil
	}
	if p, err := Make(t.Context(), Rules{Mapping: many, Now: now, Scratch: t.TempDir()}, b, them, nil); p != nil || !errors.Is(err, errMirror) {
		t.Errorf("in the middle of the contacts: %v", err)
	}
}

// A spool that holds less than it was given would make users look gone.
func TestADiskThatFailsEndsThePlan(t *testing.T) {
	t.Parallel()
	// two of them do not fit into memory
	huge := func(text string) string { return text + strings.Repeat("x", 1<<20) }
	unique := twoFields()
	unique.Targets[0].Unique = true
	filled := func(key string) func(*state.Contact) {
		return func(c *state.Contact) { c.Filled, c.FilledKey = c.Fields, key }
	}
	old := []state.Contact{at("a@x.example", fields("OLD", "")), at("b@x.example", fields("OLD", ""))}
	for name, c := range map[string]struct {
		mapping  *contact.Mapping
		contacts []state.Contact
		rows     []string
	}{
		"changes":                     {twoFields(), old, []string{huge("1") + " a@x.example A -", huge("2") + " b@x.example B -"}},
		"users without a contact":     {unique, nil, []string{huge("1") + " a@x.example A -", huge("2") + " b@x.example B -"}},
		"contacts without a user":     {unique, []state.Contact{at("a@x.example", fields(huge("A"), "")), at("b@x.example", fields(huge("B"), ""))}, nil},
		"values without an address":   {unique, nil, []string{"1 none " + huge("A") + " -", "2 none " + huge("B") + " -"}},
		"keys without an address":     {twoFields(), nil, []string{huge("1") + " none A -", huge("2") + " none B -"}},
		"keys of rows that are none":  {twoFields(), nil, []string{huge("1") + " a@x.example A -", huge("2") + " a@x.example B -"}},
		"keys of rows that are not":   {twoFields(), []state.Contact{at("a@x.example", fields("OLD", ""), optedOff), at("b@x.example", fields("OLD", ""), optedOff)}, []string{huge("1") + " a@x.example A -", huge("2") + " b@x.example B -"}},
		"keys of contacts, by itself": {twoFields(), []state.Contact{at("a@x.example", fields("A", ""), filled(huge("1"))), at("b@x.example", fields("B", ""), filled(huge("2")))}, nil},
	} {
		missing := filepath.Join(t.TempDir(), "missing")
		r := Rules{Mapping: c.mapping, Create: true, ClearOrphans: true, Now: now, Scratch: missing}
		us := read(t, c.mapping, c.rows...)
		if p, err := Make(t.Context(), r, of(c.contacts...), us, nil); p != nil || !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "plan: make room to sort: ") {
			t.Errorf("%s: %.100v", name, err)
		}
		if c.mapping == unique || len(c.rows) == 0 {
			continue
		}
		r.Scratch, r.ClearOrphans = t.TempDir(), false
		p, err := Make(t.Context(), r, of(c.contacts...), us, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		changes := p.Len()
		p.Scratch = missing
		if _, err := p.Again(t.Context(), of(c.contacts...), now); errors.Is(err, fs.ErrNotExist) != (changes > 1) {
			t.Errorf("%s, planned again: %.100v", name, err)
		}
	}
	s := newSharing(twoFields(), t.TempDir())
	d := &decision{old: []string{"A", ""}, wanted: []string{"B", ""}}
	if err := s.add(d); err != nil {
		t.Fatal(err)
	}
	s.values.Close()
	if _, err := s.count(); err == nil || s.add(d) == nil {
		t.Error("values that are lost are counted")
	}
}

// Who reads a plan whose changes are not there any more is told.
func TestAClosedPlanIsNotAnEmptyOne(t *testing.T) {
	t.Parallel()
	m := twoFields()
	a, us := everyone(t, m)
	norms := spool.New(t.TempDir())
	closed := made(t, Rules{Mapping: m}, a, us, nil)
	closed.Close()
	replaced := made(t, Rules{Mapping: m}, a, us, nil)
	again, err := replaced.Again(t.Context(), a, now)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*Plan{"closed": closed, "replaced": replaced} {
		for what, read := range map[string]func() error{
			"each": func() (err error) {
				for _, err = range p.Each() {
				}
				return err
			},
			"places": func() (err error) {
				for _, err = range p.Places() {
				}
				return err
			},
			"ahead":       func() error { _, err := p.Ahead(5); return err },
			"count among": func() error { _, err := p.CountAmong(norms); return err },
			"again":       func() error { _, err := p.Again(t.Context(), a, now); return err },
		} {
			if err := read(); err == nil || !strings.Contains(err.Error(), "closed") {
				t.Errorf("a plan that is %s, %s: %v", name, what, err)
			}
		}
	}
	if _, err := closed.Rest(t.Context(), a, us, now); err == nil || !strings.HasPrefix(err.Error(), "plan: ") {
		t.Errorf("the rest of a closed plan: %v", err)
	}
	norms.Close()
	if _, err := again.CountAmong(norms); err == nil {
		t.Error("a closed spool has nobody in it")
	}
	again.Close()
}

// Rows that cannot be read to their end would make users look gone.
func TestRowsThatCannotBeReadEndThePlan(t *testing.T) {
	t.Parallel()
	m := twoFields()
	for name, lose := range map[string]func(*users.Users){
		"rows": func(us *users.Users) { us.Close() }, "keys": func(us *users.Users) { us.Keys.Close() }, "values": func(us *users.Users) { us.Homeless.Close() },
	} {
		a, us := everyone(t, m)
		lose(us)
		r := Rules{Mapping: m, ClearOrphans: true, Now: now, Scratch: t.TempDir()}
		if p, err := Make(t.Context(), r, a, us, nil); p != nil || err == nil || !strings.HasPrefix(err.Error(), "plan: ") {
			t.Errorf("without the %s: %v", name, err)
		}
	}
}
