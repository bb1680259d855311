package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// appDB is an app's database, made for one test and dropped with it.
type appDB struct {
	driver string
	dsn    string // as the configuration has it
	db     *sqlx.DB
}

// newAppDB makes one on the server of CCSYNC_TEST_POSTGRES or CCSYNC_TEST_MYSQL, or on the local
// one. Without a server the test is skipped; in CI that is a failure.
func newAppDB(t *testing.T, driver string) *appDB {
	t.Helper()
	switch driver {
	case "postgres":
		return newPostgresApp(t)
	case "mysql":
		return newMySQLApp(t)
	}
	path := filepath.Join(t.TempDir(), "app.db")
	return &appDB{driver: driver, dsn: path, db: connectApp(t, "sqlite3", path, "")}
}

func newPostgresApp(t *testing.T) *appDB {
	t.Helper()
	u, err := url.Parse(envOr("CCSYNC_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable"))
	if err != nil {
		t.Fatal("CCSYNC_TEST_POSTGRES is no URL")
	}
	server, name := connectApp(t, "pgx", u.String(), "CCSYNC_TEST_POSTGRES"), appName()
	server.MustExec("CREATE DATABASE " + name)
	t.Cleanup(func() { server.MustExec("DROP DATABASE " + name + " WITH (FORCE)") })
	u.Path = "/" + name
	return &appDB{driver: "postgres", dsn: u.String(), db: connectApp(t, "pgx", u.String(), "CCSYNC_TEST_POSTGRES")}
}

func newMySQLApp(t *testing.T) *appDB {
	t.Helper()
	u, err := url.Parse(envOr("CCSYNC_TEST_MYSQL", "mysql://root@127.0.0.1:3306/"))
	if err != nil {
		t.Fatal("CCSYNC_TEST_MYSQL is no URL")
	}
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr, cfg.User = "tcp", u.Host, u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	server, name := connectApp(t, "mysql", cfg.FormatDSN(), "CCSYNC_TEST_MYSQL"), appName()
	server.MustExec("CREATE DATABASE " + name + " CHARACTER SET utf8mb4")
	t.Cleanup(func() { server.MustExec("DROP DATABASE " + name) })
	cfg.DBName, u.Path = name, "/"+name
	return &appDB{driver: "mysql", dsn: u.String(), db: connectApp(t, "mysql", cfg.FormatDSN(), "CCSYNC_TEST_MYSQL")}
}

// connectApp connects as the app.
func connectApp(t *testing.T, driver, dsn, variable string) *sqlx.DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	db, err := sqlx.ConnectContext(ctx, driver, dsn)
	switch {
	case err == nil:
		t.Cleanup(func() { db.Close() })
	case os.Getenv("CI") == "true":
		t.Fatalf("no server for %s here; start one, or name one in %s: %v", driver, variable, err)
	default:
		t.Skipf("no server for %s here; start one, or name one in %s: %v", driver, variable, err)
	}
	return db
}

func envOr(name, value string) string {
	if set := os.Getenv(name); set != "" {
		return set
	}
	return value
}

var appNames atomic.Int64

func appName() string {
	return fmt.Sprintf("ccsync_app_%d_%d_%d", os.Getpid(), time.Now().UnixNano(), appNames.Add(1))
}

// quote makes an identifier of any name.
func (d *appDB) quote(name string) string {
	mark := `"`
	if d.driver == "mysql" {
		mark = "`"
	}
	return mark + strings.ReplaceAll(name, mark, mark+mark) + mark
}

func (d *appDB) exec(t *testing.T, statement string, values ...any) {
	t.Helper()
	if _, err := d.db.Exec(statement, values...); err != nil {
		t.Fatalf("%s: %s: %v", d.driver, statement, err)
	}
}
