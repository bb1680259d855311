package push

import (
	"slices"
	"testing"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

func twoFields() *contact.Mapping {
	return &contact.Mapping{Targets: []contact.Target{{Field: contact.Field{Column: "code"}, ID: "1", Name: "code", Kind: contact.KindText},
		{Field: contact.Field{Column: "plan"}, ID: "2", Name: "plan", Kind: contact.KindText}}}
}

func fields(code, plan string) string { return contact.Encode([]string{code, plan}) }

func TestARowHasArrivedOnlyWhereItsContactCarriesWhatWasSent(t *testing.T) {
	t.Parallel()
	here := state.Contact{ID: "c", Permission: "implicit", Lists: []string{"l"}, Fields: fields("NEW", "gold")}
	with := func(change func(*state.Contact)) []state.Contact {
		c := here
		change(&c)
		return []state.Contact{c}
	}
	gone := func(c *state.Contact) { c.Deleted = true }
	out := func(c *state.Contact) { c.Permission = "unsubscribed" }
	old := func(c *state.Contact) { c.Fields = fields("OLD", "gold") }
	completed := state.Batch{Ending: ccapi.StateCompleted, Lists: []string{"l"}}
	failed := state.Batch{Ending: ccapi.StateFailed, Lists: []string{"l"}, Errors: []string{"no room"}}
	for name, c := range map[string]struct {
		batch    state.Batch
		contacts []state.Contact
		updates  bool // contacts that opted out too
		want     verdict
	}{
		"it carries the value":              {completed, with(func(*state.Contact) {}), false, verdict{landed: true, filled: fields("NEW", "")}},
		"and what was not sent is another":  {completed, with(func(c *state.Contact) { c.Fields = fields("NEW", "silver") }), false, verdict{landed: true, filled: fields("NEW", "")}},
		"what was sent before stays ours":   {completed, with(func(c *state.Contact) { c.Filled = fields("OLD", "gold") }), false, verdict{landed: true, filled: fields("NEW", "gold")}},
		"what somebody changed is not ours": {completed, with(func(c *state.Contact) { c.Filled = fields("OLD", "bronze") }), false, verdict{landed: true, filled: fields("NEW", "")}},
		"it is not on the list":             {completed, with(func(c *state.Contact) { c.Lists = nil }), false, verdict{landed: true, filled: fields("NEW", ""), left: []string{"l"}}},
		"it opted out, and carries it":      {completed, with(out), false, verdict{landed: true, filled: fields("NEW", ""), reason: Overstepped, detail: "the contact opted out during the import"}},
		"it opted out, which is allowed":    {completed, with(out), true, verdict{landed: true, filled: fields("NEW", "")}},
		"it opted out, and lacks it":        {completed, with(func(c *state.Contact) { out(c); old(c) }), false, verdict{alone: true, reason: Lost, detail: "the contact opted out during the import"}},
		"the same where that is allowed":    {completed, with(func(c *state.Contact) { out(c); old(c) }), true, verdict{alone: true, reason: Lost, detail: "the contact opted out, and the import did not change it"}},
		"it left the list, and lacks it":    {completed, with(func(c *state.Contact) { c.Left = []string{"l"}; old(c) }), false, verdict{alone: true, reason: Lost, detail: "the import ended, but the value did not arrive"}},
		"it has the old value":              {completed, with(old), false, verdict{reason: Lost, detail: "the import ended, but the value did not arrive"}},
		"it has a third value":              {completed, with(func(c *state.Contact) { c.Fields = fields("HAND", "gold") }), false, verdict{reason: Altered, detail: "the contact has another value"}},
		"it was deleted":                    {completed, with(gone), false, verdict{alone: true, reason: Lost, detail: "the contact was deleted during the import"}},
		"there is none":                     {completed, nil, false, verdict{reason: Lost, detail: "the import ended, but the contact does not exist"}},
		"it is not shown":                   {completed, with(func(c *state.Contact) { *c = state.Contact{Permission: contact.Unclear, Fields: fields("", "")} }), false, verdict{alone: true, reason: Lost, detail: "Constant Contact counts a contact with this address but does not show it"}},
		"the second of the address has it":  {completed, append(with(gone), here), false, verdict{landed: true, filled: fields("NEW", "")}},
		"the import failed":                 {failed, with(old), false, verdict{reason: ActivityFailed, detail: "the import ended, but the value did not arrive: no room"}},
		"the import failed, and it has it":  {failed, with(func(*state.Contact) {}), false, verdict{landed: true, filled: fields("NEW", "")}},
		"an error of an import that ended":  {state.Batch{Ending: ccapi.StateCompleted, Errors: []string{"row 2"}}, nil, false, verdict{reason: Lost, detail: "the import ended, but the contact does not exist"}},
	} {
		row := &state.BatchRow{Wanted: fields("NEW", "gold"), Old: fields("OLD", "gold")}
		got := readBack(twoFields(), c.updates, true, &c.batch, row, c.contacts)
		if !slices.Equal(got.left, c.want.left) {
			t.Errorf("%s: left %v, want %v", name, got.left, c.want.left)
		}
		if got.left, c.want.left = nil, nil; got.landed != c.want.landed || got.filled != c.want.filled || got.reason != c.want.reason || got.detail != c.want.detail || got.alone != c.want.alone {
			t.Errorf("%s:\n%+v, want\n%+v", name, got, c.want)
		}
	}
	for ending, want := range map[string]string{ccapi.StateCompleted: Lost, endedGone: Lost, endedDirect: Lost, endedTimeout: ActivityTimeout, endedRefused: Rejected,
		endedBroken: endedBroken, endedForeign: endedForeign, ccapi.StateFailed: ActivityFailed, "cancelled": ActivityFailed} {
		if got := readBack(twoFields(), false, true, &state.Batch{Ending: ending}, &state.BatchRow{Wanted: fields("NEW", "")}, nil); got.reason != want {
			t.Errorf("%s: a row that is missing is %s, want %s", ending, got.reason, want)
		}
	}
}

// Of two values that were sent one may be late, and neither is lost then.
func TestAValueThatIsLateIsNotOneThatSomebodyChanged(t *testing.T) {
	t.Parallel()
	b := &state.Batch{Ending: ccapi.StateCompleted}
	row := &state.BatchRow{Wanted: fields("NEW", "gold"), Old: fields("OLD", "silver")}
	for is, want := range map[string]string{fields("NEW", "silver"): Lost, fields("HAND", "silver"): Lost, fields("HAND", "gold"): Altered, fields("HAND", "bronze"): Altered} {
		if got := readBack(twoFields(), false, true, b, row, []state.Contact{{Permission: "implicit", Fields: is}}); got.landed || got.reason != want {
			t.Errorf("%q: %+v, want %s", is, got, want)
		}
	}
}

// Of a contact that had opted out before the import the permission is compared too.
func TestWhoHadOptedOutIsOversteppedWhenSubscribedAfterwards(t *testing.T) {
	t.Parallel()
	b := &state.Batch{Ending: ccapi.StateCompleted}
	contactOf := func(permission, code string) state.Contact {
		return state.Contact{Permission: permission, Fields: fields(code, "gold")}
	}
	gone := contactOf("unsubscribed", "OLD")
	gone.Deleted = true
	for name, c := range map[string]struct {
		before   string
		contacts []state.Contact
		updates  bool
		landed   bool
		overstep string
	}{
		"still opted out":                          {"unsubscribed", []state.Contact{contactOf("unsubscribed", "NEW")}, true, true, ""},
		"still, and such are not sent any more":    {"unsubscribed", []state.Contact{contactOf("unsubscribed", "NEW")}, false, true, ""},
		"another word that is not known":           {"unsubscribed", []state.Contact{contactOf("paused", "NEW")}, true, true, ""},
		"subscribed":                               {"unsubscribed", []state.Contact{contactOf("explicit", "NEW")}, true, true, "the contact's permission changed from unsubscribed to explicit during the import"},
		"subscribed, and without its value":        {"unsubscribed", []state.Contact{contactOf("explicit", "OLD")}, true, false, "the contact's permission changed from unsubscribed to explicit during the import"},
		"one of its address is subscribed":         {"unsubscribed", []state.Contact{contactOf("explicit", "NEW"), contactOf("unsubscribed", "NEW")}, true, true, ""},
		"deleted":                                  {"unsubscribed", []state.Contact{gone}, true, false, ""},
		"deleted, and added again":                 {"unsubscribed", []state.Contact{gone, contactOf("implicit", "NEW")}, true, true, "the contact's permission changed from unsubscribed to implicit during the import"},
		"it was created":                           {"", []state.Contact{contactOf("implicit", "NEW")}, true, true, ""},
		"an older version did not record what was": {"", []state.Contact{contactOf("unsubscribed", "NEW")}, true, true, ""},
	} {
		row := &state.BatchRow{Wanted: fields("NEW", "gold"), Old: fields("OLD", "gold"), Permission: c.before}
		got := readBack(twoFields(), c.updates, true, b, row, c.contacts)
		if got.landed != c.landed || got.overstep != c.overstep || got.resubscribed != (c.overstep != "") || (got.reason == "") != c.landed || got.alone == c.landed {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Somebody may have opted out just before the import, and been subscribed by it: then he agreed in
// another way than before.
func TestAnotherConsentWithinAnHourIsAnOverstep(t *testing.T) {
	t.Parallel()
	b := &state.Batch{Ending: ccapi.StateCompleted}
	const explicit = "the contact's permission changed from implicit to explicit during the import"
	for name, c := range map[string]struct {
		before, after, id string
		late              bool
		overstep          string
	}{
		"another":                   {"implicit", "explicit", "c", false, explicit},
		"less":                      {"explicit", "not_set", "c", false, "the contact's permission changed from explicit to not_set during the import"},
		"the same":                  {"implicit", "implicit", "c", false, ""},
		"another, hours later":      {"implicit", "explicit", "c", true, ""},
		"he confirmed":              {"pending_confirmation", "explicit", "c", false, ""},
		"a hold has ended":          {"temp_hold", "explicit", "c", false, ""},
		"he opted out":              {"implicit", "unsubscribed", "c", false, ""},
		"he was created":            {"", "implicit", "c", false, ""},
		"of another contact's kind": {"implicit", "explicit", "d", false, ""},
	} {
		row := &state.BatchRow{Action: "create", ID: "c", Wanted: fields("NEW", "gold"), Old: fields("OLD", "gold"), Permission: c.before}
		for code, landed := range map[string]bool{"NEW": true, "OLD": false} {
			got := readBack(twoFields(), true, !c.late, b, row, []state.Contact{{ID: c.id, Permission: c.after, Fields: fields(code, "gold")}})
			if got.overstep != c.overstep || got.landed != landed || got.resubscribed || got.replaced {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
}

// An import creates a contact where it finds none: one that was renamed in the seconds before it.
func TestAnotherContactUnderTheAddressIsOverstepped(t *testing.T) {
	t.Parallel()
	b := &state.Batch{Ending: ccapi.StateCompleted}
	here := func(id string) state.Contact {
		return state.Contact{ID: id, Permission: "implicit", Fields: fields("NEW", "gold")}
	}
	for name, c := range map[string]struct {
		action, id string
		contacts   []state.Contact
		replaced   bool
	}{
		"the same":                             {"update", "c", []state.Contact{here("c")}, false},
		"another":                              {"update", "c", []state.Contact{here("d")}, true},
		"another beside it":                    {"update", "c", []state.Contact{here("d"), here("c")}, false},
		"one that was to be created":           {"create", "", []state.Contact{here("d")}, false},
		"one whose id was not known":           {"update", state.UnnamedID("a@example.com"), []state.Contact{here("d")}, false},
		"one whose id is not known any more":   {"update", "c", []state.Contact{here(state.UnnamedID("a@example.com"))}, false},
		"one that was cleared, not imported":   {"clear", "c", []state.Contact{here("d")}, false},
		"no contact, whose value did not land": {"update", "c", nil, false},
	} {
		row := &state.BatchRow{Action: c.action, ID: c.id, Permission: "implicit", Wanted: fields("NEW", "gold"), Old: fields("OLD", "gold")}
		got := readBack(twoFields(), false, true, b, row, c.contacts)
		if (got.overstep != "") != c.replaced || got.landed != (len(c.contacts) > 0) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
