package sync_test

import (
	"strings"
	"testing"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// The parts of an estimate, after a snapshot of its own, which a dry run has just taken: an import,
// two polls and a page to verify; two requests for each that is cleared; one for each field to
// make; for those that go first an import, two polls and two readings of each.
func TestAnEstimateCountsWhatEachPartCosts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		arrange func(*world)
		want    int
	}{
		"three updates": {func(w *world) { w.change(0, 3, "NEW") }, 4},
		"nothing":       {func(*world) {}, 0},
		"two to clear": {func(w *world) {
			w.rows[0].Values, w.rows[1].Values = []string{""}, []string{""}
		}, 2*2 + 1},
		"and a field to make": {func(w *world) {
			w.change(0, 3, "NEW")
			w.policy.Fields = append(w.policy.Fields, ccsync.Field{Column: "plan", CustomField: "plan", Create: true})
			for i := range w.rows {
				w.rows[i].Values = append(w.rows[i].Values, "")
			}
		}, 5},
		"two of three first": {func(w *world) { w.change(0, 3, "NEW"); w.guard.Canary = 2 }, 4 + 2*2 + 3},
		"one, first":         {func(w *world) { w.change(0, 1, "NEW"); w.guard.Canary = 2 }, 4 + 2 + 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(20, 0)
				w.policy.Fields[0].Clear = true
				c.arrange(w)
				r := w.dry(ccsync.Options{})
				w.want(r, ccsync.Planned)
				if r.Estimate.Requests != c.want {
					w.t.Errorf("%d requests, want %d; %+v", r.Estimate.Requests, c.want, r.Summary)
				}
			})
		})
	}
}

func TestAnExplanationSaysWhileTheGuardRefusesThatNothingIsSent(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		const words = "nothing is sent while the safety limits refuse the changes (max_change_percent"
		tells := func(user int, want bool, when string) {
			w.t.Helper()
			if x := w.explain(w.rows[user].Email); strings.Contains(x.Advice, words) != want {
				w.t.Errorf("%s: user %d: %s, %q", when, user, x.Decision, x.Advice)
			}
		}
		w.change(0, 10, "NEW")
		tells(0, false, "before any run")
		w.guard = ccsync.Guard{MaxChangePercent: 10, ExemptBelow: 5}
		w.want(w.run(ccsync.Options{}), ccsync.Refused)
		tells(0, true, "refused")
		tells(15, false, "refused")
		w.want(w.run(ccsync.Options{Force: true}), ccsync.Synced)
		w.rows[0].Values = []string{"NEWER"}
		tells(0, false, "after a forced run")
	})
}

func TestAnExplanationOfAnUnknownKeyKnowsNobody(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(2, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		if x := w.explain("key:4711"); x.Known || x.Address != "" || len(x.Rows) != 0 || x.Decision != "none" {
			w.t.Errorf("%+v", x)
		}
	})
}

// A contact whose user is gone is emptied, where the configuration says so; until then the
// explanation tells one whose clearing was refused from one that nobody means to clear.
func TestAnExplanationTellsAnOrphanThatWaitsForItsRetry(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.ClearOrphans = true
		w.populate(3, 1)
		w.box.Seed(contact("stranger@example.com", "FOREIGN", "App users"))
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		gone := w.rows[0].Email
		w.rows = append([]source.Row{}, w.rows[1:]...)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 400, Method: "PUT"})
		w.want(w.run(ccsync.Options{Force: true}), ccsync.Partial)
		for who, held := range map[string]bool{gone: true, "stranger@example.com": false} {
			if x := w.explain(who); x.Decision != "none" || strings.Contains(x.Detail, "wait for a retry") != held {
				w.t.Errorf("%s: %s, %q", who, x.Decision, x.Detail)
			}
		}
	})
}

// Where all that went first was lost, nobody else is sent anything, and the report says why.
func TestWhenTheFirstContactsAreLostAllOthersWaitForTheNextRun(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 1)
		w.guard.Canary = 2
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: "@", Path: importPath})
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Partial)
		for _, n := range w.sentRows() {
			if n > 2 {
				w.t.Errorf("an import of %d contacts went out", n)
			}
		}
		if r.Unproven != 2 || r.Ahead != nil || !strings.Contains(strings.Join(r.Notes, "\n"), "the other users wait for the next run") {
			w.t.Errorf("%d unproven, ahead %+v, notes %q", r.Unproven, r.Ahead, r.Notes)
		}
	})
}
