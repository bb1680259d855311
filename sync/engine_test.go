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
		if got := report.Push.Verified; got != 100 {
			t.Errorf("verified %d, want 100", got)
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
