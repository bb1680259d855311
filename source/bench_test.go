package source

import (
	"fmt"
	"testing"
)

// BenchmarkRows reads users with an integer key, an address, a code and a name, as
// BenchmarkRows/sqlite/10000.
func BenchmarkRows(b *testing.B) {
	for _, driver := range []string{SQLite, Postgres, MySQL} {
		b.Run(driver, func(b *testing.B) {
			for _, n := range []int{10_000, 100_000, 1_000_000} {
				b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkRows(b, newTestDB(b, driver), n) })
			}
		})
	}
}

func benchmarkRows(b *testing.B, d *testDB, n int) {
	createUsers(b, d, n)
	cfg := usersConfig
	cfg.Columns = []string{"short_code", "deleted_at"}
	db := d.open(b, cfg)
	b.ReportAllocs()
	for b.Loop() {
		rows := 0
		for _, err := range db.Read(b.Context()).Rows() {
			if err != nil {
				b.Fatal(err)
			}
			rows++
		}
		if rows != n {
			b.Fatalf("got %d rows, want %d", rows, n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/row")
}

// BenchmarkUnchanged asks an idle source.
func BenchmarkUnchanged(b *testing.B) {
	for _, driver := range []string{SQLite, Postgres} {
		b.Run(driver, func(b *testing.B) {
			d := newTestDB(b, driver)
			createUsers(b, d, 10)
			db := d.open(b, usersConfig)
			reading := db.Read(b.Context())
			for range reading.Rows() {
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := db.Unchanged(b.Context(), reading.Mark()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
