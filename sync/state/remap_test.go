package state

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// What was filled is carried over some thousand contacts at a time. Broken off in between, it is in two forms, and the next one, which
// may be for yet another mapping, brings all of it into one.
func TestARemappingThatWasBrokenOffIsEndedFirst(t *testing.T) {
	t.Parallel()
	// A value is the name of the mapping that it is in the form of, and its number.
	carry := func(from, to string) func(string) string {
		return func(value string) string {
			name, number, _ := strings.Cut(value, " ")
			if name != from {
				return "spoiled: carried from " + from + " to " + to + " was " + value
			}
			return to + " " + number
		}
	}
	for _, next := range []string{"old", "new", "newest"} {
		t.Run("then "+next, func(t *testing.T) {
			t.Parallel()
			db := fresh(t)
			const n = 2*part + 7
			fill(t, db, n)
			if err := db.Remap(t.Context(), "old", func(string, string) func(string) string { return func(v string) string { return v } }); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			carried := 0
			err := db.Remap(ctx, "new", func(from, to string) func(string) string {
				return func(value string) string {
					if carried++; carried == part {
						cancel()
					}
					return carry(from, to)(value)
				}
			})
			if !errors.Is(err, context.Canceled) || carried != part {
				t.Fatalf("%d values were carried over, then %v", carried, err)
			}
			if m, err := db.Mirror(t.Context()); err != nil || m.Mapping != "" {
				t.Errorf("half way the mirror names the mapping %q (%v)", m.Mapping, err)
			}
			if err := db.Remap(t.Context(), next, carry); err != nil {
				t.Fatal(err)
			}
			if m, err := db.Mirror(t.Context()); err != nil || m.Mapping != next {
				t.Errorf("the mirror names the mapping %q (%v), want %q", m.Mapping, err, next)
			}
			var filled []string
			if err := db.read.SelectContext(t.Context(), &filled, "SELECT filled FROM contacts ORDER BY norm"); err != nil || len(filled) != n+1 {
				t.Fatal(len(filled), err)
			}
			if filled[0] != "" {
				t.Errorf("a contact that nothing was filled of has %q", filled[0])
			}
			for i, value := range filled[1:] {
				if want := fmt.Sprintf("%s %d", next, i); value != want {
					t.Fatalf("contact %d has %q, want %q", i, value, want)
				}
			}
		})
	}
}

// fill gives n contacts a filled value, and one none.
func fill(t *testing.T, db *DB, n int) {
	t.Helper()
	page := []Contact{{Norm: "a", ID: "a"}}
	for i := range n {
		page = append(page, Contact{Norm: fmt.Sprintf("c%06d", i), ID: fmt.Sprint(i)})
	}
	if _, err := db.PutContacts(t.Context(), Mirror{}, page, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := db.write.ExecContext(t.Context(), "UPDATE contacts SET filled = 'old ' || contact_id WHERE norm > 'c'"); err != nil {
		t.Fatal(err)
	}
}

func TestADroppedMirrorIsEmpty(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	fill(t, db, part+3)
	if err := db.DropMirror(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := db.Total(t.Context()); n != 0 || err != nil {
		t.Errorf("%d contacts are left (%v)", n, err)
	}
}
