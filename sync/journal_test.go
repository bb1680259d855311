package sync_test

import (
	"slices"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

func TestAnImportUnderWayOutlivesAChangeOfTheMapping(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		name := ccsync.Field{Column: "first_name", Property: "first_name"}
		w.box.Seed(sandbox.Contact{Address: "a@example.com", Lists: []string{"App users"}, FirstName: "Ann"})
		w.policy.Fields = append([]ccsync.Field{name}, w.policy.Fields...)
		w.rows = append(w.rows, row("1", "a@example.com", "Bea", "K1"))
		if !w.runUntil(moment{request: 3, seen: true}, ccsync.Options{}) {
			t.Fatal("the run did not last until its import")
		}
		w.policy.Fields = w.policy.Fields[1:]
		w.rows[0].Values = []string{"K1"}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if report.Push.Verified != 1 || len(w.box.Imports()) != 1 {
			t.Errorf("push %+v, %d imports", report.Push, len(w.box.Imports()))
		}
		w.wantAllCodes()
	})
}

func TestASnapshotThatWasGoneOnWithIsNotTakenForFresh(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(1200, 100)
		if !w.runUntil(moment{request: 4}, ccsync.Options{}) { // fields, then two of three pages
			t.Fatal("the run did not last until its third page")
		}
		time.Sleep(20 * time.Minute)
		for i := 0; i < 1200; i += 100 {
			w.box.Delete(w.rows[i].Email)
		}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		for i := 0; i < 1200; i += 100 {
			if c, _ := w.box.Contact(w.rows[i].Email); !c.Deleted {
				t.Errorf("%s was revived", c.Address)
			}
		}
		if report.Summary.Skipped != 12 || report.Reasons[string(ccsync.Deleted)] != 12 {
			t.Errorf("summary %+v, reasons %v", report.Summary, report.Reasons)
		}
	})
}

func TestWhoLeftAListIsNotPutBackUnderAnotherAddress(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Lists = []string{"App users"}
		w.box.Seed(contact("old@example.com", "A", "App users", "Newsletter"))
		w.rows = []source.Row{row("1", "old@example.com", "A")}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.box.LeaveList("old@example.com", "App users")
		w.rows[0].Values = []string{"B"}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.rows[0].Values = []string{"C"}
		w.whileReading = func() { w.box.ChangeAddress("old@example.com", "new@example.com") } // after the refresh, before the recheck
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if got := skipOf(report, "1"); got != ccsync.NotAContact {
			t.Errorf("under the old address: %q", got)
		}
		w.whileReading = nil
		w.rows = []source.Row{row("1", "new@example.com", "C")}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		if c, _ := w.box.Contact("new@example.com"); !slices.Equal(c.Lists, []string{"Newsletter"}) || c.Fields["short_code"] != "C" {
			t.Errorf("under the new address: %+v", c)
		}
	})
}
