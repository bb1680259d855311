package source

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestADateColumnOfSQLiteIsJudgedAsAWhole: Prisma and Knex store milliseconds, others seconds, and
// one number can be either.
func TestADateColumnOfSQLiteIsJudgedAsAWhole(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, kind string
		values     []any
		want       []string
	}{
		{"milliseconds", "DATETIME", []any{157766400000, 631152000000, 1767323045120, -315619200000, 31536000000, 0, nil, "2026-01-02 03:04:05"},
			[]string{"1975-01-01T00:00:00Z", "1990-01-01T00:00:00Z", "2026-01-02T03:04:05.12Z", "1960-01-01T00:00:00Z", "1971-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "", "2026-01-02T03:04:05Z"}},
		{"dates in milliseconds", "DATE", []any{157766400000, 631152000000}, []string{"1975-01-01", "1990-01-01"}},
		{"milliseconds long ago", "TIMESTAMP", []any{-2208988800000, 1000}, []string{"1900-01-01T00:00:00Z", "1970-01-01T00:00:01Z"}},
		{"seconds", "TIMESTAMP", []any{157766400, 631152000, 1767323045, -315619200, 99_999_999_999},
			[]string{"1975-01-01T00:00:00Z", "1990-01-01T00:00:00Z", "2026-01-02T03:04:05Z", "1960-01-01T00:00:00Z", "5138-11-16T09:46:39Z"}},
		{"seconds with an end of time", "DATETIME", []any{631152000, 253402300799, 253402214400},
			[]string{"1990-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T00:00:00Z"}},
		{"dates in seconds", "DATE", []any{157766400, 1767312000}, []string{"1975-01-01", "2026-01-02"}},
		{"from the first of March 1973 on", "DATETIME", []any{100_000_000_000}, []string{"1973-03-03T09:46:40Z"}},
		{"milliseconds of 1971 alone, which are taken for seconds", "DATE", []any{31536000000}, []string{"2969-05-03"}},
		{"a fraction, which is neither", "DATE", []any{157766400000.5, 157766400}, []string{"157766400000.5", "1975-01-01"}},
	} {
		d := newSQLite(t, "")
		d.exec(t, "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, at "+test.kind+", noted INTEGER)")
		for i, value := range test.values {
			if _, err := d.app.Exec("INSERT INTO users VALUES (?, ?, ?, 631152000000)", i+1, fmt.Sprint(i), value); err != nil {
				t.Fatal(err)
			}
		}
		for _, cfg := range []Config{{Table: "users"}, {Query: "SELECT id, email, at, noted FROM users", Key: "id"}} {
			cfg.Email, cfg.Columns = "email", []string{"at", "noted"}
			var got []string
			for _, row := range collect(t, d.open(t, cfg)) {
				got = append(got, row.Values[0])
				if row.Values[1] != "631152000000" {
					t.Errorf("%s: an integer became %q", test.name, row.Values[1])
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
		}
	}
}

func TestTheRowsLeftOutByWhereTellWhatAColumnHolds(t *testing.T) {
	t.Parallel()
	d := newSQLite(t, "")
	d.exec(t, "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, born DATE, gone BOOLEAN)",
		"INSERT INTO users VALUES (1, 'a', 31536000000, 0), (2, 'b', 1767312000000, 1)")
	rows := collect(t, d.open(t, Config{Table: "users", Where: "gone = 0", Email: "email", Columns: []string{"born"}}))
	if len(rows) != 1 || rows[0].Values[0] != "1971-01-01" {
		t.Errorf("got %v, want a date of 1971: another row shows that the column holds milliseconds", rows)
	}
}
