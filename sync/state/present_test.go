package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever has the file open notices that it is gone or another one, before anything is charged,
// moved or kept.
func TestAFileThatIsDeletedOrReplacedIsNoticedBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	for name, happen := range map[string]func(t *testing.T, path string){
		"deleted":            func(t *testing.T, path string) { remove(t, path) },
		"moved away":         func(t *testing.T, path string) { rename(t, path, path+".damaged") },
		"emptied":            func(t *testing.T, path string) { truncate(t, path) },
		"its log deleted":    func(t *testing.T, path string) { remove(t, path+"-wal") },
		"its index deleted":  func(t *testing.T, path string) { remove(t, path+"-shm") },
		"its lock deleted":   func(t *testing.T, path string) { remove(t, path+"-run.lock") },
		"its folder wiped":   func(t *testing.T, path string) { remove(t, filepath.Dir(path)) },
		"its folder renamed": func(t *testing.T, path string) { rename(t, filepath.Dir(path), filepath.Dir(path)+"2") },
		"replaced by a new one": func(t *testing.T, path string) {
			rename(t, path, path+".damaged")
			open(t, path)
		},
		"replaced by a copy": func(t *testing.T, path string) {
			content, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path+".copy", content, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			rename(t, path+".copy", path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "state")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			db := open(t, filepath.Join(dir, "ccsync.db"))
			_, release, err := db.Lock(t.Context(), "run")
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			id := addOne(t, db)
			if err := db.Present(t.Context()); err != nil {
				t.Fatal(err)
			}
			happen(t, db.Path())
			quota := db.Quota(Limits{PerSecond: 4, PerDay: 100})
			for what, err := range map[string]error{
				"looking":            db.Present(t.Context()),
				"charging a request": func() error { _, err := quota.Reserve(t.Context()); return err }(),
				"moving a batch":     db.MoveBatch(t.Context(), Batch{ID: id, State: Recorded}, Sending),
				"keeping a token":    db.Vault("login").Save(t.Context(), []byte("token")),
				"loading a token":    func() error { _, err := db.Vault("login").Load(t.Context()); return err }(),
				"taking a lock":      func() error { _, _, err := db.Lock(t.Context(), "other"); return err }(),
			} {
				if !errors.Is(err, ErrReplaced) || !strings.Contains(err.Error(), db.Path()) {
					t.Errorf("%s: %v, want ErrReplaced of %s", what, err, db.Path())
				}
			}
			wantTrouble(t, db.Trouble(), ErrReplaced, db.Path())
		})
	}
}

// Present leaves a file alone that others use as well, and whose log another process has truncated.
func TestAFileThatOthersUseTooIsPresent(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	for range 3 {
		other := open(t, db.Path())
		if err := other.SetFacts(t.Context(), map[string]string{"a": "b"}); err != nil {
			t.Fatal(err)
		}
		if err := other.Wipe(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		if err := db.Present(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// What a process that lost its file leaves when it ends is no harm to the file that took its place.
func TestClosingAFileThatWasReplacedLeavesTheNewOneWhole(t *testing.T) {
	t.Parallel()
	old := fresh(t)
	contacts(t, old, 10)
	rename(t, old.Path(), old.Path()+".damaged")
	remove(t, old.Path()+"-wal")
	remove(t, old.Path()+"-shm")
	now := open(t, old.Path())
	contacts(t, now, 20)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	if err := now.Present(t.Context()); err != nil {
		t.Error(err)
	}
	if n, err := open(t, now.Path()).Total(t.Context()); n != 20 || err != nil {
		t.Errorf("%d contacts, %v; want 20", n, err)
	}
}

func addOne(t *testing.T, db *DB) (id int64) {
	t.Helper()
	id, err := db.AddBatch(t.Context(), Batch{Run: 1, Kind: Import, Contacts: 1}, func(yield func(BatchRow) bool) {
		yield(BatchRow{Norm: "a@example.com", Action: "update"})
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, path string) {
	t.Helper()
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
