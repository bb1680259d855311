package state

import (
	"slices"
	"strings"
	"testing"
)

// left are the lists that the mirror knows a contact to have left.
func left(t *testing.T, db *DB, norm string) []string {
	t.Helper()
	found, err := db.Contacts(t.Context(), "", []string{norm})
	if err != nil || len(found) != 1 {
		t.Fatalf("%d contacts of %s, %v", len(found), norm, err)
	}
	return found[0].Left
}

func put(t *testing.T, db *DB, all ...Contact) {
	t.Helper()
	if _, err := db.PutContacts(t.Context(), Mirror{}, all, ""); err != nil {
		t.Fatal(err)
	}
}

// A contact that comes back after an erasure is one that left the lists that it was on or had left,
// by whatever it is known again.
func TestWhatWasLeftIsKnownAfterForgetting(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]func(t *testing.T, db *DB) (norm string){
		"the same contact": func(t *testing.T, db *DB) string {
			put(t, db, Contact{Norm: "a@example.com", ID: "1", Lists: []string{"news"}})
			return "a@example.com"
		},
		"under another address": func(t *testing.T, db *DB) string {
			put(t, db, Contact{Norm: "b@example.com", ID: "1", Lists: []string{"news"}})
			return "b@example.com"
		},
		"another contact with the address": func(t *testing.T, db *DB) string {
			put(t, db, Contact{Norm: "a@example.com", ID: "2", Lists: []string{"news"}})
			return "a@example.com"
		},
		"in an export": func(t *testing.T, db *DB) string {
			if _, _, err := db.PutExported(t.Context(), Mirror{}, []Contact{{Norm: "a@example.com", Lists: []string{"news"}}, {Norm: "z@example.com"}}); err != nil {
				t.Fatal(err)
			}
			put(t, db, Contact{Norm: "a@example.com", ID: "1", Lists: []string{"news"}})
			return "a@example.com"
		},
		"forgotten twice": func(t *testing.T, db *DB) string {
			if e, err := db.Forget(t.Context(), "a@example.com"); e.Rows != 0 || !e.Kept || err != nil {
				t.Errorf("once more: %+v, %v", e, err)
			}
			put(t, db, Contact{Norm: "a@example.com", ID: "1", Lists: []string{"news"}})
			if e, err := db.Forget(t.Context(), "a@example.com"); e.Rows != 1 || !e.Kept || err != nil {
				t.Errorf("once more: %+v, %v", e, err)
			}
			put(t, db, Contact{Norm: "a@example.com", ID: "1", Lists: []string{"news"}})
			return "a@example.com"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := fresh(t)
			put(t, db, Contact{Norm: "a@example.com", ID: "1", Lists: []string{"app", "news", "old"}}, Contact{Norm: "other@example.com", ID: "9", Lists: []string{"app"}})
			put(t, db, Contact{Norm: "a@example.com", ID: "1", Lists: []string{"app", "news"}})
			if e, err := db.Forget(t.Context(), "a@example.com"); e.Rows != 1 || !e.Kept || err != nil {
				t.Fatalf("%+v, %v", e, err)
			}
			if found := filesWith(t, db.Path(), "a@example.com"); len(found) > 0 {
				t.Errorf("the address stands in %v", found)
			}
			if got, want := left(t, db, back(t, db)), []string{"app", "old"}; !slices.Equal(got, want) {
				t.Errorf("it has left %v, want %v", got, want)
			}
			put(t, db, Contact{Norm: "new@example.com", ID: "3", Lists: []string{"news"}})
			for _, norm := range []string{"new@example.com", "other@example.com"} {
				if got := left(t, db, norm); len(got) > 0 {
					t.Errorf("%s has left %v", norm, got)
				}
			}
		})
	}
}

// Two files have different hashes of one address, and nothing is kept of who was on no list.
func TestTheHashOfAForgottenAddressIsKeyed(t *testing.T) {
	t.Parallel()
	hashes := make(map[string]bool)
	for range 2 {
		db := fresh(t)
		put(t, db, Contact{Norm: "a@example.com", ID: "1", Lists: []string{"app"}}, Contact{Norm: "none@example.com", ID: "2"})
		for _, norm := range []string{"a@example.com", "none@example.com", "nobody@example.com"} {
			if e, err := db.Forget(t.Context(), norm); e.Kept != strings.HasPrefix(norm, "a@") || err != nil {
				t.Errorf("%s: %+v, %v", norm, e, err)
			}
		}
		var who [][]byte
		if err := db.read.SelectContext(t.Context(), &who, "SELECT who FROM erased"); err != nil || len(who) != 2 {
			t.Fatalf("%d hashes, %v", len(who), err)
		}
		for _, each := range who {
			hashes[string(each)] = true
		}
	}
	if len(hashes) != 4 {
		t.Errorf("%d different hashes of two things in two files, want 4", len(hashes))
	}
}

// Who was forgotten while a batch with him was open is pending, though no file has his address,
// until the batch is settled or dropped.
func TestWhoWasForgottenIsPendingWhileHisBatchIsOpen(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *DB, Batch) error{
		"settled": func(t *testing.T, db *DB, b Batch) error {
			for _, to := range []BatchState{Sending, Sent, Ended} {
				if err := db.MoveBatch(t.Context(), b, to); err != nil {
					return err
				}
				b.State = to
			}
			return db.Settle(t.Context(), b.ID, Tally{})
		},
		"dropped": func(t *testing.T, db *DB, b Batch) error { return db.DropBatch(t.Context(), b) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := fresh(t)
			names := []string{"a@example.com", "b@example.com", "c@example.com"}
			rows := []BatchRow{{Norm: names[0], Address: "A@example.com", Action: "update"}, {Norm: names[1], Address: names[1], Action: "update"}}
			batches := make([]Batch, 2)
			for i := range batches {
				batches[i] = Batch{Run: 1, Kind: Import, State: Recorded, Contacts: len(rows)}
				var err error
				if batches[i].ID, err = db.AddBatch(t.Context(), batches[i], slices.Values(rows)); err != nil {
					t.Fatal(err)
				}
			}
			wantPending := func(when string, want ...string) {
				t.Helper()
				got, err := db.Pending(t.Context(), names)
				if err != nil || len(got) != len(want) || slices.ContainsFunc(want, func(norm string) bool { return !got[norm] }) {
					t.Errorf("%s %v are pending, %v; want %v", when, got, err, want)
				}
			}
			for i, rows := range []int{2, 0} {
				if e, err := db.Forget(t.Context(), names[0]); e.Rows != rows || !e.Pending || e.Kept || err != nil {
					t.Errorf("forgotten %d times: %+v, %v", i+1, e, err)
				}
			}
			if e, err := db.Forget(t.Context(), names[2]); e != (Erasure{}) || err != nil {
				t.Errorf("nobody: %+v, %v", e, err)
			}
			if found := filesWith(t, db.Path(), "example.com"); len(found) == 0 {
				t.Error("another address is gone too")
			}
			if found := append(filesWith(t, db.Path(), names[0]), filesWith(t, db.Path(), "A@example.com")...); len(found) > 0 {
				t.Errorf("the address stands in %v", found)
			}
			put(t, db, Contact{Norm: names[1], ID: "2"}, Contact{Norm: names[0], ID: "1"})
			wantPending("forgotten,", names[0], names[1])
			for i, b := range batches {
				some, err := db.AnyErased(t.Context(), b.ID)
				contacts, err2 := db.ErasedContacts(t.Context(), b.ID)
				if !some || err != nil || err2 != nil || !slices.Equal(contacts, names[:1]) {
					t.Errorf("batch %d: %v, %v; %v, %v", i, some, err, contacts, err2)
				}
				if err := end(t, db, b); err != nil {
					t.Fatal(err)
				}
				if some, err := db.AnyErased(t.Context(), b.ID); some || err != nil {
					t.Errorf("batch %d has ended, and its users are known: %v", i, err)
				}
				if i == 0 {
					wantPending("one batch ended,", names[0], names[1])
				}
			}
			wantPending("both ended,")
			if e, err := db.Forget(t.Context(), names[0]); e.Pending || err != nil {
				t.Errorf("afterwards: %+v, %v", e, err)
			}
			if found := filesWith(t, db.Path(), names[0]); len(found) > 0 {
				t.Errorf("the address stands in %v", found)
			}
		})
	}
}

// A process that has read a row before it was forgotten brings the address back into no record.
func TestWhatBecomesOfAForgottenRowIsNotRecorded(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	run, err := db.BeginRun(t.Context(), Run{Trigger: "command"})
	if err != nil {
		t.Fatal(err)
	}
	rows := []BatchRow{{Norm: "a@example.com", Address: "a@example.com", Action: "update"}, {Norm: "b@example.com", Address: "b@example.com", Action: "update"}}
	b := Batch{Run: run, Kind: Import, State: Recorded, Contacts: 2}
	if b.ID, err = db.AddBatch(t.Context(), b, slices.Values(rows)); err != nil {
		t.Fatal(err)
	}
	for _, to := range []BatchState{Sending, Sent, Ended} {
		if err := db.MoveBatch(t.Context(), b, to); err != nil {
			t.Fatal(err)
		}
		b.State = to
	}
	for _, r := range rows {
		if _, err := db.Forget(t.Context(), r.Norm); err != nil {
			t.Fatal(err)
		}
	}
	p := Problem{Norm: rows[0].Norm, Address: rows[0].Address, Reason: "lost", Run: run}
	if err := db.Fail(t.Context(), b.ID, []Failed{{Norm: p.Norm, Reason: p.Reason, Problem: &p}}); err != nil {
		t.Fatal(err)
	}
	landed := Landed{Norm: rows[1].Norm, Problem: &RunProblem{Norm: rows[1].Norm, Address: rows[1].Address, Reason: "overstepped"}}
	if err := db.Land(t.Context(), b.ID, "", []Landed{landed}); err != nil {
		t.Fatal(err)
	}
	if found := filesWith(t, db.Path(), "example.com"); len(found) > 0 {
		t.Errorf("an address stands in %v", found)
	}
}
