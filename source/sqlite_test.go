package source

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-sqlite3"
)

func filesIn(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestASQLiteFileThatIsMissingIsNotCreated(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	cfg := Config{DSN: "file:./dev.db?mode=rwc", Dir: folder, Table: "users", Email: "email", Columns: []string{"code"}}
	db, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Check(t.Context())
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(fmt.Sprint(err), "no such file: "+filepath.Join(folder, "dev.db")) {
		t.Errorf("got %v, want no such file with its path", err)
	}
	if got := filesIn(t, folder); len(got) != 0 {
		t.Errorf("the folder holds %q, want nothing", got)
	}
	if err := os.MkdirAll(filepath.Join(folder, "prisma"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "prisma", "dev.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := db.Check(t.Context()); !strings.Contains(fmt.Sprint(err), filepath.Join(folder, "prisma", "dev.db")) {
		t.Errorf("got %v, want a hint at the file in Prisma's folder", err)
	}
}

func TestWhatIsNoSQLiteDatabaseIsNamed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text := filepath.Join(folder, "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database at all ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for dsn, want := range map[string]string{
		folder: folder + " is a folder",
		text:   text + " is not a SQLite database",
	} {
		db, err := Open(t.Context(), Config{DSN: dsn, Table: "users", Email: "email", Columns: []string{"code"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Check(t.Context()); !errors.Is(err, ErrConfig) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		db.Close()
	}
}

func TestReadingASQLiteFileLeavesNoTrace(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"DELETE", "TRUNCATE", "WAL"} {
		d := newSQLite(t, "_journal_mode="+mode)
		createUsers(t, d, 3)
		db := d.open(t, usersConfig)
		before := filesIn(t, filepath.Dir(d.dsn))
		if _, err := db.Unchanged(t.Context(), readMark(t, db)); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if after := filesIn(t, filepath.Dir(d.dsn)); !slices.Equal(before, after) {
			t.Errorf("%s: the folder held %q and holds %q", mode, before, after)
		}
	}
}

func TestAWALWriterAndItsReaderDoNotWait(t *testing.T) {
	t.Parallel()
	d := newSQLite(t, "_journal_mode=WAL&_busy_timeout=1")
	createUsers(t, d, 2000)
	db := d.open(t, usersConfig)
	n := 0
	for r, err := range db.Read(t.Context()).Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%500 == 0 {
			d.exec(t, fmt.Sprintf("UPDATE users SET short_code = 'N%s' WHERE id = %s", r.Key, r.Key))
		}
	}
	got := 0
	for _, r := range collect(t, db) {
		if strings.HasPrefix(r.Values[0], "N") {
			got++
		}
	}
	if got != 4 {
		t.Errorf("the next read shows %d of the 4 values that were written during the first", got)
	}
}

func TestSQLiteKeepsTextThatItsColumnDoesNotSuit(t *testing.T) {
	t.Parallel()
	d := newSQLite(t, "")
	d.exec(t, `CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, d DATE, at TIMESTAMP, ok BOOLEAN, n DECIMAL(10,2), t TIME, u UUID, j JSON, s TEXT)`,
		`INSERT INTO users VALUES (1, 'a@example.com', 'soon', 'last week', 'maybe', 'a lot', 'noon', 'none', '{no', x'FF41')`,
		`INSERT INTO users VALUES (2, CAST(x'61FF' AS TEXT), '2026-01-02 10:00:00', '2026-01-02', 2, 1e3, '9:5', 'abc', '', 7)`,
		`INSERT INTO users VALUES (3, 'c@example.com', 1.5, 2460000.5, 1.5, '0012', 12, 5, 6, 1.0)`)
	got := collect(t, d.open(t, Config{Table: "users", Email: "email", Columns: []string{"d", "at", "ok", "n", "t", "u", "j", "s"}}))
	want := []Row{
		{"1", "a@example.com", []string{"soon", "last week", "maybe", "a lot", "noon", "none", "{no", "\xffA"}},
		{"2", "a\xff", []string{"2026-01-02", "2026-01-02T00:00:00Z", "2", "1000", "9:5", "abc", "", "7"}},
		{"3", "c@example.com", []string{"1.5", "2460000.5", "1.5", "12", "12", "5", "6", "1.0"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

func TestSQLiteReadsGeneratedColumnsAndMainSchema(t *testing.T) {
	t.Parallel()
	d := newSQLite(t, "")
	d.exec(t, `CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, a TEXT, code TEXT GENERATED ALWAYS AS ('X' || a) VIRTUAL)`,
		`INSERT INTO users (email, a) VALUES ('a@example.com', '1')`)
	got := collect(t, d.open(t, Config{Table: "main.users", Email: "email", Columns: []string{"code"}}))
	if diff := cmp.Diff([]Row{{"1", "a@example.com", []string{"X1"}}}, got); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

func TestSQLitePathsOfAnyNameAreOpened(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b.db", "50%.db", "a#b.db", "what?.db", "ü🙂.db", "a%20b.db"} {
		d := newSQLite(t, "")
		createUsers(t, d, 1)
		path := filepath.Join(t.TempDir(), name)
		if err := os.Rename(d.dsn, path); err != nil {
			t.Fatal(err)
		}
		cfg := usersConfig
		cfg.DSN = path
		db, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if rows, err := readRows(t.Context(), db); err != nil || len(rows) != 1 {
			t.Errorf("%s: got %d rows, %v", name, len(rows), err)
		}
		db.Close()
	}
}

func TestSQLiteErrorsHaveHints(t *testing.T) {
	t.Parallel()
	d := &sqliteDB{path: "/srv/app.db"}
	for code, want := range map[sqlite3.ErrNo]string{
		sqlite3.ErrBusy:     "another program locked the file",
		sqlite3.ErrCantOpen: "run ccsyncd as the app's user",
		sqlite3.ErrReadonly: "start the app",
		sqlite3.ErrCorrupt:  "restore a backup",
		sqlite3.ErrNotADB:   "/srv/app.db is not a SQLite database",
		sqlite3.ErrError:    "correct where in [source]",
	} {
		err := d.explain(sqlite3.Error{Code: code}, relation{table: "users", where: "x"})
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "/srv/app.db") {
			t.Errorf("code %d: %q does not say %q and the file", code, err, want)
		}
	}
}
