package sync_test

import (
	"database/sql"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// TestANumberForADateFieldIsReadAsItsColumnTells: one who is born in February 1970 has 10 digits in
// milliseconds, as 2093 has in seconds; nobody else's row must be needed to send this one right.
func TestANumberForADateFieldIsReadAsItsColumnTells(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		numbers []any
		want    []string // "" for one who is skipped
	}{
		"milliseconds":                 {[]any{3888000000, 631152000000, -315619200000, 1767323045120}, []string{"1970-02-15", "1990-01-01", "1960-01-01", "2026-01-02"}},
		"seconds":                      {[]any{3888000000, 631152000, -315619200, 253402300799}, []string{"2093-03-16", "1990-01-01", "1960-01-01", "9999-12-31"}},
		"seconds, one in milliseconds": {[]any{1767323045, 631152000, 1767323045120}, []string{"2026-01-02", "1990-01-01", ""}},
		"milliseconds, one too large":  {[]any{1767323045120, 631152000000, int64(1e18)}, []string{"2026-01-02", "1990-01-01", ""}},
		"fractions of seconds":         {[]any{1767323045.25, 631152000, 2461042.5, 1767323045120.5, math.Inf(1)}, []string{"2026-01-02", "1990-01-01", "", "", ""}},
		"neither":                      {[]any{20260102, 19900101, 0, 1985}, []string{"", "", "", ""}},
	} {
		for kind, field := range map[string]string{"date_text": plain("date"), "date": realDate, "datetime": plain("datetime")} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				inWorld(t, sandbox.Options{}, func(w *world) {
					w.mapped(field)
					a := w.bornApp(c.numbers)
					defer a.close()
					for i := range c.want {
						w.box.Seed(sandbox.Contact{Address: bornAddress(i), Lists: []string{"App users"}})
					}
					report, err := a.engine().Run(w.t.Context(), ccsync.Options{})
					if err != nil {
						w.t.Fatal(err)
					}
					w.want(report, ccsync.Synced)
					w.wantBorn(c.want)
					if again, err := a.engine().Run(w.t.Context(), ccsync.Options{Full: true}); err != nil || again.Summary.Unchanged+again.Summary.Skipped != len(c.want) {
						w.t.Errorf("once more: %v, %+v", err, again)
					}
					a.wantIdle(true, "nothing has changed")
					a.exec("CREATE TABLE other (id INTEGER)")
					a.wantIdle(true, "the file has changed, and its users have not")
					known, err := w.state.Bindings(w.t.Context())
					if err != nil {
						w.t.Fatal(err)
					}
					examined, err := a.engine().Examine(w.t.Context(), known)
					if err != nil || examined.Count() != report.Summary.Skipped {
						w.t.Errorf("check finds %v (%v), the run skipped %d", examined, err, report.Summary.Skipped)
					}
				})
			})
		}
	}
}

func bornAddress(i int) string { return fmt.Sprintf("u%d@example.com", i) }

// bornApp keeps when each user was born as a number, in the column that is mapped.
func (w *world) bornApp(numbers []any) *app {
	w.t.Helper()
	path := filepath.Join(filepath.Dir(w.path), "app.db")
	own, err := sql.Open("sqlite3", path)
	if err != nil {
		w.t.Fatal(err)
	}
	a := &app{w: w, path: path, own: own}
	a.exec("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, value INTEGER)")
	for i, n := range numbers {
		a.exec("INSERT INTO users VALUES (?, ?, ?)", i+1, bornAddress(i), n)
	}
	a.DB, err = source.Open(w.t.Context(), source.Config{DSN: path, Table: "users", Email: "email", Columns: []string{"value"}})
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) wantBorn(want []string) {
	w.t.Helper()
	for i, day := range want {
		got := ""
		for _, c := range w.box.Contacts() {
			if c.Address == bornAddress(i) {
				got = c.Fields["value"]
			}
		}
		if day != "" && len(got) > len(day) {
			got = got[:len(day)]
		}
		if got != day {
			w.t.Errorf("%s carries %q, want %q", bornAddress(i), got, day)
		}
	}
}
