package state

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Each member of a row and of a problem comes back as it was written, whichever way it is read:
// they name a user to a person.
func TestRowsAndProblemsComeBackMemberByMember(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, db *DB) {
		rows := []BatchRow{
			{Norm: "a@example.com", ID: "id-a", Address: "A@Example.com", Key: "key-a", Action: "update", Wanted: "wanted-a", Old: "old-a", Lists: []string{"l1", "l2"}},
			{Norm: "b@example.com", Address: "B@Example.com", Key: "key-b", Action: "create", Wanted: "wanted-b", Lists: []string{}},
		}
		run, err := db.BeginRun(t.Context(), Run{Trigger: "command"})
		if err != nil {
			t.Fatal(err)
		}
		b := Batch{Run: run, Kind: Import, State: Recorded, Lists: []string{"l1"}, Mapping: "f:string", Contacts: len(rows)}
		if b.ID, err = db.AddBatch(t.Context(), b, slices.Values(rows)); err != nil {
			t.Fatal(err)
		}
		var got []BatchRow
		for row, err := range db.BatchRows(t.Context(), b.ID) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, row)
		}
		if diff := cmp.Diff(rows, got); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}

		b = move(t, db, b, Sending, Sent, Ended)
		now := db.Now().UTC().Truncate(time.Millisecond)
		want := Problem{Norm: "a@example.com", Address: "A@Example.com", Key: "key-a", Reason: "lost", Detail: "no value is there", Wanted: "wanted-a",
			Attempts: 3, Since: now.Add(-time.Hour), RetryAt: now.Add(2 * time.Hour), Run: run}
		other := Problem{Norm: "b@example.com", Reason: "altered", Wanted: "wanted-b", Attempts: 1, RetryAt: now.Add(time.Hour), Run: run}
		if err := db.Fail(t.Context(), b.ID, []Failed{{Norm: want.Norm, Reason: want.Reason, Problem: &want}, {Norm: other.Norm, Reason: other.Reason, Problem: &other}}); err != nil {
			t.Fatal(err)
		}
		var all []Problem
		for p, err := range db.Problems(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, p)
		}
		if diff := cmp.Diff([]Problem{want, other}, all); diff != "" {
			t.Errorf("Problems (-want +got):\n%s", diff)
		}
		found, err := db.ProblemsOf(t.Context(), []string{"a@example.com", "b@example.com"})
		if diff := cmp.Diff(map[string]Problem{"a@example.com": want, "b@example.com": other}, found); diff != "" || err != nil {
			t.Errorf("ProblemsOf (-want +got): %v\n%s", err, diff)
		}
	})
}

// What an export tells of an address that several contacts have, or that this snapshot has shown
// already, cannot be told apart: it is named, and everybody else is written.
func TestAnExportNamesTheAddressesThatSeveralContactsHave(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	at := time.Now()
	snapshot, err := db.BeginSnapshot(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for into, contacts := range map[int64][]Contact{
		0:                {{Norm: "two@example.com", ID: "1", UpdatedAt: at}, {Norm: "two@example.com", ID: "2", UpdatedAt: at}, {Norm: "one@example.com", ID: "3", UpdatedAt: at}},
		snapshot.Loading: {{Norm: "shown@example.com", ID: "4", Deleted: true, UpdatedAt: at}},
	} {
		if _, err := db.PutContacts(t.Context(), Mirror{Loading: into}, contacts, ""); err != nil {
			t.Fatal(err)
		}
	}
	more, twins, err := db.PutExported(t.Context(), Mirror{Loading: snapshot.Loading}, []Contact{
		{Norm: "new@example.com", Address: "New@example.com", UpdatedAt: at}, {Norm: "one@example.com", Address: "One@example.com", UpdatedAt: at},
		{Norm: "shown@example.com", Address: "Shown@example.com", UpdatedAt: at}, {Norm: "two@example.com", Address: "Two@example.com", UpdatedAt: at}})
	if err != nil || more != 1 || !slices.Equal(twins, []string{"Shown@example.com", "Two@example.com"}) {
		t.Errorf("%d more, twins %v (%v)", more, twins, err)
	}
	found, err := db.Contacts(t.Context(), "", []string{"new@example.com", "one@example.com", "shown@example.com", "two@example.com"})
	if err != nil || len(found) != 5 || found[0].Address != "New@example.com" || !found[0].Unnamed() || found[1].ID != "3" || found[1].Address != "One@example.com" {
		t.Errorf("%+v (%v)", found, err)
	}
}

func TestTalliesAddUp(t *testing.T) {
	t.Parallel()
	var sum Tally
	for range 2 {
		sum.Add(Tally{Creates: 1, Clears: 2, Joins: 4, Changes: map[string]int{"short_code": 3}})
	}
	sum.Add(Tally{Changes: map[string]int{"first_name": 1}})
	sum.Change("first_name")
	if want := (Tally{Creates: 2, Clears: 4, Joins: 8, Changes: map[string]int{"short_code": 6, "first_name": 2}}); !cmp.Equal(sum, want) {
		t.Errorf("%+v, want %+v", sum, want)
	}
}
