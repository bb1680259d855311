package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// createUsers makes the table that most tests read: n users, the first with a code.
func createUsers(t testing.TB, d *testDB, n int) {
	t.Helper()
	d.exec(t, "CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR(80), short_code VARCHAR(20), deleted_at VARCHAR(30))")
	for first := 1; first <= n; first += 1000 {
		var values []string
		for i := first; i < min(first+1000, n+1); i++ {
			values = append(values, fmt.Sprintf("(%d, 'u%d@example.com', 'C%d', NULL)", i, i, i))
		}
		d.exec(t, "INSERT INTO users VALUES "+strings.Join(values, ", "))
	}
}

var usersConfig = Config{Table: "users", Email: "email", Columns: []string{"short_code"}}

func TestRowsGivesKeyAddressAndColumnsInTheirOrder(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 2)
		db := d.open(t, Config{Table: "users", Email: "email", Columns: []string{"short_code", "id", "email"}, Where: "id > 1 -- not the first"})
		want := []Row{{"2", "u2@example.com", []string{"C2", "2", "u2@example.com"}}}
		if diff := cmp.Diff(want, collect(t, db)); diff != "" {
			t.Errorf("rows differ (-want +got):\n%s", diff)
		}
		if got := db.KeyColumn(); got != "id" {
			t.Errorf("KeyColumn() = %q, want the primary key", got)
		}
	})
}

func TestOneColumnThatAloneIsThePrimaryKeyIsTheKey(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		d.exec(t,
			"CREATE TABLE composite (a INTEGER, b INTEGER, email VARCHAR(80), code VARCHAR(20), PRIMARY KEY (a, b))",
			"CREATE TABLE keyless (email VARCHAR(80), code VARCHAR(20))",
			"CREATE TABLE single (email VARCHAR(80), code VARCHAR(20), uid VARCHAR(20) PRIMARY KEY)",
			"CREATE VIEW seen AS SELECT * FROM single")
		tests := []struct {
			name, want string
			cfg        Config
		}{
			{"a key of two columns names nobody", "", Config{Table: "composite"}},
			{"a table without a key has none", "", Config{Table: "keyless"}},
			{"a key of one column is taken", "uid", Config{Table: "single"}},
			{"a view has none", "", Config{Table: "seen"}},
			{"a query has none", "", Config{Query: "SELECT * FROM single"}},
			{"the configuration decides", "code", Config{Table: "single", Key: "code"}},
		}
		for _, test := range tests {
			test.cfg.Email, test.cfg.Columns = "email", []string{"code"}
			db := d.open(t, test.cfg)
			if err := db.Check(t.Context()); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			if got := db.KeyColumn(); got != test.want {
				t.Errorf("%s: KeyColumn() = %q, want %q", test.name, got, test.want)
			}
		}
	})
}

func TestTablesOfAnyNameAreRead(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		for i, name := range []string{"User", "select", "my users", "a.b", `it's "odd"`, "back`tick", "Ünicode"} {
			d.exec(t, fmt.Sprintf("CREATE TABLE %s (id INTEGER PRIMARY KEY, email VARCHAR(80), %s VARCHAR(20))", d.quoted(name), d.quoted("group")),
				fmt.Sprintf("INSERT INTO %s VALUES (%d, 'a@example.com', 'x')", d.quoted(name), i))
			rows := collect(t, d.open(t, Config{Table: name, Email: "email", Columns: []string{"group"}}))
			want := []Row{{fmt.Sprint(i), "a@example.com", []string{"x"}}}
			if diff := cmp.Diff(want, rows); diff != "" {
				t.Errorf("table %q: rows differ (-want +got):\n%s", name, diff)
			}
		}
	})
}

func TestQueriesOfAllShapesAreRead(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 3)
		d.exec(t, "CREATE TABLE codes (user_id INTEGER, code VARCHAR(20))", "INSERT INTO codes VALUES (1, 'X1'), (2, 'X2')")
		for name, query := range map[string]string{
			"a join":              "SELECT u.id, u.email, c.code AS short_code FROM users u JOIN codes c ON c.user_id = u.id",
			"a trailing comment":  "SELECT id, email, short_code FROM users WHERE id < 3; -- the first two",
			"semicolons":          "SELECT id, email, short_code FROM users WHERE id < 3 AND email <> ';';;\n/* ; */ ;",
			"a common table":      "WITH two AS (SELECT * FROM users WHERE id < 3) SELECT id, email, short_code FROM two ORDER BY id DESC",
			"a union":             "SELECT id, email, short_code FROM users WHERE id = 1 UNION ALL SELECT id, email, short_code FROM users WHERE id = 2",
			"aggregates":          "SELECT id, MAX(email) AS email, MAX(short_code) AS short_code FROM users WHERE id < 3 GROUP BY id",
			"question and colons": "SELECT id, email, short_code FROM users WHERE id < 3 AND email <> '?:x :y $1 12:30'",
			"names in capitals":   "SELECT id AS ID, email AS EMAIL, short_code FROM users WHERE id < 3",
			"a limit":             "SELECT id, email, short_code FROM users ORDER BY id LIMIT 2",
		} {
			rows := collect(t, d.open(t, Config{Query: query, Email: "email", Key: "id", Columns: []string{"short_code"}}))
			if got := len(rows); got != 2 || rows[1].Key != "2" || rows[1].Email != "u2@example.com" {
				t.Errorf("%s: got %v, want users 1 and 2", name, rows)
			}
		}
	})
}

func TestWhatTheDatabaseLacksIsNamedWithTheNearest(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 1)
		d.exec(t, "CREATE TABLE orders (id INTEGER)")
		tests := []struct {
			name string
			cfg  Config
			want []string
		}{
			{"a table", Config{Table: "user", Email: "email"}, []string{`no table "user" in ` + d.driver, `did you mean "users"?`, "orders, users"}},
			{"a table in another case", Config{Table: "USERZ", Email: "email"}, []string{`no table "USERZ"`, `did you mean "users"?`}},
			{"a schema", Config{Table: "nowhere.users", Email: "email"}, []string{`no table "nowhere.users"`, "orders, users"}},
			{"the address", Config{Table: "users", Email: "mail"}, []string{`no column "mail" in table "users"`, `did you mean "email"?`, "id, email, short_code, deleted_at"}},
			{"a column that is nothing like any", Config{Table: "users", Email: "email", Key: "zzzzzz"}, []string{`no column "zzzzzz"`, "; choose from: id, email"}},
			{"a column of a query", Config{Query: "SELECT email, short_code AS code FROM users", Email: "email"}, []string{`no column "short_code" in query in [source]`, "email, code"}},
			{"a twin column", Config{Query: "SELECT a.email, a.short_code, b.short_code FROM users a JOIN users b ON a.id = b.id", Email: "email"}, []string{"short_code", "AS"}},
			{"SQL in where", Config{Table: "users", Email: "email", Where: "id = = 1"}, []string{"syntax", "correct where in [source]"}},
			{"SQL in query", Config{Query: "SELECT FROM WHERE", Email: "email"}, []string{"query in [source]", "syntax"}},
			{"a column in where", Config{Table: "users", Email: "email", Where: "gone IS NULL"}, []string{"gone", "correct where in [source]"}},
			{"a table in query", Config{Query: "SELECT * FROM gone", Email: "email"}, []string{"gone", "correct query in [source]"}},
			{"a statement that writes", Config{Query: "DELETE FROM users", Email: "email"}, []string{"query in [source]"}},
		}
		for _, test := range tests {
			test.cfg.Columns = []string{"short_code"}
			err := d.open(t, test.cfg).Check(t.Context())
			if !errors.Is(err, ErrConfig) {
				t.Errorf("%s: got %v, want an ErrConfig", test.name, err)
				continue
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %q does not say %q", test.name, err, want)
				}
			}
		}
		if got := len(collect(t, d.open(t, usersConfig))); got != 1 {
			t.Errorf("%d users are left, want 1", got)
		}
	})
}

func TestTheConfigurationIsCheckedBeforeAnythingIsOpened(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"no dsn":               {Table: "users", Email: "email", Columns: []string{"code"}},
		"table and query":      {DSN: "a.db", Table: "users", Query: "SELECT 1", Email: "email", Columns: []string{"code"}},
		"neither":              {DSN: "a.db", Email: "email", Columns: []string{"code"}},
		"where beside query":   {DSN: "a.db", Query: "SELECT 1", Where: "x", Email: "email", Columns: []string{"code"}},
		"no address":           {DSN: "a.db", Table: "users", Columns: []string{"code"}},
		"no column":            {DSN: "a.db", Table: "users", Email: "email"},
		"an empty column":      {DSN: "a.db", Table: "users", Email: "email", Columns: []string{""}},
		"an unknown driver":    {DSN: "a.db", Driver: "oracle", Table: "users", Email: "email", Columns: []string{"code"}},
		"a driver of another":  {DSN: "mysql://h/db", Driver: "postgres", Table: "users", Email: "email", Columns: []string{"code"}},
		"an unknown scheme":    {DSN: "mongodb://h/db", Table: "users", Email: "email", Columns: []string{"code"}},
		"a database in memory": {DSN: "sqlite::memory:", Table: "users", Email: "email", Columns: []string{"code"}},
	} {
		if _, err := Open(t.Context(), cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: got %v, want an ErrConfig", name, err)
		}
	}
}

func TestARowIsReusedAndItsTextsAreNot(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 50)
		seen := make(map[string]string)
		for r, err := range d.open(t, usersConfig).Read(t.Context()).Rows() {
			if err != nil {
				t.Fatal(err)
			}
			seen[r.Key] = r.Email + " " + r.Values[0]
		}
		for key, got := range seen {
			if want := fmt.Sprintf("u%s@example.com C%s", key, key); got != want {
				t.Errorf("user %s became %q, want %q", key, got, want)
			}
		}
	})
}

func TestAReadMayStopEarlyAndStartAgain(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 20)
		db := d.open(t, usersConfig)
		for range 3 {
			reading := db.Read(t.Context())
			for range 2 {
				for _, err := range reading.Rows() {
					if err != nil {
						t.Fatal(err)
					}
					break
				}
			}
			if unchanged, err := db.Unchanged(t.Context(), reading.Mark()); unchanged || err != nil {
				t.Errorf("Unchanged() = %v, %v after a read that stopped, want false", unchanged, err)
			}
		}
		if got := len(collect(t, db)); got != 20 {
			t.Errorf("got %d rows, want 20", got)
		}
	})
}

// TestAnErrorOfALateRowIsOneOfTheSequence: half a table is never taken for a whole one.
func TestAnErrorOfALateRowIsOneOfTheSequence(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 5000)
		late := map[string]string{
			SQLite:   "CASE WHEN id = 4900 THEN ABS(-9223372036854775807 - 1) ELSE short_code END",
			Postgres: "short_code || CASE WHEN id = 4900 THEN (1 / (id - 4900))::text ELSE '' END",
			MySQL:    "CASE WHEN id = 4900 THEN (SELECT u.short_code FROM users u WHERE u.id >= users.id) ELSE short_code END",
		}[d.driver]
		db := d.open(t, Config{Query: "SELECT id, email, " + late + " AS short_code FROM users", Email: "email", Columns: []string{"short_code"}})
		reading, rows, failed := db.Read(t.Context()), 0, error(nil)
		for _, err := range reading.Rows() {
			if failed = err; err == nil {
				rows++
			}
		}
		if failed == nil || reading.Mark() != "" || rows >= 5000 {
			t.Errorf("after %d rows the sequence ended with %v and the mark %q, want an error and no mark", rows, failed, reading.Mark())
		}
	})
}

// TestAPanicInTheMiddleOfARowEndsTheRead: nothing waits for ever for what the panic left.
func TestAPanicInTheMiddleOfARowEndsTheRead(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 100)
		db := d.open(t, usersConfig)
		ended := make(chan any)
		go func() {
			defer func() { ended <- recover() }()
			for range db.Read(t.Context()).Rows() {
				panic("in a row")
			}
		}()
		select {
		case got := <-ended:
			if got != "in a row" {
				t.Errorf("got %v, want the panic", got)
			}
			collect(t, db)
		case <-time.After(20 * time.Second):
			t.Fatal("the read still waits after a panic")
		}
	})
}

func TestTheEndOfTheContextIsAnErrorOfTheSequence(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 50)
		// the product of the table with itself, five times over: no test waits for its end
		cfg := Config{Query: "SELECT a.id, a.email, a.short_code FROM users a, users b, users c, users d, users e", Email: "email", Columns: []string{"short_code"}}
		db := d.open(t, cfg)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		rows, failed := 0, error(nil)
		for _, err := range db.Read(ctx).Rows() {
			if rows++; rows == 100 {
				cancel()
			}
			failed = err
		}
		if !errors.Is(failed, context.Canceled) {
			t.Errorf("the sequence ended with %v after %d rows, want a cancelled context", failed, rows)
		}
		cfg.Timeout = 50 * time.Millisecond
		_, err := readRows(t.Context(), d.open(t, cfg))
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(fmt.Sprint(err), "timed out after 50ms") {
			t.Errorf("got %v, want a time-out after 50ms", err)
		}
	})
}

func TestRowsSeeOneSnapshot(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		if d.driver == SQLite {
			d = newSQLite(t, "_journal_mode=WAL")
		}
		createUsers(t, d, 3000)
		n := 0
		for r, err := range d.open(t, usersConfig).Read(t.Context()).Rows() {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 1 {
				d.exec(t, "UPDATE users SET short_code = 'new'", "DELETE FROM users WHERE id > 1500")
			}
			if r.Values[0] == "new" {
				t.Fatal("a row shows what was committed after the read began")
			}
		}
		if n != 3000 {
			t.Errorf("got %d rows, want the 3000 of the snapshot", n)
		}
	})
}

func TestInspectShowsTablesColumnsAndRows(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 5)
		d.exec(t, "CREATE VIEW active AS SELECT id, email FROM users", "CREATE TABLE empty (at DATE)")
		tables, err := Inspect(t.Context(), Config{DSN: d.dsn, Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, table := range tables {
			got = append(got, fmt.Sprintf("%s %d %d", table.Name, len(table.Columns), len(table.Sample)))
		}
		if want := []string{"active 2 3", "empty 1 0", "users 4 3"}; !slices.Equal(got, want) {
			t.Fatalf("Inspect gave %q, want %q", got, want)
		}
		users := tables[2]
		if c := users.Columns[0]; c.Name != "id" || !c.PrimaryKey || c.Type == "" {
			t.Errorf("the first column is %+v, want the primary key id with its type", c)
		}
		if c := users.Columns[1]; c.Name != "email" || c.PrimaryKey {
			t.Errorf("the second column is %+v, want email", c)
		}
		if want := []string{"1", "u1@example.com", "C1", ""}; !slices.Equal(users.Sample[0], want) {
			t.Errorf("the first row is %q, want %q", users.Sample[0], want)
		}
	})
}

func TestCountTellsWhatTheConditionLetsThrough(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 5)
		tests := []struct {
			name          string
			cfg           Config
			matching, all int
		}{
			{"a table", Config{Table: "users"}, 5, 5},
			{"a condition", Config{Table: "users", Where: "id > 3 -- two"}, 2, 5},
			{"a condition that no row fits", Config{Table: "users", Where: "id > 5"}, 0, 5},
			{"a query", Config{Query: "SELECT * FROM users WHERE id > 3"}, 2, 2},
		}
		for _, test := range tests {
			test.cfg.Email, test.cfg.Columns = "email", []string{"short_code"}
			matching, all, err := d.open(t, test.cfg).Count(t.Context())
			if err != nil || matching != test.matching || all != test.all {
				t.Errorf("%s: %d of %d, %v; want %d of %d", test.name, matching, all, err, test.matching, test.all)
			}
		}
		if _, _, err := d.open(t, Config{Table: "users", Where: "no_column = 1", Email: "email", Columns: []string{"short_code"}}).Count(t.Context()); !errors.Is(err, ErrConfig) {
			t.Errorf("a condition with an unknown column: got %v, want ErrConfig", err)
		}
	})
}

func TestInspectQuotesColumnsAsTheDatabaseWants(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		d.exec(t, "CREATE TABLE accounts (id INTEGER, "+d.quoted("deletedAt")+" VARCHAR(30), "+d.quoted("a b")+" VARCHAR(30))",
			"INSERT INTO accounts VALUES (1, NULL, 'x'), (2, '2026-01-02', 'x')")
		tables, err := Inspect(t.Context(), Config{DSN: d.dsn, Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		columns := tables[0].Columns
		if columns[0].Quoted != "id" {
			t.Errorf("id is quoted as %s", columns[0].Quoted)
		}
		cfg := Config{Table: "accounts", Email: "a b", Columns: []string{"id"}, Where: columns[1].Quoted + " IS NULL AND " + columns[2].Quoted + " = 'x'"}
		if matching, all, err := d.open(t, cfg).Count(t.Context()); err != nil || matching != 1 || all != 2 {
			t.Errorf("where %s matches %d of %d, %v; want 1 of 2", cfg.Where, matching, all, err)
		}
	})
}

func TestInspectTellsTheLabelsOfAnEnumeration(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		declared := "ENUM('ACTIVE', 'it''s gone')"
		switch d.driver {
		case SQLite:
			t.Skip("SQLite has no enumerations")
		case Postgres:
			d.exec(t, "CREATE TYPE state AS "+declared)
			declared = "state"
		}
		d.exec(t, "CREATE TABLE accounts (id INTEGER, status "+declared+")")
		tables, err := Inspect(t.Context(), Config{DSN: d.dsn, Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if got := tables[0].Columns[1].Labels; !slices.Equal(got, []string{"ACTIVE", "it's gone"}) {
			t.Errorf("labels are %q", got)
		}
	})
}
