package sync_test

import (
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

func TestARunSaysWhatItWaitedFor(t *testing.T) {
	t.Parallel()
	box := sandbox.Options{ImportTime: func(int) time.Duration { return 20 * time.Second }}
	inWorld(t, box, func(w *world) {
		w.populate(1000, 10)
		w.slow = 3 * time.Second

		report := w.run(ccsync.Options{Trigger: "command"})

		w.want(report, ccsync.Synced)
		got, paced := report.Waited, 0.25*float64(report.Requests-1)
		if got.Activities < 20 || got.Activities > 40 || got.Database < 3 || got.Database > 3.1 || got.Limiter <= 0 || got.Limiter > 2*paced {
			t.Errorf("waited %+v for an import of 20 s, a database that takes 3 s and %d requests", got, report.Requests)
		}
		if sum := got.Limiter + got.Activities + got.Database; sum > report.Seconds {
			t.Errorf("waited %v s of %v", sum, report.Seconds)
		}
	})
}

func TestOutdatedCodesLandInOneRunAndNothingElseChanges(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(1000, 10)
		before := w.box.Contacts()

		report := w.run(ccsync.Options{Trigger: "command"})

		w.want(report, ccsync.Synced)
		if got := report.Push.Verified; got != 100 || report.Schema != 1 {
			t.Errorf("verified %d, want 100, in a report of schema %d", got, report.Schema)
		}
		imports := w.box.Imports()
		if len(imports) != 1 || len(imports[0].Rows) != 100 {
			t.Errorf("imports %d, want one of 100 rows", len(imports))
		}
		if got, want := report.Requests, len(w.box.Requests()); got != want || got > 14 {
			t.Errorf("the report counts %d requests, the server saw %d, at most 14 are allowed", got, want)
		}
		if most := w.box.MaxPerSecond(); most > 4 {
			t.Errorf("%d requests in one second", most)
		}
		after := w.box.Contacts()
		for i := range before {
			a, b := after[i], before[i]
			if a.Fields["short_code"] != w.rows[i].Values[0] {
				t.Fatalf("%s carries %q, want %q", a.Address, a.Fields["short_code"], w.rows[i].Values[0])
			}
			if len(a.Lists) != len(b.Lists) || a.Permission != b.Permission || a.FirstName != b.FirstName {
				t.Fatalf("more changed than the code: %+v, was %+v", a, b)
			}
		}
		t.Logf("requests %d in %.1f s, coverage %+v, estimate %+v", report.Requests, report.Seconds, report.Coverage, report.Estimate)
	})
}

func TestASecondRunWithNothingToDoCostsOneRequest(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(1000, 10)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if report.Requests != 1 {
			t.Errorf("requests %d, want 1", report.Requests)
		}
	})
}

func TestADryRunSendsNothingButGET(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(1000, 10)
		w.policy.Fields = append(w.policy.Fields, ccsync.Field{Column: "short_code", CustomField: "Another", Create: true})
		for i := range w.rows {
			w.rows[i].Values = append(w.rows[i].Values, "x")
		}
		report := w.dry(ccsync.Options{})
		w.want(report, ccsync.Planned)
		if writes := w.box.Writes(); len(writes) != 0 {
			t.Errorf("a dry run wrote: %+v", writes)
		}
		if len(report.Setup) != 1 || report.Setup[0].Name != "Another" {
			t.Errorf("setup %+v, want the custom field that a run would create", report.Setup)
		}
	})
}

// Whoever watches a run sees how far each step has come.
func TestProgressGoesOneWayAndReachesTheEnd(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(1200, 1)
		watch := func() map[string]bool {
			seen, at := make(map[string]bool), make(map[string]int)
			e := w.engine()
			e.Progress = func(step string, done, total int) {
				if seen[step] = true; done < 0 || total > 0 && done > total || done < at[step] && done > 0 {
					t.Errorf("%s: %d of %d after %d", step, done, total, at[step])
				}
				at[step] = done
			}
			report, err := e.Run(w.t.Context(), ccsync.Options{})
			if err != nil {
				t.Fatal(err)
			}
			w.want(report, ccsync.Synced)
			for _, step := range []string{"snapshot", "refresh", "source"} {
				if seen[step] && at[step] != 1200 {
					t.Errorf("%s ends at %d of 1200", step, at[step])
				}
			}
			return seen
		}
		if seen := watch(); !seen["snapshot"] || !seen["plan"] || !seen["import"] || !seen["verify"] {
			t.Errorf("a first run has the steps %v", seen)
		}
		for i := range w.rows {
			w.box.SetProperty(w.rows[i].Email, "first_name", "Ann")
		}
		if seen := watch(); !seen["refresh"] || seen["snapshot"] {
			t.Errorf("a second run has the steps %v", seen)
		}
	})
}

func TestAnEstimateIsNearWhatARunTakes(t *testing.T) {
	t.Parallel()
	for _, changes := range []int{5, 2000} {
		inWorld(t, sandbox.Options{}, func(w *world) {
			w.populate(2000, 2000/changes)
			w.want(w.dry(ccsync.Options{}), ccsync.Planned)
			e := w.dry(ccsync.Options{}).Estimate
			r := w.run(ccsync.Options{})
			w.want(r, ccsync.Synced)
			near := func(a, b float64) bool { return 3*a > 2*b && 3*b > 2*a }
			if !near(e.Seconds, r.Seconds) || !near(float64(e.Requests), float64(r.Requests)) {
				t.Errorf("%d changes: %+v, took %d requests and %.1f s", changes, e, r.Requests, r.Seconds)
			}
		})
	}
}
