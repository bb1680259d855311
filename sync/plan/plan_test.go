package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

func TestAskedSaysWhatItWasToldAndNothingElse(t *testing.T) {
	t.Parallel()
	row := func(key, address string) func(*Asked) {
		norm, fault := contact.Normalise(address)
		return func(a *Asked) { a.Row(users.Row{Key: key, Address: address, Norm: norm, Fault: fault}) }
	}
	decided := func(norm, state, reason string) func(*Asked) {
		return func(a *Asked) { a.decided(norm, UserState{Email: norm, State: state, Reason: reason}) }
	}
	result := func(norm, reason string) func(*Asked) { return func(a *Asked) { a.Result(norm, reason) } }
	notSent := func(norm string) func(*Asked) { return func(a *Asked) { a.Skipped(norm, contact.ClearingOff) } }
	for name, c := range map[string]struct {
		ask  string
		told []func(*Asked)
		want string
	}{
		"nothing was told":                    {"a@x.example", nil, "skipped not_in_source"},
		"a key, and nothing was told":         {"key:1", nil, "skipped not_in_source"},
		"the run ended before the decision":   {"a@x.example", []func(*Asked){row("1", "a@x.example")}, "pending"},
		"a key, the run ended before":         {"key:1", []func(*Asked){row("1", "A@x.example")}, "pending"},
		"sent and seen":                       {"A@X.example", []func(*Asked){row("1", "a@x.example"), decided("a@x.example", "pending", ""), result("a@x.example", "")}, "verified"},
		"sent and lost":                       {"key:1", []func(*Asked){row("1", "a@x.example"), decided("a@x.example", "pending", ""), result("a@x.example", "lost")}, "rejected lost"},
		"a result before any decision":        {"a@x.example", []func(*Asked){row("1", "a@x.example"), result("a@x.example", ""), decided("a@x.example", "pending", "")}, "pending"},
		"a result of one who was skipped":     {"a@x.example", []func(*Asked){row("1", "a@x.example"), decided("a@x.example", "skipped", "deleted"), result("a@x.example", "")}, "skipped deleted"},
		"decided again":                       {"a@x.example", []func(*Asked){row("1", "a@x.example"), decided("a@x.example", "pending", ""), decided("a@x.example", "skipped", "unsubscribed")}, "skipped unsubscribed"},
		"not sent after all":                  {"a@x.example", []func(*Asked){row("1", "a@x.example"), decided("a@x.example", "pending", ""), notSent("a@x.example")}, "skipped clearing_off"},
		"not sent, and never decided":         {"a@x.example", []func(*Asked){row("1", "a@x.example"), notSent("a@x.example")}, "pending"},
		"not sent by one who is verified":     {"a@x.example", []func(*Asked){row("1", "a@x.example"), decided("a@x.example", "verified", ""), notSent("a@x.example")}, "verified"},
		"another user's result":               {"a@x.example", []func(*Asked){row("1", "a@x.example"), row("2", "b@x.example"), decided("b@x.example", "pending", ""), result("b@x.example", "")}, "pending"},
		"decided, but no row has the address": {"a@x.example", []func(*Asked){decided("a@x.example", "pending", "")}, "skipped not_in_source"},
		"the second row of an address":        {"key:2", []func(*Asked){row("1", "a@x.example"), row("2", "a@X.example"), decided("a@x.example", "verified", "")}, "verified"},
		"a row whose address is none":         {"key:3", []func(*Asked){row("3", "a at x")}, "skipped invalid_email"},
		"that address":                        {"a at x", []func(*Asked){row("3", "a at x")}, "skipped invalid_email"},
		"a key in spaces":                     {" key:3 ", []func(*Asked){row("3", "a at x")}, "skipped invalid_email"},
		"a key in spaces, of a usable row":    {" key:1 ", []func(*Asked){row("1", "a@x.example"), decided("a@x.example", "verified", "")}, "verified"},
		"a key that two rows have":            {"key:1", []func(*Asked){row("1", "a@x.example"), row("1", "b@x.example"), decided("a@x.example", "verified", ""), decided("b@x.example", "pending", "")}, "verified"},
		"no key, and a row without one":       {"key:", []func(*Asked){row("", "a@x.example"), decided("a@x.example", "verified", "")}, "skipped not_in_source"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := AskedFor([]string{c.ask})
			for _, tell := range c.told {
				tell(a)
			}
			got := a.States()
			if len(got) != 1 || strings.TrimSpace(got[0].State+" "+got[0].Reason) != c.want {
				t.Errorf("%+v, want %s", got, c.want)
			}
		})
	}
	var all *Asked
	all.Row(users.Row{Norm: "a@x.example"})
	all.decided("a@x.example", UserState{})
	all.Result("a@x.example", "")
	all.Skipped("a@x.example", contact.ClearingOff)
	if AskedFor(nil) != nil || all.States() != nil {
		t.Error("a run for all answers somebody")
	}
}

// Whatever a plan comes to, its users are verified, pending, missing or skipped, and no more of
// them are contacts than are users.
func TestCoverageAddsUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plan Plan
		want Coverage
	}{
		"nothing":          {Plan{}, Coverage{}},
		"unchanged":        {Plan{Summary: Summary{Unchanged: 5}}, Coverage{Users: 5, Contacts: 5, Verified: 5}},
		"changes":          {Plan{Summary: Summary{Update: 2, Clear: 1, Create: 3}, absent: 3}, Coverage{Users: 6, Contacts: 3, Pending: 6}},
		"orphans":          {Plan{Summary: Summary{Unchanged: 1, Clear: 3}, orphans: 2}, Coverage{Users: 2, Contacts: 2, Verified: 1, Pending: 1}},
		"beyond the limit": {Plan{Summary: Summary{Create: 1}, Limited: 9, absent: 10}, Coverage{Users: 10, Pending: 10}},
		"orphans beyond":   {Plan{Summary: Summary{Update: 1}, Limited: 4, orphans: 4}, Coverage{Users: 1, Contacts: 1, Pending: 1}},
		"under way":        {Plan{Pending: 4, absent: 1, lacking: 1}, Coverage{Users: 4, Contacts: 3, Pending: 4}},
		"quarantined": {Plan{Summary: Summary{Skipped: 3}, Listing: Listing{Reasons: map[string]int{"quarantined": 2, "deleted": 1}}, absent: 1},
			Coverage{Users: 3, Contacts: 1, Missing: 2, Skipped: 1}},
	} {
		got := c.plan.Coverage()
		if got != c.want || got.Users != got.Verified+got.Pending+got.Missing+got.Skipped || got.Contacts > got.Users {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// Users of a batch under way are planned when it has ended.
func TestCoverageCountsWhoWaitedOnce(t *testing.T) {
	t.Parallel()
	m := twoFields()
	a := of(at("ann@x.example", fields("OLD", "")), at("eve@x.example", fields("OLD", "")), at("fay@x.example", fields("OLD", "")))
	us := read(t, m, "1 ann@x.example A -", "2 bad@x.example B -", "3 eve@x.example E -", "4 fay@x.example F -", "5 new@x.example N -")
	for _, norm := range []string{"ann@x.example", "eve@x.example", "fay@x.example", "new@x.example"} {
		a.pending[norm] = true
	}
	a.problems["bad@x.example"] = *failed(fields("B", ""), time.Hour)
	p := made(t, Rules{Create: true}, a, us, nil)
	if got, want := p.Coverage(), (Coverage{Users: 5, Contacts: 3, Pending: 4, Missing: 1}); got != want {
		t.Errorf("while the batch is under way: %+v, want %+v", got, want)
	}
	a.pending = nil
	a.contacts[0].Fields, a.contacts[1].Permission = fields("A", ""), "unsubscribed"
	a.problems["fay@x.example"], a.problems["new@x.example"] = *failed(fields("F", ""), 3*time.Hour), *failed(fields("N", ""), time.Hour)
	rest, err := p.Rest(t.Context(), a, us, now.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	defer rest.Close()
	if got, want := p.Coverage().With(p, rest), (Coverage{Users: 5, Contacts: 2, Verified: 1, Pending: 1, Missing: 2, Skipped: 1}); got != want {
		t.Errorf("when it has ended: %+v, want %+v", got, want)
	}
}

func TestTheGuardJudgesByWhatIsSentAndWhatWasSent(t *testing.T) {
	t.Parallel()
	m := &contact.Mapping{Targets: []contact.Target{{Field: contact.Field{Column: "code"}, ID: "1", Name: "code", Kind: contact.KindText}}}
	guard := Guard{MaxChangePercent: 10, ExemptBelow: 5, MaxClears: 5, MaxCreates: 5, MaxJoins: 5, MinSourceRows: 1, MaxShrinkPercent: 30}
	changes := func(n int) (t state.Tally) {
		for range n {
			t.Change("code")
		}
		return t
	}
	for name, c := range map[string]struct {
		tally, sent state.Tally
		carriers    int // 0: 100
		valued      int
		best        int
		had, has    int
		sharing     Sharing
		want        []string
	}{
		"an empty plan":                  {valued: 100, want: []string{}},
		"as many changes as are allowed": {tally: changes(10), valued: 100, want: []string{}},
		"one more":                       {tally: changes(11), valued: 100, want: []string{"max_change_percent"}},
		"one more with those sent":       {tally: changes(1), sent: changes(10), valued: 100, want: []string{"max_change_percent"}},
		"too many sent, none planned":    {sent: changes(50), valued: 100, want: []string{}},
		"as many as are exempt":          {tally: changes(5), carriers: 5, valued: 100, want: []string{"max_change_percent"}},
		"fewer than are exempt":          {tally: changes(4), carriers: 4, valued: 100, want: []string{}},
		"clears":                         {tally: state.Tally{Clears: 6}, valued: 100, want: []string{"max_clears"}},
		"clears with those sent":         {tally: state.Tally{Clears: 3}, sent: state.Tally{Clears: 3}, valued: 100, want: []string{"max_clears"}},
		"creates":                        {tally: state.Tally{Creates: 6}, valued: 100, want: []string{"max_creates"}},
		"joins":                          {tally: state.Tally{Joins: 6}, valued: 100, want: []string{"max_joins"}},
		"five of each":                   {tally: state.Tally{Clears: 5, Creates: 5, Joins: 5}, valued: 100, want: []string{}},
		"an empty table":                 {valued: 0, want: []string{"min_source_rows"}},
		"a table of one row":             {valued: 1, want: []string{}},
		"a table that shrank":            {valued: 69, best: 100, want: []string{"max_shrink_percent"}},
		"a table that shrank a little":   {valued: 70, best: 100, want: []string{}},
		"another account":                {valued: 100, had: 100, has: 49, want: []string{"account"}},
		"half of the account":            {valued: 100, had: 100, has: 50, want: []string{}},
		"most of a small account":        {valued: 100, had: 60, has: 11, want: []string{}},
		"fifty contacts, more than half": {valued: 100, had: 99, has: 49, want: []string{"account"}},
		"values that would be shared":    {valued: 100, sharing: Sharing{Replaced: 10, Before: 9, After: 4}, want: []string{"shared_codes"}},
		"values that are their own":      {valued: 100, sharing: Sharing{Replaced: 10, Before: 9, After: 5}, want: []string{}},
		"values that were shared before": {valued: 100, sharing: Sharing{Replaced: 100, Before: 85, After: 4}, want: []string{}},
		"fewer shared than are exempt":   {valued: 100, sharing: Sharing{Replaced: 4, Before: 4, After: 1}, want: []string{}},
		"as many shared as are exempt":   {valued: 100, sharing: Sharing{Replaced: 5, Before: 5, After: 1}, want: []string{"shared_codes"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &Plan{Rules: Rules{Mapping: m}, Tally: c.tally, Carriers: []int{cmp.Or(c.carriers, 100)}, Valued: map[string]int{"": c.valued, "code": c.valued}, Sharing: []Sharing{c.sharing}}
			h := &History{Sent: c.sent, Best: map[string]int{"": c.best}, Contacts: c.has}
			if c.had > 0 {
				h.Good = &Good{Mapping: m.Pairs(), Contacts: c.had}
			}
			before := fmt.Sprint(h.Best, h.Sent, p.Tally)
			for range 2 { // it is pure
				v := guard.Judge(p, h)
				if !slices.Equal(v.Reasons, c.want) || v.Tripped != (len(c.want) > 0) || len(v.Details) != len(v.Reasons) {
					t.Errorf("%+v, want %v", v, c.want)
				}
			}
			if now := fmt.Sprint(h.Best, h.Sent, p.Tally); now != before {
				t.Errorf("judging changed %s to %s", before, now)
			}
			if v := (&Guard{}).Judge(p, h); slices.ContainsFunc(v.Reasons, func(r string) bool { return strings.HasPrefix(r, "m") }) {
				t.Errorf("limits that are off: %+v", v)
			}
		})
	}
}

func TestALimitOfTheGuardHoldsDownToOne(t *testing.T) {
	t.Parallel()
	m := &contact.Mapping{Targets: []contact.Target{{Field: contact.Field{Column: "code"}, ID: "1", Name: "code", Kind: contact.KindText}}}
	guard := Guard{MaxClears: 1, MaxCreates: 1, MaxJoins: 1}
	for n, want := range map[int][]string{1: {}, 2: {"max_clears", "max_creates", "max_joins"}} {
		p := &Plan{Rules: Rules{Mapping: m}, Tally: state.Tally{Clears: n, Creates: n, Joins: n}}
		if v := guard.Judge(p, &History{}); !slices.Equal(v.Reasons, want) {
			t.Errorf("%d of each: %v, want %v", n, v.Reasons, want)
		}
	}
}

func TestAPlanIsEmptyWhenNothingIsToBeSentLaterEither(t *testing.T) {
	t.Parallel()
	for what, p := range map[string]*Plan{"": {}, "users under way": {Pending: 1}, "changes beyond the limit": {Limited: 1}} {
		p.changes = spool.New(t.TempDir())
		if p.Empty() != (what == "") {
			t.Errorf("with %q a plan is empty: %t", what, p.Empty())
		}
	}
}

func TestTheGuardTellsHowManyContactsHaveAValue(t *testing.T) {
	t.Parallel()
	p := &Plan{Rules: Rules{Mapping: twoFields()}, Tally: state.Tally{Changes: map[string]int{"code": 2}}, Carriers: []int{3, 0}}
	guard := Guard{MaxChangePercent: 10}
	v := guard.Judge(p, &History{Good: &Good{}})
	wantLines(t, "details", v.Details, []string{
		"2 values of code would be replaced within 24 hours, more than max_change_percent = 10 allows (3 contacts have a value)",
		"the mapping changed, and 2 values would be replaced by values of code (3 contacts have a value)",
	})
}

func TestEachColumnMayShrinkOnlySoMuch(t *testing.T) {
	t.Parallel()
	m := twoFields()
	for name, c := range map[string]struct {
		best, valued map[string]int
		want         string // in the details
	}{
		"a column":                        {map[string]int{"": 100, "code": 100}, map[string]int{"": 100, "code": 10}, "the source has 10 rows with a value of code, down from 100 in the last 7 days, a larger loss than max_shrink_percent = 30 allows"},
		"all rows":                        {map[string]int{"": 100, "code": 100}, map[string]int{"": 10, "code": 10}, "the source has 10 rows with an address and a value, down from 100"},
		"a column that is mapped no more": {map[string]int{"": 100, "code": 20, "gone": 100}, map[string]int{"": 20, "code": 20}, ""},
	} {
		p := &Plan{Rules: Rules{Mapping: m}, Carriers: []int{0, 0}, Valued: c.valued}
		guard := Guard{MaxShrinkPercent: 30}
		v := guard.Judge(p, &History{Best: c.best})
		if v.Tripped != (c.want != "") || !strings.HasPrefix(v.Summary(), c.want) || len(v.Details) > 1 {
			t.Errorf("%s: %+v, want %q", name, v, c.want)
		}
	}
}

// An empty table is never what somebody who forces a run means.
func TestForcePassesAllButTheLeastNumberOfRows(t *testing.T) {
	t.Parallel()
	v := NoVerdict()
	if kept, passed := v.Forced(); kept.Tripped || kept.Reasons == nil || kept.Details == nil || len(passed) > 0 {
		t.Errorf("of a plan that passed %+v is kept, %q is passed", kept, passed)
	}
	v.Trip("max_clears", "many clears")
	v.Trip("min_source_rows", "no rows")
	v.Trip("account", "another account")
	kept, passed := v.Forced()
	if !kept.Tripped || !slices.Equal(kept.Reasons, []string{"min_source_rows"}) || !slices.Equal(kept.Details, []string{"no rows"}) ||
		!slices.Equal(passed, []string{"many clears", "another account"}) {
		t.Errorf("%+v is kept, %q is passed", kept, passed)
	}
}

func TestAnotherMappingMayReplaceNoMoreThanHalfOfTheValues(t *testing.T) {
	t.Parallel()
	m := &contact.Mapping{Targets: []contact.Target{{Field: contact.Field{Column: "code"}, ID: "1", Name: "code", Kind: contact.KindText}}}
	for name, c := range map[string]struct {
		guard    Guard
		changes  int
		carriers int
		good     *Good
		tripped  bool
	}{
		"half of them":             {Guard{}, 50, 100, &Good{Mapping: []string{"name = 1:string"}}, false},
		"more than half":           {Guard{}, 51, 100, &Good{Mapping: []string{"name = 1:string"}}, true},
		"the same mapping":         {Guard{}, 51, 100, &Good{Mapping: m.Pairs()}, false},
		"the first run":            {Guard{}, 51, 100, nil, false},
		"one value":                {Guard{}, 1, 1, &Good{}, false},
		"two values":               {Guard{}, 2, 2, &Good{}, true},
		"fewer than are exempt":    {Guard{ExemptBelow: 5}, 4, 4, &Good{}, false},
		"no fewer than are exempt": {Guard{ExemptBelow: 5}, 5, 5, &Good{}, true},
	} {
		p := &Plan{Rules: Rules{Mapping: m}, Tally: state.Tally{Changes: map[string]int{"code": c.changes}}, Carriers: []int{c.carriers}}
		if v := c.guard.Judge(p, &History{Good: c.good}); v.Tripped != c.tripped || c.tripped && !slices.Equal(v.Reasons, []string{"mapping"}) {
			t.Errorf("%s: %+v, want it tripped: %t", name, v, c.tripped)
		}
	}
}

// Nobody is taken for subscribed by a permission that is not known, and whoever opted out is a kind
// of change of his own.
func TestAnUnknownPermissionIsNoSubscription(t *testing.T) {
	t.Parallel()
	m := &contact.Mapping{Targets: []contact.Target{{Field: contact.Field{Column: "short_code"}, ID: "1", Kind: contact.KindText}},
		Lists: []state.Binding{{ID: "l"}}}
	for permission, want := range map[string]Action{"implicit": Update, "explicit": Update, "not_set": Update, "temp_hold": Update,
		"pending_confirmation": Update, "unsubscribed": "", "opted out": "", "": ""} {
		for _, update := range []bool{false, true} {
			s := &subject{norm: "ann@example.com", address: "ann@example.com", fields: []string{"NEW"},
				contacts: []state.Contact{{Norm: "ann@example.com", Address: "ann@example.com", Permission: permission, Fields: "OLD", Lists: []string{"k"}}}}
			d := decide(&Rules{Mapping: m, UpdateUnsubscribed: update}, s)
			switch {
			case want == "" && !update:
				if d.skip != contact.Unsubscribed {
					t.Errorf("%q is decided as %+v", permission, d)
				}
				continue
			case d.action != Update, (len(d.joins) == 0) != (want == ""):
				t.Errorf("%q (updated: %t) is decided as %+v", permission, update, d)
			}
			o := newOutgoing(s, &d)
			if o.OptedOut() != (want == "") {
				t.Errorf("%q goes out as %+v", permission, o)
			}
			var again Outgoing
			if again.Parse(o.Append(nil)); again.OptedOut() != o.OptedOut() || (kindOf(&again) == "update opted out") != (want == "") {
				t.Errorf("%q comes back as %+v, kind %q", permission, again, kindOf(&again))
			}
		}
	}
}
