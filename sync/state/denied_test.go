package state

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/mattn/go-sqlite3"
)

// denier lets one statement fail: the one after so many others on the connections of a file.
type denier struct {
	after  int
	denied string // what failed; "" while nothing has
	last   string
}

// What SQLite asks before it carries a statement out (sqlite.org/c3ref/c_alter_table.html), and
// go-sqlite3 has no name for.
const (
	askPragma      = 19
	askSelect      = 21
	askTransaction = 22
)

func (d *denier) ask(op int, arg, _, _ string) int {
	names := map[int]string{sqlite3.SQLITE_INSERT: "INSERT", sqlite3.SQLITE_UPDATE: "UPDATE", sqlite3.SQLITE_DELETE: "DELETE",
		askPragma: "PRAGMA", askSelect: "SELECT", askTransaction: "TRANSACTION"}
	what := names[op] + " " + arg
	repeated := what == d.last // it is asked for each column
	d.last = what
	if names[op] == "" || repeated || what == "TRANSACTION ROLLBACK" {
		return sqlite3.SQLITE_OK
	}
	if d.after--; d.after != -1 {
		return sqlite3.SQLITE_OK
	}
	d.denied = what
	return sqlite3.SQLITE_DENY
}

// watch lets d hear of each statement on a file.
func (d *denier) watch(t *testing.T, db *DB) {
	t.Helper()
	for _, h := range []*handle{&db.write, &db.read, &db.vigil} {
		h.SetMaxOpenConns(1)
		conn, err := h.Connx(t.Context())
		if err == nil {
			err = conn.Raw(func(conn any) error {
				conn.(*sqlite3.SQLiteConn).RegisterAuthorizer(d.ask)
				return conn.(*sqlite3.SQLiteConn).Ping(t.Context())
			})
			conn.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Each statement of each method can fail, the end of a transaction too: then the method is an
// error, and nobody is told that something is kept, or that there is nothing.
func TestWhicheverStatementFailsTheMethodIsAnError(t *testing.T) {
	t.Parallel()
	all := make(map[string]operation)
	for _, some := range []map[string]operation{writing, looking} {
		for name, do := range some {
			all[name] = do
		}
	}
	delete(all, "Changed") // what it cannot overwrite now it tries at its next call
	for name, do := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := full(t)
			d := new(denier)
			d.watch(t, db)
			failed := 0
			for {
				*d = denier{after: failed}
				err := do(context.Background(), db)
				if d.denied == "" {
					break
				}
				if failed++; err == nil {
					t.Errorf("statement %d, %s, failed, and the method did not", failed, d.denied)
				}
			}
			if failed == 0 {
				t.Error("no statement failed: this test shows nothing")
			}
		})
	}
}

// A file that could not be brought up to date, or whose tokens could not be sealed, is not opened
// as if it were.
func TestWhicheverStatementFailsTheFileIsNotOpened(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]func() string{
		"a new file":          func() string { return filepath.Join(t.TempDir(), "ccsync.db") },
		"a file in the clear": func() string { return full(t).Path() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed := 0
			for {
				at := path()
				if err := create(at); err != nil {
					t.Fatal(err)
				}
				db, err := connect(at)
				if err != nil {
					t.Fatal(err)
				}
				d := denier{after: failed}
				d.watch(t, db)
				err = db.prepare(t.Context(), keyOne)
				db.Close()
				if d.denied == "" {
					break
				}
				if failed++; err == nil {
					t.Errorf("statement %d, %s, failed, and the file was opened", failed, d.denied)
				}
			}
			if failed == 0 {
				t.Error("no statement failed: this test shows nothing")
			}
		})
	}
}
