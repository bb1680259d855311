package push

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

// codes is a mapping of one field.
func codes() *contact.Mapping {
	return &contact.Mapping{Targets: []contact.Target{{Field: contact.Field{Column: "code"}, ID: "1", Name: "code", Kind: contact.KindText}}}
}

// lostRows are n rows that did not arrive.
func lostRows(n int) []judged {
	rows := make([]judged, n)
	for i := range rows {
		norm := fmt.Sprintf("user%d@example.com", i)
		rows[i] = judged{BatchRow: state.BatchRow{Norm: norm, Address: norm, Key: fmt.Sprint(i), Action: "update", Wanted: "NEW"}, verdict: verdict{reason: Lost, detail: "gone"}}
	}
	return rows
}

// One row that Constant Contact cannot take must not hold back its neighbours. What an import
// explains, or a few rows that are missing, is no sign of that.
func TestRowsAreSentAgainInHalvesOnlyWhereOneMayHaveHeldTheOthersBack(t *testing.T) {
	t.Parallel()
	earlier := map[string]state.Problem{"user0@example.com": {}}
	for name, c := range map[string]struct {
		batch        state.Batch
		failed, rows int
		problems     map[string]state.Problem
		want         bool
	}{
		"all are missing":                     {state.Batch{Kind: state.Import, Ending: ccapi.StateCompleted}, 2, 2, nil, true},
		"most are":                            {state.Batch{Kind: state.Import, Ending: ccapi.StateCompleted}, 3, 5, nil, true},
		"half of them are":                    {state.Batch{Kind: state.Import, Ending: ccapi.StateCompleted}, 3, 6, nil, false},
		"one has no neighbours":               {state.Batch{Kind: state.Import, Ending: ccapi.StateCompleted}, 1, 1, nil, false},
		"fewer errors than rows":              {state.Batch{Kind: state.Import, Ending: ccapi.StateCompleted, ErrorCount: 2}, 3, 3, nil, true},
		"an error for each row":               {state.Batch{Kind: state.Import, Ending: ccapi.StateCompleted, ErrorCount: 3}, 3, 3, nil, false},
		"contacts that were cleared":          {state.Batch{Kind: state.Replace, Ending: endedDirect}, 3, 3, nil, false},
		"the body was refused":                {state.Batch{Kind: state.Import, Ending: endedRefused}, 2, 9, nil, true},
		"the activity failed once":            {state.Batch{Kind: state.Import, Ending: ccapi.StateFailed}, 3, 3, nil, false},
		"the activity failed again":           {state.Batch{Kind: state.Import, Ending: ccapi.StateFailed}, 3, 3, earlier, true},
		"the activity did not end in time":    {state.Batch{Kind: state.Import, Ending: endedTimeout}, 3, 3, earlier, false},
		"the activity is gone after ten days": {state.Batch{Kind: state.Import, Ending: endedGone}, 3, 3, nil, true},
	} {
		if got := holdsBack(&c.batch, c.failed, c.rows, c.problems); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		for can, want := range map[retry]bool{{}: false, {anew: true}: c.want, {halve: true}: c.want} {
			if got := can.parts(&c.batch, c.failed, c.rows, c.problems); (got == 2) != want {
				t.Errorf("%s: in %d parts with %+v", name, got, can)
			}
		}
	}
	foreign := state.Batch{Kind: state.Import, Ending: endedForeign}
	if none, all := (retry{}).parts(&foreign, 0, 5, nil), (retry{}).parts(&foreign, 5, 5, nil); none != 0 || all != 1 {
		t.Errorf("what another program's import stood for goes again in %d and %d parts", none, all)
	}
}

func TestEachRowThatDidNotArriveIsSentAgainOrIsAProblem(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	left := judged{BatchRow: state.BatchRow{Norm: "left@example.com", Wanted: "NEW"}, verdict: verdict{reason: Lost, alone: true}}
	unsent := judged{BatchRow: state.BatchRow{Norm: "unsent@example.com"}}
	for name, c := range map[string]struct {
		batch    state.Batch
		missing  []judged
		can      retry
		halves   []int // rows of each
		problems int
		reason   string // of the problems
	}{
		"a run halves what it sent":    {state.Batch{Ending: ccapi.StateCompleted}, append(lostRows(5), left), retry{halve: true}, []int{3, 2}, 1, Lost},
		"an even number":               {state.Batch{Ending: ccapi.StateCompleted}, lostRows(4), retry{halve: true}, []int{2, 2}, 0, ""},
		"an error for some of a few":   {state.Batch{Ending: ccapi.StateCompleted, Contacts: 99, ErrorCount: 2}, lostRows(3), retry{halve: true}, nil, 3, Lost},
		"a later run plans it anew":    {state.Batch{Ending: ccapi.StateCompleted}, append(lostRows(5), left), retry{anew: true}, nil, 0, ""},
		"a few are problems":           {state.Batch{Ending: ccapi.StateCompleted, Contacts: 99}, lostRows(2), retry{halve: true}, nil, 2, Lost},
		"no more halves":               {state.Batch{Ending: ccapi.StateCompleted}, lostRows(5), retry{}, nil, 5, Lost},
		"an error for each":            {state.Batch{Ending: ccapi.StateCompleted, ErrorCount: 6}, append(lostRows(5), left), retry{halve: true}, nil, 6, Rejected},
		"an error for the only one":    {state.Batch{Ending: ccapi.StateCompleted, ErrorCount: 1}, lostRows(1), retry{halve: true}, nil, 1, Rejected},
		"half, but for those alone":    {state.Batch{Ending: ccapi.StateCompleted, Contacts: 5}, append(lostRows(3), left), retry{halve: true}, []int{2, 1}, 1, Lost},
		"another program's, no plan":   {state.Batch{Ending: endedForeign}, lostRows(3), retry{anew: true}, nil, 0, ""},
		"another program's":            {state.Batch{Ending: endedForeign}, lostRows(3), retry{}, []int{3}, 0, ""},
		"interrupted while it cleared": {state.Batch{Ending: endedBroken}, lostRows(3), retry{}, nil, 0, ""},
		"gone, before a plan":          {state.Batch{Ending: endedGone, Contacts: 99}, lostRows(3), retry{anew: true}, nil, 0, ""},
		"gone, after the plan":         {state.Batch{Ending: endedGone, Contacts: 99}, lostRows(3), retry{halve: true}, nil, 3, Lost},
	} {
		c.batch.Kind, c.batch.Lists, c.batch.Run = state.Import, []string{"l"}, 7
		v := verification{batch: &c.batch, rows: max(len(c.missing), c.batch.Contacts), missing: c.missing, unsent: []judged{unsent}}
		s := v.settlement(codes(), nil, c.can, now)
		if len(s.failed) != len(c.missing)+1 || s.failed[0].Norm != unsent.Norm || s.failed[0].Reason != string(contact.ClearingOff) {
			t.Errorf("%s: %d of %d rows are written down, first %+v", name, len(s.failed), len(c.missing)+1, s.failed[0])
		}
		problems := 0
		for _, f := range s.failed {
			if f.Problem != nil {
				problems++
				if f.Reason != c.reason || f.Problem.Reason != c.reason || f.Problem.Norm != f.Norm || f.Problem.Run != 7 || !f.Problem.RetryAt.After(now) {
					t.Errorf("%s: %+v, problem %+v", name, f, f.Problem)
				}
			}
		}
		halves := make([]int, len(s.again))
		for i := range s.again {
			b := &s.again[i].batch
			halves[i] = len(s.again[i].rows)
			if b.Contacts != halves[i] || b.State != state.Recorded || b.Kind != state.Import || b.Mapping != codes().Key() || b.Tally.Joins != halves[i] {
				t.Errorf("%s: half %+v", name, b)
			}
		}
		if problems != c.problems || fmt.Sprint(halves) != fmt.Sprint(append([]int{}, c.halves...)) {
			t.Errorf("%s: %d problems, halves of %v rows; want %d, %v", name, problems, halves, c.problems, c.halves)
		}
	}
}

// The guard of the next day counts by column. What landed may be less than what was sent, and is no
// other column's.
func TestABatchCountsWhatLandedUnlessOtherFieldsAreMapped(t *testing.T) {
	t.Parallel()
	sent := state.Tally{Changes: map[string]int{"code": 3}, Joins: 1}
	for name, c := range map[string]struct {
		mapping string // other than the present one
		landed  map[string]int
		whole   bool
	}{
		"all":                {"", map[string]int{"code": 3}, false},
		"fewer":              {"", map[string]int{"code": 2}, false},
		"none":               {"", nil, false},
		"more than was sent": {"", map[string]int{"code": 4}, true},
		"of another column":  {"", map[string]int{"code": 2, "plan": 1}, true},
		"another mapping":    {"another", map[string]int{"code": 2}, true},
	} {
		v := verification{batch: &state.Batch{Mapping: cmp.Or(c.mapping, codes().Key()), Tally: sent}, tally: state.Tally{Changes: c.landed}}
		want := v.tally
		if c.whole {
			want = sent
		}
		if got := v.sent(codes()); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s landed: %v is counted, want %v", name, got, want)
		}
	}
}

func TestWhatWasNotSentOrWasRefusedIsNotMissing(t *testing.T) {
	t.Parallel()
	rows := lostRows(4)
	rows[1].Result = Rejected
	v := verification{missing: rows}
	v.setAside(map[string]bool{rows[0].Norm: true})
	if len(v.missing) != 2 || v.missing[0].Norm != "user2@example.com" || len(v.unsent) != 1 || v.unsent[0].Norm != "user0@example.com" || fmt.Sprint(v.refused) != "[user1@example.com]" {
		t.Errorf("missing %+v, unsent %+v, refused %v", v.missing, v.unsent, v.refused)
	}
}

func TestAProblemCountsItsTriesWhileTheValueIsTheSame(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	since := now.Add(-24 * time.Hour)
	row := &lostRows(1)[0]
	b := &state.Batch{Run: 7, Ending: ccapi.StateCompleted, ErrorCount: 1, Errors: []string{"row 2 is bad"}}
	before := func(wanted string) map[string]state.Problem {
		return map[string]state.Problem{row.Norm: {Norm: row.Norm, Wanted: wanted, Attempts: 2, Since: since}}
	}
	if p := problemOf(b, row, before("NEW"), false, now); p.Attempts != 3 || !p.Since.Equal(since) || !p.RetryAt.Equal(now.Add(24*time.Hour)) || p.Detail != "gone" {
		t.Errorf("lost for the third time: %+v", p)
	}
	if p := problemOf(b, row, before("OLD"), false, now); p.Attempts != 1 || !p.Since.Equal(now) || !p.RetryAt.Equal(now.Add(time.Hour)) {
		t.Errorf("lost with another value than before: %+v", p)
	}
	if p := problemOf(b, row, nil, true, now); p.Reason != Rejected || p.Detail != "rows with errors in the import: 1: row 2 is bad" || !p.RetryAt.Equal(now.Add(48*time.Hour)) {
		t.Errorf("lost, and the import counted errors: %+v", p)
	}
}

// docs/architecture.md, The life of a batch.
func TestEachReasonIsRetriedAfterItsOwnDelay(t *testing.T) {
	t.Parallel()
	const refusedRow = ccapi.StateCompleted
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		reason, ending string
		hours          []int // after each try
	}{
		{Lost, ccapi.StateCompleted, []int{1, 6, 24, 24, 24}},
		{Altered, ccapi.StateCompleted, []int{1, 6, 24, 24}},
		{Rejected, refusedRow, []int{48, 48, 48}},
		{Rejected, endedRefused, []int{1, 6, 24, 24}},
		{ActivityFailed, ccapi.StateFailed, []int{0, 0, 1, 6, 24, 24}},
		{ActivityTimeout, endedTimeout, []int{0, 0, 1, 6, 24, 24}},
	} {
		for i, hours := range c.hours {
			if got := retryAt(c.reason, c.ending, i+1, now).Sub(now); got != time.Duration(hours)*time.Hour {
				t.Errorf("%s (%s) for the %d. time is tried again after %s, want %d h", c.reason, c.ending, i+1, got, hours)
			}
		}
	}
}
