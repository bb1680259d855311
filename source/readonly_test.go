package source

import (
	"context"
	"database/sql/driver"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writes are conditions and queries that try to get out of the read-only session. FILE is a path
// that must not be made, OWN the database's own.
var writes = map[string]struct{ wheres, queries []string }{
	SQLite: {
		wheres: []string{
			"1; DELETE FROM users", "1; COMMIT; DELETE FROM users; SELECT id, email, short_code FROM users WHERE 1",
			"1); COMMIT; PRAGMA query_only = 0; DELETE FROM users; --", "1; COMMIT; PRAGMA query_only = 0; VACUUM INTO 'FILE'; SELECT 1, 2, 3 WHERE 1",
			"1; COMMIT; ATTACH 'FILE' AS copy; CREATE TABLE copy.users AS SELECT * FROM users; SELECT 1, 2, 3 WHERE 1",
			"1; COMMIT; PRAGMA writable_schema = 1; PRAGMA journal_mode = DELETE; DROP TABLE users; SELECT 1, 2, 3 WHERE 1",
			"1=1); COMMIT; PRAGMA query_only = 0; DELETE FROM users; SELECT 1, 2, 3 WHERE (1",
			"1=1); COMMIT; PRAGMA query_only = 0; VACUUM INTO 'FILE'; SELECT 1, 2, 3 WHERE (1",
			"1=1); COMMIT; PRAGMA query_only = 0; ATTACH 'FILE' AS v; CREATE TABLE v.users AS SELECT * FROM users; SELECT 1, 2, 3 WHERE (1",
			"1=1); COMMIT; PRAGMA query_only = 0; ATTACH 'file:OWN?mode=rw' AS v; DELETE FROM v.users; SELECT 1, 2, 3 WHERE (1",
		},
		queries: []string{
			"DELETE FROM users RETURNING id, email, short_code", "PRAGMA user_version = 9",
			"SELECT id, email, short_code FROM users); COMMIT; PRAGMA query_only = 0; DELETE FROM users; --",
			"SELECT id, email, short_code FROM users; COMMIT; VACUUM INTO 'FILE'",
			"SELECT id, email, short_code FROM users); COMMIT; PRAGMA query_only = 0; DELETE FROM users; SELECT * FROM (SELECT 1 AS id, 2 AS email, 3 AS short_code",
			"SELECT id, email, short_code FROM users); COMMIT; PRAGMA query_only = 0; ATTACH 'file:OWN?mode=rw' AS v; DELETE FROM v.users; SELECT * FROM (SELECT 1 AS id, 2 AS email, 3 AS short_code",
			"SELECT id, email, writefile('FILE', 'x') AS short_code FROM users", "SELECT id, email, load_extension('FILE') AS short_code FROM users",
		},
	},
	Postgres: {
		wheres: []string{
			"true; DELETE FROM users", "true; COMMIT; DELETE FROM users; SELECT id, email, short_code FROM users WHERE true",
			"true); COMMIT; DELETE FROM users; --", "true; ROLLBACK; COPY users TO 'FILE'; --",
			"true); COMMIT; DELETE FROM users; SELECT 1, '2', '3' WHERE (true", "true); COMMIT; COPY users TO 'FILE'; SELECT 1, '2', '3' WHERE (true",
			"true); SET TRANSACTION READ WRITE; DELETE FROM users; COMMIT; SELECT 1, '2', '3' WHERE (true",
			"set_config('transaction_read_only', 'off', false) > ''", "lo_import('/etc/hostname') > 0",
			"query_to_xml('DELETE FROM users RETURNING 1', false, false, '') IS NULL", "query_to_xml($$COPY users TO 'FILE'$$, false, false, '') IS NULL",
		},
		queries: []string{
			"DELETE FROM users RETURNING id, email, short_code", "COPY users TO 'FILE'",
			"SELECT id, email, short_code FROM users) AS q; COMMIT; DELETE FROM users; --",
			"SELECT id, email, short_code FROM users FOR UPDATE", "SELECT 1 AS id, email, lo_from_bytea(0, 'x')::text AS short_code FROM users",
			"SELECT 1 AS id, email, nextval('numbers')::text AS short_code FROM users",
			"SELECT id, email, short_code FROM users) AS q; COMMIT; DELETE FROM users; SELECT * FROM (SELECT 1 AS id, '2' AS email, '3' AS short_code",
			"SELECT id, email, short_code INTO copied FROM users", "SELECT id, email, short_code FROM users) AS q UNION SELECT * FROM (SELECT 1, '2', '3' FOR UPDATE",
		},
	},
	MySQL: {
		wheres: []string{
			"1; DELETE FROM users", "1; COMMIT; DELETE FROM users; SELECT id, email, short_code FROM users WHERE 1",
			"1); COMMIT; DELETE FROM users; -- ", "1; COMMIT; DROP TABLE users; -- ", "1 INTO OUTFILE 'FILE'", "1) INTO OUTFILE 'FILE' -- ",
			"1); COMMIT; DELETE FROM users; SELECT 1, 2, 3 WHERE (1", "1) UNION SELECT 1, 2, 3 INTO OUTFILE 'FILE' FROM users WHERE (1",
			"1) UNION SELECT 1, 2, 3 FROM users INTO OUTFILE 'FILE' LINES TERMINATED BY ')' -- (", "1) /*! INTO OUTFILE 'FILE' */ UNION SELECT 1, 2, 3 FROM users WHERE (1",
			"1) UNION (SELECT 1, 2, 3 INTO OUTFILE 'FILE'", "1) UNION (SELECT 1, 2, 3 FROM users INTO DUMPFILE 'FILE'",
			"1) UNION SELECT 1, 2, 3 /*!50000 INTO DUMPFILE 'FILE' */ FROM users WHERE (id = 1",
		},
		queries: []string{
			"DELETE FROM users RETURNING id, email, short_code", "SELECT id, email, short_code FROM users) AS q; COMMIT; DELETE FROM users; -- ",
			"SELECT id, email, short_code FROM users INTO OUTFILE 'FILE'", "SELECT id, email, short_code FROM users) AS q INTO DUMPFILE 'FILE' -- ",
			"SELECT id, email, short_code FROM users FOR UPDATE",
			"SELECT 1 AS id, 2 AS email, 3 AS short_code) AS q UNION SELECT 1, 2, 3 INTO OUTFILE 'FILE' FROM (SELECT 1",
			"SELECT 1 AS id, 2 AS email, 3 AS short_code) AS q; COMMIT; DELETE FROM users; SELECT * FROM (SELECT 1 AS id, 2 AS email, 3 AS short_code",
		},
	},
}

// loose are parameters of the app's URL that would let several statements through, or writes.
var loose = map[string]string{
	Postgres: "default_query_exec_mode=simple_protocol&pgbouncer=true&default_transaction_read_only=off",
	MySQL:    "multiStatements=true&allowAllFiles=true&interpolateParams=true&init_command=DELETE%20FROM%20users",
}

// The database account of these tests may do anything; the source may read.
func TestTheSourceCannotBeWritten(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 3)
		if d.driver == Postgres {
			d.exec(t, "CREATE SEQUENCE numbers")
		}
		file := filepath.Join(t.TempDir(), "made")
		if d.driver != SQLite { // the server makes it, by another user
			file = filepath.Join(os.TempDir(), "made-"+d.name)
		}
		try := func(cfg Config) {
			t.Helper()
			cfg.Email, cfg.Columns = "email", []string{"short_code"}
			places := strings.NewReplacer("OUTFILE", "OUTFILE", "DUMPFILE", "DUMPFILE", "FILE", file, "OWN", d.dsn)
			cfg.Where, cfg.Query = places.Replace(cfg.Where), places.Replace(cfg.Query)
			attempt(t, d, cfg)
			if _, err := os.Stat(file); err == nil {
				t.Errorf("%q made a file", cfg.Where+cfg.Query)
				_ = os.Remove(file)
			}
			var left int
			if err := d.app.Get(&left, "SELECT COUNT(*) FROM users"); err != nil || left != 3 {
				t.Errorf("%q left %d users: %v", cfg.Where+cfg.Query, left, err)
				d.exec(t, "DROP TABLE users")
				createUsers(t, d, 3)
			}
		}
		for _, where := range writes[d.driver].wheres {
			try(Config{Table: "users", Where: where})
		}
		for _, query := range writes[d.driver].queries {
			try(Config{Query: query})
		}
	})
}

// TestTheDatabaseItselfRefusesToWrite holds what stands behind the look at the owner's SQL: the
// session.
func TestTheDatabaseItselfRefusesToWrite(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d *testDB) {
		createUsers(t, d, 3)
		d.exec(t, "CREATE INDEX by_id ON users (id)")
		file := filepath.Join(t.TempDir(), "made")
		statements := []string{
			"DELETE FROM users", "COMMIT; DELETE FROM users", "SELECT 1; COMMIT; DELETE FROM users",
		}
		if d.driver != MySQL { // there it ends the transaction; no where and no query can be it
			statements = append(statements, "CREATE TABLE copied (id INTEGER)")
		}
		if d.driver == SQLite {
			statements = append(statements, "COMMIT", "PRAGMA query_only = 0", "PRAGMA writable_schema = 1", "PRAGMA journal_mode = WAL", "PRAGMA user_version = 9",
				"ATTACH '"+file+"' AS v", "ATTACH ':memory:' AS v", "VACUUM INTO '"+file+"'", "CREATE TEMP TABLE t (id INTEGER)", "SELECT load_extension('"+file+"')",
				"ANALYZE", "REINDEX", "SAVEPOINT a", "SELECT * FROM pragma_function_list", "SELECT 1; PRAGMA query_only = 0; SELECT 1")
		}
		db := d.open(t, usersConfig)
		for _, sql := range statements {
			err := db.within(t.Context(), func(ctx context.Context, s *session) error {
				_, err := s.stream(ctx, sql, 0, func([]driver.Value) (bool, error) { return true, nil })
				return err
			})
			if !errors.Is(err, ErrConfig) {
				t.Errorf("%s: got %v, want an ErrConfig", sql, err)
			}
		}
		if files := filesIn(t, filepath.Dir(file)); len(files) > 0 {
			t.Errorf("made %q", files)
		}
		if got := len(collect(t, db)); got != 3 {
			t.Errorf("%d users are left, want 3", got)
		}
	})
}

func TestSQLThatLeavesItsPlaceIsRefused(t *testing.T) {
	t.Parallel()
	all := []string{SQLite, Postgres, MySQL}
	for _, test := range []struct {
		drivers   []string
		sql, want string // "": it is fine
	}{
		{all, "deleted_at IS NULL AND (a = 1 OR b IN ('x)', \"y;(\"))", ""},
		{all, "a = 'it''s; )' AND b = 1 -- now (\n", ""},
		{all, "a = 1 /* ; ( ' */", ""},
		{all, "a = 1; -- the end; of it", ""},
		{all, "a = 1 ;; /* ; */ ;", ""},
		{all, "a - -1 > 2 / 1 * 3", ""},
		{all, "1=1); DELETE FROM users; SELECT (1", "closes a parenthesis"},
		{all, "1); SELECT (1", "closes a parenthesis"},
		{all, "(1", "leaves a parenthesis open"},
		{all, "1; SELECT 2", "more than one statement"},
		{all, "; SELECT 2", "more than one statement"},
		{all, "1; -- \nSELECT 2", "more than one statement"},
		{all, "1 AND a = 'x", "unclosed or ambiguous"},
		{all, "1 AND \"a = 1", "unclosed or ambiguous"},
		{all, "1 /* a", "unclosed or ambiguous"},
		{all, "1 /*", "unclosed or ambiguous"},
		{all, "1 \x00", "unclosed or ambiguous"},
		{[]string{SQLite, MySQL}, "1 AND `a = 1", "unclosed or ambiguous"},
		{[]string{SQLite, MySQL}, "`a;)` = 1", ""},
		{[]string{SQLite}, "[a;)] = 1", ""},
		{[]string{SQLite}, "[a = 1", "unclosed or ambiguous"},
		{[]string{SQLite, Postgres}, `a = '\'`, ""},
		{[]string{SQLite, Postgres}, `a = '\' AND (1); SELECT '('`, "more than one statement"},
		{[]string{SQLite, Postgres}, "a --1)\n = 1", ""},
		{[]string{MySQL}, "a --1)", "closes a parenthesis"},
		{[]string{MySQL}, "a --\t1)\n = 1 --", ""},
		{[]string{MySQL}, "a --\n) = 1", "closes a parenthesis"},
		{[]string{MySQL}, "a = 1 # )\n AND b = 2", ""},
		{[]string{MySQL}, `a = 'it\'s; )'`, ""},
		{[]string{MySQL}, `a = "\"; )"`, "unclosed or ambiguous"},
		{[]string{MySQL}, "1 /*! ) */", "unclosed or ambiguous"},
		{[]string{MySQL}, "1 /*M!100101 ) */", "unclosed or ambiguous"},
		{[]string{MySQL}, "1 /*+ hint */", ""},
		{[]string{Postgres}, `a = E'it\'s; )' AND b LIKE'x;\'`, ""},
		{[]string{Postgres}, `a = e'x''\'; )'`, ""},
		{[]string{Postgres}, "data #>> '{a}' = $1 AND x[1] > a$b$c", ""},
		{[]string{Postgres}, "a = $$;$$", "dollar quotes"},
		{[]string{Postgres}, "a = $t$;$t$", "dollar quotes"},
		{[]string{Postgres}, "a = 1 /* a /* b */ ) */", "unclosed or ambiguous"},
		{[]string{Postgres}, "a = 1 -- \r) = (2", "closes a parenthesis"},
	} {
		for _, driver := range test.drivers {
			got, err := enclosed(test.sql, "where", driver)
			if test.want == "" && (err != nil || !strings.HasPrefix(test.sql, got) || len(got) == 0) || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%s: %q: got %q, %v, want %q", driver, test.sql, got, err, test.want)
			}
		}
	}
	if got, err := enclosed(" ; ", "where", SQLite); got != " " || err != nil {
		t.Errorf("a semicolon alone: got %q, %v", got, err)
	}
	if got, err := enclosed(";", "where", SQLite); got != "" || err != nil {
		t.Errorf("a semicolon and nothing else: got %q, %v", got, err)
	}
	for _, cfg := range []Config{{Table: "users", Where: "1; SELECT 2"}, {Query: "SELECT 1; SELECT 2"}} {
		cfg.DSN, cfg.Email, cfg.Columns = "app.db", "email", []string{"short_code"}
		if _, err := Open(t.Context(), cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: got %v, want an ErrConfig", cfg, err)
		}
	}
}

// attempt reads with a configuration that may be refused, also through a URL that asks for more
// than reading.
func attempt(t *testing.T, d *testDB, cfg Config) {
	t.Helper()
	dsns := []string{d.dsn}
	if more := loose[d.driver]; more != "" {
		sign := "?"
		if strings.Contains(d.dsn, "?") {
			sign = "&"
		}
		dsns = append(dsns, d.dsn+sign+more)
	}
	for _, dsn := range dsns {
		cfg.DSN = dsn
		db, err := Open(t.Context(), cfg)
		if err != nil {
			continue
		}
		for _, err := range db.Read(t.Context()).Rows() {
			if err != nil {
				break
			}
		}
		_ = db.Check(t.Context())
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
