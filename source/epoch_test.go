package source

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

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
		{"fractions of seconds", "DATETIME", []any{1767323045.12, -1767323045.12, 1767323045.0, 86400.5, 2461042.5, 1767323045120.5, math.Inf(1), 1e21},
			[]string{"2026-01-02T03:04:05.12Z", "1913-12-30T20:55:54.88Z", "2026-01-02T03:04:05Z", "86400.5", "2461042.5", "1767323045120.5", "Infinity", "1e+21"}},
		{"seconds with infinity, which is no number of milliseconds", "TIMESTAMP", []any{1767323045, math.Inf(1), math.Inf(1), 1e18},
			[]string{"2026-01-02T03:04:05Z", "Infinity", "Infinity", "31688740476-10-23T01:46:40Z"}},
		{"fractions of milliseconds", "TIMESTAMP", []any{1767323045120.5, 1767323045120, 1767323045.12, 202601021504.5},
			[]string{"2026-01-02T03:04:05.1205Z", "2026-01-02T03:04:05.12Z", "1767323045.12", "202601021504.5"}},
		{"dates with fractions", "DATE", []any{1767398399.75, 1767312000.25}, []string{"2026-01-02", "2026-01-02"}},
		{"whole numbers that may be Julian days, as nothing shows seconds", "DATETIME", []any{2461043, 2461043.0, 1721425, 1721426, 5373484, 5373485, 86400, -2461043},
			[]string{"2461043", "2461043", "1970-01-20T22:10:25Z", "1721426", "5373484", "1970-03-04T04:38:05Z", "1970-01-02T00:00:00Z", "1969-12-03T12:22:37Z"}},
		{"the same beside seconds", "DATETIME", []any{2461043, 1767312000}, []string{"1970-01-29T11:37:23Z", "2026-01-02T00:00:00Z"}},
		{"fractions alone that show neither", "DATE", []any{2461042.5, 0.5}, []string{"2461042.5", "0.5"}},
		{"seconds with one row of milliseconds", "DATETIME", []any{157766400, 631152000, 1767323045120},
			[]string{"1975-01-01T00:00:00Z", "1990-01-01T00:00:00Z", "57974-03-28T20:05:20Z"}},
		{"milliseconds with one row of seconds, or of February 1970", "DATE", []any{157766400000, 631152000000, 3888000000},
			[]string{"1975-01-01", "1990-01-01", "1970-02-15"}},
		{"as many of one as of the other", "DATE", []any{1767312000, 1767312000000}, []string{"1767312000", "1767312000000"}},
		{"the end of time in milliseconds", "DATE", []any{253402300799000}, []string{"9999-12-31"}},
		{"the smallest and the largest number", "DATE", []any{int64(math.MinInt64), int64(math.MaxInt64), 157766400000, 631152000000},
			[]string{"-292275055-05-16", "292278994-08-17", "1975-01-01", "1990-01-01"}},
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

// TestNumbersThatAreToBeDatesAreJudgedByTheirColumn: drizzle and others keep moments in plain
// numbers, on every database.
func TestNumbersThatAreToBeDatesAreJudgedByTheirColumn(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		for i, test := range []struct {
			name, kind   string
			values, want []string
		}{
			{"milliseconds", "BIGINT", []string{"157766400000", "3888000000", "-315619200000", "0", "NULL", "1767323045120"},
				[]string{"1975-01-01T00:00:00Z", "1970-02-15T00:00:00Z", "1960-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "", "2026-01-02T03:04:05.12Z"}},
			{"seconds", "BIGINT", []string{"157766400", "-315619200", "86400", "253402300799"},
				[]string{"1975-01-01T00:00:00Z", "1960-01-01T00:00:00Z", "1970-01-02T00:00:00Z", "9999-12-31T23:59:59Z"}},
			{"decimals", "DECIMAL(20,2)", []string{"631152000000", "1767323045120"}, []string{"1990-01-01T00:00:00Z", "2026-01-02T03:04:05.12Z"}},
			{"floating-point numbers", "DOUBLE PRECISION", []string{"631152000000", "1767323045120"}, []string{"1990-01-01T00:00:00Z", "2026-01-02T03:04:05.12Z"}},
			{"decimal fractions of seconds", "DECIMAL(20,6)", []string{"1767323045.123456", "-315619200.5", "1767323045", "0.5", "1767323045120.5"},
				[]string{"2026-01-02T03:04:05.123456Z", "1959-12-31T23:59:59.5Z", "2026-01-02T03:04:05Z", "0.5", "1767323045120.5"}},
			{"floating-point fractions of seconds", "DOUBLE PRECISION", []string{"1767323045.25", "1767323045", "1767323045120.5"},
				[]string{"2026-01-02T03:04:05.25Z", "2026-01-02T03:04:05Z", "1767323045120.5"}},
			{"fractions of milliseconds", "DECIMAL(20,6)", []string{"1767323045120.25", "-315619200000.5", "1767323045.12"},
				[]string{"2026-01-02T03:04:05.12025Z", "1959-12-31T23:59:59.9995Z", "1767323045.12"}},
			{"fractions of a text", "VARCHAR(40)", []string{"'1767323045.120'", "' 1767323045.0 '", "'1767323045.1234567891'", "'1767323045.'", "'1767323045.1.2'", "'1767323045.1e3'", "'-.5'", "'1767323045'", "'1767323046'"},
				[]string{"2026-01-02T03:04:05.12Z", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123456789Z", "1767323045.", "1767323045.1.2", "1767323045.1e3", "-.5", "2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z"}},
			{"digits of a text", "VARCHAR(20)", []string{"'631152000000'", "'1767323045120'", "'soon'", "'1/2/2026'", "'-'"},
				[]string{"1990-01-01T00:00:00Z", "2026-01-02T03:04:05.12Z", "soon", "1/2/2026", "-"}},
			{"as many of one as of the other", "BIGINT", []string{"1767312000", "1767312000000"}, []string{"1767312000", "1767312000000"}},
			{"years", "INTEGER", []string{"1985", "2026"}, []string{"1985", "2026"}},
			{"numbers that spell dates", "INTEGER", []string{"19850102", "20260102"}, []string{"19850102", "20260102"}},
			{"numbers that spell dates and times", "BIGINT", []string{"19850102030405", "20260102030405"}, []string{"19850102030405", "20260102030405"}},
			{"numbers that spell dates, beside seconds", "BIGINT", []string{"1767312000", "1767312001", "20260102", "20261302", "0"},
				[]string{"2026-01-02T00:00:00Z", "2026-01-02T00:00:01Z", "20260102", "1970-08-23T12:08:22Z", "1970-01-01T00:00:00Z"}},
			{"numbers that spell dates and times, beside milliseconds", "BIGINT", []string{"1767312000000", "1767312000001", "202601021504", "20260102150405", "190001010000000"},
				[]string{"2026-01-02T00:00:00Z", "2026-01-02T00:00:00.001Z", "202601021504", "20260102150405", "7990-11-22T18:20:00Z"}},
			{"digits with blanks around them", "VARCHAR(20)", []string{"' 1767312000 '", "'1767312000'"}, []string{"2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z"}},
			{"too large for any date", "DECIMAL(38,0)", []string{"631152000000", "1767323045120", "99999999999999999999"},
				[]string{"1990-01-01T00:00:00Z", "2026-01-02T03:04:05.12Z", "99999999999999999999"}},
			{"dates of the database's own", "DATE", []string{"'2026-01-02'"}, []string{"2026-01-02"}},
			{"booleans", "BOOLEAN", []string{"TRUE"}, []string{"true"}},
		} {
			if d.driver == SQLite && test.name == "too large for any date" {
				continue // it holds no such number
			}
			table := fmt.Sprint("t", i)
			d.exec(t, "CREATE TABLE "+table+" (id INTEGER PRIMARY KEY, email VARCHAR(20), at "+test.kind+", hidden BOOLEAN)")
			for row, value := range test.values {
				d.exec(t, fmt.Sprintf("INSERT INTO %s VALUES (%d, '%d', %s, FALSE)", table, row, row, value))
			}
			for _, cfg := range []Config{{Table: table, Where: "hidden = FALSE"}, {Query: "SELECT id, email, at FROM " + table, Key: "id"}} {
				cfg.Email, cfg.Columns = "email", []string{"at", "at"}
				got := make([]string, len(test.values))
				for row, err := range d.open(t, cfg).Read(t.Context(), 1).Rows() {
					if err != nil {
						t.Fatalf("%s: %v", test.name, err)
					}
					var at int
					fmt.Sscan(row.Email, &at)
					got[at] = row.Values[1]
					if literal := strings.Trim(test.values[at], "'"); test.kind == "BIGINT" && literal != "NULL" && row.Values[0] != literal {
						t.Errorf("%s: %q, which is to be no date, became %q", test.name, literal, row.Values[0])
					}
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("%s, %s:\n got %q\nwant %q", test.name, cfg.Query, got, test.want)
				}
			}
		}
	})
}

func TestWhatANumberTellsOfItsColumn(t *testing.T) {
	t.Parallel()
	const second, milli, nothing = "1970-01-01T00:00:01Z", "1970-01-01T00:00:00.001Z", "1"
	d := newSQLite(t, "")
	d.exec(t, "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, at INTEGER, also INTEGER)", "INSERT INTO users VALUES (1, 'one', 1, 1), (2, 'other', NULL, NULL)")
	db := d.open(t, Config{Table: "users", Email: "email", Columns: []string{"at", "also"}})
	read := func() []string {
		for row, err := range db.Read(t.Context(), 0, 1).Rows() {
			if err != nil {
				t.Fatal(err)
			}
			if row.Email == "one" {
				return slices.Clone(row.Values)
			}
		}
		return nil
	}
	for number, want := range map[int]string{
		99_999_999: nothing, 100_000_000: second, 9_999_999_999: second, 10_000_000_000: nothing,
		99_999_999_999: nothing, 100_000_000_000: milli, 9_999_999_999_999: milli, 10_000_000_000_000: nothing,
		99_999_999_999_999: nothing, 100_000_000_000_000: milli, 999_999_999_999_999: milli, 1_000_000_000_000_000: nothing, math.MaxInt64: nothing,
		253402214400: nothing, 253402300799: nothing, 253402300798: milli,
	} {
		for _, n := range []int{number, -number} {
			d.exec(t, fmt.Sprint("UPDATE users SET at = ", n, " WHERE id = 2"))
			if got := read()[0]; got != want {
				t.Errorf("beside %d, 1 became %s, want %s", n, got, want)
			}
			d.exec(t, fmt.Sprint("UPDATE users SET at = ", n, ".5 WHERE id = 2"))
			if got := read()[0]; got != want {
				t.Errorf("beside %d.5, 1 became %s, want %s", n, got, want)
			}
			unit := map[string]time.Duration{second: time.Second, milli: time.Millisecond}[want]
			if got := showsUnit(int64(n)); got != unit {
				t.Errorf("%d itself shows %v, want %v", n, got, unit)
			}
		}
	}
	d.exec(t, "UPDATE users SET at = 631152000000, also = 631152000 WHERE id = 2")
	if got := read(); got[0] != milli || got[1] != second {
		t.Errorf("of a column in milliseconds and one in seconds: %q", got)
	}
}
