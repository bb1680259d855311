package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writes are conditions and queries that try to get out of the read-only session. FILE is a path that must not be made.
var writes = map[string]struct{ wheres, queries []string }{
	SQLite: {
		wheres: []string{
			"1; DELETE FROM users", "1; COMMIT; DELETE FROM users; SELECT id, email, short_code FROM users WHERE 1",
			"1); COMMIT; PRAGMA query_only = 0; DELETE FROM users; --", "1; COMMIT; PRAGMA query_only = 0; VACUUM INTO 'FILE'; SELECT 1, 2, 3 WHERE 1",
			"1; COMMIT; ATTACH 'FILE' AS copy; CREATE TABLE copy.users AS SELECT * FROM users; SELECT 1, 2, 3 WHERE 1",
			"1; COMMIT; PRAGMA writable_schema = 1; PRAGMA journal_mode = DELETE; DROP TABLE users; SELECT 1, 2, 3 WHERE 1",
		},
		queries: []string{
			"DELETE FROM users RETURNING id, email, short_code", "PRAGMA user_version = 9",
			"SELECT id, email, short_code FROM users); COMMIT; PRAGMA query_only = 0; DELETE FROM users; --",
			"SELECT id, email, short_code FROM users; COMMIT; VACUUM INTO 'FILE'",
			"SELECT id, email, writefile('FILE', 'x') AS short_code FROM users", "SELECT id, email, load_extension('FILE') AS short_code FROM users",
		},
	},
	Postgres: {
		wheres: []string{
			"true; DELETE FROM users", "true; COMMIT; DELETE FROM users; SELECT id, email, short_code FROM users WHERE true",
			"true); COMMIT; DELETE FROM users; --", "true; ROLLBACK; COPY users TO 'FILE'; --",
		},
		queries: []string{
			"DELETE FROM users RETURNING id, email, short_code", "COPY users TO 'FILE'",
			"SELECT id, email, short_code FROM users) AS q; COMMIT; DELETE FROM users; --",
			"SELECT id, email, short_code FROM users FOR UPDATE", "SELECT 1 AS id, email, lo_from_bytea(0, 'x')::text AS short_code FROM users",
			"SELECT 1 AS id, email, nextval('numbers')::text AS short_code FROM users",
		},
	},
	MySQL: {
		wheres: []string{
			"1; DELETE FROM users", "1; COMMIT; DELETE FROM users; SELECT id, email, short_code FROM users WHERE 1",
			"1); COMMIT; DELETE FROM users; -- ", "1; COMMIT; DROP TABLE users; -- ", "1 INTO OUTFILE 'FILE'", "1) INTO OUTFILE 'FILE' -- ",
		},
		queries: []string{
			"DELETE FROM users RETURNING id, email, short_code", "SELECT id, email, short_code FROM users) AS q; COMMIT; DELETE FROM users; -- ",
			"SELECT id, email, short_code FROM users INTO OUTFILE 'FILE'", "SELECT id, email, short_code FROM users) AS q INTO DUMPFILE 'FILE' -- ",
			"SELECT id, email, short_code FROM users FOR UPDATE",
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
			cfg.Where, cfg.Query = strings.ReplaceAll(cfg.Where, "FILE", file), strings.ReplaceAll(cfg.Query, "FILE", file)
			attempt(t, d, cfg)
			if _, err := os.Stat(file); err == nil {
				t.Errorf("%q made a file", cfg.Where+cfg.Query)
				_ = os.Remove(file)
			}
			var left int
			if err := d.app.Get(&left, "SELECT COUNT(*) FROM users"); err != nil || left != 3 {
				t.Fatalf("%q left %d users: %v", cfg.Where+cfg.Query, left, err)
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

// attempt reads with a configuration that may be refused, also through a URL that asks for more than reading.
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
