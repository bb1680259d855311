package plan

import (
	"fmt"
	"iter"
	"strings"
	"testing"

	"ccsyncd/source"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// BenchmarkUsers makes users of n rows that come in no order: normalises, judges, hashes and spools
// them.
func BenchmarkUsers(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		for _, unique := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d/unique=%v", n, unique), func(b *testing.B) {
				rows, m := shuffledRows(n), benchMapping(unique)
				b.ReportAllocs()
				for b.Loop() {
					u, err := users.Read(b.Context(), rows, m, b.TempDir(), nil)
					if err != nil || u.Count.Usable != n {
						b.Fatal(u.Count, err)
					}
					u.Close()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/row")
			})
		}
	}
}

// BenchmarkJoin merges n sorted users with n contacts that carry their values.
func BenchmarkJoin(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			u, err := users.Read(b.Context(), shuffledRows(n), benchMapping(false), b.TempDir(), nil)
			if err != nil {
				b.Fatal(err)
			}
			defer u.Close()
			all := make([]state.Entry, 0, n)
			for user, err := range u.Each() {
				if err != nil {
					b.Fatal(err)
				}
				all = append(all, state.Entry{Norm: string(user.Norm), Fields: string(user.First.Fields)})
			}
			b.ReportAllocs()
			for b.Loop() {
				joinOnce(b, u, all)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/pair")
		})
	}
}

func joinOnce(b *testing.B, u *users.Users, all []state.Entry) {
	b.Helper()
	contacts := readEntries(func(yield func(state.Entry, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}, 1)
	defer contacts.Close()
	equal := 0
	for pair, err := range join(u.Each(), contacts) {
		if err != nil {
			b.Fatal(err)
		}
		if pair.equal {
			equal++
		}
	}
	if equal != len(all) {
		b.Fatalf("%d equal, want %d", equal, len(all))
	}
}

func benchMapping(unique bool) *contact.Mapping {
	return &contact.Mapping{Targets: []contact.Target{{Field: contact.Field{Column: "short_code", Unique: unique}, ID: "1", Name: "short_code", Kind: contact.KindText}}}
}

// shuffledRows are n users in no order, one in twenty spelled in another case.
func shuffledRows(n int) iter.Seq2[source.Row, error] {
	const step = 7_368_787 // a prime
	all := make([]source.Row, n)
	for k := range all {
		i := k * step % n
		all[k] = source.Row{Key: fmt.Sprint(i), Email: fmt.Sprintf("user%08d@example.com", i), Values: []string{fmt.Sprintf("C%07d", i)}}
		if i%20 == 0 {
			all[k].Email = strings.ToUpper(all[k].Email[:1]) + all[k].Email[1:]
		}
	}
	return func(yield func(source.Row, error) bool) {
		for _, row := range all {
			if !yield(row, nil) {
				return
			}
		}
	}
}
