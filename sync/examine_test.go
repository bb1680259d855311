package sync_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

func TestExamineJudgesEveryRowAsARunWould(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields[0].Unique, w.policy.Fields[0].Required = true, true
		w.rows = []source.Row{
			{Key: "1", Email: "ann@example.com", Values: []string{"A"}},
			{Key: "2", Email: "bob@", Values: []string{"B"}},
			{Key: "3", Email: "cat@example.com", Values: []string{""}},
			{Key: "4", Email: "dan@example.com", Values: []string{"D"}},
			{Key: "5", Email: "eve@example.com", Values: []string{"D"}},
		}
		x, err := w.engine().Examine(w.t.Context(), nil)
		if err != nil {
			w.t.Fatal(err)
		}
		want := map[string]int{"invalid_email": 1, "missing_value": 1, "duplicate_value": 2}
		if diff := cmp.Diff(want, x.Reasons); diff != "" {
			w.t.Errorf("reasons (-want +got):\n%s", diff)
		}
		if x.Count() != 4 || x.Source.Rows != 5 {
			w.t.Errorf("%d of %d rows would be skipped, want 4 of 5", x.Count(), x.Source.Rows)
		}
		report := w.run(ccsync.Options{})
		delete(report.Reasons, "not_a_contact") // which a run learns from the account
		if diff := cmp.Diff(report.Reasons, x.Reasons); diff != "" {
			w.t.Errorf("a run skips otherwise (-run +examined):\n%s", diff)
		}
	})
}

func TestExamineCountsWhatASpreadsheetTakesForAFormula(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		for value, want := range map[string]int{
			`=HYPERLINK("http://x","y")`: 1, "+SUM(A1)": 1, "-A1": 1, "@a": 1, "\t=1+A1": 1, "\r=A1": 1,
			"": 0, "K7Q2": 0, "a=b": 0, "-12.50": 0, "+49 (89) 123-4": 0, "-": 0, "a@example.com": 0,
		} {
			w.rows = []source.Row{{Key: "1", Email: "ann@example.com", Values: []string{value}}}
			if x, err := w.engine().Examine(w.t.Context(), nil); err != nil || x.Formulas != want {
				w.t.Errorf("%q: %d formulas, %v, want %d", value, x.Formulas, err, want)
			}
		}
	})
}

func TestBindGivesEachNameItsOwnVerdict(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields = append(w.policy.Fields, ccsync.Field{Column: "b", CustomField: "nowhere"},
			ccsync.Field{Column: "c", CustomField: "to make", Create: true}, ccsync.Field{Column: "d", Property: "first_name"})
		w.policy.Lists = []string{"app users", "no list"}
		bound, err := w.engine().Bind(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		type verdict struct {
			Wanted, Name string
			Create, Err  bool
		}
		var got []verdict
		for _, b := range bound {
			got = append(got, verdict{b.Wanted, b.Found.Name, b.Create, errors.As(b.Err, new(*ccsync.SetupError))})
		}
		want := []verdict{{"short_code", "short_code", false, false}, {"nowhere", "", false, true}, {"to make", "", true, false},
			{"app users", "App users", false, false}, {"no list", "", false, true}}
		if diff := cmp.Diff(want, got); diff != "" {
			w.t.Errorf("verdicts (-want +got):\n%s", diff)
		}
		known, err := w.state.Bindings(w.t.Context())
		if err != nil || len(known) != 0 {
			w.t.Errorf("kept %v (%v), want nothing", known, err)
		}
	})
}

func TestExplainTellsWhyARowWithoutAnAddressIsSkipped(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.rows = []source.Row{{Key: "7", Email: "bob@", Values: []string{"B"}}}
		x, err := w.engine().Explain(w.t.Context(), "key:7")
		if err != nil {
			w.t.Fatal(err)
		}
		if !x.Known || x.Decision != "skip" || x.Reason != "invalid_email" || x.Advice == "" {
			w.t.Errorf("explained as %+v", x)
		}
	})
}
