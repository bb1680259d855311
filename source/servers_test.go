package source

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// testDB is an empty database of one test, dropped when the test ends.
type testDB struct {
	driver string
	name   string // of the database, on a server
	dsn    string
	app    *sqlx.DB // the app's own connections, which may write
}

// exec runs statements as the app.
func (d *testDB) exec(t testing.TB, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := d.app.Exec(sql); err != nil {
			t.Fatalf("%s: %s: %v", d.driver, sql, err)
		}
	}
}

// open opens the database as a source.
func (d *testDB) open(t testing.TB, cfg Config) *DB {
	t.Helper()
	cfg.DSN = d.dsn
	db, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// onEach runs a test on each kind of database.
func onEach(t *testing.T, test func(*testing.T, *testDB)) {
	t.Helper()
	for _, driver := range []string{SQLite, Postgres, MySQL} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			test(t, newTestDB(t, driver))
		})
	}
}

func newTestDB(t testing.TB, driver string) *testDB {
	t.Helper()
	switch driver {
	case Postgres:
		return newPostgres(t)
	case MySQL:
		return newMySQL(t)
	}
	return newSQLite(t, "")
}

// newSQLite makes an empty file; options are go-sqlite3's.
func newSQLite(t testing.TB, options string) *testDB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.db")
	app, err := sqlx.Open("sqlite3", "file:"+path+"?_busy_timeout=5000&"+options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Close() })
	d := &testDB{driver: SQLite, dsn: path, app: app}
	d.exec(t, "PRAGMA user_version = 1")
	return d
}

// newPostgres makes a database on the server of CCSYNC_TEST_POSTGRES, a URL.
func newPostgres(t testing.TB) *testDB {
	t.Helper()
	dsn := envOr("CCSYNC_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable")
	name := newName()
	server := connect(t, "pgx", dsn, "PostgreSQL", "CCSYNC_TEST_POSTGRES")
	run(t, server, "CREATE DATABASE "+name)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal("CCSYNC_TEST_POSTGRES is no URL")
	}
	u.Path = "/" + name
	app := connect(t, "pgx", u.String(), "PostgreSQL", "CCSYNC_TEST_POSTGRES")
	t.Cleanup(func() {
		app.Close()
		run(t, server, "DROP DATABASE "+name+" WITH (FORCE)")
		server.Close()
	})
	return &testDB{driver: Postgres, name: name, dsn: u.String(), app: app}
}

// newMySQL makes a database on the server of CCSYNC_TEST_MYSQL, in any form of a DSN.
func newMySQL(t testing.TB) *testDB {
	t.Helper()
	target, err := parseDSN(envOr("CCSYNC_TEST_MYSQL", "mysql://root@127.0.0.1:3306/"), MySQL, "")
	if err != nil {
		t.Fatal(err)
	}
	cfg, name := target.mysql.Clone(), newName()
	cfg.DBName, cfg.Params = "", map[string]string{"time_zone": "'+00:00'"}
	server := connect(t, "mysql", cfg.FormatDSN(), "MySQL or MariaDB", "CCSYNC_TEST_MYSQL")
	run(t, server, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4")
	cfg.DBName = name
	app := connect(t, "mysql", cfg.FormatDSN(), "MySQL or MariaDB", "CCSYNC_TEST_MYSQL")
	t.Cleanup(func() {
		app.Close()
		run(t, server, "DROP DATABASE "+name)
		server.Close()
	})
	cfg.Params = nil
	return &testDB{driver: MySQL, name: name, dsn: cfg.FormatDSN(), app: app}
}

// connect connects, or skips the test where there is no server. In CI that is a failure.
func connect(t testing.TB, driver, dsn, product, variable string) *sqlx.DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	db, err := sqlx.ConnectContext(ctx, driver, dsn)
	if err == nil {
		return db
	}
	message := fmt.Sprintf("no %s here; start one, or name one in %s: %v", product, variable, err)
	if os.Getenv("CI") == "true" {
		t.Fatal(message)
	}
	t.Skip(message)
	return nil
}

func run(t testing.TB, db *sqlx.DB, sql string) {
	t.Helper()
	if _, err := db.Exec(sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func envOr(name, value string) string {
	if set := os.Getenv(name); set != "" {
		return set
	}
	return value
}

var names atomic.Int64

func newName() string {
	return fmt.Sprintf("ccsync_test_%d_%d_%d", os.Getpid(), time.Now().UnixNano(), names.Add(1))
}

// with gives the URL with other parameters.
func (d *testDB) with(t *testing.T, params ...string) string {
	t.Helper()
	u, err := url.Parse(d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	for i := 0; i < len(params); i += 2 {
		query.Set(params[i], params[i+1])
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// quoted quotes an identifier for the app's statements.
func (d *testDB) quoted(name string) string {
	if d.driver == MySQL {
		return quoteWith("`", name)
	}
	return quoteWith(`"`, name)
}

// collect reads all rows, ordered by key and address, since a source has no order.
func collect(t testing.TB, db *DB) []Row {
	t.Helper()
	rows, err := readRows(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func readRows(ctx context.Context, db *DB) ([]Row, error) {
	var rows []Row
	var failed error
	for r, err := range db.Read(ctx).Rows() {
		if err != nil {
			failed = err
			continue
		}
		r.Values = slices.Clone(r.Values)
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b Row) int { return strings.Compare(a.Key+"\x00"+a.Email, b.Key+"\x00"+b.Email) })
	return rows, failed
}

func init() { _ = mysql.SetLogger(&mysql.NopLogger{}) }
