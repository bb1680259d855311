package push

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"testing"

	"ccsyncd/source"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// A run that ends while it verifies counts a row once.
func TestWhatLandedOfAnOpenBatchIsNotUnverifiedToo(t *testing.T) {
	t.Parallel()
	o := Open(Options{Run: 1}, nil)
	b := o.track(state.Batch{ID: 7, Run: 1, Kind: state.Import, State: state.Ended, Contacts: 3})
	for range 2 {
		o.results.landed(b, &judged{verdict: verdict{landed: true}})
	}
	sent, err := o.Sent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if sent.Verified != 2 || sent.Unverified != 1 {
		t.Errorf("%d verified, %d unverified of 3 with 2 landed", sent.Verified, sent.Unverified)
	}
}

// What a former run sent is counted where the run is for all users, and says nothing of the values
// that somebody asked for.
func TestARowCountsForTheRunThatSentIt(t *testing.T) {
	t.Parallel()
	const ours, former = 7, 6
	landed := verdict{landed: true}
	for name, c := range map[string]struct {
		run     int64
		action  string
		verdict verdict
		orphan  bool
		all     Sent // where the run is for all users
		some    Sent // where it is for this one
		state   string
	}{
		"of this run":                 {ours, "update", landed, false, Sent{Verified: 1, Arrived: 1}, Sent{Verified: 1, Arrived: 1}, "verified"},
		"created by this run":         {ours, "create", landed, false, Sent{Verified: 1, Arrived: 1, Created: 1}, Sent{Verified: 1, Arrived: 1, Created: 1}, "verified"},
		"without a user":              {ours, "clear", landed, true, Sent{Verified: 1}, Sent{Verified: 1}, "verified"},
		"of a former run":             {former, "create", landed, false, Sent{Verified: 1}, Sent{}, "pending"},
		"subscribed by this run":      {ours, "update", verdict{landed: true, resubscribed: true, overstep: "subscribed"}, false, Sent{Verified: 1, Arrived: 1, Resubscribed: 1}, Sent{Verified: 1, Arrived: 1, Resubscribed: 1}, "verified"},
		"subscribed by a former run":  {former, "update", verdict{landed: true, resubscribed: true, overstep: "subscribed"}, false, Sent{Verified: 1, Resubscribed: 1}, Sent{}, "pending"},
		"created in another's place":  {ours, "update", verdict{landed: true, overstep: "replaced"}, false, Sent{Verified: 1, Arrived: 1, Changed: 1}, Sent{Verified: 1, Arrived: 1, Changed: 1}, "verified"},
		"landed, and something is up": {ours, "update", verdict{landed: true, reason: Overstepped}, false, Sent{Verified: 1, Arrived: 1}, Sent{Verified: 1, Arrived: 1}, "verified"},
		"landed before, by the state": {ours, "update", verdict{reason: Lost}, false, Sent{Verified: 1, Arrived: 1}, Sent{Verified: 1, Arrived: 1}, "verified"},
	} {
		for _, asked := range []*plan.Asked{nil, askedAndPending(t, "ann@example.com")} {
			o := Open(Options{Run: ours, Asked: asked, Scratch: t.TempDir()}, nil)
			row := &judged{BatchRow: state.BatchRow{Norm: "ann@example.com", Address: "Ann@example.com", Key: "1", Action: c.action}, verdict: c.verdict}
			if c.orphan {
				o.results.orphan(row.Norm)
			}
			o.results.landed(&state.Batch{ID: 3, Run: c.run}, row)
			sent, err := o.Sent(t.Context())
			o.Close()
			want := c.all
			if asked != nil {
				want = c.some
				if got := asked.States()[0].State; got != c.state {
					t.Errorf("%s: answered %s, want %s", name, got, c.state)
				}
			}
			if c.verdict.landed && c.verdict.reason != "" || want.Resubscribed+want.Changed > 0 {
				want.Problems = []Problem{{Key: "1", Email: "Ann@example.com", Reason: Overstepped, Detail: c.verdict.overstep}}
			}
			if fmt.Sprintf("%+v", sent) != fmt.Sprintf("%+v", want) || err != nil {
				t.Errorf("%s, for all %t:\n%+v (%v), want\n%+v", name, asked == nil, sent, err, want)
			}
		}
	}
}

// askedAndPending is a run for one user, whose change is planned.
func askedAndPending(t *testing.T, norm string) *plan.Asked {
	t.Helper()
	asked := plan.AskedFor([]string{norm})
	asked.Row(users.Row{Key: "1", Address: norm, Norm: norm})
	us, err := users.Read(t.Context(), func(yield func(source.Row, error) bool) {
		yield(source.Row{Key: "1", Email: norm, Values: []string{"NEW"}}, nil)
	}, codes(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer us.Close()
	p, err := plan.Make(t.Context(), plan.Rules{Mapping: codes(), Scratch: t.TempDir()}, one{Norm: norm, Fields: "OLD", Permission: "implicit", Lists: []string{"l"}}, us, asked)
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	return asked
}

// one is a mirror of one contact.
type one state.Contact

func (c one) Entries(context.Context) iter.Seq2[state.Entry, error] {
	return func(yield func(state.Entry, error) bool) { yield(state.Entry{Norm: c.Norm, Fields: c.Fields}, nil) }
}

func (c one) Contacts(context.Context, []string) ([]state.Contact, error) {
	return []state.Contact{state.Contact(c)}, nil
}

func (c one) ProblemsOf(context.Context, []string) (map[string]state.Problem, error) { return nil, nil }
func (c one) Pending(context.Context, []string) (map[string]bool, error)             { return nil, nil }
func (c one) AnyPending(context.Context) (bool, error)                               { return false, nil }

func TestARowThatDidNotArriveIsAProblemOfItsUser(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reason string
		orphan bool
		want   Sent
	}{
		"lost":                 {Lost, false, Sent{Unverified: 1, Missed: 1}},
		"rejected":             {Rejected, false, Sent{Rejected: 1, Missed: 1}},
		"lost, without a user": {Lost, true, Sent{Unverified: 1}},
	} {
		asked := askedAndPending(t, "ann@example.com")
		o := Open(Options{Run: 7, Asked: asked}, nil)
		if c.orphan {
			o.results.orphan("ann@example.com")
		}
		again := state.Failed{Norm: "ben@example.com", Reason: Lost} // which is no problem
		o.results.failed(true, []state.Failed{again, {Norm: "ann@example.com", Problem: &state.Problem{Norm: "ann@example.com", Address: "Ann@example.com", Key: "1", Reason: c.reason, Detail: "gone"}}})
		sent, err := o.Sent(t.Context())
		c.want.Problems = []Problem{{Key: "1", Email: "Ann@example.com", Reason: c.reason, Detail: "gone"}}
		if fmt.Sprintf("%+v", sent) != fmt.Sprintf("%+v", c.want) || err != nil {
			t.Errorf("%s:\n%+v (%v), want\n%+v", name, sent, err, c.want)
		}
		if got := asked.States()[0]; got.State != "rejected" || got.Reason != c.reason {
			t.Errorf("%s: answered %+v", name, got)
		}
	}
}

// Scripts read the errors of an activity as a list, and a state of each.
func TestAnActivityOfAReportHasAStateAndAListOfErrors(t *testing.T) {
	t.Parallel()
	for want, b := range map[string]state.Batch{
		`{"id":"","contacts":2,"state":"unknown","errors":[]}`:      {Contacts: 2},
		`{"id":"a","contacts":1,"state":"failed","errors":["bad"]}`: {Activity: "a", Contacts: 1, Ending: "failed", Errors: []string{"bad"}},
	} {
		if got, err := json.Marshal(activityOf(&b)); string(got) != want || err != nil {
			t.Errorf("%s (%v), want %s", got, err, want)
		}
	}
}
