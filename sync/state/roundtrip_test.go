package state

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Each member of a row and of a problem comes back as it was written, whichever way it is read: they name a user to a person.
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
		if err := db.Fail(t.Context(), b.ID, []Failed{{Norm: want.Norm, Reason: want.Reason, Problem: &want}, {Norm: "b@example.com", Reason: "lost"}}); err != nil {
			t.Fatal(err)
		}
		for p, err := range db.Problems(t.Context()) {
			if diff := cmp.Diff(want, p); diff != "" || err != nil {
				t.Errorf("Problems (-want +got): %v\n%s", err, diff)
			}
		}
		found, err := db.ProblemsOf(t.Context(), []string{"a@example.com", "b@example.com"})
		if diff := cmp.Diff(map[string]Problem{"a@example.com": want}, found); diff != "" || err != nil {
			t.Errorf("ProblemsOf (-want +got): %v\n%s", err, diff)
		}
	})
}
