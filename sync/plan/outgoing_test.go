package plan

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
)

// One of each kind of change proves more than many of one kind.
func TestOneOfEachKindOfChangeGoesAhead(t *testing.T) {
	t.Parallel()
	m := twoFields()
	a, us := everyone(t, m)
	p := made(t, Rules{Mapping: m, Create: true, ClearOrphans: true}, a, us, nil)
	order := []string{"ben@example.com", "dan@example.com", "kim@example.com", "new.man@xn--bcher-kva.example", "cid@example.com", "ida@example.com"}
	for n := range 8 {
		chosen, err := p.Ahead(n)
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Sorted(slices.Values(order[:min(n, len(order))]))
		wantLines(t, fmt.Sprintf("%d go ahead", n), slices.Sorted(maps.Keys(chosen)), want)
		for norm, is := range chosen {
			if !is {
				t.Errorf("%s is chosen and is not", norm)
			}
		}
	}
}

func TestChangesAreOfOneKindWhereAnImportDoesTheSame(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Outgoing{
		"update":           {Row: state.BatchRow{Action: "update", Old: "A", Lists: []string{"l"}}, Lists: []string{"l"}},
		"update fill":      {Row: state.BatchRow{Action: "update", Lists: []string{"l"}}},
		"update join":      {Row: state.BatchRow{Action: "update", Old: "A", Lists: []string{"l"}}, Lists: []string{"l", "k"}},
		"create fill join": {Row: state.BatchRow{Action: "create"}, Lists: []string{"l"}},
		"clear":            {Row: state.BatchRow{Action: "clear", Old: "A", Lists: []string{"l"}}},
	} {
		o.Row.Permission = "implicit"
		if got := kindOf(&o); got != want {
			t.Errorf("%+v is of the kind %q, want %q", o, got, want)
		}
	}
}

// The recheck reads each contact under the address that Constant Contact has.
func TestEachChangeHasAPlaceWhereItsContactsAreRead(t *testing.T) {
	t.Parallel()
	m := twoFields()
	a, us := everyone(t, m)
	other := func(c *state.Contact) { c.Norm = "cid@example.com" }
	a.contacts = of(append(a.contacts, at("CID@example.com", fields("X", "x")), at("c.i.d@example.com", fields("", "x"), other))...).contacts
	p := made(t, Rules{Mapping: m, Create: true}, a, us, nil)
	var places []string
	for place, err := range p.Places() {
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, fmt.Sprintf("%s at %q, create %t", place.Norm, place.Addresses, place.Create))
	}
	wantLines(t, "places", places, []string{
		`ben@example.com at ["ben@example.com"], create false`,
		`cid@example.com at ["cid@example.com" "c.i.d@example.com"], create false`,
		`dan@example.com at ["dan@example.com"], create false`,
		`kim@example.com at ["Kim@example.com"], create false`,
		`new.man@xn--bcher-kva.example at ["New.Man@xn--bcher-kva.example"], create true`,
	})
	for range p.Places() {
		break
	}
	for name, c := range map[string]struct {
		address  string
		contacts []state.Contact
		want     []string
	}{
		"nothing is known":          {"", nil, nil},
		"the spelling of a row":     {"Ann@x.example", nil, []string{"Ann@x.example"}},
		"and that of its contact":   {"Ann@x.example", []state.Contact{{Address: "ANN@x.example"}}, []string{"Ann@x.example"}},
		"two in different spelling": {"", []state.Contact{{Address: "b\u00fc@x.example"}, {Address: "bu@x.example"}}, []string{"b\u00fc@x.example", "bu@x.example"}},
	} {
		if got := PlaceOf("norm", c.address, c.contacts); got.Norm != "norm" || got.Create || !slices.Equal(got.Addresses, c.want) {
			t.Errorf("%s: %+v, want %q", name, got, c.want)
		}
	}
}

// What is true of one contact of an address is taken for all: an import names no more than the
// address.
func TestWhoOptedOutUnderOneOfTwoContactsGoesOutAsOptedOut(t *testing.T) {
	t.Parallel()
	on := func(lists ...string) func(*state.Contact) { return func(c *state.Contact) { c.Lists = lists } }
	for name, contacts := range map[string][]state.Contact{
		"the first": {known(fields("A", ""), optedOff, on("x", "k", "l", "k")), known(fields("A", ""), on("k", "x"))},
		"another":   {known(fields("A", ""), on("x", "k", "k")), known(fields("A", ""), optedOff, on("k", "x", "l"))},
	} {
		s := subject{norm: "ann@example.com", address: "ann@example.com", fields: []string{"B", ""}, contacts: contacts}
		d := decide(&Rules{Mapping: twoFields(), UpdateUnsubscribed: true}, &s)
		o := newOutgoing(&s, &d)
		if !o.OptedOut() || o.Row.Permission != "unsubscribed" || len(o.Lists) > 0 || !slices.Equal(o.Row.Lists, []string{"k", "x"}) {
			t.Errorf("%s: %+v", name, o)
		}
	}
	s := subject{norm: "ann@example.com", fields: []string{"B", ""}, contacts: []state.Contact{known("", on("x", "l")), known("", func(c *state.Contact) { c.Permission = "explicit" })}}
	d := decide(&Rules{Mapping: twoFields()}, &s)
	if o := newOutgoing(&s, &d); o.Row.Permission != "implicit" || !slices.Equal(o.Lists, []string{"l"}) || !slices.Equal(o.Row.Lists, []string{"x", "l"}) {
		t.Errorf("none opted out: %+v", o)
	}
}

// The guard of the next day counts what was sent by the rows of the batches.
func TestARowOfABatchCountsForTheGuardAsItsChangeDid(t *testing.T) {
	t.Parallel()
	m := twoFields()
	for name, c := range map[string]struct {
		row   state.BatchRow
		lists []string
		want  string // changes, creates, clears, joins
	}{
		"a change":           {state.BatchRow{Action: "update", Wanted: fields("B", "x"), Old: fields("A", "x"), Lists: []string{"l"}}, []string{"l"}, "{map[code:1] 0 0 0}"},
		"a fill, and a join": {state.BatchRow{Action: "update", Wanted: fields("B", "x"), Old: fields("", "x"), Lists: []string{"l"}}, []string{"k", "l"}, "{map[] 0 0 1}"},
		"a new contact":      {state.BatchRow{Action: "create", Wanted: fields("B", "x")}, []string{"l"}, "{map[] 0 1 0}"},
		"a clear":            {state.BatchRow{Action: "clear", Wanted: fields("", "y"), Old: fields("A", "x")}, []string{"l"}, "{map[plan:1] 1 0 0}"},
	} {
		var tally state.Tally
		if Count(&tally, m, &c.row, c.lists); fmt.Sprint(tally) != c.want {
			t.Errorf("%s counts as %v, want %s", name, tally, c.want)
		}
	}
}

func TestThePlannedAmongOthersAreCounted(t *testing.T) {
	t.Parallel()
	m := twoFields()
	a, us := everyone(t, m)
	p := made(t, Rules{Mapping: m}, a, us, nil)
	norms := spool.New(t.TempDir())
	defer norms.Close()
	for _, norm := range []string{"kim@example.com", "ann@example.com", "cid@example.com", "ben@example.com", "zoe@example.com", "ben@example.com"} {
		if err := norms.Add([]byte(norm), nil); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := p.CountAmong(norms); n != 3 || err != nil {
		t.Errorf("%d of the changes are among them (%v), want 3", n, err)
	}
}

func TestAPlanCanBeSentUnderOtherNamesOfItsFields(t *testing.T) {
	t.Parallel()
	m := twoFields()
	a, us := everyone(t, m)
	p := made(t, Rules{Mapping: m}, a, us, nil)
	other := &contact.Mapping{Targets: slices.Clone(m.Targets)}
	other.Targets[0].Name = "another"
	if renamed := p.Renamed(other); renamed.Mapping != other || p.Mapping != m || renamed.Len() != p.Len() {
		t.Errorf("%d changes, and the mapping %+v", renamed.Len(), renamed.Mapping)
	}
}
