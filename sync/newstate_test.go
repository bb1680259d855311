package sync_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// atHome is a home whose source is this one.
func atHome(source string) ccsync.Home {
	return ccsync.Home{API: "https://api/v3", Auth: "https://auth", Source: source, Machine: "m1", Path: "/one.db"}
}

// A first try with a mistyped host binds nothing, whatever becomes of it: the corrected one is
// nobody's other source.
func TestAMistypedSourceBindsNothing(t *testing.T) {
	t.Parallel()
	for name, try := range map[string]func(*world){
		"that is not there": func(w *world) { w.broken = errors.New("no such host"); w.want(w.run(ccsync.Options{}), ccsync.Failed) },
		"that is empty":     func(w *world) { w.rows = nil; w.want(w.run(ccsync.Options{}), ccsync.Refused) },
		"that is refused":   func(w *world) { w.guard.MinSourceRows = 1000; w.want(w.run(ccsync.Options{}), ccsync.Refused) },
		"that is looked at": func(w *world) { w.want(w.dry(ccsync.Options{}), ccsync.Planned) },
		"that is forced":    func(w *world) { w.rows = nil; w.want(w.run(ccsync.Options{Force: true}), ccsync.Refused) },
		"whose API is away": func(w *world) {
			w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 400, Times: 1})
			w.want(w.run(ccsync.Options{}), ccsync.Failed)
		},
		"looked at with force": func(w *world) { w.want(w.dry(ccsync.Options{Force: true}), ccsync.Planned) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.guard.MinSourceRows = 1
				w.populate(20, 4)
				rows := w.rows
				w.home = atHome("postgres:db.exmaple.com/app")
				try(w)
				w.rows, w.broken, w.guard.MinSourceRows = rows, nil, 1
				w.home = atHome("postgres:db.example.com/app")
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.wantAllCodes()
				w.home = atHome("postgres:other.example.com/app")
				if report := w.run(ccsync.Options{}); !slices.Equal(report.Guard.Reasons, []string{"moved"}) {
					t.Errorf("another source afterwards: %+v", report.Guard)
				}
			})
		})
	}
}

// The plan of a moved source is shown, so that a person can judge it, and stays refused.
func TestADryRunShowsThePlanOfAMovedSource(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(100, 0)
		w.home, w.guard.MaxChangePercent = atHome("one"), 10
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.home = atHome("two")
		for i := range 50 {
			w.rows[i].Values = []string{"OTHER"}
		}
		writes := len(w.box.Writes())
		report := w.dry(ccsync.Options{})
		w.want(report, ccsync.Refused)
		if report.Summary.Change != 50 || len(report.Changes) != 50 {
			t.Errorf("%+v, %d changes", report.Summary, len(report.Changes))
		}
		if want := []string{"moved", "max_change_percent"}; !slices.Equal(report.Guard.Reasons[:2], want) {
			t.Errorf("the guard says %v, want %v", report.Guard.Reasons, want)
		}
		forced := w.dry(ccsync.Options{Force: true})
		w.want(forced, ccsync.Planned)
		w.want(w.run(ccsync.Options{}), ccsync.Refused)
		if n := len(w.box.Writes()); n != writes {
			t.Errorf("%d writes", n-writes)
		}
	})
}

// A clone's plan is shown with the access token that it came with; another one would cost the
// original its login.
func TestADryRunOfACloneRenewsNoToken(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 0)
		w.home = atHome("one")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.home.Machine, w.home.Path = "m2", "/two.db"
		w.rows[0].Values = []string{"NEW"}
		e := w.engine()
		e.Write = nil
		report, err := e.Run(w.t.Context(), ccsync.Options{})
		if err != nil {
			t.Fatal(err)
		}
		w.want(report, ccsync.Refused)
		if n := e.Read.Requests(); n != 0 {
			t.Errorf("%d requests through the reader that renews tokens", n)
		}
		if report.Summary.Change != 1 || report.Requests == 0 || !slices.Equal(report.Guard.Reasons, []string{"moved"}) {
			t.Errorf("%+v, %d requests, %+v", report.Summary, report.Requests, report.Guard)
		}
		w.unrenewed = true
		sent := len(w.box.Requests())
		for _, o := range []ccsync.Options{{}, {Force: true}} {
			if report := w.dry(o); report.Outcome != ccsync.Refused || report.Summary.Change != 0 {
				t.Errorf("%+v with an expired token: %s, %+v", o, report.Outcome, report.Summary)
			}
		}
		if n := len(w.box.Requests()); n != sent {
			t.Errorf("%d requests", n-sent)
		}
	})
}

// Whoever left a list before the state file was made, or lost, is not put back on it by the
// first plans.
func TestANewStateJoinsNobodyUntilForced(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Lists, w.policy.Create = []string{"App users"}, true
		w.box.Seed(contact("left@example.com", "A", "App users", "Newsletter"), contact("none@example.com", "A"), contact("on@example.com", "A", "App users"))
		w.box.LeaveList("left@example.com", "App users")
		w.rows = []source.Row{row("1", "left@example.com", "B"), row("2", "none@example.com", "B"), row("3", "on@example.com", "B"), row("4", "new@example.com", "B")}
		check := func(report *ccsync.Report) {
			t.Helper()
			if report.Summary.Joins != 0 || skipOf(report, "2") != ccsync.NoList {
				t.Errorf("%+v, who is on no list is skipped as %q", report.Summary, skipOf(report, "2"))
			}
			if !slices.ContainsFunc(report.Notes, func(n string) bool { return strings.Contains(n, "cannot know which contacts left a list") }) {
				t.Errorf("notes %q", report.Notes)
			}
		}
		preview := w.dry(ccsync.Options{})
		check(preview)
		x, err := w.engine().Explain(w.t.Context(), "none@example.com")
		if err != nil || x.Reason != string(ccsync.NoList) {
			t.Errorf("explained as %s %s, %v", x.Decision, x.Reason, err)
		}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		check(report)
		w.wantOn("left@example.com", "Newsletter")
		w.wantOn("none@example.com")
		w.wantOn("on@example.com", "App users")
		w.wantOn("new@example.com", "App users") // nobody who was not there has left anything
		if w.code("left@example.com") != "B" || w.code("none@example.com") != "A" {
			t.Errorf("codes %s and %s", w.code("left@example.com"), w.code("none@example.com"))
		}
		if forced := w.dry(ccsync.Options{Force: true}); forced.Summary.Joins != 1 {
			t.Errorf("a forced preview: %+v", forced.Summary)
		}
		w.want(w.run(ccsync.Options{Force: true, Only: []string{"on@example.com"}}), ccsync.Synced)
		check(w.run(ccsync.Options{})) // one user that was forced is no word for all
		w.want(w.run(ccsync.Options{Force: true}), ccsync.Synced)
		w.wantOn("none@example.com", "App users")
		w.rows[0].Values = []string{"C"}
		time.Sleep(time.Hour)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantOn("left@example.com", "App users", "Newsletter") // that is what forcing says

		w.box.LeaveList("left@example.com", "App users")
		w.rows[0].Values = []string{"D"}
		w.lose("")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantOn("left@example.com", "Newsletter")
	})
}

// An erasure keeps, in a hash, which lists the contact was on or had left.
func TestWhoLeftAListIsNotPutBackAfterForgetting(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]string{"before it": "before", "between it and the next look": "after"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.policy.Lists = []string{"App users"}
				w.knowsWhoLeft()
				w.box.Seed(contact("left@example.com", "A", "App users", "Newsletter"))
				w.rows = []source.Row{row("1", "left@example.com", "A")}
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				if leave == "before" {
					w.box.LeaveList("left@example.com", "App users")
					w.want(w.run(ccsync.Options{Full: true}), ccsync.Synced)
				}
				if e, err := w.engine().Forget(w.t.Context(), "Left@Example.com"); err != nil || !e.Kept {
					t.Errorf("%+v, %v", e, err)
				}
				w.box.LeaveList("left@example.com", "App users")
				w.rows[0].Values = []string{"B"}
				time.Sleep(time.Hour)
				report := w.run(ccsync.Options{Full: true})
				w.want(report, ccsync.Synced)
				w.wantOn("left@example.com", "Newsletter")
				if w.code("left@example.com") != "B" || report.Summary.Joins != 0 {
					t.Errorf("code %s, %+v", w.code("left@example.com"), report.Summary)
				}
			})
		})
	}
}
