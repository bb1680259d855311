package source

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// column is one column of the conformance suite: how each database declares it and writes the
// value, and the text that all of them must give. An entry without types for a database is left
// out there.
type column struct {
	name     string
	sqlite   [2]string // type, literal
	postgres [2]string
	mysql    [2]string
	want     string
}

// same is a column that all databases declare and write alike.
func same(name, kind, literal, want string) column {
	c := [2]string{kind, literal}
	return column{name, c, c, c, want}
}

var conformance = []column{
	same("a null", "VARCHAR(20)", "NULL", ""),
	same("an empty text", "VARCHAR(20)", "''", ""),
	same("a text", "VARCHAR(20)", "'K7Q2'", "K7Q2"),
	same("a text of digits", "VARCHAR(20)", "'00123'", "00123"),
	same("a text with blanks", "VARCHAR(20)", "'  K7 '", "  K7 "),
	same("a text with quotes", "VARCHAR(20)", `'O''Brien "x"'`, `O'Brien "x"`),
	same("a text of other scripts", "VARCHAR(40)", "'Ärger 東京 🙂'", "Ärger 東京 🙂"),
	same("a text that looks like a date", "VARCHAR(40)", "'2026-01-02 03:04:05'", "2026-01-02 03:04:05"),
	same("a text that looks like a number", "VARCHAR(40)", "'1.50'", "1.50"),
	same("an integer", "INTEGER", "42", "42"),
	same("a negative integer", "INTEGER", "-7", "-7"),
	same("an integer of zero", "INTEGER", "0", "0"),
	same("an integer of one", "INTEGER", "1", "1"),
	same("the largest integer", "BIGINT", "9223372036854775807", "9223372036854775807"),
	same("the smallest integer", "BIGINT", "-9223372036854775808", "-9223372036854775808"),
	same("a small integer", "SMALLINT", "12", "12"),
	same("a decimal", "DECIMAL(10,2)", "12.34", "12.34"),
	same("a decimal with a zero at its end", "DECIMAL(10,2)", "12.50", "12.5"),
	same("a whole decimal", "DECIMAL(10,2)", "100.00", "100"),
	same("a decimal of nothing", "DECIMAL(10,2)", "0.00", "0"),
	same("a negative decimal", "DECIMAL(10,2)", "-0.50", "-0.5"),
	same("a numeric as Prisma declares it", "NUMERIC(38,10)", "12.5", "12.5"),
	{"a double", [2]string{"REAL", "0.1"}, [2]string{"double precision", "0.1"}, [2]string{"DOUBLE", "0.1"}, "0.1"},
	{"a whole double", [2]string{"REAL", "5"}, [2]string{"double precision", "5"}, [2]string{"DOUBLE", "5"}, "5"},
	{"a large double", [2]string{"REAL", "1e20"}, [2]string{"double precision", "1e20"}, [2]string{"DOUBLE", "1e20"}, "100000000000000000000"},
	{"a huge double", [2]string{"REAL", "1e21"}, [2]string{"double precision", "1e21"}, [2]string{"DOUBLE", "1e21"}, "1e+21"},
	{"a tiny double", [2]string{"REAL", "1.5e-9"}, [2]string{"double precision", "1.5e-9"}, [2]string{"DOUBLE", "1.5e-9"}, "1.5e-9"},
	{"a single", [2]string{"FLOAT", "0.1"}, [2]string{"real", "0.1"}, [2]string{"FLOAT", "0.1"}, "0.1"},
	{"a long single", [2]string{"FLOAT", "1234567.8"}, [2]string{"real", "1234567.8"}, [2]string{"FLOAT", "1234567.8"}, "1234567.8"},
	same("a boolean that is true", "BOOLEAN", "TRUE", "true"),
	same("a boolean that is false", "BOOLEAN", "FALSE", "false"),
	same("an unknown boolean", "BOOLEAN", "NULL", ""),
	{"a bit", [2]string{"BIT(1)", "1"}, [2]string{"boolean", "true"}, [2]string{"BIT(1)", "b'1'"}, "true"},
	{"a small boolean as Sequelize declares it", [2]string{"TINYINT(1)", "1"}, [2]string{"boolean", "true"}, [2]string{"TINYINT(1)", "1"}, "true"},
	same("a date", "DATE", "'2026-01-02'", "2026-01-02"),
	{"a date in milliseconds", [2]string{"DATE", "1767312000000"}, [2]string{"date", "'2026-01-02'"}, [2]string{"DATE", "'2026-01-02'"}, "2026-01-02"},
	{"a moment without a zone", [2]string{"DATETIME", "'2026-01-02 03:04:05'"}, [2]string{"timestamp", "'2026-01-02 03:04:05'"}, [2]string{"DATETIME", "'2026-01-02 03:04:05'"}, "2026-01-02T03:04:05Z"},
	{"a moment with a fraction", [2]string{"DATETIME(6)", "'2026-01-02 03:04:05.120000'"}, [2]string{"timestamp(6)", "'2026-01-02 03:04:05.12'"}, [2]string{"DATETIME(6)", "'2026-01-02 03:04:05.12'"}, "2026-01-02T03:04:05.12Z"},
	{"a moment in a zone", [2]string{"TIMESTAMP", "'2026-01-02 03:04:05+02:00'"}, [2]string{"timestamptz", "'2026-01-02 03:04:05+02'"}, [2]string{"TIMESTAMP NULL", "'2026-01-02 01:04:05'"}, "2026-01-02T01:04:05Z"},
	{"a moment as Sequelize writes it", [2]string{"DATETIME", "'2026-01-02 03:04:05.120 +00:00'"}, [2]string{"timestamptz", "'2026-01-02 03:04:05.12+00'"}, [2]string{"DATETIME(3)", "'2026-01-02 03:04:05.12'"}, "2026-01-02T03:04:05.12Z"},
	{"a moment as JavaScript writes it", [2]string{"DATETIME", "'2026-01-02T03:04:05.000Z'"}, [2]string{"timestamptz", "'2026-01-02T03:04:05.000Z'"}, [2]string{"DATETIME(3)", "'2026-01-02 03:04:05'"}, "2026-01-02T03:04:05Z"},
	{"a moment as Prisma stores it in SQLite", [2]string{"DATETIME", "1767323045120"}, [2]string{"timestamp(3)", "'2026-01-02 03:04:05.12'"}, [2]string{"DATETIME(3)", "'2026-01-02 03:04:05.12'"}, "2026-01-02T03:04:05.12Z"},
	{"a moment far away", [2]string{"DATETIME", "'9999-12-31 23:59:59'"}, [2]string{"timestamp", "'9999-12-31 23:59:59'"}, [2]string{"DATETIME", "'9999-12-31 23:59:59'"}, "9999-12-31T23:59:59Z"},
	same("a time of day", "TIME", "'15:04:05'", "15:04:05"),
	{"a time with a fraction", [2]string{"TIME(6)", "'15:04:05.500000'"}, [2]string{"time(6)", "'15:04:05.5'"}, [2]string{"TIME(6)", "'15:04:05.5'"}, "15:04:05.5"},
	{"a UUID", [2]string{"UUID", "'7D444840-9DC0-11D1-B245-5FFDCE74FAD2'"}, [2]string{"uuid", "'7d444840-9dc0-11d1-b245-5ffdce74fad2'"}, [2]string{"CHAR(36)", "'7d444840-9dc0-11d1-b245-5ffdce74fad2'"}, "7d444840-9dc0-11d1-b245-5ffdce74fad2"},
	{"a UUID of bytes", [2]string{"UUID", "x'7d4448409dc011d1b2455ffdce74fad2'"}, [2]string{"uuid", "'7d444840-9dc0-11d1-b245-5ffdce74fad2'"}, [2]string{"BINARY(16)", "x'7d4448409dc011d1b2455ffdce74fad2'"}, "7d444840-9dc0-11d1-b245-5ffdce74fad2"},
	{"bytes of a text", [2]string{"BLOB", "x'4B375132'"}, [2]string{"bytea", `'\x4B375132'`}, [2]string{"VARBINARY(20)", "x'4B375132'"}, "K7Q2"},
	{"bytes of nothing", [2]string{"BLOB", "x''"}, [2]string{"bytea", `'\x'`}, [2]string{"BLOB", "x''"}, ""},
	{"bytes that are no text", [2]string{"BLOB", "x'FF00FE'"}, [2]string{"bytea", `'\xFF00FE'`}, [2]string{"BLOB", "x'FF00FE'"}, "\xff\x00\xfe"},
	{"a document", [2]string{"JSON", `'{"a": [1, 2]}'`}, [2]string{"jsonb", `'{"a": [1, 2]}'`}, [2]string{"JSON", `'{"a":[1,2]}'`}, `{"a":[1,2]}`},
	{"a choice", [2]string{"TEXT", "'gold'"}, [2]string{"plan", "'gold'"}, [2]string{"ENUM('free', 'gold')", "'gold'"}, "gold"},
	{"a padded text", [2]string{"CHAR(8)", "'K7'"}, [2]string{"CHAR(8)", "'K7'"}, [2]string{"CHAR(8)", "'K7'"}, "K7"},
	{"a domain", [2]string{"DATETIME", "'2026-01-02 03:04:05'"}, [2]string{"moment", "'2026-01-02 03:04:05'"}, [2]string{"DATETIME", "'2026-01-02 03:04:05'"}, "2026-01-02T03:04:05Z"},
	{"a column named like a keyword: select", [2]string{"TEXT", "'x'"}, [2]string{"TEXT", "'x'"}, [2]string{"TEXT", "'x'"}, "x"},
	{"a column `with` \"quotes\" 'in' it", [2]string{"TEXT", "'x'"}, [2]string{"TEXT", "'x'"}, [2]string{"TEXT", "'x'"}, "x"},
}

func (c column) in(driver string) [2]string {
	switch driver {
	case Postgres:
		return c.postgres
	case MySQL:
		return c.mysql
	}
	return c.sqlite
}

// createConformance makes the table Order, a keyword with a capital, of one row with all columns.
func createConformance(t *testing.T, d *testDB) {
	t.Helper()
	if d.driver == Postgres {
		d.exec(t, "CREATE TYPE plan AS ENUM ('free', 'gold')", "CREATE DOMAIN instant AS timestamp", "CREATE DOMAIN moment AS instant")
	}
	columns, values := []string{"id VARCHAR(20) PRIMARY KEY, email VARCHAR(80)"}, []string{"'u1', 'Ann@Example.com '"}
	for _, c := range conformance {
		in := c.in(d.driver)
		columns = append(columns, d.quoted(c.name)+" "+in[0])
		values = append(values, in[1])
	}
	d.exec(t, fmt.Sprintf("CREATE TABLE %s (%s)", d.quoted("Order"), strings.Join(columns, ", ")),
		fmt.Sprintf("INSERT INTO %s VALUES (%s)", d.quoted("Order"), strings.Join(values, ", ")))
}

func conformanceRow() (names []string, want map[string]string) {
	want = map[string]string{"": "u1 Ann@Example.com "}
	for _, c := range conformance {
		names = append(names, c.name)
		want[c.name] = c.want
	}
	return names, want
}

func TestEveryValueIsTheSameTextOnEachDatabase(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		createConformance(t, d)
		names, want := conformanceRow()
		for what, cfg := range map[string]Config{
			"table": {Table: "Order"},
			"query": {Query: "SELECT * FROM " + d.quoted("Order") + "; -- all", Key: "id"},
		} {
			cfg.Email, cfg.Columns = "email", names
			rows := collect(t, d.open(t, cfg))
			if len(rows) != 1 {
				t.Fatalf("%s gave %d rows, want 1", what, len(rows))
			}
			got := map[string]string{"": rows[0].Key + " " + rows[0].Email}
			for i, name := range names {
				got[name] = rows[0].Values[i]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: values differ (-want +got):\n%s", what, diff)
			}
		}
	})
}
