package state

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// What was filled is carried over some thousand contacts at a time. Interrupted in between, it is
// in two forms, and the next one, which may be for yet another mapping, brings all of it into one.
func TestARemappingThatWasInterruptedIsFinishedFirst(t *testing.T) {
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

// Contacts are looked for before the transaction that carries them over.
func TestWhoVanishesWhileARemappingRunsIsNotMissed(t *testing.T) {
	t.Parallel()
	db, other := fresh(t), (*DB)(nil)
	fill(t, db, 3)
	other = open(t, db.Path())
	present := db.write.present
	db.write.present = func() error { // each statement asks it first
		db.write.present = present
		return err2(other.Forget(context.Background(), "c000001"))
	}
	rows := []filledContact{{"c000000", "0"}, {"c000001", "1"}, {"c000002", "2"}}
	if err := db.remapPart(t.Context(), remapping{From: "", To: "new"}, rows, func(v string) string { return v + "+" }, true); err != nil {
		t.Fatal(err)
	}
	var filled []string
	if err := db.read.SelectContext(t.Context(), &filled, "SELECT filled FROM contacts WHERE filled <> '' ORDER BY norm"); err != nil || !slices.Equal(filled, []string{"old 0+", "old 2+"}) {
		t.Errorf("%q (%v)", filled, err)
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

// A mirror whose dropping was interrupted counts as never refreshed, and still names the mapping of
// what is left.
func TestAMirrorIsDroppedInSteps(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	const n = part + 3
	fill(t, db, n)
	now := time.Now()
	if err := db.EndRefresh(t.Context(), Mirror{Mapping: "old", Mark: now, SnapshotAt: now, Contacts: n}); err != nil {
		t.Fatal(err)
	}
	checks := 2
	if err := db.DropMirror(&endsLater{t.Context(), &checks}); !errors.Is(err, context.Canceled) {
		t.Fatalf("broken off: %v", err)
	}
	m, err := db.Mirror(t.Context())
	if total, _ := db.Total(t.Context()); err != nil || total != n+1-part || m.Mapping != "old" || !m.Mark.IsZero() {
		t.Errorf("half way: %d contacts and %+v (%v)", total, m, err)
	}
	if err := db.DropMirror(t.Context()); err != nil {
		t.Fatal(err)
	}
	m, err = db.Mirror(t.Context())
	if total, _ := db.Total(t.Context()); err != nil || total != 0 || m.Mapping != "" {
		t.Errorf("at the end: %d contacts and %+v (%v)", total, m, err)
	}
}

// endsLater is a context that ends after so many looks at it.
type endsLater struct {
	context.Context
	looks *int
}

func (c *endsLater) Err() error {
	if *c.looks--; *c.looks < 0 {
		return context.Canceled
	}
	return nil
}

// The place that a remapping has come to is an address, which can be erased. If it
// is erased meanwhile, all others are carried over once.
func TestForgettingWhereARemappingStands(t *testing.T) {
	t.Parallel()
	const last = part - 1
	for name, forgotten := range map[string]int{"at it": last, "before it": 3, "behind it": part + 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := fresh(t)
			fill(t, db, 2*part)
			ctx, cancel := context.WithCancel(t.Context())
			carried := 0
			count := func(from, to string) func(string) string {
				return func(value string) string {
					if carried++; carried == part {
						cancel()
					}
					return value + "+"
				}
			}
			if err := db.Remap(ctx, "new", count); !errors.Is(err, context.Canceled) {
				t.Fatalf("broken off: %v", err)
			}
			under, err := db.Fact(t.Context(), factRemapping)
			if at := fmt.Sprintf("c%06d", last); err != nil || !strings.Contains(under, at) {
				t.Fatalf("the remapping stands at %s (%v), want at %s", under, err, at)
			}
			norm := fmt.Sprintf("c%06d", forgotten)
			if e, err := db.Forget(t.Context(), norm); e.Rows != 1 || err != nil {
				t.Fatalf("%+v (%v)", e, err)
			}
			if under, err = db.Fact(t.Context(), factRemapping); err != nil || strings.Contains(under, norm) {
				t.Errorf("the remapping still stands at %s (%v)", under, err)
			}
			if err := db.Remap(t.Context(), "new", count); err != nil {
				t.Fatal(err)
			}
			var once int
			if err := db.read.GetContext(t.Context(), &once, "SELECT COUNT(*) FROM contacts WHERE filled LIKE 'old %+' AND filled NOT LIKE '%++'"); err != nil || once != 2*part-1 {
				t.Errorf("%d of %d values were carried over once (%v)", once, 2*part-1, err)
			}
		})
	}
}

// What a snapshot showed before the mapping changed is not what the next one shows: it must not
// count as seen by that.
func TestTheNumberOfABrokenSnapshotIsNotGivenAgain(t *testing.T) {
	t.Parallel()
	for name, give := range map[string]func(*DB) error{
		"another mapping": func(db *DB) error {
			return db.Remap(t.Context(), "new", func(string, string) func(string) string { return func(v string) string { return v } })
		},
		"another account": func(db *DB) error { return db.DropMirror(t.Context()) },
		"another refresh": func(db *DB) error { return db.EndRefresh(t.Context(), Mirror{Mapping: "old", Mark: time.Now()}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := fresh(t)
			broken, err := db.BeginSnapshot(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			if err := give(db); err != nil {
				t.Fatal(err)
			}
			m, err := db.Mirror(t.Context())
			if err != nil || m.Loading != 0 {
				t.Errorf("snapshot %d is still under way (%v)", m.Loading, err)
			}
			if next, err := db.BeginSnapshot(t.Context(), m.Mapping); err != nil || next.Loading <= broken.Loading {
				t.Errorf("the next snapshot has the number %d after %d (%v)", next.Loading, broken.Loading, err)
			}
		})
	}
}
