package state

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A contact that only an export has shown is known by its address. Set aside, it is found again by
// what stands for its id, whoever shows it, so that what it left stays known.
func TestWhatWasSetAsideIsFoundAgain(t *testing.T) {
	t.Parallel()
	const norm = "a@example.com"
	later := time.Now().Add(time.Hour)
	for name, show := range map[string]func(db *DB) error{
		"by a page, with its id": func(db *DB) error {
			_, err := db.PutContacts(t.Context(), Mirror{}, []Contact{{Norm: norm, ID: "7", UpdatedAt: later}}, "")
			return err
		},
		"by another export": func(db *DB) error {
			_, _, err := db.PutExported(t.Context(), Mirror{Loading: 2}, []Contact{{Norm: norm, UpdatedAt: later}})
			return err
		},
		"set aside once more": func(db *DB) error {
			if _, _, err := db.PutExported(t.Context(), Mirror{Loading: 2}, []Contact{{Norm: norm, UpdatedAt: later}}); err != nil {
				return err
			}
			if err := db.SetAside(t.Context(), norm, nil); err != nil {
				return err
			}
			_, err := db.PutContacts(t.Context(), Mirror{}, []Contact{{Norm: norm, ID: "7", UpdatedAt: later}}, "")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := fresh(t)
			if _, _, err := db.PutExported(t.Context(), Mirror{Loading: 1}, []Contact{{Norm: norm, Lists: []string{"l1"}}}); err != nil {
				t.Fatal(err)
			}
			if err := db.SetAside(t.Context(), norm, nil); err != nil {
				t.Fatal(err)
			}
			if err := show(db); err != nil {
				t.Fatal(err)
			}
			found, err := db.Contacts(t.Context(), "", []string{norm})
			if err != nil || len(found) != 1 || !slices.Equal(found[0].Left, []string{"l1"}) {
				t.Errorf("contacts %+v (%v), want one that left l1", found, err)
			}
			if n, err := db.Total(t.Context()); n != 1 || err != nil {
				t.Errorf("%d contacts (%v), want 1", n, err)
			}
		})
	}
}

// A direct reading that shows one contact of an address says of the others alone that they have it
// no more.
func TestWhoWasShownKeepsTheAddress(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	for _, id := range []string{"1", "2", "3", "4"} {
		put(t, db, Contact{Norm: "a", ID: id})
	}
	put(t, db, Contact{Norm: "b", ID: "5"})
	if err := db.SetAside(t.Context(), "a", []string{"2", "3"}); err != nil {
		t.Fatal(err)
	}
	found, err := db.Contacts(t.Context(), "", []string{"", "a", "b"})
	if err != nil || len(found) != 5 {
		t.Fatal(found, err)
	}
	for i, want := range []string{" 1", " 4", "a 2", "a 3", "b 5"} {
		if got := found[i].Norm + " " + found[i].ID; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Exported contacts are written many at a time; each meets what the mirror has of it.
func TestAnExportOfAnySizeMeetsTheMirror(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, n := range []int{1, 99, 100, 101, 1203} {
		db := fresh(t)
		norms, all := make([]string, n), make([]Contact, n)
		for round, form := range []string{"OLD", "NEW"} {
			for i := range all {
				norms[i] = fmt.Sprintf("%05d@example.com", i)
				all[i] = Contact{Norm: norms[i], Address: fmt.Sprint("The ", i), Permission: fmt.Sprint("p", form, i), Lists: []string{"l" + form},
					Fields: fmt.Sprint("f", form, i), UpdatedAt: at.Add(time.Duration(i) * time.Second)}
			}
			more, _, err := db.PutExported(t.Context(), Mirror{Loading: int64(round + 1)}, all)
			if want := n * (1 - round); err != nil || more != want {
				t.Fatalf("%d more of %d (%v), want %d", more, n, err, want)
			}
			if seen, err := db.SeenIn(t.Context(), int64(round+1)); seen != n || err != nil {
				t.Errorf("%d of %d count as seen (%v)", seen, n, err)
			}
			for i := range all {
				if all[i].ID, all[i].Left = UnnamedID(norms[i]), []string{}; round > 0 {
					all[i].Left = []string{"lOLD"}
				}
			}
			found, err := db.Contacts(t.Context(), "", norms)
			if diff := cmp.Diff(all, found); diff != "" || err != nil {
				t.Fatalf("of %d (-want +got): %v\n%s", n, err, diff)
			}
		}
		if total, err := db.Total(t.Context()); total != n || err != nil {
			t.Errorf("%d contacts (%v), want %d", total, err, n)
		}
	}
}

// What an export showed of an address is that of one contact, though a page then shows two of it.
func TestWhatAnExportShowedIsTakenOnce(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	if _, _, err := db.PutExported(t.Context(), Mirror{}, []Contact{{Norm: "a", Lists: []string{"l1"}}}); err != nil {
		t.Fatal(err)
	}
	if more, err := db.PutContacts(t.Context(), Mirror{}, []Contact{{Norm: "a", ID: "1"}, {Norm: "a", ID: "2"}}, ""); more != 1 || err != nil {
		t.Errorf("%d more (%v), want 1", more, err)
	}
	found, err := db.Contacts(t.Context(), "", []string{"a"})
	if err != nil || len(found) != 2 || !slices.Equal(found[0].Left, []string{"l1"}) || len(found[1].Left) > 0 {
		t.Errorf("%+v (%v), want two, the first of which left l1", found, err)
	}
}

// Whoever reads or writes values says in which form: those of another mapping would be others.
func TestValuesOfAnotherMappingAreRefused(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]operation{
		"BeginSnapshot": func(ctx context.Context, db *DB) error { return err2(db.BeginSnapshot(ctx, "other")) },
		"PutContacts": func(ctx context.Context, db *DB) error {
			return err2(db.PutContacts(ctx, Mirror{Mapping: "other"}, []Contact{{Norm: "n", ID: "8"}}, ""))
		},
		"PutExported": func(ctx context.Context, db *DB) error {
			return err3(db.PutExported(ctx, Mirror{Mapping: "other"}, []Contact{{Norm: "n"}}))
		},
		"EndRefresh": func(ctx context.Context, db *DB) error { return db.EndRefresh(ctx, Mirror{Mapping: "other"}) },
		"Entries":    func(ctx context.Context, db *DB) error { return errOf(db.Entries(ctx, "other")) },
		"Contacts": func(ctx context.Context, db *DB) error {
			return err2(db.Contacts(ctx, "other", []string{"a@example.com"}))
		},
		"Rename": func(ctx context.Context, db *DB) error { return db.Rename(ctx, "other", "another") },
		"Land": func(ctx context.Context, db *DB) error {
			return db.Land(ctx, 2, "other", []Landed{{Norm: "a@example.com"}})
		},
	} {
		db := full(t)
		before := content(t, db)
		if err := do(t.Context(), db); !errors.Is(err, ErrMapping) {
			t.Errorf("%s: %v, want ErrMapping", name, err)
		}
		if diff := cmp.Diff(before, content(t, db)); diff != "" {
			t.Errorf("%s has changed something:\n%s", name, diff)
		}
	}
}

// Entries come some thousand at a time. An address with several contacts may stand on both sides of
// such a cut, and have more contacts than there are in one part.
func TestEntriesAreAllThereInOrder(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	var want []Entry
	put := func(norm string, n int) {
		t.Helper()
		page := make([]Contact, n)
		for i := range page {
			fields := fmt.Sprintf("%06d", i)
			if norm != "" {
				want = append(want, Entry{Norm: norm, Fields: fields})
			}
			page[i] = Contact{Norm: norm, ID: fmt.Sprintf("%s %d", norm, i), Fields: fields}
		}
		if _, err := db.PutContacts(t.Context(), Mirror{}, page, ""); err != nil {
			t.Fatal(err)
		}
	}
	put("", 2)
	put(" a", 1)
	put("a", entriesTogether-2)
	put("b", 3)
	put("c", 2*entriesTogether+1)
	put("d", entriesTogether)
	put("e", 1)
	var got []Entry
	for e, err := range db.Entries(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for range db.Entries(t.Context(), "") {
		break // one that is left early gives its connection back
	}
	if open := db.read.Stats().InUse; open != 0 {
		t.Errorf("%d connections are still in use", open)
	}
	put("f"+entriesEnd, 1)
	for _, err := range db.Entries(t.Context(), "") {
		if err != nil {
			return
		}
	}
	t.Error("a contact that cannot be told from two gave no error")
}

// Pages are offsets into an order that moves: one may show a contact twice, before and after a
// change.
func TestAPageMayShowAContactTwice(t *testing.T) {
	t.Parallel()
	early := time.Now().UTC().Truncate(time.Second)
	late := early.Add(time.Minute)
	before := Contact{Norm: "a@example.com", ID: "7", Address: "a@example.com", Fields: "OLD", Lists: []string{"l1"}, UpdatedAt: early}
	after := Contact{Norm: "b@example.com", ID: "7", Address: "b@example.com", Fields: "NEW", Left: []string{"l1"}, UpdatedAt: late}
	shown := after
	shown.Left = nil
	for name, test := range map[string]struct {
		exported bool
		page     []Contact
	}{
		"in their order":                   {false, []Contact{before, shown}},
		"the later one first":              {false, []Contact{before, shown, before}},
		"after an export, without its id":  {true, []Contact{before, shown}},
		"after an export, the other order": {true, []Contact{before, shown, before, shown}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := fresh(t)
			total := 0
			if test.exported {
				more, _, err := db.PutExported(t.Context(), Mirror{Loading: 1}, []Contact{{Norm: before.Norm, Address: before.Address, UpdatedAt: early}})
				if err != nil {
					t.Fatal(err)
				}
				total += more
			}
			more, err := db.PutContacts(t.Context(), Mirror{}, test.page, "")
			if err != nil {
				t.Fatal(err)
			}
			if total += more; total != 1 {
				t.Errorf("counted %d contacts, want 1", total)
			}
			found, err := db.Contacts(t.Context(), "", []string{before.Norm, after.Norm})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]Contact{after}, found, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A refresh looks back a little and so reads contacts again: what is the same costs no write.
func TestWhatIsTheSameIsNotWritten(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	other, err := Open(t.Context(), db.Path(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	contact := Contact{Norm: "a@example.com", ID: "7", Address: "A@example.com", Permission: "implicit", Lists: []string{"l2", "l1"},
		Fields: "C1", UpdatedAt: time.Now()}
	put := func(c Contact) (written bool) {
		t.Helper()
		if _, err := other.Changed(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := db.PutContacts(t.Context(), Mirror{}, []Contact{c}, ""); err != nil {
			t.Fatal(err)
		}
		written, err := other.Changed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return written
	}
	if !put(contact) {
		t.Error("a new contact was not written")
	}
	if put(contact) {
		t.Error("a contact was written that is the same")
	}
	contact.Lists = []string{"l1", "l2"}
	for _, other := range []struct {
		what   string
		change func(*Contact)
	}{
		{"address", func(c *Contact) { c.Address = "a@example.com" }},
		{"permission", func(c *Contact) { c.Permission = "unsubscribed" }},
		{"lists", func(c *Contact) { c.Lists, c.Left = []string{"l1"}, []string{"l2"} }},
		{"fields", func(c *Contact) { c.Fields = "C2" }},
		{"deleted", func(c *Contact) { c.Deleted, c.Fields = true, "" }},
		{"time", func(c *Contact) { c.UpdatedAt = c.UpdatedAt.Add(time.Second) }},
	} {
		other.change(&contact)
		if !put(contact) {
			t.Errorf("another %s was not written", other.what)
		}
		found, err := db.Contacts(t.Context(), "", []string{contact.Norm})
		if err != nil || len(found) != 1 {
			t.Fatalf("%+v (%v)", found, err)
		}
		if diff := cmp.Diff(contact, found[0], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", other.what, diff)
		}
	}
}

// A page may show two contacts at one address, of which an export had shown one: what is known of
// it goes to the one that takes its place, not to one that is known by its id.
func TestWhatAnExportShowedGoesToTheContactInItsPlace(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	now := time.Now()
	if _, err := db.PutContacts(t.Context(), Mirror{}, []Contact{{Norm: "y", ID: "1"}}, ""); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.PutExported(t.Context(), Mirror{Loading: 1}, []Contact{{Norm: "x", Lists: []string{"l1"}}}); err != nil {
		t.Fatal(err)
	}
	more, err := db.PutContacts(t.Context(), Mirror{}, []Contact{{Norm: "x", ID: "1", UpdatedAt: now}, {Norm: "x", ID: "2", UpdatedAt: now}}, "")
	if err != nil || more != 0 {
		t.Errorf("%d contacts more (%v), want none", more, err)
	}
	found, err := db.Contacts(t.Context(), "", []string{"x", "y"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Contact{{Norm: "x", ID: "1", UpdatedAt: now}, {Norm: "x", ID: "2", Left: []string{"l1"}, UpdatedAt: now}}
	if diff := cmp.Diff(want, found, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

// A snapshot removes whom it did not show, be it one alone, and nobody else.
func TestWhoVanishedIsRemovedBySnapshots(t *testing.T) {
	t.Parallel()
	for _, vanished := range []int{0, 1, 2} {
		db := fresh(t)
		all := make([]Contact, 5)
		for i := range all {
			all[i] = Contact{Norm: fmt.Sprintf("user%d@example.com", i), ID: fmt.Sprint(i)}
		}
		take := func(shown []Contact) {
			t.Helper()
			m, err := db.BeginSnapshot(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			m.LoadingAt = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			if _, err := db.PutContacts(t.Context(), m, shown, ""); err != nil {
				t.Fatal(err)
			}
			m.Mark, m.SnapshotAt, m.Contacts = m.LoadingAt, m.LoadingAt, len(shown)
			if err := db.EndRefresh(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			if n, err := db.Total(t.Context()); err != nil || n != len(shown) {
				t.Errorf("%d contacts (%v), want %d", n, err, len(shown))
			}
			if m, err := db.Mirror(t.Context()); err != nil || m.Contacts != len(shown) || m.Loading != 0 || !m.SnapshotAt.Equal(m.Mark) || m.Mark.IsZero() {
				t.Errorf("the mirror is %+v (%v)", m, err)
			}
		}
		take(all)
		take(all[vanished:])
		take(all)
	}
}

// A page may be older than what the mirror has: of the moments at which a contact changed the later
// one counts, except where a snapshot shows a contact for the first time, which knows better.
func TestWhatIsOlderThanTheMirrorIsNotTaken(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, tt := range map[string]struct {
		known, shown int64 // snapshots; 0: a refresh
		at           time.Duration
		want         string
	}{
		"a refresh, older":                          {0, 0, -time.Second, "KNOWN"},
		"a refresh, of the same moment":             {0, 0, 0, "SHOWN"},
		"a refresh, newer":                          {0, 0, time.Second, "SHOWN"},
		"a refresh after a snapshot, older":         {1, 0, -time.Second, "KNOWN"},
		"the snapshot that has shown it, older":     {1, 1, -time.Second, "KNOWN"},
		"a snapshot that has not shown it, older":   {1, 2, -time.Second, "SHOWN"},
		"the first snapshot after a refresh, older": {0, 1, -time.Second, "SHOWN"},
	} {
		db := fresh(t)
		for _, c := range []struct {
			snapshot int64
			fields   string
			at       time.Time
		}{{tt.known, "KNOWN", now}, {tt.shown, "SHOWN", now.Add(tt.at)}} {
			if _, err := db.PutContacts(t.Context(), Mirror{Loading: c.snapshot}, []Contact{{Norm: "a", ID: "1", Fields: c.fields, UpdatedAt: c.at}}, ""); err != nil {
				t.Fatal(err)
			}
		}
		if found, err := db.Contacts(t.Context(), "", []string{"a"}); err != nil || len(found) != 1 || found[0].Fields != tt.want {
			t.Errorf("%s: %+v (%v), want %s", name, found, err, tt.want)
		}
	}
}

// A refresh counts contacts as it goes; a snapshot keeps where it goes on, and counts in the end.
func TestTheMirrorKnowsHowManyContactsItHas(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	at := time.Now().UTC().Truncate(time.Second)
	page := func(m Mirror, next string, all ...Contact) {
		t.Helper()
		if _, err := db.PutContacts(t.Context(), m, all, next); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, want Mirror) {
		t.Helper()
		if got, err := db.Mirror(t.Context()); err != nil || got != want {
			t.Errorf("%s: %+v (%v), want %+v", what, got, err, want)
		}
	}
	page(Mirror{}, "no snapshot", Contact{Norm: "a", ID: "1"}, Contact{Norm: "b", ID: "2"}, Contact{Norm: "c", ID: "3", Deleted: true})
	want("two and a deleted one", Mirror{Contacts: 2})
	page(Mirror{}, "", Contact{Norm: "a", ID: "1", Deleted: true})
	want("one of them was deleted", Mirror{Contacts: 1})
	for _, norm := range []string{"stranger", "b"} {
		if _, err := db.Forget(t.Context(), norm); err != nil {
			t.Fatal(err)
		}
	}
	want("the other was forgotten", Mirror{})
	m, err := db.BeginSnapshot(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	m.LoadingAt = at
	page(m, "the second page", Contact{Norm: "a", ID: "1"}, Contact{Norm: "b", ID: "2"})
	want("amid a snapshot", Mirror{Loading: m.Loading, LoadingAt: at, Next: "the second page"})
	page(m, "", Contact{Norm: "c", ID: "3"})
	m.Mark, m.SnapshotAt = at, at
	if err := db.EndRefresh(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	want("after it", Mirror{Contacts: 3, Mark: at, SnapshotAt: at})
}
