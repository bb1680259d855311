package sync_test

import (
	"fmt"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

func TestCoverageCountsNoClearedOrphanAsAUser(t *testing.T) {
	t.Parallel()
	for name, guard := range map[string]ccsync.Guard{"sent": {}, "refused": {MaxClears: 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.policy.ClearOrphans = true
				w.populate(20, 0)
				w.change(0, 20, "V")
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				time.Sleep(time.Hour)
				w.rows, w.guard = w.rows[:17], guard
				w.rows[16].Values = []string{"NEW"}
				dry := w.dry(ccsync.Options{})
				w.wantCoverage(dry, 16, 1, 0, 0)
				r := w.run(ccsync.Options{})
				if name == "refused" {
					w.want(r, ccsync.Refused)
					w.wantCoverage(r, 16, 1, 0, 0)
					return
				}
				w.want(r, ccsync.Synced)
				w.wantCoverage(r, 17, 0, 0, 0)
				if r.Summary.Clear != 3 || r.Push.Verified != 4 {
					t.Errorf("summary %+v, push %+v", r.Summary, r.Push)
				}
				again := w.run(ccsync.Options{})
				w.want(again, ccsync.Synced)
				w.wantCoverage(again, 17, 0, 0, 0)
			})
		})
	}
}

// An orphan whose values cannot be emptied is an open problem, and no user either.
func TestCoverageCountsNoOrphanThatFailedAsAUser(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.ClearOrphans = true
		w.populate(20, 0)
		w.change(0, 20, "V")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.rows = w.rows[:17]
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 400, Method: "PUT"})
		for range 2 {
			r := w.run(ccsync.Options{})
			w.want(r, ccsync.Partial)
			w.wantCoverage(r, 17, 0, 0, 0)
			if r.OpenProblems["rejected"] != 3 {
				t.Errorf("open problems %v", r.OpenProblems)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestNewcomersAreContactsOnlyOnceTheyWereSeen(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Create, w.policy.Lists = true, []string{"App users"}
		w.populate(5, 0)
		for i := range 10 {
			w.rows = append(w.rows, row(fmt.Sprint(100+i), fmt.Sprintf("new%d@example.com", i), "N"))
		}
		dry := w.dry(ccsync.Options{Limit: 1})
		if c, want := dry.Coverage, (ccsync.Coverage{Users: 15, Contacts: 5, Verified: 5, Pending: 10}); c != want {
			t.Errorf("coverage of the preview %+v, want %+v", c, want)
		}
		r := w.run(ccsync.Options{Limit: 1})
		w.want(r, ccsync.Partial)
		if c, want := r.Coverage, (ccsync.Coverage{Users: 15, Contacts: 6, Verified: 6, Pending: 9}); c != want {
			t.Errorf("coverage %+v, want %+v", c, want)
		}
		if got := len(w.box.Contacts()); got != 6 || r.Summary.Create != 1 || r.Limited != 9 {
			t.Errorf("%d contacts, summary %+v, limited %d", got, r.Summary, r.Limited)
		}
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Path: importPath, Match: "new5@"})
		lost := w.run(ccsync.Options{})
		w.want(lost, ccsync.Partial)
		for range 2 {
			if c, want := lost.Coverage, (ccsync.Coverage{Users: 15, Contacts: 14, Verified: 14, Missing: 1}); c != want {
				t.Errorf("coverage %+v, want %+v", c, want)
			}
			time.Sleep(time.Minute)
			lost = w.run(ccsync.Options{})
		}
	})
}

// A newcomer whose import is still under way is no contact.
func TestNewcomersUnderWayAreNoContacts(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.policy.Create, w.policy.Lists = true, []string{"App users"}
		w.populate(5, 0)
		for i := range 10 {
			w.rows = append(w.rows, row(fmt.Sprint(100+i), fmt.Sprintf("new%d@example.com", i), fmt.Sprint("V", i)))
		}
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath, Times: 1})
		w.killAfter(30*time.Second, ccsync.Options{})
		dry := w.dry(ccsync.Options{})
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Partial)
		for _, r := range []*ccsync.Report{dry, r} {
			if c, want := r.Coverage, (ccsync.Coverage{Users: 15, Contacts: 5, Verified: 5, Pending: 10}); c != want {
				t.Errorf("coverage %+v, want %+v", c, want)
			}
		}
	})
}

func TestNewcomersWhoseEarlierImportEndsAreContacts(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.policy.Create, w.policy.Lists = true, []string{"App users"}
		w.populate(5, 0)
		for i := range 10 {
			w.rows = append(w.rows, row(fmt.Sprint(100+i), fmt.Sprintf("new%d@example.com", i), fmt.Sprint("V", i)))
		}
		w.killAfter(30*time.Second, ccsync.Options{})
		w.rows[5].Values = []string{"W"}
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Synced)
		w.wantCoverage(r, 15, 0, 0, 0)
		w.wantAllCodes()
	})
}

// What people did since the last reading shows in the count, though nothing is sent.
func TestTheCountOfTheMirrorIsThatAfterTheLastReading(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"read by address": 1, "read by paging": 40} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(600, 0)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				time.Sleep(time.Hour)
				w.change(0, n, "NEW")
				for i := range n {
					w.box.Delete(w.rows[i].Email)
				}
				r := w.run(ccsync.Options{})
				w.want(r, ccsync.Synced)
				w.wantCoverage(r, 600-n, 0, 0, n)
				if r.Mirror.Contacts != 600-n || len(w.box.Imports()) != 0 {
					t.Errorf("mirror %+v, want %d contacts; %d imports", r.Mirror, 600-n, len(w.box.Imports()))
				}
				time.Sleep(time.Hour)
				if next := w.run(ccsync.Options{}); next.Mirror.Contacts != 600-n {
					t.Errorf("the next run: mirror %+v, want %d contacts", next.Mirror, 600-n)
				}
			})
		})
	}
}

func TestCoverageAddsUpWhateverIsPlannedAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.policy.Create, w.policy.Lists, w.policy.ClearOrphans = true, []string{"App users"}, true
		w.populate(30, 0)
		w.change(0, 30, "V")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.change(0, 10, "W") // under way when the run is killed
		w.killAfter(30*time.Second, ccsync.Options{})
		w.change(0, 5, "X")            // five of them change again
		w.change(10, 12, "X")          // two others are new
		w.box.OptOut(w.rows[10].Email) // of whom one opts out
		w.rows[13].Email = "nowhere"   // skipped
		w.rows = append(w.rows[:28], row("99", "new@example.com", "X99"))
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Synced)
		w.wantCoverage(r, 27, 0, 0, 2) // user 13's contact keeps its code: he is only skipped
		s := r.Summary
		if s.Clear != 2 || s.Create != 1 || s.Update != 6 || s.Unchanged != 20 || s.Skipped != 2 {
			t.Errorf("summary %+v, skipped %+v", s, r.Skipped)
		}
		for _, c := range []source.Row{w.rows[0], w.rows[4], w.rows[5], w.rows[11]} {
			if w.code(c.Email) != c.Values[0] {
				t.Errorf("%s carries %s, want %s", c.Email, w.code(c.Email), c.Values[0])
			}
		}
	})
}
