package sync_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// empty is an installation in step, of 300 contacts of whom the first n are to get a code where
// they have none.
func (w *world) empty(n int) {
	w.t.Helper()
	w.populate(300, 0)
	all := w.rows
	for _, r := range all[:n] {
		w.box.SetField(r.Email, "short_code", "")
	}
	w.rows = all[n:]
	w.want(w.run(ccsync.Options{}), ccsync.Synced)
	w.rows = all
	time.Sleep(time.Hour)
}

// refusedLate fails the test unless a run is refused for this reason though its preview was not,
// and nothing was sent.
func (w *world) refusedLate(reason string, count int) *ccsync.Report {
	w.t.Helper()
	meanwhile := w.whileReading
	w.whileReading = nil
	writes := len(w.box.Writes())
	w.want(w.dry(ccsync.Options{}), ccsync.Planned)
	w.whileReading = meanwhile
	r := w.run(ccsync.Options{})
	w.want(r, ccsync.Refused)
	if !slices.Equal(r.Guard.Reasons, []string{reason}) {
		w.t.Errorf("guard %+v, want %s", r.Guard, reason)
	}
	if n := len(w.box.Writes()); n != writes {
		w.t.Errorf("a refused plan was sent: %+v", w.box.Writes()[writes:])
	}
	if got := r.Coverage; got.Pending != count || got.Verified+got.Pending+got.Missing+got.Skipped != got.Users {
		w.t.Errorf("coverage %+v, want %d pending", got, count)
	}
	return r
}

func TestFieldsFilledByHandSinceTheLastReadingAreNotOverwrittenPastTheGuard(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.empty(100)
		w.guard = ccsync.Guard{MaxChangePercent: 10, ExemptBelow: 10}
		for i := range 100 { // updated_at does not move
			w.box.SetField(w.rows[i].Email, "short_code", fmt.Sprintf("HAND%d", i))
		}
		r := w.refusedLate("max_change_percent", 100)
		if r.Summary.Change != 100 || r.Summary.Fill != 0 || r.Changes[0].Fields[0].Old != "HAND0" {
			t.Errorf("summary %+v, the first change %+v", r.Summary, r.Changes[0])
		}
		if got := w.begin("HAND"); got != 100 {
			t.Errorf("%d of 100 values are still what people wrote", got)
		}
		w.refuse("max_change_percent") // a preview sees it too by now
		w.want(w.run(ccsync.Options{Force: true}), ccsync.Synced)
		w.wantAllCodes()
	})
}

// Few contacts are read again each by its address, and not all by paging.
func TestWhatIsReadByAddressIsJudgedAgainToo(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(1100, 0)
		for i := 10; i < 1100; i++ {
			w.box.SetField(w.rows[i].Email, "short_code", "")
		}
		all := w.rows
		w.rows = all[:10]
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.rows = all[:13]
		time.Sleep(time.Hour)
		w.guard = ccsync.Guard{MaxChangePercent: 10, ExemptBelow: 1}
		for i := 10; i < 13; i++ {
			w.box.SetField(w.rows[i].Email, "short_code", fmt.Sprintf("HAND%d", i))
		}
		r := w.refusedLate("max_change_percent", 3)
		if r.Guard.Details[0] != "3 values of short_code would be replaced within 24 hours, more than max_change_percent = 10 allows (13 contacts have a value)" {
			t.Errorf("guard %+v", r.Guard)
		}
		if r.Requests > 8 {
			t.Errorf("%d requests", r.Requests)
		}
	})
}

func TestFewFieldsFilledByHandAreOverwritten(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.empty(100)
		w.guard = ccsync.Guard{MaxChangePercent: 10, ExemptBelow: 10}
		for i := range 9 {
			w.box.SetField(w.rows[i].Email, "short_code", fmt.Sprintf("HAND%d", i))
		}
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Synced)
		w.wantAllCodes()
		if r.Summary.Change != 9 || r.Summary.Fill != 91 {
			t.Errorf("summary %+v", r.Summary)
		}
	})
}

func TestValuesWrittenByHandSinceTheLastReadingAreNotClearedPastTheGuard(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields = append(w.policy.Fields, ccsync.Field{Column: "first_name", Property: "first_name", Clear: true})
		w.populate(100, 0)
		for i := range w.rows {
			w.rows[i].Values = append(w.rows[i].Values, "")
		}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		for i := range 30 { // only the code is to change, as far as anybody knows
			w.rows[i].Values = []string{"NEW" + w.rows[i].Key, ""}
		}
		w.guard = ccsync.Guard{MaxClears: 25}
		w.whileReading = func() {
			for i := range 30 {
				w.box.SetProperty(w.rows[i].Email, "first_name", "Hand")
			}
		}
		r := w.refusedLate("max_clears", 30)
		if r.Summary.Clear != 30 || r.Summary.Update != 0 {
			t.Errorf("summary %+v", r.Summary)
		}
		for i := range 30 {
			if c, _ := w.box.Contact(w.rows[i].Email); c.FirstName != "Hand" {
				t.Fatalf("%+v", c)
			}
		}
	})
}

// Contacts that took the addresses of others are on no list that the others were on.
func TestJoinsThatTheLastReadingTurnsUpAreJudgedToo(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Lists = []string{"App users"}
		w.populate(100, 0)
		for i := range 30 {
			w.box.Seed(contact(fmt.Sprintf("spare%d@example.com", i), "", "Newsletter"))
		}
		// contacts of a new state join nothing until then
		w.want(w.run(ccsync.Options{Force: true}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.change(0, 30, "NEW")
		w.guard = ccsync.Guard{MaxJoins: 25}
		w.whileReading = func() {
			for i := range 30 {
				w.box.ChangeAddress(w.rows[i].Email, fmt.Sprintf("former%d@example.com", i))
				w.box.ChangeAddress(fmt.Sprintf("spare%d@example.com", i), w.rows[i].Email)
			}
		}
		r := w.refusedLate("max_joins", 30)
		if r.Summary.Joins != 30 {
			t.Errorf("summary %+v", r.Summary)
		}
		if on := w.on(w.rows[0].Email); !slices.Equal(on, []string{"Newsletter"}) {
			t.Errorf("the contact is on %v", on)
		}
	})
}

// Whose contact is gone since the last reading is not created by the same run: the next one finds
// out who has the contact.
func TestContactsThatAreGoneSinceTheLastReadingAreNotCreatedPastTheGuard(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]func(w *world, i int){
		"moved":   func(w *world, i int) { w.box.ChangeAddress(w.rows[i].Email, fmt.Sprintf("moved%d@example.com", i)) },
		"deleted": func(w *world, i int) { w.box.Delete(w.rows[i].Email) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.policy.Create, w.policy.Lists = true, []string{"App users"}
				w.populate(100, 0)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				time.Sleep(time.Hour)
				w.change(0, 30, "NEW")
				w.guard = ccsync.Guard{MaxCreates: 25}
				w.whileReading = func() {
					w.whileReading = nil
					for i := range 30 {
						gone(w, i)
					}
				}
				before := len(w.box.Contacts())
				r := w.run(ccsync.Options{})
				if r.Summary.Create+r.Summary.Update != 0 || len(w.box.Imports()) != 0 {
					t.Errorf("summary %+v, %d imports", r.Summary, len(w.box.Imports()))
				}
				if name == "moved" {
					w.want(r, ccsync.Partial)
					time.Sleep(time.Hour)
					w.refuse("max_creates")
				} else {
					w.want(r, ccsync.Synced)
					w.wantCoverage(r, 70, 0, 0, 30)
				}
				if n := len(w.box.Contacts()); n != before {
					t.Errorf("%d contacts, were %d", n, before)
				}
			})
		})
	}
}

// The other way round: people have put right what would have been too much.
func TestWhatPeoplePutRightMeanwhileIsNotSent(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(100, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.change(0, 30, "NEW")
		for i := range 29 {
			w.box.SetField(w.rows[i].Email, "short_code", w.rows[i].Values[0])
		}
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Synced)
		w.wantCoverage(r, 100, 0, 0, 0)
		if r.Summary.Update != 1 || r.Summary.Unchanged != 99 || w.sent("NEW") != 1 {
			t.Errorf("summary %+v, %d were sent", r.Summary, w.sent("NEW"))
		}
	})
}
