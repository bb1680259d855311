package users_test

import (
	"fmt"
	"iter"
	"runtime"
	"testing"

	"ccsyncd/source"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/users"
)

// oneAddress are n rows of one address: all with one value, or each with its own.
func oneAddress(n int, alike bool) iter.Seq2[source.Row, error] {
	return func(yield func(source.Row, error) bool) {
		for i := range n {
			value := "CODE"
			if !alike {
				value = fmt.Sprint("CODE", i)
			}
			if !yield(source.Row{Key: fmt.Sprint(i), Email: "Same@example.com", Values: []string{value}}, nil) {
				return
			}
		}
	}
}

func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestRowsOfOneAddressAreKeptUpToTenThousandAndCountedAll(t *testing.T) {
	const rows = 200_000
	for name, alike := range map[string]bool{"with other values": false, "with the same": true} {
		t.Run(name, func(t *testing.T) {
			m := &contact.Mapping{Targets: []contact.Target{{Field: contact.Field{Column: "short_code"}, ID: "1", Name: "short_code", Kind: contact.KindText}}}
			u, err := users.Read(t.Context(), oneAddress(rows, alike), m, t.TempDir(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer u.Close()
			before, seen := heap(), 0
			for user, err := range u.Each() {
				if err != nil {
					t.Fatal(err)
				}
				seen++
				if kept := heap() - before; kept > 12<<20 {
					t.Errorf("%d MiB are kept for one address", kept>>20)
				}
				told := 0
				user.Skipped(func(s users.Skipped) { told++ })
				if told+user.More != rows || told > users.MaxListed+1 {
					t.Errorf("%d rows are told and %d counted, of %d", told, user.More, rows)
				}
				if got := user.Skip; alike != (got == "") || !alike && got != contact.DuplicateEmail {
					t.Errorf("skipped as %q", got)
				}
			}
			if seen != 1 || u.Count.Rows != rows || u.Count.Usable != rows {
				t.Errorf("%d users of %+v", seen, u.Count)
			}
		})
	}
}

// It is the sum of the rows' hashes, in whatever order they come: a digest that took in less would
// let a tick be idle that is not.
func TestTheDigestOfASourceTakesInEachByteOfEachRow(t *testing.T) {
	t.Parallel()
	digest := func(rows ...source.Row) string {
		sum, err := users.Digest(t.Context(), func(yield func(source.Row, error) bool) {
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	a, b := source.Row{Key: "1", Email: "ann@example.com", Values: []string{"A", "B"}}, source.Row{Key: "2", Email: "ben@example.com", Values: []string{"", ""}}
	seen := map[string]bool{digest(): true}
	for _, rows := range [][]source.Row{{a}, {b}, {a, b}, {a, a}, {a, a, b}, {{Key: "1a", Email: "nn@example.com", Values: a.Values}}, {{Email: "1ann@example.com", Values: a.Values}},
		{{Key: a.Key, Email: a.Email, Values: []string{"AB", ""}}}, {{Key: a.Key, Email: a.Email, Values: []string{"", "AB"}}}, {{Key: a.Key, Email: a.Email, Values: []string{"A", "b"}}},
		{{Key: a.Key, Email: a.Email + "A", Values: []string{"", "B"}}}} {
		sum := digest(rows...)
		if seen[sum] || len(sum) != 64 {
			t.Errorf("%q is the digest of %v and of others", sum, rows)
		}
		seen[sum] = true
		parts := map[string]bool{sum[:16]: true, sum[16:32]: true, sum[32:48]: true, sum[48:]: true}
		if len(parts) != 4 {
			t.Errorf("%q, the digest of %v, repeats itself", sum, rows)
		}
	}
	if digest(a, b) != digest(b, a) {
		t.Error("the order of the rows is in it")
	}
}
