package sync_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// on are the names of the lists that a contact is on.
func (w *world) on(address string) []string {
	w.t.Helper()
	c, ok := w.box.Contact(address)
	if !ok {
		w.t.Fatalf("no contact %s", address)
	}
	slices.Sort(c.Lists)
	return c.Lists
}

func (w *world) wantOn(address string, lists ...string) {
	w.t.Helper()
	if diff := cmp.Diff(lists, w.on(address)); diff != "" && len(lists)+len(w.on(address)) > 0 {
		w.t.Errorf("lists of %s (-want +got):\n%s", address, diff)
	}
}

func TestAListIsFoundByNameOrIDAndNamedOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.knowsWhoLeft()
		id := w.box.AddList("Customers")
		for _, lists := range [][]string{{"Customers"}, {"customers"}, {id}, {strings.ToUpper(id)}, {"Customers", "customers", id}} {
			w.policy.Lists = lists
			address := fmt.Sprintf("a%d@example.com", len(w.box.Contacts()))
			w.box.Seed(contact(address, "", "Newsletter"))
			w.rows = []source.Row{row("1", address, "K"+address)}
			preview := w.dry(ccsync.Options{Full: true})
			if preview.Summary.Joins != 1 || !slices.Equal(preview.Changes[0].Joins, []string{"Customers"}) {
				t.Errorf("%v: %+v", lists, preview.Changes)
			}
			w.want(w.run(ccsync.Options{}), ccsync.Synced)
			w.wantOn(address, "Customers", "Newsletter")
			if imports := w.box.Imports(); !slices.Equal(imports[len(imports)-1].Lists, []string{id}) {
				t.Errorf("%v: the import names %v", lists, imports[len(imports)-1].Lists)
			}
		}
	})
}

func TestListsThatAreNotClearAreAMistakeInTheConfiguration(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(w *world)
		code    string
		words   []string
	}{
		"missing":           {func(w *world) { w.policy.Lists = []string{"Nobody"} }, "list_missing", []string{`"Nobody"`}},
		"two of one name":   {func(w *world) { w.box.AddList("app users") }, "list_ambiguous", []string{`"App users"`, "ids"}},
		"deleted before":    {func(w *world) { w.box.DeleteList("App users") }, "list_missing", nil},
		"deleted since":     {func(w *world) { w.run(ccsync.Options{}); w.box.DeleteList("App users") }, "list_gone", []string{`"App users"`}},
		"replaced by a new": {func(w *world) { w.run(ccsync.Options{}); w.box.DeleteList("App users"); w.box.AddList("App users") }, "list_gone", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.policy.Lists = []string{"App users"}
				w.box.Seed(contact("a@example.com", "", "Newsletter"))
				c.prepare(w)
				w.rows = []source.Row{row("1", "a@example.com", "K1")}
				w.wantSetup(w.dry(ccsync.Options{}), c.code, c.words...)
				w.wantSetup(w.run(ccsync.Options{}), c.code, c.words...)
				if len(w.box.Imports()) != 0 {
					t.Error("something was sent")
				}
			})
		})
	}
}

func TestARenamedListIsFollowedAndReported(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Lists = []string{"App users"}
		w.knowsWhoLeft()
		w.one("K1")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.box.RenameList("App users", "Members")
		w.box.AddList("App users")
		w.restart()
		w.box.Seed(contact("b@example.com", "", "Newsletter"))
		w.rows = append(w.rows, row("2", "b@example.com", "K2"))
		report := w.run(ccsync.Options{Full: true})
		w.want(report, ccsync.Synced)
		w.wantOn("b@example.com", "Members", "Newsletter")
		if len(report.Notes) != 1 || !strings.Contains(report.Notes[0], `"Members"`) {
			t.Errorf("notes %q", report.Notes)
		}
		w.policy.Lists = []string{"Newsletter"}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.policy.Lists = []string{"App users"} // bound again: the list that now has this name
		w.box.Seed(contact("c@example.com", "", "Newsletter"))
		w.rows = append(w.rows, row("3", "c@example.com", "K3"))
		w.want(w.run(ccsync.Options{Full: true}), ccsync.Synced)
		w.wantOn("c@example.com", "App users", "Newsletter")
	})
}

func TestMembershipAloneIsNoReasonToSend(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Lists = []string{"App users"}
		w.box.Seed(contact("a@example.com", "K1", "Newsletter"), contact("b@example.com", "K2"))
		w.rows = []source.Row{row("1", "a@example.com", "K1"), row("2", "b@example.com", "K2")}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if report.Summary.Unchanged != 2 || report.Summary.Joins != 0 || len(w.box.Imports()) != 0 {
			t.Errorf("%+v, %d imports", report.Summary, len(w.box.Imports()))
		}
	})
}

// In the third case most contacts are on L1, and yet it is not needed.
func TestUpdatesWithoutListsTakeAsFewActivitiesAsPossible(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lists [][]string
		want  int
	}{
		"all on one list":             {[][]string{{"L1"}, {"L1", "L2"}, {"L1", "L3"}}, 1},
		"no list in common":           {[][]string{{"L1"}, {"L2"}, {"L3"}}, 3},
		"the largest list is no help": {[][]string{{"L1", "L2"}, {"L1", "L2"}, {"L1", "L3"}, {"L1", "L3"}, {"L2"}, {"L3"}}, 2},
		"two of many, hidden":         {[][]string{{"L1", "L2"}, {"L1", "L2"}, {"L1", "L3"}, {"L1", "L3"}, {"L2", "L4"}, {"L3", "L5"}}, 2},
		"a chain":                     {[][]string{{"L1", "L2"}, {"L2", "L3"}, {"L3", "L4"}, {"L4", "L5"}, {"L5", "L6"}}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				for i, lists := range c.lists {
					address := fmt.Sprintf("user%d@example.com", i)
					w.box.Seed(contact(address, "", lists...))
					w.rows = append(w.rows, row(fmt.Sprint(i), address, fmt.Sprintf("K%d", i)))
				}
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				w.wantAllCodes()
				if n := len(report.Push.Activities); n != c.want {
					t.Errorf("%d activities, want %d", n, c.want)
				}
				for i, lists := range c.lists {
					w.wantOn(w.rows[i].Email, lists...)
				}
			})
		})
	}
}

func TestWhoLeftAConfiguredListIsGroupedByAnother(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Lists = []string{"App users"}
		for i := range 6 {
			address := fmt.Sprintf("user%d@example.com", i)
			w.box.Seed(contact(address, "A", "App users", "Newsletter", fmt.Sprintf("Own %d", i)))
			w.rows = append(w.rows, row(fmt.Sprint(i), address, "A"))
		}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		for i := range 6 {
			w.box.LeaveList(w.rows[i].Email, "App users")
			w.rows[i].Values = []string{fmt.Sprintf("B%d", i)}
		}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		w.wantAllCodes()
		if n := len(report.Push.Activities); n != 1 || report.Summary.Joins != 0 {
			t.Errorf("%d activities, want 1; %+v", n, report.Summary)
		}
		for i := range 6 {
			w.wantOn(w.rows[i].Email, "Newsletter", fmt.Sprintf("Own %d", i))
		}
	})
}

func TestOnlyTheConfiguredListThatWasLeftIsLeftOut(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Lists = []string{"App users", "Newsletter"}
		w.knowsWhoLeft()
		w.box.Seed(contact("a@example.com", "A", "App users"))
		w.rows = []source.Row{row("1", "a@example.com", "A")}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.box.LeaveList("a@example.com", "App users")
		w.rows[0].Values = []string{"B"}
		report := w.run(ccsync.Options{Full: true})
		w.want(report, ccsync.Synced)
		w.wantOn("a@example.com", "Newsletter")
		if report.Summary.Joins != 1 {
			t.Errorf("%+v", report.Summary)
		}
	})
}

// Who leaves a list before the import that joined him is read back was seen there by nobody, and is
// not put back all the same.
func TestWhoLeftAListBeforeItWasSeenIsNotPutBack(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Lists = []string{"App users", "Newsletter"}
		w.knowsWhoLeft()
		w.box.Seed(contact("a@example.com", "A", "App users"))
		w.rows = []source.Row{row("1", "a@example.com", "B")}
		if !w.runUntil(moment{request: 4, seen: true}, ccsync.Options{}) {
			// fields, lists, contacts, import
			t.Fatal("the run ended before its import was accepted")
		}
		time.Sleep(time.Hour)
		w.box.LeaveList("a@example.com", "Newsletter")
		w.restart()
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.rows[0].Values = []string{"C"}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
		w.wantOn("a@example.com", "App users")
	})
}

func TestTheUnsubscribedJoinNothing(t *testing.T) {
	t.Parallel()
	for _, o := range []sandbox.Switches{{}, {OptOutLeavesLists: true}} {
		inWorld(t, sandbox.Options{Switches: o}, func(w *world) {
			w.policy.Lists, w.policy.UpdateUnsubscribed = []string{"App users"}, true
			w.box.Seed(contact("a@example.com", "A", "Newsletter"), contact("b@example.com", "A"), contact("c@example.com", "A", "App users"))
			w.rows = []source.Row{row("1", "a@example.com", "B"), row("2", "b@example.com", "B"), row("3", "c@example.com", "B")}
			w.want(w.dry(ccsync.Options{}), ccsync.Planned)
			var before [][]string
			for _, r := range w.rows {
				w.box.OptOut(r.Email)
				before = append(before, w.on(r.Email))
			}
			report := w.run(ccsync.Options{Full: true})
			w.want(report, ccsync.Synced)
			if report.Summary.Joins != 0 {
				t.Errorf("%+v", report.Summary)
			}
			for i, r := range w.rows {
				w.wantOn(r.Email, before[i]...)
				if c, _ := w.box.Contact(r.Email); c.Permission != "unsubscribed" {
					t.Errorf("%s is %s", r.Email, c.Permission)
				}
			}
			w.wantAllCodes()
		})
	}
}
