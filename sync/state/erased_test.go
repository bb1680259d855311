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
