package sync_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// One run serves all that ask at the same time. Each is told of its own users, as a run for them
// alone would tell, and the shares of all add up to the whole.
func TestEachOfThoseThatShareARunIsToldOfItsOwnUsers(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(9, 0)
		w.policy.Create, w.policy.Lists, w.policy.Fields[0].Clear = true, []string{"App users"}, true
		w.knowsWhoLeft()
		change := func(i int, value string) string {
			w.rows[i].Values = []string{value}
			return w.rows[i].Email
		}
		asked := []string{w.rows[0].Email, change(1, "NEW1"), change(2, "NEW2"), change(3, "NEW3"), change(4, ""), change(5, "NEW5"), "key:7", "nobody@example.com", "new@example.com", change(8, "NEW8")}
		w.rows = append(w.rows, row("10", "new@example.com", "N"))
		w.box.OptOut(w.rows[5].Email)
		w.box.SetField(w.rows[8].Email, "Short code", "")
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: w.rows[2].Email, Path: importPath})
		whole := w.run(ccsync.Options{Only: asked, Full: true})
		w.want(whole, ccsync.Partial)
		places := make([]int, len(asked))
		for i := range places {
			places[i] = i
		}
		type told struct {
			Coverage ccsync.Coverage
			Summary  ccsync.Summary
			Reasons  map[string]int
			Outcome  ccsync.Outcome
			Counts   string
			Problems []ccsync.PushProblem
			Users    []ccsync.UserState
		}
		tell := func(r *ccsync.Report) told {
			return told{r.Coverage, r.Summary, r.Reasons, r.Outcome, fmt.Sprint(r.Push.Verified, r.Push.Rejected, r.Push.Unverified), r.Push.Problems, r.Users}
		}
		if diff := cmp.Diff(tell(whole), tell(whole.Share(places))); diff != "" {
			t.Errorf("the share of all who asked (-whole +share):\n%s", diff)
		}
		if diff := cmp.Diff(tell(whole), tell(whole.Share(append(places, len(places))))); diff != "" {
			t.Errorf("with one more, whom the run did not know (-whole +share):\n%s", diff)
		}
		want := map[int]string{0: "synced: 1 unchanged 0 changed 0 verified", 1: "synced: 0 unchanged 1 changed 1 verified", 2: "partial: 0 unchanged 1 changed 0 verified",
			4: "synced: 0 unchanged 1 changed 1 verified", 5: "synced: 0 unchanged 0 changed 0 verified", 7: "synced: 0 unchanged 0 changed 0 verified", 8: "synced: 0 unchanged 1 changed 1 verified"}
		var sum ccsync.Summary
		for _, i := range places {
			own := whole.Share([]int{i})
			sum.Add(own.Summary)
			s := own.Summary
			got := fmt.Sprintf("%s: %d unchanged %d changed %d verified", own.Outcome, s.Unchanged, s.Create+s.Update+s.Clear, own.Push.Verified)
			if text, told := want[i]; told && got != text {
				t.Errorf("%s is told %s, want %s", asked[i], got, text)
			}
			if len(own.Users) != 1 || own.Only != 1 || own.Users[0] != whole.Users[i] || (own.Error != nil) != (own.Outcome != ccsync.Synced) {
				t.Errorf("%s: %+v, error %+v", asked[i], own.Users, own.Error)
			}
			if slices.ContainsFunc(own.Push.Problems, func(p ccsync.PushProblem) bool { return p.Email != w.rows[2].Email }) || len(own.Push.Problems) > 0 != (i == 2) {
				t.Errorf("%s is told of %+v", asked[i], own.Push.Problems)
			}
		}
		if sum != whole.Summary {
			t.Errorf("all shares add up to %+v, the whole is %+v", sum, whole.Summary)
		}
	})
}

func TestTheShareOfANewcomerWhoDidNotArriveCountsNoContact(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Create, w.policy.Lists = true, []string{"App users"}
		w.populate(5, 0)
		w.rows = append(w.rows, row("100", "new1@example.com", "N1"), row("101", "new2@example.com", "N2"))
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Path: importPath, Match: "new1@"})
		r := w.run(ccsync.Options{Only: []string{"new1@example.com", "new2@example.com"}})
		for i, contacts := range []int{0, 1} {
			if own := r.Share([]int{i}).Coverage; own.Contacts != contacts || own.Users != 1 {
				t.Errorf("the share of user %d is %+v, want %d contacts", i, own, contacts)
			}
		}
	})
}
