package source

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPostgresFindsTablesInSchemas(t *testing.T) {
	t.Parallel()
	d := newPostgres(t)
	d.exec(t, `CREATE SCHEMA "Tenant"`, `CREATE TABLE "Tenant".users (id INTEGER PRIMARY KEY, email TEXT, short_code TEXT)`,
		`INSERT INTO "Tenant".users VALUES (1, 'a@example.com', 'T1')`, `CREATE TABLE "Tenant"."a.b" (email TEXT, short_code TEXT)`)
	want := []Row{{"1", "a@example.com", []string{"T1"}}}
	for dsn, table := range map[string]string{
		d.dsn: "Tenant.users",
		d.with(t, "schema", "Tenant", "connection_limit", "1", "pgbouncer", "true"): "users",
		d.with(t, "search_path", `nowhere,"Tenant"`):                                "users",
		d.with(t, "options", `-csearch_path="Tenant"`):                              "users",
	} {
		cfg := usersConfig
		cfg.DSN, cfg.Table = dsn, table
		db, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, collect(t, db)); diff != "" {
			t.Errorf("%s: rows differ (-want +got):\n%s", dsn, diff)
		}
		db.Close()
	}
	cfg := usersConfig
	err := d.open(t, cfg).Check(t.Context())
	if err == nil || !strings.Contains(err.Error(), "Tenant.a.b, Tenant.users") {
		t.Errorf("got %v, want the tables of other schemas in it", err)
	}
}

func TestPostgresValuesThatGoCannotHoldAreRead(t *testing.T) {
	t.Parallel()
	d := newPostgres(t)
	d.exec(t, `CREATE TABLE users (email TEXT, d DATE, at TIMESTAMPTZ, n NUMERIC, f FLOAT8, a TEXT[], i INTERVAL, net INET, m TIME WITH TIME ZONE)`,
		`INSERT INTO users VALUES
			('a', 'infinity', '-infinity', 'NaN', 'Infinity', '{a,"b c"}', '1 day 02:03:04', '10.0.0.1', '10:00+02'),
			('b', '0044-03-15 BC', '12026-01-02 03:04:05.5+00', 123456789012345678901234567890.1230, '-0', '{}', NULL, NULL, NULL)`)
	got := collect(t, d.open(t, Config{Table: "users", Email: "email", Columns: []string{"d", "at", "n", "f", "a", "i", "net", "m"}}))
	want := []Row{
		{"", "a", []string{"infinity", "-infinity", "NaN", "Infinity", `{a,"b c"}`, "1 day 02:03:04", "10.0.0.1", "10:00:00+02"}},
		{"", "b", []string{"0044-03-15 BC", "12026-01-02T03:04:05.5Z", "123456789012345678901234567890.123", "0", "{}", "", "", ""}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

func TestPostgresSettingsOfServerAndAccountDoNotChangeTheText(t *testing.T) {
	t.Parallel()
	d := newPostgres(t)
	d.exec(t, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''Asia/Tokyo''', current_database());
			EXECUTE format('ALTER DATABASE %I SET datestyle = ''German''', current_database());
			EXECUTE format('ALTER DATABASE %I SET bytea_output = ''escape''', current_database());
			EXECUTE format('ALTER DATABASE %I SET extra_float_digits = ''-5''', current_database()); END $$`,
		`CREATE TABLE users (email TEXT, d DATE, at TIMESTAMPTZ, f FLOAT8, b BYTEA)`,
		`INSERT INTO users VALUES ('a', DATE '2026-01-02', TIMESTAMPTZ '2026-01-02 03:04:05+00', 0.1234567890123456, '\xff41')`)
	got := collect(t, d.open(t, Config{Table: "users", Email: "email", Columns: []string{"d", "at", "f", "b"}}))
	want := []Row{{"", "a", []string{"2026-01-02", "2026-01-02T03:04:05Z", "0.1234567890123456", "\xffA"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

func TestPostgresTextOfADatabaseWithoutAnEncodingIsPassedOn(t *testing.T) {
	t.Parallel()
	d := newPostgres(t)
	name := newName()
	d.exec(t, "CREATE DATABASE "+name+" ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
	t.Cleanup(func() { d.exec(t, "DROP DATABASE "+name+" WITH (FORCE)") })
	dsn := strings.Replace(d.dsn, d.name, name, 1)
	app := connect(t, "pgx", dsn, "PostgreSQL", "CCSYNC_TEST_POSTGRES")
	defer app.Close()
	run(t, app, "CREATE TABLE users (email TEXT, short_code TEXT)")
	run(t, app, `INSERT INTO users VALUES ('a', convert_from('\xff41', 'SQL_ASCII')), ('b', 'fine')`)
	cfg := usersConfig
	cfg.DSN = dsn
	db, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	want := []Row{{"", "a", []string{"\xffA"}}, {"", "b", []string{"fine"}}}
	if diff := cmp.Diff(want, collect(t, db)); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

func TestPostgresIsReadOverTLSWhateverTheCertificate(t *testing.T) {
	t.Parallel()
	d := newPostgres(t)
	var ssl string
	if err := d.app.Get(&ssl, "SHOW ssl"); err != nil || ssl != "on" {
		t.Skipf("the server has no TLS: ssl = %s, %v", ssl, err)
	}
	createUsers(t, d, 1)
	cfg := usersConfig
	cfg.DSN = d.with(t, "sslmode", "no-verify")
	cfg.Table, cfg.Query = "", "SELECT email, version AS short_code FROM users, pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl"
	db, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if rows := collect(t, db); len(rows) != 1 || !strings.HasPrefix(rows[0].Values[0], "TLS") {
		t.Errorf("got %v, want one row read over TLS", rows)
	}
	cfg.Dir, _ = newAuthority(t)
	cfg.DSN = d.with(t, "sslmode", "verify-full", "sslrootcert", "ca.pem")
	verified, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer verified.Close()
	if err := verified.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "sslmode=require") {
		t.Errorf("got %v, want a certificate that is not trusted, and the cure", err)
	}
}

func TestPostgresFunctionsThatWriteAreStopped(t *testing.T) {
	t.Parallel()
	d := newPostgres(t)
	createUsers(t, d, 1)
	d.exec(t, "CREATE FUNCTION wipe() RETURNS integer LANGUAGE sql AS 'DELETE FROM users; SELECT 1'",
		"CREATE FUNCTION unlock() RETURNS text LANGUAGE sql AS 'SELECT set_config(''transaction_read_only'', ''off'', true)'")
	for _, query := range []string{
		"SELECT 'a' AS email, wipe() AS short_code",
		"SELECT unlock() AS email, wipe() AS short_code",
		"WITH gone AS (DELETE FROM users RETURNING *) SELECT * FROM gone",
	} {
		if err := d.open(t, Config{Query: query, Email: "email", Columns: []string{"short_code"}}).Check(t.Context()); err == nil {
			t.Errorf("%s was allowed", query)
		}
	}
	if got := len(collect(t, d.open(t, usersConfig))); got != 1 {
		t.Errorf("%d users are left, want 1", got)
	}
}
