package source

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMySQLFindsTablesInDatabases(t *testing.T) {
	t.Parallel()
	d := newMySQL(t)
	createUsers(t, d, 1)
	cfg := usersConfig
	cfg.DSN = strings.Replace(d.dsn, "/"+d.name, "/", 1)
	cfg.Table = d.name + ".users"
	db, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if got := len(collect(t, db)); got != 1 {
		t.Errorf("got %d rows, want 1", got)
	}
	cfg.Table = "users"
	nowhere, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer nowhere.Close()
	if err := nowhere.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "add /database to dsn") {
		t.Errorf("got %v, want that dsn lacks the database", err)
	}
}

func TestMySQLValuesOfItsOwnKindsAreRead(t *testing.T) {
	t.Parallel()
	d := newMySQL(t)
	d.exec(t, "SET SESSION sql_mode = ''")
	d.exec(t, `CREATE TABLE users (email VARCHAR(80), zero DATE, zerotime DATETIME, big BIGINT UNSIGNED, b8 BIT(8), b64 BIT(64),
			y YEAR, s SET('a', 'b'), span TIME, u TINYINT(1) UNSIGNED, t TINYINT, l VARCHAR(20) CHARACTER SET latin1, code BINARY(16), b1 BIT(8))`,
		`INSERT IGNORE INTO users VALUES ('a', '0000-00-00', '0000-00-00 00:00:00', 18446744073709551615, b'10000001', b'1',
			2026, 'a,b', '-100:00:00', 1, 1, 'Ärger', 'SIXTEEN-LETTERS!', b'1')`)
	got := collect(t, d.open(t, Config{Table: "users", Email: "email", Columns: []string{"zero", "zerotime", "big", "b8", "b64", "y", "s", "span", "u", "t", "l", "code", "b1"}}))
	want := []Row{{"", "a", []string{"", "", "18446744073709551615", "129", "1", "2026", "a,b", "-100:00:00", "1", "1", "Ärger", "SIXTEEN-LETTERS!", "1"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

func TestMySQLReadsInUTCWhateverTheServersZone(t *testing.T) {
	t.Parallel()
	d := newMySQL(t)
	d.exec(t, "CREATE TABLE users (email VARCHAR(80), at TIMESTAMP NULL)", "INSERT INTO users VALUES ('a', '2026-01-02 03:04:05')")
	got := collect(t, d.open(t, Config{Query: "SELECT email, at, @@session.time_zone AS zone FROM users", Email: "email", Columns: []string{"at", "zone"}}))
	if diff := cmp.Diff([]Row{{"", "a", []string{"2026-01-02T03:04:05Z", "+00:00"}}}, got); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

func TestMySQLEndsAStatementAfterItsTimeout(t *testing.T) {
	t.Parallel()
	d := newMySQL(t)
	limit := "@@session.max_execution_time / 1000"
	var version string
	if err := d.app.Get(&version, "SELECT VERSION()"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(version, "MariaDB") {
		limit = "@@session.max_statement_time"
	}
	cfg := Config{Query: "SELECT 'a' AS email, CAST(" + limit + " AS SIGNED) AS seconds", Email: "email", Columns: []string{"seconds"}, Timeout: 55e9}
	if diff := cmp.Diff([]Row{{"", "a", []string{"60"}}}, collect(t, d.open(t, cfg))); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}
