package mirror

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

// BenchmarkMirrorExport reads an export of n contacts, in no order, into a mirror that is empty,
// and into one that has them all.
func BenchmarkMirrorExport(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		file := exportOf(n)
		b.Run(fmt.Sprintf("%d/empty", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				r := mirroring(b)
				b.StartTimer()
				mirrorOnce(b, r, file, n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/contact")
		})
		b.Run(fmt.Sprintf("%d/full", n), func(b *testing.B) {
			r := mirroring(b)
			mirrorOnce(b, r, file, n)
			b.ReportAllocs()
			for b.Loop() {
				mirrorOnce(b, r, file, n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/contact")
		})
	}
}

// BenchmarkMirrorPage writes pages of 500 contacts, in no order, over a mirror of n: contacts with
// other values than before; contacts as they were, in a snapshot; and contacts that only an export
// had shown and that now get their ids.
func BenchmarkMirrorPage(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("%d/changed", n), func(b *testing.B) {
			draw := rand.New(rand.NewPCG(1, 2))
			putPages(b, known(b, n), n, func(c *state.Contact) { c.Fields, c.UpdatedAt = fmt.Sprintf("N%07d", draw.IntN(1e7)), time.Now() })
		})
		b.Run(fmt.Sprintf("%d/unchanged", n), func(b *testing.B) {
			putPages(b, known(b, n), n, func(*state.Contact) {})
		})
		b.Run(fmt.Sprintf("%d/named", n), func(b *testing.B) {
			r := mirroring(b)
			mirrorOnce(b, r, exportOf(n), n)
			putPages(b, r, n, func(c *state.Contact) { c.UpdatedAt = time.Now() })
		})
	}
}

// known is a run whose mirror has n contacts with their ids.
func known(b *testing.B, n int) *Mirror {
	b.Helper()
	r := mirroring(b)
	page := make([]state.Contact, ccapi.ContactsPerPage)
	for k := range n {
		if page[k%ccapi.ContactsPerPage] = pageContact(k); k%ccapi.ContactsPerPage == ccapi.ContactsPerPage-1 {
			if _, err := r.State.PutContacts(b.Context(), state.Mirror{Mapping: r.mapping.Key()}, page, ""); err != nil {
				b.Fatal(err)
			}
		}
	}
	return r
}

// putPages writes pages of the n contacts in no order, none of them twice in one snapshot.
func putPages(b *testing.B, r *Mirror, n int, change func(*state.Contact)) {
	b.Helper()
	const step = 7_368_787 // a prime
	page := make([]state.Contact, ccapi.ContactsPerPage)
	next, snapshot := 0, int64(10)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		if next == n {
			next, snapshot = 0, snapshot+1
		}
		for i := range page {
			page[i] = pageContact(next * step % n)
			change(&page[i])
			next++
		}
		b.StartTimer()
		if _, err := r.State.PutContacts(b.Context(), state.Mirror{Mapping: r.mapping.Key(), Loading: snapshot}, page, ""); err != nil {
			b.Fatal(err)
		}
	}
}

// pageContact is contact k of an export, with an id that says nothing of its order.
func pageContact(k int) state.Contact {
	return state.Contact{Norm: exportAddress(k), ID: fmt.Sprintf("%08x-0000-4000-8000-%012d", uint32(k)*2_654_435_761, k), Address: exportAddress(k),
		Permission: "implicit", Lists: []string{"l1"}, Fields: fmt.Sprintf("C%07d", k), UpdatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// mirroring is a run with a fresh state file.
func mirroring(b *testing.B) *Mirror {
	b.Helper()
	dir := b.TempDir()
	db, err := state.Open(b.Context(), filepath.Join(dir, "ccsync.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	m := &contact.Mapping{Targets: []contact.Target{{Field: contact.Field{Column: "short_code"}, ID: "1", Name: "short_code", Label: "Short code", Kind: contact.KindText}}}
	r := New(Options{State: db, Scratch: dir, Page: ccapi.ContactsPerPage, Log: slog.New(slog.DiscardHandler), Note: func(string) {}, Step: func(string, int, int) {}}, m, true)
	if err := db.Remap(b.Context(), m.Key(), contact.Carry); err != nil {
		b.Fatal(err)
	}
	return r
}

func mirrorOnce(b *testing.B, r *Mirror, file string, n int) {
	b.Helper()
	var err error
	if r.at, err = r.State.BeginSnapshot(b.Context(), r.mapping.Key()); err != nil {
		b.Fatal(err)
	}
	x, err := r.exporter.readFile(strings.NewReader(file), map[string]string{"App users": "5ea15fb8-4f1e-4990-9466-84e2f6f9e04a"})
	if err != nil || x.rows != n {
		b.Fatal(err)
	}
	defer x.close()
	if err := r.exporter.putExported(b.Context(), x, n); err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	if err := r.State.EndRefresh(b.Context(), state.Mirror{Mapping: "1:string", Mark: now, SnapshotAt: now, Contacts: n}); err != nil {
		b.Fatal(err)
	}
}

func exportAddress(i int) string { return fmt.Sprintf("user%08d@example.com", i) }

// exportOf is an export of n contacts in no order.
func exportOf(n int) string {
	const step = 7_368_787 // a prime
	var text strings.Builder
	text.WriteString("Email address,Email status,Email permission status,Email Lists,Updated At,Short code\n")
	for k := range n {
		i := k * step % n
		fmt.Fprintf(&text, "%s,Active,Implicit,App users,2026-01-02 03:04:05 -0500,C%07d\n", exportAddress(i), i)
	}
	return text.String()
}
