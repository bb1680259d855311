package source

import (
	"os"
	"testing"
)

// provesUnchanged reads until the source can tell that nothing changed. A server shared with others
// may have transactions under way at any moment, and then cannot.
func provesUnchanged(t *testing.T, db *DB) bool {
	t.Helper()
	for range 200 {
		collect(t, db)
		if unchanged, err := db.Unchanged(t.Context()); err != nil {
			t.Fatal(err)
		} else if unchanged {
			return true
		}
	}
	return false
}

func assertChanged(t *testing.T, db *DB, why string) {
	t.Helper()
	if unchanged, err := db.Unchanged(t.Context()); err != nil || unchanged {
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
		assertChanged(t, db, "before the first read")
		if got, want := provesUnchanged(t, db), d.driver != MySQL; got != want {
			t.Fatalf("a source that nobody touches: Unchanged() = %v, want %v", got, want)
		}
		for _, sql := range []string{
			"UPDATE users SET short_code = 'new' WHERE id = 1",
			"INSERT INTO users VALUES (9, 'i@example.com', 'C9', NULL)",
			"DELETE FROM users WHERE id = 9",
			"ALTER TABLE users ADD COLUMN extra INTEGER",
			"CREATE INDEX by_email ON users (email)",
		} {
			d.exec(t, sql)
			assertChanged(t, db, sql)
			provesUnchanged(t, db)
		}
	})
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
		collect(t, db)
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		assertChanged(t, db, "committed after the read")
	})
}

func TestUnchangedDoesNotTrustTheTimeOfDay(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 3)
		d.exec(t, "CREATE VIEW soon AS SELECT * FROM users WHERE deleted_at IS NULL OR deleted_at > CURRENT_DATE"+map[string]string{Postgres: "::text"}[d.driver])
		for name, cfg := range map[string]Config{
			"where":         {Table: "users", Where: "deleted_at IS NULL OR deleted_at > '' || CURRENT_TIMESTAMP"},
			"a view":        {Table: "soon"},
			"a query of it": {Query: "SELECT * FROM soon"},
		} {
			cfg.Email, cfg.Columns = "email", []string{"short_code"}
			db := d.open(t, cfg)
			for range 5 {
				collect(t, db)
				assertChanged(t, db, name)
			}
		}
	})
}

func TestUnchangedTrustsASQLiteViewOfTablesAlone(t *testing.T) {
	t.Parallel()
	d := newSQLite(t, "")
	createUsers(t, d, 3)
	d.exec(t, "CREATE VIEW active AS SELECT * FROM users WHERE deleted_at IS NULL", "CREATE VIEW staff AS SELECT * FROM active")
	if !provesUnchanged(t, d.open(t, Config{Query: "SELECT * FROM staff", Email: "email", Columns: []string{"short_code"}})) {
		t.Error("nothing changed, and it was not seen")
	}
}

func TestAFileRenamedOverTheSQLiteSourceIsReadAnew(t *testing.T) {
	t.Parallel()
	d, next := newSQLite(t, ""), newSQLite(t, "")
	createUsers(t, d, 3)
	createUsers(t, next, 5)
	db := d.open(t, usersConfig)
	if !provesUnchanged(t, db) {
		t.Fatal("nothing changed, and it was not seen")
	}
	if err := os.Rename(next.dsn, d.dsn); err != nil {
		t.Fatal(err)
	}
	assertChanged(t, db, "another file under the path")
	if got := len(collect(t, db)); got != 5 {
		t.Errorf("got %d rows, want the 5 of the new file", got)
	}
	if !provesUnchanged(t, db) {
		t.Error("nothing changed in the new file, and it was not seen")
	}
	if err := os.Remove(d.dsn); err != nil {
		t.Fatal(err)
	}
	if unchanged, err := db.Unchanged(t.Context()); err == nil || unchanged {
		t.Errorf("Unchanged() = %v, %v of a file that is gone, want an error", unchanged, err)
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
			collect(t, db)
			assertChanged(t, db, cfg.Table+" "+cfg.Where)
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
