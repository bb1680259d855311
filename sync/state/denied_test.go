package state

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/mattn/go-sqlite3"

	"ccsyncd/sync/state/statetest"
)

// watch lets d hear of each statement on a file.
func watch(t *testing.T, d *statetest.Denier, db *DB) {
	t.Helper()
	for _, h := range []*handle{&db.write, &db.read, &db.vigil} {
		h.SetMaxOpenConns(1)
		conn, err := h.Connx(t.Context())
		if err == nil {
			err = conn.Raw(func(conn any) error {
				conn.(*sqlite3.SQLiteConn).RegisterAuthorizer(d.Ask)
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
			d := new(statetest.Denier)
			watch(t, d, db)
			failed := 0
			for {
				d.Arm(failed)
				err := do(context.Background(), db)
				denied := d.Disarm()
				if denied == "" {
					break
				}
				if failed++; err == nil {
					t.Errorf("statement %d, %s, failed, and the method did not", failed, denied)
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
				d := new(statetest.Denier)
				watch(t, d, db)
				d.Arm(failed)
				err = db.prepare(t.Context(), keyOne)
				db.Close()
				denied := d.Disarm()
				if denied == "" {
					break
				}
				if failed++; err == nil {
					t.Errorf("statement %d, %s, failed, and the file was opened", failed, denied)
				}
			}
			if failed == 0 {
				t.Error("no statement failed: this test shows nothing")
			}
		})
	}
}
