package sync_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// throw changes switches of the sandbox.
func (w *world) throw(change func(*sandbox.Switches)) {
	s := w.box.Switches()
	change(&s)
	w.box.SetSwitches(s)
}

// sentRows are how many contacts each import named, in order.
func (w *world) sentRows() []int {
	var rows []int
	for _, i := range w.box.Imports() {
		rows = append(rows, len(i.Rows))
	}
	return rows
}

func (w *world) wantSent(want ...int) {
	w.t.Helper()
	if got := w.sentRows(); !slices.Equal(got, want) {
		w.t.Errorf("imports of %v contacts, want %v", got, want)
	}
}

func TestTheFirstPushGoesInTwoSteps(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.guard.Canary = 5
		w.populate(20, 1)
		dry := w.dry(ccsync.Options{})
		w.wantSent()
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		w.wantSent(5, 15)
		w.wantAllCodes()
		if c := report.Coverage; c.Verified != 20 || c.Pending != 0 {
			t.Errorf("coverage %+v", c)
		}
		if dry.Estimate.Requests < report.Requests/2 {
			t.Errorf("the estimate is %d requests for a push of %d", dry.Estimate.Requests, report.Requests)
		}
		w.rows[3].Values = []string{"NEW"}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantSent(5, 15, 1)
	})
}

func TestNothingMoreIsSentWhenAnImportTouchesWhatItDoesNotName(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(*sandbox.Switches){
		"permission":    func(s *sandbox.Switches) { s.ImportSetsPermission = true },
		"another list":  func(s *sandbox.Switches) { s.ImportAddsList = true },
		"another field": func(s *sandbox.Switches) { s.ImportClearsField = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.guard.Canary = 5
				w.box.AddCustomField("Shoe size", "string")
				w.populate(20, 1)
				for _, row := range w.rows {
					w.box.SetField(row.Email, "shoe_size", "42")
				}
				w.throw(harm)
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Refused)
				if !slices.Contains(report.Guard.Reasons, "canary") || len(report.Guard.Details) == 0 {
					t.Errorf("guard %+v", report.Guard)
				}
				if text := report.Guard.Summary(); strings.Count(text, "user key:") != 5 {
					t.Errorf("%q does not name the 5 users by their keys", text)
				}
				w.wantSent(5)
				time.Sleep(time.Hour)
				w.want(w.run(ccsync.Options{}), ccsync.Refused)
				w.want(w.run(ccsync.Options{Only: []string{w.rows[19].Email}}), ccsync.Refused)
				w.want(w.dry(ccsync.Options{}), ccsync.Refused)
				w.policy.Lists = []string{"App users"} // another mapping undoes nothing of it
				w.knowsWhoLeft()
				w.restart()
				w.want(w.run(ccsync.Options{}), ccsync.Refused)
				w.guard.Canary = 0
				w.want(w.run(ccsync.Options{}), ccsync.Refused)
				w.guard.Canary = 5
				all := w.rows
				// of whom each has what he is to have: nothing is to be sent, and what happened is
				// not forgotten
				w.rows = w.rows[:4]
				if r := w.run(ccsync.Options{}); !strings.Contains(strings.Join(r.Notes, "\n"), "will refuse the next change unless the run is forced") {
					t.Errorf("%s, notes %q", r.Outcome, r.Notes)
				}
				w.rows = all
				w.policy.Lists = nil
				w.restart()
				w.wantSent(5)
				w.throw(func(s *sandbox.Switches) {
					s.ImportSetsPermission, s.ImportAddsList, s.ImportClearsField = false, false, false
				})
				w.want(w.run(ccsync.Options{Force: true}), ccsync.Synced)
				w.rows[3].Values = []string{"NEW"}
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.wantSent(5, 15, 1)
			})
		})
	}
}

func TestAContactThatWentAheadAndDidNotArriveIsNoProof(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.guard.Canary = 5
		w.populate(20, 1)
		w.throw(func(s *sandbox.Switches) { s.FirstImportLosesRow = true })
		w.want(w.run(ccsync.Options{}), ccsync.Partial)
		w.wantSent(5)
		w.want(w.run(ccsync.Options{}), ccsync.Partial) // the one that was lost waits for its retry
		if sent := w.sentRows(); len(sent) != 3 || sent[1] != 1 || sent[2] != 14 {
			t.Errorf("imports of %v contacts", sent)
		}
		time.Sleep(3 * time.Hour)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
	})
}

func TestWhoeverAsksNothingElseIsSentBeforeTheFirstContactsPassed(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.guard.Canary = 3
		w.populate(10, 1)
		w.want(w.run(ccsync.Options{Only: []string{w.rows[0].Email}}), ccsync.Synced)
		w.want(w.run(ccsync.Options{Limit: 2}), ccsync.Partial)
		w.wantSent(1, 2)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantSent(1, 2, 7)
	})
}

// Whoever forces a push for some users answers for these, not for everybody.
func TestAForcedPushForSomeLeavesTheCanaryForTheOthers(t *testing.T) {
	t.Parallel()
	for name, some := range map[string]ccsync.Options{"one user": {Force: true, Only: []string{"user000009@example.com"}}, "a limit": {Force: true, Limit: 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.guard.Canary = 5
				w.populate(20, 1)
				w.run(some)
				w.wantSent(1)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.wantSent(1, 5, 14)
			})
			inWorld(t, sandbox.Options{}, func(w *world) { // after a refusal, too
				w.guard.Canary = 5
				w.populate(20, 1)
				w.throw(func(s *sandbox.Switches) { s.ImportSetsPermission = true })
				w.want(w.run(ccsync.Options{}), ccsync.Refused)
				w.run(some)
				w.wantSent(5, 1)
				w.want(w.run(ccsync.Options{}), ccsync.Refused)
				w.wantSent(5, 1)
			})
		})
	}
}

// An import that never counts as lost is waited for without an end.
func TestAReportNamesNoTimeAfterWhichTheFirstContactsCountAsLostWhereTheyNeverDo(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.guard.Canary, w.policy.ActivityTimeout = 5, 0
		w.populate(20, 1)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath, Times: 1})
		if a := w.run(ccsync.Options{}).Ahead; a == nil || a.Contacts != 5 || !a.Until.IsZero() {
			t.Errorf("%+v", a)
		}
	})
}

// While the import of the contacts that go ahead does not end, report, record and log say what
// everybody waits for, and until when.
func TestAReportSaysThatEverybodyWaitsForTheFirstContacts(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.guard.Canary = 5
		w.populate(20, 1)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath, Times: 1})
		began := time.Now()
		for i := range 2 { // the run that sends them, and one that finds them under way
			report := w.run(ccsync.Options{})
			w.want(report, ccsync.Partial)
			last, _, err := ccsync.ReadLastWhole(w.t.Context(), w.state)
			for name, a := range map[string]*ccsync.Ahead{"report": report.Ahead, "record": last.Ahead} {
				if a == nil || a.Contacts != 5 || a.Until.Sub(began.Add(6*time.Hour)).Abs() > time.Minute || err != nil {
					t.Errorf("run %d, %s: %+v (%v)", i+1, name, a, err)
				}
			}
			if !slices.ContainsFunc(report.Notes, func(n string) bool {
				return strings.Contains(n, "waiting for the import of the first 5 contacts") && strings.Contains(n, "2000-01-01 06:00 UTC")
			}) {
				t.Errorf("run %d notes %q", i+1, report.Notes)
			}
			w.wantSent(5)
		}
		time.Sleep(6 * time.Hour) // it counts as lost now
		report := w.run(ccsync.Options{})
		last, _, err := ccsync.ReadLastWhole(w.t.Context(), w.state)
		if report.Ahead != nil || last.Ahead != nil || err != nil {
			t.Errorf("%+v, %+v (%v)", report.Ahead, last.Ahead, err)
		}
		if sent := w.sentRows(); len(sent) < 2 || sent[1] != 5 {
			t.Errorf("imports of %v contacts", sent)
		}
	})
}

func TestCreatedContactsGoAheadToo(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.guard.Canary = 3
		w.policy.Create, w.policy.Lists = true, []string{"App users"}
		w.populate(4, 1)
		for _, address := range []string{"new1@example.com", "new2@example.com"} {
			w.rows = append(w.rows, row("k-"+address[:4], address, "N-"+address[:4]))
		}
		report := w.run(ccsync.Options{Force: false})
		w.want(report, ccsync.Synced)
		if sent := w.sentRows(); len(sent) < 2 || sent[0] > 3 {
			t.Errorf("imports of %v contacts", sent)
		}
	})
}

func TestARunThatDiedBetweenTheStepsIsComparedByTheNext(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.guard.Canary = 5
		w.populate(20, 1)
		w.throw(func(s *sandbox.Switches) { s.ImportSetsPermission = true })
		ctx, die := context.WithCancel(w.t.Context())
		defer die()
		e := w.engine()
		e.Progress = func(step string, _, _ int) {
			if step == "import" {
				die()
			}
		}
		if _, err := e.Run(ctx, ccsync.Options{}); err != nil {
			t.Log(err)
		}
		w.wantSent(5)
		w.restart()
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Refused)
		if !strings.Contains(strings.Join(report.Guard.Details, " "), "permission_to_send") {
			t.Errorf("guard %+v", report.Guard)
		}
		w.wantSent(5)
	})
}

// Contacts that only an export has shown have no id yet.
func TestTheFirstPushToALargeAccountGoesInTwoSteps(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.guard.Canary = 5
		w.populate(10_500, 500)
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		w.wantSent(5, 16)
		w.wantAllCodes()
	})
}

// What the contacts that went ahead were sent with is what they are compared by.
func TestAChangeOfTheConfigurationForgetsNoContactThatWentAhead(t *testing.T) {
	t.Parallel()
	code := ccsync.Field{Column: "short_code", CustomField: "short_code"}
	changes := map[string]func(*world){
		"nothing":        func(*world) {},
		"other lists":    func(w *world) { w.policy.Lists = []string{"App users"}; w.knowsWhoLeft() },
		"one field more": func(w *world) { w.more(code, ccsync.Field{Column: "first_name", Property: "first_name"}) },
		"other fields":   func(w *world) { w.more(ccsync.Field{Column: "first_name", Property: "first_name"}) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, harm := range []bool{true, false} {
				inWorld(t, slowly, func(w *world) {
					w.guard.Canary = 5
					w.box.AddCustomField("Shoe size", "string")
					w.populate(20, 1)
					for _, row := range w.rows {
						w.box.SetField(row.Email, "shoe_size", "42")
					}
					w.throw(func(s *sandbox.Switches) { s.ImportClearsField = harm })
					w.killAfter(30*time.Second, ccsync.Options{})
					change(w)
					time.Sleep(10 * time.Minute)
					w.throw(func(s *sandbox.Switches) { s.ImportClearsField = false })
					r := w.run(ccsync.Options{})
					if !harm {
						w.want(r, ccsync.Synced)
						return
					}
					w.want(r, ccsync.Refused)
					if text := r.Guard.Summary(); strings.Count(text, "custom field") != 5 || len(w.sentRows()) != 1 {
						t.Errorf("%q, imports of %v contacts", text, w.sentRows())
					}
				})
			}
		})
	}
}

// more maps these fields, and gives each user a value for each.
func (w *world) more(fields ...ccsync.Field) {
	w.policy.Fields = fields
	for i := range w.rows {
		w.rows[i].Values = make([]string, len(fields))
		for j := range fields {
			w.rows[i].Values[j] = fmt.Sprint("NEW", i)
		}
	}
}
