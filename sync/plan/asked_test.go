package plan

import (
	"testing"

	"ccsyncd/sync/users"
)

func TestAPlanForSomeLooksAtNobodyElse(t *testing.T) {
	t.Parallel()
	m := twoFields()
	a, us := everyone(t, m)
	asked := AskedFor([]string{"ben@example.com", "gil@example.com", "ann@example.com", "fay@example.com", "eve@example.com", "jim@example.com", "ida@example.com"})
	for _, row := range []string{"ann", "ben", "cid", "dan", "eve", "fay", "gil", "jim"} {
		asked.Row(users.Row{Key: row, Address: row + "@example.com", Norm: row + "@example.com"})
	}
	asked.Row(users.Row{Key: "80", Address: "hal@example.com,ltd", Fault: "no address"})
	p := made(t, Rules{Mapping: m, Create: true, ClearOrphans: true}, a, us, asked)
	wantLines(t, "changes", sent(t, p), []string{
		`2 update ben@example.com "OLD\x1fx">"B\x1fx" on [l] with [l]`,
		`7 update gil@example.com "OLD\x1f">"G\x1f" on [l] with [l]`, // asked for by name
	})
	if want := (Summary{Update: 2, Change: 2, Unchanged: 1, Skipped: 3}); p.Summary != want {
		t.Errorf("summary %+v, want %+v", p.Summary, want)
	}
	var states []string
	for _, s := range asked.States() {
		states = append(states, s.State+" "+s.Reason)
	}
	wantLines(t, "answers", states, []string{"pending ", "pending ", "verified ", "pending ", "skipped unsubscribed", "skipped duplicate_email", "skipped not_in_source"})
	asked.Result("ben@example.com", "")
	asked.Result("fay@example.com", "lost")
	if all := asked.States(); all[0].State != "verified" || all[3].State != "rejected" {
		t.Errorf("after the results: %+v", all)
	}
	again, err := p.Again(t.Context(), a, now)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Len() != 2 {
		t.Errorf("%q go out, made again", sent(t, again))
	}
}

// Rows without an address have no place in the order, and not all of them are listed.
func TestRowsWithoutAnAddressAreSkippedForThoseWhoAskForThem(t *testing.T) {
	t.Parallel()
	m := twoFields()
	for name, c := range map[string]struct {
		ask       []string
		skipped   int
		truncated bool
	}{
		"for all":       {nil, 5, true},
		"for a key":     {[]string{"key:2"}, 1, false},
		"for its text":  {[]string{" b at x "}, 1, false},
		"for a row":     {[]string{"key:1"}, 0, false},
		"for an absent": {[]string{"key:4"}, 0, false},
	} {
		us := read(t, m, "1 a@x.example A -", "2 b@ B -", "- c@ C -")
		us.Skips[0].Email, us.More = "b at x", 3
		asked := AskedFor(c.ask)
		asked.Row(users.Row{Key: "1", Address: "a@x.example", Norm: "a@x.example"})
		asked.Row(users.Row{Key: "2", Address: "b at x", Fault: "no @"})
		asked.Row(users.Row{Address: "c@", Fault: "no domain"})
		p := made(t, Rules{}, of(at("a@x.example", fields("A", ""))), us, asked)
		if p.Summary.Skipped != c.skipped || p.Reasons["invalid_email"] != c.skipped || p.Truncated != c.truncated {
			t.Errorf("%s: %d rows are skipped (%v), truncated %t; want %d, %t", name, p.Summary.Skipped, p.Reasons, p.Truncated, c.skipped, c.truncated)
		}
	}
}

// A batch under way may still change contacts that carry their values.
func TestAUserOfABatchUnderWayIsPendingWhateverTheContactCarries(t *testing.T) {
	t.Parallel()
	m := twoFields()
	for under, want := range map[string]UserState{"": {State: "verified"}, "ben@x.example": {State: "verified"}, "ann@x.example": {State: "pending"}} {
		a, us := of(at("ann@x.example", fields("A", ""))), read(t, m, "1 ann@x.example A -")
		if under != "" {
			a.pending[under] = true
		}
		pending := 0
		if want.State == "pending" {
			pending = 1
		}
		p := made(t, Rules{}, a, us, nil)
		if p.Summary.Unchanged != 1-pending || p.Pending != pending || p.Len() > 0 || p.Empty() != (pending == 0) {
			t.Errorf("a batch of %q: %+v, %d pending", under, p.Summary, p.Pending)
		}
		asked := AskedFor([]string{"ann@x.example"})
		asked.Row(users.Row{Key: "1", Address: "ann@x.example", Norm: "ann@x.example"})
		made(t, Rules{}, a, us, asked)
		if got := asked.States()[0]; got.State != want.State || got.Email != "ann@x.example" {
			t.Errorf("a batch of %q: answered %+v", under, got)
		}
		d, err := Decide(t.Context(), p.Rules, a, us, "ann@x.example")
		if err != nil || !d.Row || d.Pending != (pending == 1) || d.Action != "" {
			t.Errorf("a batch of %q: explained as %+v (%v)", under, d, err)
		}
	}
}
