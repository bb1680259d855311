package mirror

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
)

// inBubble runs a test with the mirror of an empty state file.
func inBubble(t *testing.T, o Options, test func(t *testing.T, m *Mirror)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		db, err := state.Open(t.Context(), filepath.Join(dir, "ccsync.db"), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		o.State, o.Scratch, o.Page, o.Log = db, dir, ccapi.ContactsPerPage, discard()
		o.Note, o.Step = func(string) {}, func(string, int, int) {}
		field := contact.Target{Field: contact.Field{Column: "code"}, ID: "1", Name: "code", Label: "Short code", Kind: contact.KindText}
		test(t, New(o, &contact.Mapping{Targets: []contact.Target{field}}, true))
	})
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// A snapshot that stays incomplete costs every page of the account each time.
func TestPausesAfterIncompleteSnapshotsDoubleUpToAnHour(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, func(t *testing.T, m *Mirror) {
		if err := m.pager.mayBegin(t.Context()); err != nil {
			t.Fatal(err)
		}
		for times, minutes := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
			if err := m.pager.stayedIncomplete(t.Context(), io.ErrUnexpectedEOF); !errors.Is(err, ErrIncomplete) {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(minutes)*time.Minute - 2*time.Second)
			if err := m.pager.mayBegin(t.Context()); !errors.Is(err, ErrIncomplete) {
				t.Errorf("%d. pause: it may begin before %d minutes are over (%v)", times+1, minutes, err)
			}
			m.Full = true
			if err := m.pager.mayBegin(t.Context()); err != nil {
				t.Errorf("%d. pause: a full snapshot waits: %v", times+1, err)
			}
			m.Full = false
			time.Sleep(2 * time.Second)
			if err := m.pager.mayBegin(t.Context()); err != nil {
				t.Errorf("%d. pause: after %d minutes: %v", times+1, minutes, err)
			}
		}
		for _, damaged := range []string{"x 2026-01-02T03:04:05Z", "1 soon"} {
			if err := m.db.SetFacts(t.Context(), map[string]string{factIncomplete: damaged}); err != nil {
				t.Fatal(err)
			}
			if err := m.pager.mayBegin(t.Context()); err == nil || !strings.Contains(err.Error(), factIncomplete) {
				t.Errorf("%q: %v", damaged, err)
			}
		}
	})
}

func TestAnExportIsTriedWhereItIsCheaperAndNotKnownToBeUnfitToday(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{Write: &ccapi.Writer{}}, func(t *testing.T, m *Mirror) {
		pays := func(contacts int) bool {
			t.Helper()
			err := m.exportPays(t.Context(), contacts)
			large, want := errors.Is(err, errLarge), m.Pages(contacts)
			if large {
				want = 16
			}
			if cost, failed := m.Cost(t.Context(), contacts); cost != want || failed != nil || err != nil && !large {
				t.Errorf("%d contacts cost %d requests, want %d (%v, %v)", contacts, cost, want, failed, err)
			}
			return large
		}
		if pays(9_999) || !pays(10_000) {
			t.Error("it is tried from another number of contacts on than 10,000")
		}
		if err := m.db.SetFacts(t.Context(), map[string]string{factUnfit: m.unfit()}); err != nil {
			t.Fatal(err)
		}
		if pays(50_000) {
			t.Error("it is tried again on the day on which it was unfit")
		}
		time.Sleep(24 * time.Hour)
		if !pays(50_000) {
			t.Error("it is not tried on the next day")
		}
		if err := m.db.SetFacts(t.Context(), map[string]string{factUnfit: m.unfit()}); err != nil {
			t.Fatal(err)
		}
		m.mapping = &contact.Mapping{}
		if !pays(50_000) {
			t.Error("it is not tried with another mapping")
		}
		m.Write = nil
		if pays(50_000) {
			t.Error("a dry run tries it")
		}
	})
	for contacts, pages := range map[int]int{0: 0, 1: 1, 500: 1, 501: 2, 1000: 2} {
		if got := (&Options{Page: 500}).Pages(contacts); got != pages {
			t.Errorf("%d contacts take %d pages, want %d", contacts, got, pages)
		}
	}
}

// Pages that show as many contacts twice, and not the same, skipped some.
func TestTwoPassesAreAlikeOnlyWithTheSameContacts(t *testing.T) {
	t.Parallel()
	digest := func(ids ...string) [sha256.Size]byte {
		s := spool.New(t.TempDir())
		defer s.Close()
		for _, id := range ids {
			if err := s.Add([]byte(id), nil); err != nil {
				t.Fatal(err)
			}
		}
		sum, err := digestOf(s)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	is := digest("a", "b", "c")
	if digest("c", "a", "b") != is || digest("a", "b", "b", "c", "a") != is {
		t.Error("it depends on the order, or on how often one is shown")
	}
	for _, other := range [][]string{nil, {"a", "b"}, {"a", "b", "d"}, {"ab", "c"}, {"a", "bc"}} {
		if digest(other...) == is {
			t.Errorf("%q are taken for a, b and c", other)
		}
	}
	for _, c := range []struct {
		count, seen int
		want        bool
	}{{-1, 5, false}, {100, 100, true}, {100, 50, true}, {100, 49, false}, {12, 2, true}, {12, 1, false}, {10, 0, true}, {5, 0, true}} {
		if got := (&passed{count: c.count}).plausible(c.seen); got != c.want {
			t.Errorf("%d of %d contacts, twice alike, can be the account: %v", c.seen, c.count, got)
		}
	}
}

func TestASnapshotStartsAgainOnlyWhereItsLinkIsDead(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		&ccapi.Error{Status: http.StatusNotFound}: true, &ccapi.Error{Status: http.StatusBadRequest}: true, &ccapi.Error{Status: http.StatusGone}: true,
		fmt.Errorf("next: %w", ccapi.ErrForeignHost): true, &ccapi.Error{Status: http.StatusTooManyRequests}: false, &ccapi.Error{Status: http.StatusUnauthorized}: false,
		&ccapi.Error{Status: http.StatusBadGateway}: false, io.ErrUnexpectedEOF: false, context.Canceled: false,
	} {
		if got := leadsNowhere(err); got != want {
			t.Errorf("%#v: %v, want %v", err, got, want)
		}
	}
}

// What would meet the pages too is no reason to read them.
func TestPagesAreReadInsteadOnlyWhereTheExportIsAtFault(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		&ccapi.Error{Status: http.StatusNotFound}: true, &ccapi.Error{Status: http.StatusForbidden}: true, &ccapi.Error{Status: http.StatusBadGateway, Gateway: true}: true,
		fmt.Errorf("file: %w", io.ErrUnexpectedEOF): true, fmt.Errorf("order: %w", ccapi.ErrUnknownOutcome): true, &ccapi.Error{Status: http.StatusUnauthorized}: false,
		&ccapi.Error{Status: http.StatusServiceUnavailable}: false, &ccapi.QuotaError{}: false, context.Canceled: false, state.ErrFull: false,
	} {
		if got := ofExport(err); got != want {
			t.Errorf("%#v: %v, want %v", err, got, want)
		}
	}
}

const heading = "Email address,Email status,Email permission status,Email Lists,Updated At,Short code\n"

func line(address, lists, code string) string {
	return fmt.Sprintf("%s,Active,Implicit,%s,2026-01-02 03:04:05 -0500,%s\n", address, lists, code)
}

func TestAnExportTellsItsContactsByAddressAndWhomItDoesNotTell(t *testing.T) {
	t.Parallel()
	lists := map[string]string{"App users": "l1"}
	inBubble(t, Options{}, func(t *testing.T, m *Mirror) {
		read := func(file string) (*exported, error) {
			x, err := m.exporter.readFile(strings.NewReader(file), lists)
			if x != nil {
				t.Cleanup(func() { x.close() })
			}
			return x, err
		}
		b, a, c := line("Ben@example.com", "App users", "B"), line("ann@example.com", "", "A"), line("cid@example.com", "Unknown", "C")
		x, err := read(heading + b + a + c + line("", "", "") + line("ben@example.com", "", "B2"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for same := range x.byAddress() {
			for _, c := range same {
				got = append(got, fmt.Sprintf("%d %s %s %q %v %q %s", len(same), c.Norm, c.Address, c.Permission, c.Lists, c.Fields, c.UpdatedAt.Format(time.RFC3339)))
			}
		}
		want := []string{`1 ann@example.com ann@example.com "implicit" [] "A" 2026-01-02T08:04:05Z`, `2 ben@example.com Ben@example.com "implicit" [l1] "B" 2026-01-02T08:04:05Z`,
			`2 ben@example.com ben@example.com "implicit" [] "B2" 2026-01-02T08:04:05Z`, `1 cid@example.com cid@example.com "" [] "" 0001-01-01T00:00:00Z`}
		if strings.Join(got, "\n") != strings.Join(want, "\n") || x.rows != 5 || x.unknown != 1 {
			t.Errorf("%d lines, %d unknown:\n%s\nwant\n%s", x.rows, x.unknown, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		one, _ := read(heading + a + b)
		other, _ := read(heading + b + a)
		fewer, _ := read(heading + b + b)
		if one.sum != other.sum || one.sum == fewer.sum {
			t.Error("the sum of the addresses depends on their order, or not on them")
		}
		if _, err := read(heading + c + c); !errors.Is(err, contact.ErrUnfit) { // a page is cheaper
			t.Errorf("an export that tells nobody clearly: %v", err)
		}
	})
}
