package plan

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// twoFields is a mapping of a code, which a row may clear, and a plan, which it may not.
func twoFields() *contact.Mapping {
	return &contact.Mapping{Lists: []state.Binding{{ID: "l", Name: "App users"}}, Targets: []contact.Target{
		{Field: contact.Field{Column: "code", Clear: true}, ID: "1", Name: "code", Kind: contact.KindText},
		{Field: contact.Field{Column: "plan"}, ID: "2", Name: "plan", Kind: contact.KindText}}}
}

func fields(code, plan string) string { return contact.Encode([]string{code, plan}) }

// known is a contact of Ann with these values.
func known(fields string, changes ...func(*state.Contact)) state.Contact {
	c := state.Contact{ID: "c", Norm: "ann@example.com", Address: "ann@example.com", Permission: "implicit", Lists: []string{"l"}, Fields: fields}
	for _, change := range changes {
		change(&c)
	}
	return c
}

func deleted(c *state.Contact)  { c.Deleted, c.Fields = true, "" }
func optedOff(c *state.Contact) { c.Permission = "unsubscribed" }
func unlisted(c *state.Contact) { c.Lists = nil }
func hasLeft(c *state.Contact)  { c.Lists, c.Left = nil, []string{"l"} }

// failed is a problem of Ann with these values, whose retry is due after a while.
func failed(fields string, after time.Duration) *state.Problem {
	return &state.Problem{Norm: "ann@example.com", Reason: "lost", Wanted: fields, RetryAt: now.Add(after)}
}

// brief says what a decision is in a word or two, with the values that would be written.
func brief(d decision) string {
	switch {
	case d.skip != "":
		return string(d.skip)
	case d.pending:
		return "pending"
	case d.held:
		return "held"
	case d.action == "":
		return "nothing"
	}
	text := fmt.Sprintf("%s %v %v", d.action, d.old, d.wanted)
	if len(d.lists) > 0 {
		text += fmt.Sprint(" with ", d.lists)
	}
	if len(d.joins) > 0 {
		text += fmt.Sprint(" joins ", d.joins)
	}
	return text
}

func TestEachUserIsDecidedByOnePolicy(t *testing.T) {
	t.Parallel()
	row := func(code, plan string) subject { return subject{fields: []string{code, plan}} }
	of := func(s subject, contacts ...state.Contact) subject { s.contacts = contacts; return s }
	with := func(s subject, change func(*subject)) subject { change(&s); return s }
	under := func(s *subject) { s.pending = true }
	for name, c := range map[string]struct {
		subject subject
		rules   Rules
		want    string
	}{
		"as it is":                         {of(row("A", "gold"), known(fields("A", "gold"))), Rules{}, "nothing"},
		"another value":                    {of(row("B", "gold"), known(fields("A", "gold"))), Rules{}, "update [A gold] [B gold] with [l]"},
		"a value that an empty one keeps":  {of(row("A", ""), known(fields("A", "gold"))), Rules{}, "nothing"},
		"a value that an empty one clears": {of(row("", "gold"), known(fields("A", "gold"))), Rules{}, "clear [A gold] [ gold]"},
		"cleared and changed":              {of(row("", "new"), known(fields("A", "gold"))), Rules{}, "clear [A gold] [ new]"},
		"clearing is off":                  {of(row("", "gold"), known(fields("A", "gold"))), Rules{ClearingOff: true}, "clearing_off"},
		"clearing is off, another value":   {of(row("", "new"), known(fields("A", "gold"))), Rules{ClearingOff: true}, "update [A gold] [A new] with [l]"},
		"off the list":                     {of(row("B", ""), known(fields("A", ""), unlisted)), Rules{}, "update [A ] [B ] with [l] joins [l]"},
		"left the list":                    {of(row("B", ""), known(fields("A", ""), hasLeft)), Rules{}, "no_list"},
		"left the list, opted out":         {of(row("B", ""), known(fields("A", ""), hasLeft, optedOff)), Rules{UpdateUnsubscribed: true}, "update [A ] [B ] with [l]"},
		"deleted":                          {of(row("B", ""), known("", deleted)), Rules{Create: true}, "deleted"},
		"deleted, and there is another":    {of(row("B", ""), known("", deleted), known(fields("A", ""))), Rules{}, "deleted"},
		"deleted, and the row is empty":    {of(row("", ""), known("", deleted)), Rules{}, "deleted"},
		"deleted, and another is as it is": {of(row("A", ""), known("", deleted), known(fields("A", ""))), Rules{}, "nothing"},
		"opted out":                        {of(row("B", ""), known(fields("A", ""), optedOff)), Rules{}, "unsubscribed"},
		"opted out, as it is":              {of(row("A", ""), known(fields("A", ""), optedOff)), Rules{}, "nothing"},
		"opted out, updated too":           {of(row("B", ""), known(fields("A", ""), optedOff)), Rules{UpdateUnsubscribed: true}, "update [A ] [B ]"},
		"opted out, never cleared":         {of(row("", "x"), known(fields("A", "x"), optedOff)), Rules{UpdateUnsubscribed: true}, "unsubscribed"},
		"under way":                        {with(of(row("B", ""), known(fields("A", ""))), under), Rules{}, "pending"},
		"under way, and there":             {with(of(row("A", ""), known(fields("A", ""))), under), Rules{}, "pending"},
		"failed, not due":                  {with(of(row("B", ""), known(fields("A", ""))), func(s *subject) { s.problem = failed(fields("B", ""), time.Second) }), Rules{}, "quarantined"},
		"failed, due":                      {with(of(row("B", ""), known(fields("A", ""))), func(s *subject) { s.problem = failed(fields("B", ""), 0) }), Rules{}, "update [A ] [B ] with [l]"},
		"failed with another value":        {with(of(row("B", ""), known(fields("A", ""))), func(s *subject) { s.problem = failed(fields("X", ""), time.Hour) }), Rules{}, "update [A ] [B ] with [l]"},
		"failed, and asked for by name":    {with(of(row("B", ""), known(fields("A", ""))), func(s *subject) { s.problem, s.asked = failed(fields("B", ""), time.Hour), true }), Rules{}, "update [A ] [B ] with [l]"},
		"counted and not shown":            {of(row("B", ""), known("", func(c *state.Contact) { c.Permission = contact.Unclear })), Rules{Create: true}, "not_a_contact"},
		"one of two has it":                {of(row("A", ""), known(fields("X", "")), known(fields("A", ""))), Rules{}, "nothing"},
		"one of two has one to clear":      {of(row("", "gold"), known(fields("", "old")), known(fields("A", "gold"))), Rules{}, "clear [A gold] [ gold]"},
		"the first of two that differ":     {of(row("B", ""), known(fields("A", "")), known(fields("C", ""))), Rules{}, "update [A ] [B ] with [l]"},
		"no contact":                       {row("B", ""), Rules{}, "not_a_contact"},
		"no contact, created":              {row("B", ""), Rules{Create: true}, "create [ ] [B ] with [l]"},
		"no contact, under way":            {with(row("B", ""), under), Rules{Create: true}, "pending"},
		"no contact, failed":               {with(row("B", ""), func(s *subject) { s.problem = failed(fields("B", ""), time.Hour) }), Rules{Create: true}, "quarantined"},
		"no contact, moved":                {with(row("B", ""), func(s *subject) { s.movedFrom = "anna@example.com" }), Rules{Create: true}, "moved"},
		"no row":                           {of(subject{}, known(fields("A", ""))), Rules{ClearOrphans: true}, "nothing"},
		"no row, filled":                   {of(subject{}, filledWith(fields("A", "x"), fields("A", "x"))), Rules{ClearOrphans: true}, "clear [A x] [ ]"},
		"no row, one changed by hand":      {of(subject{}, filledWith(fields("A", "hand"), fields("A", "x"))), Rules{ClearOrphans: true}, "clear [A hand] [ hand]"},
		"no row, all changed by hand":      {of(subject{}, filledWith(fields("B", "hand"), fields("A", "x"))), Rules{ClearOrphans: true}, "nothing"},
		"no row, filled with fewer fields": {of(subject{}, filledWith(fields("A", "x"), "A")), Rules{ClearOrphans: true}, "clear [A x] [ x]"},
		"no row, orphans stay":             {of(subject{}, filledWith(fields("A", ""), fields("A", ""))), Rules{}, "nothing"},
		"no row, clearing is off":          {of(subject{}, filledWith(fields("A", ""), fields("A", ""))), Rules{ClearOrphans: true, ClearingOff: true}, "nothing"},
		"no row, two contacts":             {of(subject{}, filledWith(fields("A", ""), fields("A", "")), known(fields("A", ""))), Rules{ClearOrphans: true}, "nothing"},
		"no row, deleted":                  {of(subject{}, known("", deleted, func(c *state.Contact) { c.Filled = fields("A", "") })), Rules{ClearOrphans: true}, "nothing"},
		"no row, opted out":                {of(subject{}, known(fields("A", ""), optedOff, func(c *state.Contact) { c.Filled = fields("A", "") })), Rules{ClearOrphans: true}, "nothing"},
		"no row, under way":                {with(of(subject{}, filledWith(fields("A", ""), fields("A", ""))), under), Rules{ClearOrphans: true}, "held"},
		"no row, failed":                   {with(of(subject{}, filledWith(fields("A", ""), fields("A", ""))), func(s *subject) { s.problem = failed("", time.Hour) }), Rules{ClearOrphans: true}, "held"},
	} {
		c.rules.Mapping, c.rules.Now = twoFields(), now
		c.subject.norm, c.subject.address = "ann@example.com", "ann@example.com"
		if got := brief(decide(&c.rules, &c.subject)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func filledWith(is, filled string) state.Contact {
	return known(is, func(c *state.Contact) { c.Filled = filled })
}

func TestAnImportNamesOnlyListsThatItMay(t *testing.T) {
	t.Parallel()
	m := twoFields()
	m.Lists = append(m.Lists, state.Binding{ID: "k"})
	on := func(lists ...string) state.Contact { return state.Contact{Lists: lists} }
	for name, c := range map[string]struct {
		contacts       []state.Contact
		noJoins        bool
		lists, joins   []string // that the import names
		anyOf          []string
		optedOut, none bool
	}{
		"on both":                  {contacts: []state.Contact{on("l", "k", "x")}, lists: []string{"l", "k"}, anyOf: []string{"l", "k", "x"}},
		"on one":                   {contacts: []state.Contact{on("l")}, lists: []string{"l", "k"}, joins: []string{"k"}, anyOf: []string{"l"}},
		"left one":                 {contacts: []state.Contact{{Lists: []string{"l"}, Left: []string{"k"}}}, lists: []string{"l"}, anyOf: []string{"l"}},
		"left both":                {contacts: []state.Contact{{Lists: []string{"x"}, Left: []string{"k", "l"}}}, anyOf: []string{"x"}},
		"left both, on no list":    {contacts: []state.Contact{{Left: []string{"k", "l"}}}, none: true},
		"nobody joins":             {contacts: []state.Contact{on("x", "l")}, noJoins: true, lists: []string{"l"}, anyOf: []string{"x", "l"}},
		"nobody joins, on no list": {contacts: []state.Contact{on()}, noJoins: true, none: true},
		"two, one of them on it":   {contacts: []state.Contact{on("l", "x"), on("x")}, lists: []string{"l", "k"}, joins: []string{"l", "k"}, anyOf: []string{"x"}},
		"two, the other left it":   {contacts: []state.Contact{on("x"), {Left: []string{"l"}}}, lists: []string{"k"}, joins: []string{"k"}},
		"opted out":                {contacts: []state.Contact{on("x")}, optedOut: true, anyOf: []string{"x"}},
		"opted out, on no list":    {contacts: []state.Contact{on()}, optedOut: true, lists: []string{"l", "k"}},
	} {
		m.NoJoins = c.noJoins
		var d decision
		if ok := d.chooseLists(m, c.contacts, c.optedOut); ok == c.none {
			t.Errorf("%s: an import can name a list: %v", name, ok)
		}
		if !slices.Equal(d.lists, c.lists) || !slices.Equal(d.joins, c.joins) || !slices.Equal(d.onLists, c.anyOf) {
			t.Errorf("%s: names %v or one of %v, joins %v; want %v, %v, %v", name, d.lists, d.onLists, d.joins, c.lists, c.anyOf, c.joins)
		}
	}
}

// Contacts go into one import whatever the order of their lists.
func TestListsAreTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	ids := []string{"b", "a", "b", "c", "a"}
	if got := UniqueLists(ids); !slices.Equal(got, []string{"a", "b", "c"}) || ids[0] != "b" {
		t.Errorf("%v of %v", got, ids)
	}
}
