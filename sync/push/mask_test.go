package push

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ccsyncd/sync/state"
)

func masked(text string, rows ...*state.BatchRow) string {
	m := newMask(text)
	for _, row := range rows {
		m.hide(row)
	}
	return m.String()
}

func TestWhatAnImportSaidNamesNoAddressAndNoValue(t *testing.T) {
	t.Parallel()
	row := &state.BatchRow{Norm: "ann@example.com", Address: "Ann@example.com", Key: "7", Wanted: "K7Q2M9" + state.Separator + "An", Old: "M9X4P1" + state.Separator}
	for text, want := range map[string]string{
		"Line 2: K7Q2M9 ann@example.com":      "Line 2: •• key:7",
		"Ann@example.com has M9X4P1 already":  "key:7 has •• already",
		"Answer: the file could not be read.": "Answer: the file could not be read.",
		"":                                    "",
	} {
		if got := masked(text, row); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
	if got := masked("K7 ben@example.com", &state.BatchRow{Norm: "ben@example.com"}); got != "K7 ••" {
		t.Errorf("without key and address: %q", got)
	}
}

// Nobody knows any more what to hide of a user who was forgotten since.
func TestNothingIsKeptOfWhatAnImportOfAForgottenUserSaid(t *testing.T) {
	t.Parallel()
	db, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	b := state.Batch{Run: 1, Kind: state.Import, Contacts: 2, State: state.Recorded}
	rows := []state.BatchRow{{Norm: "ann@example.com", Address: "ann@example.com", Key: "7", Action: "update"}, {Norm: "ben@example.com", Action: "update"}}
	if b.ID, err = db.AddBatch(t.Context(), b, slices.Values(rows)); err != nil {
		t.Fatal(err)
	}
	said := []string{"Line 2: K7Q2M9 ann@example.com"}
	b.Errors = said
	if err := hideUsers(t.Context(), db, &b); err != nil || !slices.Equal(b.Errors, []string{"Line 2: K7Q2M9 key:7"}) {
		t.Errorf("%q, %v", b.Errors, err)
	}
	if _, err := db.Forget(t.Context(), "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	b.Errors = said
	if err := hideUsers(t.Context(), db, &b); err != nil || len(b.Errors) > 0 {
		t.Errorf("%q, %v", b.Errors, err)
	}
}

// No end of a user stands out from under another.
func TestUsersThatOverlapInATextAreHiddenWhole(t *testing.T) {
	t.Parallel()
	got := masked("xABCDEy joann@example.com", &state.BatchRow{Wanted: "ABCD"}, &state.BatchRow{Wanted: "CDE"},
		&state.BatchRow{Norm: "ann@example.com", Key: "1"}, &state.BatchRow{Norm: "joann@example.com", Key: "2"})
	if got != "x••y key:2" {
		t.Errorf("got %q", got)
	}
}

// An import of as many users as there can be says a line of each of eight thousand: replacing user
// by user took 17 s.
func BenchmarkMask(b *testing.B) {
	const users, lines = 40_000, 8_000
	rows := make([]*state.BatchRow, users)
	var text strings.Builder
	for i := range rows {
		address := fmt.Sprintf("user%06d@example.com", i)
		rows[i] = &state.BatchRow{Norm: address, Address: address, Key: fmt.Sprint(i), Wanted: fmt.Sprintf("NEW%06d", i), Old: fmt.Sprintf("OLD%06d", i)}
		if i < lines {
			fmt.Fprintf(&text, "Line %d: %s has OLD%06d\n", i, address, i)
		}
	}
	for b.Loop() {
		if masked(text.String(), rows...) == "" {
			b.Fatal("nothing is left")
		}
	}
}
