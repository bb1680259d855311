package plan

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"ccsyncd/source"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// account is what a mirror shows.
type account struct {
	contacts []state.Contact
	problems map[string]state.Problem
	pending  map[string]bool
	fails    func(what string) error // nil: nothing does
}

// of is an account with these contacts.
func of(contacts ...state.Contact) *account {
	slices.SortStableFunc(contacts, func(x, y state.Contact) int { return cmp.Compare(x.Norm, y.Norm) })
	return &account{contacts: contacts, problems: make(map[string]state.Problem), pending: make(map[string]bool)}
}

func (a *account) fail(what string) error {
	if a.fails == nil {
		return nil
	}
	return a.fails(what)
}

func (a *account) Entries(context.Context) iter.Seq2[state.Entry, error] {
	return func(yield func(state.Entry, error) bool) {
		for _, c := range a.contacts {
			if err := a.fail("entry"); err != nil {
				yield(state.Entry{}, err)
				return
			}
			if !yield(state.Entry{Norm: c.Norm, Fields: c.Fields}, nil) {
				return
			}
		}
		if err := a.fail("entry"); err != nil {
			yield(state.Entry{}, err)
		}
	}
}

func (a *account) Contacts(_ context.Context, norms []string) (found []state.Contact, err error) {
	for _, norm := range norms {
		found = append(found, ContactsOf(a.contacts, norm)...)
	}
	slices.SortStableFunc(found, func(x, y state.Contact) int { return cmp.Compare(x.Norm, y.Norm) })
	return found, a.fail("contacts")
}

func (a *account) ProblemsOf(context.Context, []string) (map[string]state.Problem, error) {
	return a.problems, a.fail("problems")
}

func (a *account) Pending(context.Context, []string) (map[string]bool, error) {
	return a.pending, a.fail("pending")
}

func (a *account) AnyPending(context.Context) (bool, error) {
	return len(a.pending) > 0, a.fail("any pending")
}

// at is a contact of this address that is on the list.
func at(address, fields string, changes ...func(*state.Contact)) state.Contact {
	return known(fields, append([]func(*state.Contact){func(c *state.Contact) {
		c.ID, c.Norm, c.Address = "id of "+strings.ToLower(address), strings.ToLower(address), address
	}}, changes...)...)
}

// read reads rows of "key address code plan"; "-" stands for nothing.
func read(t *testing.T, m *contact.Mapping, lines ...string) *users.Users {
	t.Helper()
	rows := func(yield func(source.Row, error) bool) {
		for _, line := range lines {
			w := strings.Fields(line)
			for i := range w {
				w[i] = strings.Trim(w[i], "-")
			}
			if !yield(source.Row{Key: w[0], Email: w[1], Values: w[2:]}, nil) {
				return
			}
		}
	}
	us, err := users.Read(t.Context(), rows, m, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { us.Close() })
	return us
}

// made is a plan.
func made(t *testing.T, r Rules, a *account, us *users.Users, asked *Asked) *Plan {
	t.Helper()
	if r.Mapping == nil {
		r.Mapping = twoFields()
	}
	r.Now, r.Scratch = now, t.TempDir()
	p, err := Make(t.Context(), r, a, us, asked)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// sent are the changes as they go out: action, address, values and lists.
func sent(t *testing.T, p *Plan) (all []string) {
	t.Helper()
	for o, err := range p.Each() {
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%s %s %s %q>%q on %v", o.Row.Key, o.Row.Action, o.Row.Address, o.Row.Old, o.Row.Wanted, o.Row.Lists)
		if len(o.Lists) > 0 {
			text += fmt.Sprint(" with ", o.Lists)
		}
		if o.Orphan {
			text += " of nobody"
		}
		all = append(all, text)
	}
	return all
}

func wantLines(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// everyone is an account and rows with one user of each kind.
func everyone(t *testing.T, m *contact.Mapping) (*account, *users.Users) {
	t.Helper()
	a := of(at("ann@example.com", fields("A", "x")), at("ben@example.com", fields("OLD", "x")), at("cid@example.com", fields("", "x")),
		at("dan@example.com", fields("D", "x")), at("eve@example.com", fields("OLD", "x"), optedOff), at("fay@example.com", fields("OLD", "")),
		at("gil@example.com", fields("OLD", "")), at("hal@example.com", fields("H", ""), func(c *state.Contact) { c.Filled, c.FilledKey = c.Fields, "80" }),
		at("ida@example.com", fields("I", ""), func(c *state.Contact) { c.Filled = c.Fields }), at("jim@example.com", fields("J", "")),
		at("Kim@example.com", fields("OLD", "a"), unlisted))
	a.pending["fay@example.com"] = true
	a.problems["gil@example.com"] = *failed(fields("G", ""), 3600e9)
	for _, norm := range []string{"ann@example.com", "ben@example.com", "eve@example.com", "fay@example.com"} {
		a.problems[norm] = state.Problem{Norm: norm}
	}
	return a, read(t, m, "1 ann@example.com A x", "2 ben@example.com B x", "3 cid@example.com C x", "4 dan@example.com - x", "5 eve@example.com E x",
		"6 fay@example.com F -", "7 gil@example.com G -", "80 hal@example.com,ltd X -", "10 jim@example.com J -", "11 jim@example.com J2 -",
		"12 kim@example.com K b", "13 New.Man@B\u00fccher.example N -")
}

func TestAPlanHasEachUserInItsPlace(t *testing.T) {
	t.Parallel()
	m := twoFields()
	a, us := everyone(t, m)
	p := made(t, Rules{Mapping: m, Create: true, ClearOrphans: true}, a, us, nil)
	wantLines(t, "changes", sent(t, p), []string{
		`2 update ben@example.com "OLD\x1fx">"B\x1fx" on [l] with [l]`,
		`3 update cid@example.com "\x1fx">"C\x1fx" on [l] with [l]`,
		`4 clear dan@example.com "D\x1fx">"\x1fx" on [l]`,
		` clear ida@example.com "I\x1f">"" on [l] of nobody`,
		`12 update Kim@example.com "OLD\x1fa">"K\x1fb" on [] with [l]`,
		`13 create New.Man@xn--bcher-kva.example "">"N\x1f" on [] with [l]`,
	})
	if want := (Summary{Create: 1, Update: 3, Fill: 1, Change: 2, Clear: 2, Joins: 1, Unchanged: 1, Skipped: 5}); p.Summary != want {
		t.Errorf("summary %+v, want %+v", p.Summary, want)
	}
	if want := (Coverage{Users: 12, Contacts: 7, Verified: 1, Pending: 6, Missing: 1, Skipped: 4}); p.Coverage() != want {
		t.Errorf("coverage %+v, want %+v", p.Coverage(), want)
	}
	if got, want := fmt.Sprint(p.Reasons), "map[duplicate_email:2 invalid_email:1 quarantined:1 unsubscribed:1]"; got != want {
		t.Errorf("skipped %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(p.Tally), "{map[code:2 plan:1] 2 1 1}"; got != want {
		t.Errorf("for the guard %s, want %s", got, want)
	}
	if p.Total != 11 || fmt.Sprint(p.Carriers) != "[10 6]" || p.Pending != 1 || p.Limited != 0 || p.Len() != 6 || p.Empty() {
		t.Errorf("%d contacts, carriers %v, %d pending, %d beyond the limit, %d changes", p.Total, p.Carriers, p.Pending, p.Limited, p.Len())
	}
	if want := []Sharing{{Replaced: 2, Before: 1, After: 2}, {Replaced: 1, Before: 1, After: 1}}; !slices.Equal(p.Sharing, want) {
		t.Errorf("values that are replaced: %+v, want %+v", p.Sharing, want)
	}
	if !maps.Equal(p.Problems, map[string]bool{"ben@example.com": true, "fay@example.com": true, "gil@example.com": true}) {
		t.Errorf("problems that still are some: %v", p.Problems)
	}
	var listed []string
	for _, c := range p.Changes {
		listed = append(listed, fmt.Sprintf("%s %s %s %+v %v", c.Action, c.Key, c.Email, c.Fields, c.Joins))
	}
	wantLines(t, "listed", listed, []string{
		"update 2 ben@example.com [{Column:code OldToNew:{Old:OLD New:B}}] []",
		"update 3 cid@example.com [{Column:code OldToNew:{Old: New:C}}] []",
		"clear 4 dan@example.com [{Column:code OldToNew:{Old:D New:}}] []",
		"clear  ida@example.com [{Column:code OldToNew:{Old:I New:}}] []",
		"update 12 kim@example.com [{Column:code OldToNew:{Old:OLD New:K}} {Column:plan OldToNew:{Old:a New:b}}] [App users]",
		"create 13 New.Man@Bücher.example [{Column:code OldToNew:{Old: New:N}}] []",
	})
	if want := map[string]int{"": 11, "code": 10, "plan": 6}; !maps.Equal(p.Valued, want) {
		t.Errorf("rows with a value: %v, want %v", p.Valued, want)
	}
	rest := made(t, Rules{Mapping: m, Create: true}, of(), read(t, m), nil)
	if !rest.Empty() {
		t.Error("a plan for nobody is not empty")
	}
}

func TestTheLimitHoldsForAPlanAndTheRestOfIt(t *testing.T) {
	t.Parallel()
	m := twoFields()
	for limit, want := range map[int]struct{ first, limited, rest, restLimited int }{0: {6, 0, 1, 0}, 1: {1, 5, 0, 1}, 5: {5, 1, 0, 1}, 6: {6, 0, 0, 1}, 7: {6, 0, 1, 0}} {
		a, us := everyone(t, m)
		p := made(t, Rules{Mapping: m, Create: true, ClearOrphans: true, Limit: limit}, a, us, nil)
		before := p.Coverage()
		a.pending = nil
		rest, err := p.Rest(t.Context(), a, us, now)
		if err != nil {
			t.Fatal(err)
		}
		defer rest.Close()
		if p.Len() != want.first || p.Limited != want.limited || rest.Len() != want.rest || rest.Limited != want.restLimited {
			t.Errorf("at most %d: %d and %d more, then %d and %d more; want %+v", limit, p.Len(), p.Limited, rest.Len(), rest.Limited, want)
		}
		if got := before.With(p, rest); got != before {
			t.Errorf("at most %d: coverage %+v, with those who waited %+v", limit, before, got)
		}
	}
}

// A merge over a wrong order would invent joiners and leavers.
func TestARowOutOfOrderEndsThePlan(t *testing.T) {
	t.Parallel()
	m := twoFields()
	a := of(at("ann@example.com", fields("A", "")), at("ben@example.com", fields("B", "")))
	slices.Reverse(a.contacts)
	for _, rows := range [][]string{nil, {"1 ann@example.com A -"}, {"3 zoe@example.com Z -"}} {
		if _, err := Make(t.Context(), Rules{Mapping: m, Scratch: t.TempDir()}, a, read(t, m, rows...), nil); !errors.Is(err, errOrder) {
			t.Errorf("contacts out of order, rows %q: %v", rows, err)
		}
	}
	for _, norms := range [][]string{{"b", "a"}, {"a", "a"}} {
		var last error
		empty := readEntries(of().Entries(t.Context()), 2)
		for _, err := range join(func(yield func(*users.User, error) bool) {
			for _, norm := range norms {
				if !yield(&users.User{Norm: []byte(norm)}, nil) {
					return
				}
			}
		}, empty) {
			last = err
		}
		empty.Close()
		if !errors.Is(last, errOrder) {
			t.Errorf("users %q: %v", norms, last)
		}
	}
}

func TestUsersMeetTheContactsOfTheirAddressAlone(t *testing.T) {
	t.Parallel()
	m := twoFields()
	us := read(t, m, "1 b@x.example B -", "2 d@x.example D -", "3 e@x.example E -", "4 g@x.example - -", "5 h@x.example H -", "6 h@x.example H2 -")
	a := of(at("a@x.example", "A"), at("b@x.example", fields("B", "")), at("b@x.example", fields("X", "")), at("c@x.example", "C"), at("c@x.example", "C2"),
		at("d@x.example", fields("D", "")), at("e@x.example", fields("X", "")), at("g@x.example", ""), at("h@x.example", fields("H", "")), at("z@x.example", "Z"))
	contacts := readEntries(a.Entries(t.Context()), 2)
	defer contacts.Close()
	var got []string
	for p, err := range join(us.Each(), contacts) {
		if err != nil {
			t.Fatal(err)
		}
		who := "nobody"
		if p.user != nil {
			who = string(p.user.First.Key)
		}
		got = append(got, fmt.Sprintf("%s meets %s: known %t, equal %t, %q", who, p.norm, p.known, p.equal, p.fields))
	}
	wantLines(t, "pairs", got, []string{
		`nobody meets a@x.example: known true, equal false, "A"`, `1 meets b@x.example: known true, equal false, "B\x1f"`,
		`nobody meets c@x.example: known true, equal false, "C"`, `2 meets : known true, equal true, "D\x1f"`,
		`3 meets e@x.example: known true, equal false, "X\x1f"`, `4 meets g@x.example: known true, equal false, ""`,
		`5 meets h@x.example: known true, equal false, "H\x1f"`, `nobody meets z@x.example: known true, equal false, "Z"`,
	})
}

func TestContactsWithAValueAreCountedByField(t *testing.T) {
	t.Parallel()
	values := []string{"", "A", fields("", "x"), fields("A", "x"), contact.Encode([]string{"", "", "more"})}
	for n, want := range map[int]string{1: "[4]", 2: "[2 2]", 3: "[2 2 1]"} {
		a := of()
		for i, text := range values {
			a.contacts = append(a.contacts, at(fmt.Sprintf("a%d@x.example", i), text))
		}
		contacts := readEntries(a.Entries(t.Context()), n)
		for contacts.ok {
			contacts.advance()
		}
		if contacts.Close(); fmt.Sprint(contacts.carriers) != want || contacts.total != len(values) {
			t.Errorf("of %d fields: %v of %d contacts, want %s", n, contacts.carriers, contacts.total, want)
		}
	}
}

// A user whose row is skipped, or stands under another address, is not gone.
func TestOnlyContactsWhoseUserIsGoneAreCleared(t *testing.T) {
	t.Parallel()
	plain, unique := twoFields(), twoFields()
	unique.Targets[0].Unique = true
	filled := func(key string) func(*state.Contact) {
		return func(c *state.Contact) { c.Filled, c.FilledKey = c.Fields, key }
	}
	for name, c := range map[string]struct {
		mapping *contact.Mapping
		rows    []string
		want    []string
	}{
		"no row":                           {plain, nil, []string{"a", "b"}},
		"a row of another user":            {plain, []string{"9 c@x.example C -"}, []string{"a", "b"}},
		"his row has no address":           {plain, []string{"1 none - -"}, []string{"b"}},
		"his row is one of two":            {plain, []string{"1 c@x.example C -", "8 c@x.example D -"}, []string{"b"}},
		"his row waits":                    {plain, []string{"2 eve@x.example E -"}, []string{"a"}},
		"his value is under another":       {unique, []string{"9 c@x.example A -"}, []string{"b"}},
		"his value is in a row without":    {unique, []string{"9 none A -"}, []string{"b"}},
		"his value is in one that is none": {unique, []string{"9 c@x.example A -", "8 c@x.example X -"}, []string{"b"}},
		"his value is in the second row":   {unique, []string{"8 c@x.example X -", "9 c@x.example A -"}, []string{"b"}},
		"his value is in one that waits":   {unique, []string{"9 eve@x.example A -"}, []string{"b"}},
		"and that row is one of two":       {unique, []string{"9 eve@x.example A -", "8 eve@x.example X -"}, []string{"b"}},
		"his value arrives under another":  {unique, []string{"9 fay@x.example A -"}, []string{"a", "b"}},
		"another value":                    {unique, []string{"9 c@x.example C -"}, []string{"a", "b"}},
	} {
		a := of(at("a@x.example", fields("A", ""), filled("1")), at("b@x.example", fields("B", ""), filled("2")), at("eve@x.example", fields("", ""), optedOff), at("fay@x.example", ""))
		us := read(t, c.mapping, c.rows...)
		p := made(t, Rules{Mapping: c.mapping, Create: true, ClearOrphans: true}, a, us, nil)
		var cleared []string
		for o, err := range p.Each() {
			if err != nil {
				t.Fatal(err)
			}
			if o.Row.Action == string(Clear) {
				cleared = append(cleared, o.Row.Norm[:1])
			}
		}
		if !slices.Equal(cleared, c.want) {
			t.Errorf("%s: %v are cleared, want %v", name, cleared, c.want)
		}
		for _, who := range []string{"a", "b"} { // an explanation says the same
			d, err := Decide(t.Context(), p.Rules, a, us, who+"@x.example")
			if err != nil {
				t.Fatal(err)
			}
			if want := slices.Contains(c.want, who); (d.Action == Clear) != want || (d.Detail != "") == want || d.Row {
				t.Errorf("%s: an explanation of %s says %+v", name, who, d)
			}
		}
	}
}

func TestWhoMovedIsNotCreated(t *testing.T) {
	t.Parallel()
	m := twoFields()
	m.Targets[0].Unique = true
	a := of(at("old@x.example", fields("A", "")))
	p := made(t, Rules{Mapping: m, Create: true}, a, read(t, m, "1 new@x.example A -", "2 other@x.example B -"), nil)
	wantLines(t, "changes", sent(t, p), []string{`2 create other@x.example "">"B\x1f" on [] with [l]`})
	if p.Reasons["moved"] != 1 || !strings.Contains(p.Skipped[0].Detail, "old@x.example") {
		t.Errorf("skipped: %+v", p.Skipped)
	}
}

func TestRowsOfOneAddressBeyondThoseListedAreCounted(t *testing.T) {
	t.Parallel()
	const n = users.MaxListed + 5
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("%d a@x.example A%d -", i, i)
	}
	p := made(t, Rules{}, of(), read(t, twoFields(), rows...), nil)
	if p.Summary.Skipped != n || p.Reasons["duplicate_email"] != n || len(p.Skipped) != users.MaxListed || !p.Truncated {
		t.Errorf("%d rows are skipped, %v, %d listed, truncated %t", p.Summary.Skipped, p.Reasons, len(p.Skipped), p.Truncated)
	}
}

func TestAPlanTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	const n = 100_001
	line := 0
	rows := func(yield func(source.Row, error) bool) {
		for ; line < n; line++ {
			if !yield(source.Row{Email: fmt.Sprint("a", line, "@x.example"), Values: []string{"", ""}}, nil) {
				return
			}
		}
	}
	us, err := users.Read(t.Context(), rows, twoFields(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer us.Close()
	var told []string
	made(t, Rules{Progress: func(done, total int) { told = append(told, fmt.Sprint(done, " of ", total)) }}, of(), us, nil)
	wantLines(t, "told", told, []string{"100000 of 100001"})
	made(t, Rules{}, of(), us, nil) // nobody listens
}

func TestWhatTwoPlansTellIsToldOnce(t *testing.T) {
	t.Parallel()
	listing := func(changes, skips int) *Listing {
		l := NewListing()
		for i := range changes {
			l.change(Change{Key: fmt.Sprint(i)})
		}
		for i := range skips {
			l.Skip(users.Skipped{Key: fmt.Sprint(i), Reason: contact.Deleted})
		}
		return &l
	}
	const most = users.MaxListed
	for name, c := range map[string]struct {
		a, b      *Listing
		truncated bool
	}{
		"a few":                  {listing(2, 1), listing(1, 2), false},
		"as many as can be":      {listing(most, 1), listing(0, 2), false},
		"as many skips":          {listing(1, most-1), listing(1, 1), false},
		"a change too many":      {listing(most, 0), listing(1, 0), true},
		"a skip too many":        {listing(0, 1), listing(0, most), true},
		"too many in the first":  {listing(most+1, 0), listing(0, 0), true},
		"too many in the second": {listing(0, 0), listing(0, most+1), true},
	} {
		both := Join(c.a, c.b)
		changes, skips := len(c.a.Changes)+len(c.b.Changes), len(c.a.Skipped)+len(c.b.Skipped)
		if both.Truncated != c.truncated || len(both.Changes) != min(changes, most) || len(both.Skipped) != min(skips, most) {
			t.Errorf("%s: %d changes, %d skips, truncated %t", name, len(both.Changes), len(both.Skipped), both.Truncated)
		}
		if want := c.a.Reasons["deleted"] + c.b.Reasons["deleted"]; both.Reasons["deleted"] != want {
			t.Errorf("%s: %d skips are counted, want %d", name, both.Reasons["deleted"], want)
		}
	}
	more := NewListing()
	more.SkipMore(contact.Deleted, 0)
	if more.Truncated || len(more.Reasons) > 0 {
		t.Errorf("no more rows: %+v", more)
	}
	if more.SkipMore(contact.Deleted, 3); !more.Truncated || more.Reasons["deleted"] != 3 {
		t.Errorf("three more rows: %+v", more)
	}
	sum := Summary{1, 2, 3, 4, 5, 6, 7, 8}
	if sum.Add(Summary{10, 20, 30, 40, 50, 60, 70, 80}); sum != (Summary{11, 22, 33, 44, 55, 66, 77, 88}) {
		t.Errorf("added up: %+v", sum)
	}
}

func TestTheValuesOfAChangeAreAnObjectByColumn(t *testing.T) {
	t.Parallel()
	var f Fields
	f.set("plan", OldToNew{"a", "b"})
	f.set("code", OldToNew{"", "c"})
	f.set("plan", OldToNew{"a", "d"})
	text, err := json.Marshal(f)
	if want := `{"code":{"old":"","new":"c"},"plan":{"old":"a","new":"d"}}`; err != nil || string(text) != want {
		t.Errorf("%s (%v), want %s", text, err, want)
	}
	back := Fields{{"before", OldToNew{"x", "y"}}}
	if err := json.Unmarshal(text, &back); err != nil || !slices.Equal(back, Fields{{"code", OldToNew{"", "c"}}, {"plan", OldToNew{"a", "d"}}}) {
		t.Errorf("read back %+v (%v)", back, err)
	}
	if json.Unmarshal([]byte(`["plan"]`), &back) == nil {
		t.Error("a list is read as an object")
	}
}
