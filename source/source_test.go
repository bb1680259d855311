package source

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
)

func sqliteFile(t testing.TB, sql ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.db")
	db, err := sqlx.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range sql {
		if _, err := db.Exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	return path
}

func collect(t testing.TB, db *DB) []Row {
	t.Helper()
	var rows []Row
	for r, err := range db.Rows(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		r.Values = slices.Clone(r.Values)
		rows = append(rows, r)
	}
	return rows
}

func TestFirst(t *testing.T) {
	path := sqliteFile(t, `CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, short_code TEXT, at DATETIME, ok BOOLEAN, price DECIMAL(10,2))`,
		`INSERT INTO users VALUES (1, 'Ann@Example.com', 'K7', '2026-01-02 03:04:05.100', 1, 12.50), (2, NULL, NULL, 1767323045000, 0, 100)`)
	db, err := Open(context.Background(), Config{DSN: path, Table: "users", Email: "email", Columns: []string{"short_code", "at", "ok", "price"}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	want := []Row{{"1", "Ann@Example.com", []string{"K7", "2026-01-02T03:04:05.1Z", "true", "12.5"}}, {"2", "", []string{"", "2026-01-02T03:04:05Z", "false", "100"}}}
	if diff := cmp.Diff(want, collect(t, db)); diff != "" {
		t.Error(diff)
	}
	t.Log(db.Unchanged(context.Background()))
	t.Log(db.Identity(), db.KeyColumn(), db.Notes())
	_, err = Open(context.Background(), Config{DSN: path, Table: "users", Email: "email", Columns: []string{"short_code", "at", "ok", "price"}})
	db.cfg.Table = "user"
	t.Log(db.Check(context.Background()))
	db.cfg.Table = "users"
	db.cfg.Columns = []string{"shortcode"}
	t.Log(db.Check(context.Background()))
}
