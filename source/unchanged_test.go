package source

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// provesUnchanged reads until the source can tell that nothing changed since, and gives the mark of
// that reading. A server shared with others may have transactions under way at any moment, and then
// cannot.
func provesUnchanged(t *testing.T, db *DB) (mark string, ok bool) {
	t.Helper()
	for range 200 {
		mark := readMark(t, db)
		if unchanged, err := db.Unchanged(t.Context(), mark); err != nil {
			t.Fatal(err)
		} else if unchanged {
			return mark, true
		}
	}
	return "", false
}

// readMark reads to the end.
func readMark(t *testing.T, db *DB) string {
	t.Helper()
	reading := db.Read(t.Context())
	for _, err := range reading.Rows() {
		if err != nil {
			t.Fatal(err)
		}
	}
	return reading.Mark()
}

func assertChanged(t *testing.T, db *DB, mark, why string) {
	t.Helper()
	if unchanged, err := db.Unchanged(t.Context(), mark); err != nil || unchanged {
		t.Errorf("%s: Unchanged() = %v, %v, want false", why, unchanged, err)
	}
}

func TestUnchangedIsCertainOrFalse(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 3)
		d.exec(t, "CREATE TABLE other (id INTEGER)")
		cfg := usersConfig
		cfg.Where = "deleted_at IS NULL AND LOWER(email) LIKE '%@example.com'"
		db := d.open(t, cfg)
		assertChanged(t, db, db.Read(t.Context()).Mark(), "before the first read")
		mark, got := provesUnchanged(t, db)
		if want := d.driver != MySQL; got != want {
			t.Fatalf("a source that nobody touches: Unchanged() = %v, want %v", got, want)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if unchanged, err := db.Unchanged(ended, mark); unchanged || got && !errors.Is(err, context.Canceled) {
			t.Errorf("asked by a caller who has left: Unchanged() = %v, %v, want an error", unchanged, err)
		}
		mark, _ = provesUnchanged(t, db)
		for _, sql := range []string{
			"UPDATE users SET short_code = 'new' WHERE id = 1",
			"INSERT INTO users VALUES (9, 'i@example.com', 'C9', NULL)",
			"DELETE FROM users WHERE id = 9",
			"ALTER TABLE users ADD COLUMN extra INTEGER",
			"CREATE INDEX by_email ON users (email)",
		} {
			d.exec(t, sql)
			assertChanged(t, db, mark, sql)
			readMark(t, db)
			assertChanged(t, db, mark, sql+", and somebody read since")
			mark, _ = provesUnchanged(t, db)
		}
	})
}

func TestAMarkProvesNothingToAnotherHandle(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{SQLite, Postgres} {
		d := newTestDB(t, driver)
		createUsers(t, d, 3)
		one, other := d.open(t, usersConfig), d.open(t, usersConfig)
		mark, ok := provesUnchanged(t, one)
		if !ok {
			t.Fatal("nothing changed, and it was not seen")
		}
		d.exec(t, "UPDATE users SET short_code = 'new' WHERE id = 1")
		provesUnchanged(t, other) // its count of versions begins now
		assertChanged(t, other, mark, "read by another handle, of "+driver)
		assertChanged(t, one, "", "no mark")
		handle, _, _ := strings.Cut(mark, " ")
		assertChanged(t, one, handle+" ", "a mark with nothing in it")
	}
}

func TestUnchangedSeesATransactionThatWasUnderWay(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		if d.driver == SQLite {
			d = newSQLite(t, "_journal_mode=WAL")
		}
		createUsers(t, d, 3)
		db := d.open(t, usersConfig)
		tx, err := d.app.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec("UPDATE users SET short_code = 'late' WHERE id = 1"); err != nil {
			t.Fatal(err)
		}
		mark := readMark(t, db)
		if d.driver == Postgres {
			d.exec(t, "UPDATE users SET short_code = 'new' WHERE id = 2")
			if between := readMark(t, db); between != "" {
				t.Errorf("the mark is %q while a transaction is older than the last commit, want none", between)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		assertChanged(t, db, mark, "committed after the read")
	})
}

func TestUnchangedDoesNotTrustTheTimeOfDay(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 3)
		d.exec(t, "CREATE VIEW soon AS SELECT * FROM users WHERE deleted_at IS NULL OR deleted_at > CURRENT_DATE"+map[string]string{Postgres: "::text"}[d.driver])
		d.exec(t, "CREATE VIEW sooner AS SELECT * FROM soon", "CREATE VIEW soonest AS SELECT * FROM sooner")
		for name, cfg := range map[string]Config{
			"a view of a view":                   {Table: "sooner"},
			"a query of one of a view of a view": {Query: "SELECT * FROM soonest"},
			"where":                              {Table: "users", Where: "deleted_at IS NULL OR deleted_at > '' || CURRENT_TIMESTAMP"},
			"a view":                             {Table: "soon"},
			"a query of it":                      {Query: "SELECT * FROM soon"},
		} {
			cfg.Email, cfg.Columns = "email", []string{"short_code"}
			db := d.open(t, cfg)
			for range 5 {
				mark := readMark(t, db)
				if mark != "" {
					t.Errorf("%s: the mark is %q, want none", name, mark)
				}
				assertChanged(t, db, mark, name)
			}
		}
	})
}

func TestUnchangedTrustsASQLiteViewOfTablesAlone(t *testing.T) {
	t.Parallel()
	d := newSQLite(t, "")
	createUsers(t, d, 3)
	d.exec(t, "CREATE VIEW active AS SELECT * FROM users WHERE deleted_at IS NULL", "CREATE VIEW staff AS SELECT * FROM active")
	if _, ok := provesUnchanged(t, d.open(t, Config{Query: "SELECT * FROM staff", Email: "email", Columns: []string{"short_code"}})); !ok {
		t.Error("nothing changed, and it was not seen")
	}
}

func TestAFileRenamedOverTheSQLiteSourceIsReadAgain(t *testing.T) {
	t.Parallel()
	d, next := newSQLite(t, ""), newSQLite(t, "")
	createUsers(t, d, 3)
	createUsers(t, next, 5)
	db := d.open(t, usersConfig)
	mark, ok := provesUnchanged(t, db)
	if !ok {
		t.Fatal("nothing changed, and it was not seen")
	}
	if err := os.Rename(next.dsn, d.dsn); err != nil {
		t.Fatal(err)
	}
	assertChanged(t, db, mark, "another file under the path")
	if got := len(collect(t, db)); got != 5 {
		t.Errorf("got %d rows, want the 5 of the new file", got)
	}
	if mark, ok = provesUnchanged(t, db); !ok {
		t.Error("nothing changed in the new file, and it was not seen")
	}
	if err := os.Remove(d.dsn); err != nil {
		t.Fatal(err)
	}
	if unchanged, err := db.Unchanged(t.Context(), mark); err == nil || unchanged {
		t.Errorf("Unchanged() = %v, %v of a file that is gone, want an error", unchanged, err)
	}
}

// A nightly export makes a new file and copies it over the other: it counts as many changes.
func TestAFileCopiedOverTheSQLiteSourceIsReadAgain(t *testing.T) {
	t.Parallel()
	export := func(code string) *testDB {
		d := newSQLite(t, "")
		d.exec(t, "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, short_code TEXT)", "INSERT INTO users VALUES (1, 'ann@example.com', '"+code+"')")
		return d
	}
	d, next := export("OLD"), export("NEW")
	db := d.open(t, Config{Table: "users", Email: "email", Columns: []string{"short_code"}})
	mark, _ := provesUnchanged(t, db)
	content, err := os.ReadFile(next.dsn)
	if err == nil {
		err = os.WriteFile(d.dsn, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	assertChanged(t, db, mark, "another file copied over it")
	if rows := collect(t, db); len(rows) != 1 || rows[0].Values[0] != "NEW" {
		t.Errorf("read %+v", rows)
	}
}

// Two builds of one database with a fixed time of writing differ in nothing but their content.
func TestAFileCopiedOverTheSQLiteSourceWithItsTimesIsReadAgain(t *testing.T) {
	t.Parallel()
	written := time.Unix(1e9, 0)
	export := func(code string) *testDB {
		d := newSQLite(t, "")
		d.exec(t, "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, short_code TEXT)", "INSERT INTO users VALUES (1, 'ann@example.com', '"+code+"')")
		if err := os.Chtimes(d.dsn, written, written); err != nil {
			t.Fatal(err)
		}
		return d
	}
	d, next := export("OLD"), export("NEW")
	before := changeOf(d.dsn)
	if before == "" {
		t.Skip("this system does not show when a file was changed")
	}
	db := d.open(t, Config{Table: "users", Email: "email", Columns: []string{"short_code"}})
	mark, ok := provesUnchanged(t, db)
	if !ok {
		t.Fatal("nothing changed, and it was not seen")
	}
	content, err := os.ReadFile(next.dsn)
	if err != nil {
		t.Fatal(err)
	}
	for changeOf(d.dsn) == before { // until the clock of the files moves
		if err := os.WriteFile(d.dsn, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(d.dsn, written, written); err != nil {
			t.Fatal(err)
		}
	}
	assertChanged(t, db, mark, "another file copied over it, as old and as long")
	if rows := collect(t, db); len(rows) != 1 || rows[0].Values[0] != "NEW" {
		t.Errorf("read %+v", rows)
	}
}

func TestUnchangedIsFalseForPostgresTablesThatCannotProveIt(t *testing.T) {
	t.Parallel()
	d := newPostgres(t)
	createUsers(t, d, 3)
	d.exec(t,
		"CREATE UNLOGGED TABLE unlogged AS SELECT * FROM users",
		"CREATE TABLE guarded AS SELECT * FROM users", "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY",
		"CREATE FUNCTION lately() RETURNS text LANGUAGE sql AS 'SELECT now()::text'")
	for _, cfg := range []Config{
		{Table: "unlogged"},
		{Table: "guarded"},
		{Table: "users", Where: "lately() > ''"},
		{Table: "users", Where: "deleted_at IS NULL OR deleted_at::timestamptz > 'now'"},
	} {
		cfg.Email, cfg.Columns = "email", []string{"short_code"}
		db := d.open(t, cfg)
		for range 5 {
			assertChanged(t, db, readMark(t, db), cfg.Table+" "+cfg.Where)
		}
	}
}

func TestTimelessKnowsWhatDependsOnTheTablesAlone(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]bool{
		"":                   true,
		"deleted_at IS NULL": true,
		"plan IN ('free', 'gold') AND NOT (x = 1)":     true,
		"LOWER(email) LIKE '%now()%'":                  true,
		`"current_date" = 1`:                           true,
		"x = 1 -- until now()":                         true,
		"x = 1 /* now() */ AND y = 2":                  true,
		"SELECT count(*) FROM (SELECT 1) AS q":         true,
		"created_at < now()":                           false,
		"created_at < NOW ( )":                         false,
		"x = '--' AND created_at < now()":              false,
		"x = '/*' AND created_at < now() AND y = '*/'": false,
		"x = 'it''s' AND d < CURRENT_TIMESTAMP":        false,
		"d < current_date":                             false,
		"d > date('now')":                              false,
		"d > 'now'::date":                              false,
		"d > ' Today '::date":                          false,
		"d > localtimestamp":                           false,
		"id = random()":                                false,
		`"now"() > d`:                                  false,
		"email LIKE '%@example.com'":                   true,
		"price = '$5' AND x = 'a[1]'":                  true,
		`x = 'C:\' AND now() > d AND y = 'z'`:          false,
		"x = U&'a' AND y = 1":                          false,
		"x = 'unfinished":                              false,
		`x = "unfinished`:                              false,
		`x = E'\' AND now() > d AND y = \''`:           false,
		"x = $$a$$ AND now() > d":                      false,
		"x = @variable":                                false,
		"mine(1) = 2":                                  false,
		"x[now()] = 2":                                 false,
		"d > strftime('%s')":                           false,
	} {
		if got := timeless(sql); got != want {
			t.Errorf("timeless(%q) = %v, want %v", sql, got, want)
		}
	}
}
