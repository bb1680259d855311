package sync_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// refuse fails the test unless a run is refused for these reasons, and so is its preview, with
// nothing sent.
func (w *world) refuse(reasons ...string) {
	w.t.Helper()
	writes := len(w.box.Writes())
	for _, report := range []*ccsync.Report{w.dry(ccsync.Options{}), w.run(ccsync.Options{})} {
		if !slices.Equal(report.Guard.Reasons, reasons) {
			w.t.Errorf("guard %+v, want %v", report.Guard, reasons)
		}
		if !report.DryRun {
			w.want(report, ccsync.Refused)
		}
	}
	if n := len(w.box.Writes()); n != writes {
		w.t.Errorf("a refused plan was sent: %+v", w.box.Writes()[writes:])
	}
}

func (w *world) change(from, to int, prefix string) {
	for i := from; i < to; i++ {
		w.rows[i].Values = []string{prefix + w.rows[i].Key}
	}
}

func TestDripsDoNotPassTheGuard(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(200, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.guard = ccsync.Guard{MaxChangePercent: 10, ExemptBelow: 5}
		w.change(0, 15, "A")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(20 * time.Hour)
		w.change(15, 22, "A")
		w.refuse("max_change_percent")
		w.restart()
		w.refuse("max_change_percent")
		time.Sleep(4*time.Hour + time.Minute) // the first fifteen are more than a day old
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
	})
}

func TestForcePassesOnceAndRestartsTheCounts(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(200, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.guard = ccsync.Guard{MaxChangePercent: 10, ExemptBelow: 5}
		w.change(0, 50, "A")
		w.refuse("max_change_percent")
		w.want(w.run(ccsync.Options{Force: true}), ccsync.Synced)
		w.wantAllCodes()
		w.change(50, 65, "A")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.change(65, 75, "A")
		w.refuse("max_change_percent")
	})
}

// Whoever forces a push for one user has looked at that one: what the others changed today still
// counts.
func TestAForcedPushForSomeLeavesTheCountsForTheOthers(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(200, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.guard = ccsync.Guard{MaxChangePercent: 10, ExemptBelow: 5}
		w.change(0, 15, "A")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.change(15, 24, "A")
		w.refuse("max_change_percent")
		w.want(w.run(ccsync.Options{Force: true, Only: []string{w.rows[15].Email}}), ccsync.Synced)
		w.run(ccsync.Options{Force: true, Limit: 1})
		w.refuse("max_change_percent")
		w.run(ccsync.Options{Force: true, Only: []string{w.rows[17].Email, w.rows[18].Email}})
		w.want(w.run(ccsync.Options{}), ccsync.Synced) // 15 and 5: what was forced does not count
		w.wantAllCodes()
	})
}

// A run that was forced and died counts as one.
func TestAForcedRunThatDiedRestartsTheCounts(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(200, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.guard = ccsync.Guard{MaxChangePercent: 10, ExemptBelow: 5}
		w.change(0, 15, "A")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Minute)
		ctx, die := context.WithCancel(w.t.Context())
		defer die()
		e := w.engine()
		e.Progress = func(step string, _, _ int) { die() }
		e.Run(ctx, ccsync.Options{Force: true})
		w.restart()
		w.change(15, 30, "A")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
	})
}

func TestAfterAForcedRunTheTableMayStaySmall(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(200, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.guard = ccsync.Guard{MaxShrinkPercent: 30}
		w.rows = w.rows[:100]
		w.refuse("max_shrink_percent")
		w.want(w.run(ccsync.Options{Force: true}), ccsync.Synced)
		time.Sleep(5 * time.Minute)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.rows = w.rows[:69]
		w.refuse("max_shrink_percent")
	})
}

func TestATableIsComparedWithTheBestRunOfAWeek(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(200, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.guard = ccsync.Guard{MaxShrinkPercent: 30}
		w.rows = w.rows[:100]
		time.Sleep((7*24 - 1) * time.Hour)
		w.refuse("max_shrink_percent")
		time.Sleep(2 * time.Hour)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
	})
}

func TestAMirrorThatLostMostContactsIsRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(100, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.policy.Create, w.policy.Lists = true, []string{"App users"}
		w.box.Reset() // another account, as it were: nobody is there
		w.box.AddCustomField("Short code", "string")
		w.box.AddList("App users")
		w.forgetBindings()
		time.Sleep(time.Hour)
		report := w.run(ccsync.Options{Full: true})
		w.want(report, ccsync.Refused)
		if !slices.Equal(report.Guard.Reasons, []string{"account"}) {
			t.Errorf("guard %+v", report.Guard)
		}
		w.restart()
		w.refuse("account") // however often it runs
		w.want(w.run(ccsync.Options{Force: true}), ccsync.Synced)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
	})
}

func TestDeletionsInASmallAccountAreNoAccident(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(40, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		for i := range 30 {
			w.box.Delete(w.rows[i].Email)
		}
		w.want(w.run(ccsync.Options{Full: true}), ccsync.Synced)
	})
}

func TestAMappingThatWouldRewriteEverythingIsRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 0)
		for _, r := range w.rows {
			w.box.SetProperty(r.Email, "job_title", "Hand")
		}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.guard = ccsync.Guard{ExemptBelow: 10}
		w.policy.Fields[0] = ccsync.Field{Column: "short_code", Property: "job_title"}
		w.refuse("mapping")
		w.want(w.run(ccsync.Options{Force: true}), ccsync.Synced)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
	})
}

func TestAnotherColumnThatWouldRewriteEverythingIsRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.guard = ccsync.Guard{ExemptBelow: 10}
		w.policy.Fields[0].Column = "id"
		w.change(0, 20, "")
		w.refuse("mapping")
	})
}

func TestAMappingToAnEmptyFieldIsNotRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.guard = ccsync.Guard{MaxChangePercent: 10, ExemptBelow: 10}
		w.policy.Fields[0] = ccsync.Field{Column: "short_code", Property: "job_title"}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
	})
}

func TestCodesThatWereUniqueAndWouldBeSharedAreRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(60, 0)
		w.rows[1].Values = w.rows[0].Values // two have shared one all along
		w.box.SetField(w.rows[1].Email, "short_code", w.rows[0].Values[0])
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.guard = ccsync.Guard{ExemptBelow: 10}
		for i := range 30 {
			w.rows[i].Values = []string{"SAME"}
		}
		w.refuse("shared_codes")
	})
}

func TestForceDoesNotPassAnEmptyTable(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 0)
		w.guard = ccsync.Guard{MinSourceRows: 1}
		w.policy.ClearOrphans = true
		w.rows = nil
		report := w.run(ccsync.Options{Force: true})
		w.want(report, ccsync.Refused)
		if !slices.Equal(report.Guard.Reasons, []string{"min_source_rows"}) || report.Error.Hint == "" {
			t.Errorf("%+v %+v", report.Guard, report.Error)
		}
	})
}

func TestTheGuardCountsClearsCreatesAndJoins(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		guard  ccsync.Guard
		change func(*world)
	}{
		"max_clears": {ccsync.Guard{MaxClears: 5}, func(w *world) {
			w.policy.Fields[0].Clear = true
			for i := range 6 {
				w.rows[i].Values = []string{""}
			}
		}},
		"max_creates": {ccsync.Guard{MaxCreates: 5}, func(w *world) {
			w.policy.Create, w.policy.Lists = true, []string{"App users"}
			for i := range 6 {
				w.rows = append(w.rows, row(fmt.Sprint(100+i), fmt.Sprintf("new%d@example.com", i), "N"))
			}
		}},
		"max_joins": {ccsync.Guard{MaxJoins: 5}, func(w *world) {
			w.policy.Lists = []string{"Newsletter"}
			w.knowsWhoLeft()
			w.change(0, 6, "X")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(100, 0)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.guard = c.guard
				c.change(w)
				w.refuse(name)
				w.want(w.run(ccsync.Options{Force: true}), ccsync.Synced)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
			})
		})
	}
}
