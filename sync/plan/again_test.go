package plan

import (
	"fmt"
	"slices"
	"testing"
)

func TestAPlanMadeAgainCountsWhatItsContactsAreNow(t *testing.T) {
	t.Parallel()
	m := twoFields()
	a, us := everyone(t, m)
	p := made(t, Rules{Mapping: m, Create: true, ClearOrphans: true, Limit: 50}, a, us, nil)
	for i := range a.contacts {
		switch c := &a.contacts[i]; c.Norm {
		case "ben@example.com": // somebody was faster
			c.Fields = fields("B", "x")
		case "cid@example.com": // somebody wrote another value
			c.Fields = fields("HAND", "x")
		case "dan@example.com":
			c.Permission = "unsubscribed"
		case "ida@example.com":
			c.Fields = fields("HAND", "")
		case "kim@example.com":
			c.Norm, c.Address = "other@example.com", "other@example.com"
		}
	}
	again, err := p.Again(t.Context(), a, now)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	wantLines(t, "changes", sent(t, again), []string{
		`3 update cid@example.com "HAND\x1fx">"C\x1fx" on [l] with [l]`,
		`13 create New.Man@xn--bcher-kva.example "">"N\x1f" on [] with [l]`,
	})
	if want := (Summary{Create: 1, Update: 1, Change: 1, Joins: 0, Unchanged: 2, Skipped: 6}); again.Summary != want {
		t.Errorf("summary %+v, want %+v", again.Summary, want)
	}
	if fmt.Sprint(again.Carriers) != "[11 6]" || again.Limit != 50 || again.Pending != 2 || len(again.Changes) != 2 {
		t.Errorf("carriers %v, limit %d, %d pending, %d listed", again.Carriers, again.Limit, again.Pending, len(again.Changes))
	}
	if want := []Sharing{{Replaced: 1, Before: 1, After: 1}, {}}; !slices.Equal(again.Sharing, want) {
		t.Errorf("values that are replaced: %+v, want %+v", again.Sharing, want)
	}
	if want := (Coverage{Users: 12, Contacts: 5, Verified: 2, Pending: 4, Missing: 1, Skipped: 5}); again.Coverage() != want {
		t.Errorf("coverage %+v, want %+v", again.Coverage(), want)
	}
}

// Contacts are looked up some hundred at a time.
func TestEachOfManyChangesIsDecidedAgainOnce(t *testing.T) {
	t.Parallel()
	m := twoFields()
	for _, n := range []int{chunk, 2*chunk + 1} {
		var rows []string
		a := of()
		for i := range n {
			address := fmt.Sprintf("user%04d@x.example", i)
			rows = append(rows, fmt.Sprintf("%d %s NEW -", i, address))
			a.contacts = append(a.contacts, at(address, fields("OLD", "")))
		}
		p := made(t, Rules{}, a, read(t, m, rows...), nil)
		before := sent(t, p)
		again, err := p.Again(t.Context(), a, now)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if after := sent(t, again); len(before) != n || !slices.Equal(after, before) || again.Summary != p.Summary {
			t.Errorf("of %d changes, planned again, there are %d, and %+v", len(before), len(after), again.Summary)
		}
	}
}
