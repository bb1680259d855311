package sync_test

import (
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// A field that gets another name between plan and import takes no value under its old one: that is
// noticed, named, and made good under the new one.
func TestAFieldRenamedInTheMiddleOfARunIsNoticed(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.one("K1")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.rows[0].Values = []string{"K2"}
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultFieldRenamed, Method: "POST", Path: importPath, Times: 1, Field: "short_code", To: "Voucher"})
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Partial)
		if p := report.Push.Problems; len(p) != 1 || report.Push.Verified != 0 {
			t.Errorf("verified %d, problems %+v", report.Push.Verified, p)
		}
		w.wantVoucher("K1")
		time.Sleep(49 * time.Hour)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantVoucher("K2")
	})
}

// A field that is deleted between plan and import takes no value: nothing is called verified, and
// no field is made in its place.
func TestAFieldDeletedInTheMiddleOfARunIsNoticed(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.one("K1")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.rows[0].Values = []string{"K2"}
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultFieldDeleted, Method: "POST", Path: importPath, Times: 1, Field: "short_code"})
		report := w.run(ccsync.Options{})
		if report.Outcome == ccsync.Synced || report.Push.Verified != 0 {
			t.Errorf("outcome %s, verified %d", report.Outcome, report.Push.Verified)
		}
		for range 2 {
			time.Sleep(49 * time.Hour)
			w.wantSetup(w.run(ccsync.Options{}), "field_gone", `"short_code"`)
		}
		if w.fieldsMade() != 0 || len(w.box.Imports()) != 2 {
			t.Errorf("%d fields made, %d imports", w.fieldsMade(), len(w.box.Imports()))
		}
	})
}
