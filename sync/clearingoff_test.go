package sync_test

import (
	"net/http"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// emptied are n contacts with this permission whose code is to be cleared.
func (w *world) emptied(n int, permission string) {
	w.policy.Fields[0].Clear = true
	for i := range n {
		c := contact(string(rune('a'+i))+"@example.com", "K", "App users")
		c.Permission = permission
		w.box.Seed(c)
		w.rows = append(w.rows, row(string(rune('a'+i)), c.Address, ""))
	}
}

func TestAPutThatChangesAPermissionEndsClearingAtTheFirstContact(t *testing.T) {
	t.Parallel()
	for sets, was := range map[string]string{"explicit": "implicit", "implicit": "not_set", "not_set": "explicit"} {
		t.Run(sets, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{Switches: sandbox.Switches{PutSetsPermission: sets}}, func(w *world) {
				w.emptied(5, was)
				w.rows = append(w.rows, row("n", "n@example.com", "N"))
				w.box.Seed(contact("n@example.com", "", "App users"))
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Partial)
				if p := report.Push.Problems; w.puts() != 1 || len(p) != 1 || p[0].Reason != ccsync.Overstepped || p[0].Key != "a" {
					t.Errorf("%d contacts were put back, problems %+v", w.puts(), p)
				}
				if n := report.Reasons[string(ccsync.ClearingOff)]; n != 4 || report.Coverage.Skipped != 4 || report.Coverage.Pending != 0 || report.Push.Unverified != 0 {
					t.Errorf("%d skipped, %+v, %+v", n, report.Coverage, report.Push)
				}
				if got := w.code("n@example.com"); got != "N" {
					t.Errorf("the others were not served: %q", got)
				}
				off, err := ccsync.ReadClearing(w.t.Context(), w.state)
				if err != nil || off == nil || off.Was != was || off.Is != sets || off.Until.Sub(off.Since) != 30*24*time.Hour {
					t.Errorf("%+v (%v)", off, err)
				}
				w.rows[1].Values[0] = "NEW" // another value is sent all the same
				again := w.run(ccsync.Options{})
				w.want(again, ccsync.Partial) // the contact is still to be checked
				if again.Reasons[string(ccsync.ClearingOff)] != 3 || again.Summary.Clear != 0 || w.puts() != 1 || w.code("b@example.com") != "NEW" {
					t.Errorf("%+v, %v, %d contacts were put back", again.Summary, again.Reasons, w.puts())
				}
				if x, err := w.engine().Explain(w.t.Context(), "c@example.com"); err != nil || x.Reason != string(ccsync.ClearingOff) {
					t.Errorf("%+v (%v)", x, err)
				}
				asked := w.run(ccsync.Options{Only: []string{"c@example.com"}})
				if u := asked.Users; len(u) != 1 || u[0].State != "skipped" || u[0].Reason != string(ccsync.ClearingOff) {
					t.Errorf("%+v", u)
				}
				time.Sleep(31 * 24 * time.Hour)
				w.want(w.run(ccsync.Options{}), ccsync.Partial)
				if w.puts() != 2 {
					t.Errorf("%d contacts were put back after a month, want 2", w.puts())
				}
			})
		})
	}
}

func TestWhoWasAskedForAndNotClearedIsSkipped(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{Switches: sandbox.Switches{PutSetsPermission: "explicit"}}, func(w *world) {
		w.emptied(3, "implicit")
		report := w.run(ccsync.Options{Only: []string{"b@example.com", "c@example.com"}})
		w.want(report, ccsync.Partial)
		if u := report.Users; u[0].State != "verified" || u[1].State != "skipped" || u[1].Reason != string(ccsync.ClearingOff) {
			t.Errorf("%+v", u)
		}
	})
}

// The answer that would tell is lost, or the process dies before it comes.
func TestAPutThatChangedAPermissionIsNoticedThoughItsAnswerIsLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(w *world){
		"the answer is lost": func(w *world) {
			w.box.Fault(sandbox.Fault{Kind: sandbox.FaultResetAfter, Method: http.MethodPut, Times: 1})
			w.want(w.run(ccsync.Options{}), ccsync.Partial)
		},
		"the process dies": func(w *world) {
			for n := 1; w.puts() == 0; n++ {
				w.runUntil(moment{request: n, seen: true}, ccsync.Options{})
			}
			w.run(ccsync.Options{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{Switches: sandbox.Switches{PutSetsPermission: "explicit"}}, func(w *world) {
				w.emptied(3, "implicit")
				lose(w)
				n := 0
				for _, c := range w.box.Contacts() {
					if c.Permission == "explicit" {
						n++
					}
				}
				if off, err := ccsync.ReadClearing(w.t.Context(), w.state); n != 1 || off == nil || err != nil {
					t.Errorf("%d contacts got another permission; %+v (%v)", n, off, err)
				}
			})
		})
	}
}
