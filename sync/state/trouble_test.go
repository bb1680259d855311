package state

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// fresh is a state file of its own.
func fresh(t *testing.T) *DB {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "ccsync.db"))
}

func open(t *testing.T, path string) *DB {
	t.Helper()
	db, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// wantTrouble fails the test unless err is a trouble and names the file.
func wantTrouble(t *testing.T, err, want error, path string) {
	t.Helper()
	if !errors.Is(err, want) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want %v of %s", err, want, path)
	}
}

// contacts puts some thousand contacts into the mirror.
func contacts(t *testing.T, db *DB, n int) {
	t.Helper()
	all := make([]Contact, n)
	for i := range all {
		all[i] = Contact{Norm: fmt.Sprintf("user%06d@example.com", i), ID: fmt.Sprintf("id%06d", i), Fields: "CODE"}
	}
	if _, err := db.PutContacts(t.Context(), Mirror{}, all, ""); err != nil {
		t.Fatal(err)
	}
}

func TestAFileThatIsNoDatabaseIsNamedAndLeftAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ccsync.db")
	garbage := bytes.Repeat([]byte("not a database "), 1000)
	if err := os.WriteFile(path, garbage, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), path, nil)
	wantTrouble(t, err, ErrDamaged, path)
	_, err = OpenSealed(t.Context(), path)
	wantTrouble(t, err, ErrDamaged, path)
	if after, _ := os.ReadFile(path); !bytes.Equal(after, garbage) {
		t.Error("the file was changed")
	}
}

func TestADamagedFileIsNamed(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	contacts(t, db, 5000)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(db.Path(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, _ := f.Stat()
	for at := int64(16384); at < info.Size(); at += 8192 {
		f.WriteAt(bytes.Repeat([]byte{0xA5}, 4096), at)
	}
	f.Close()
	again, err := Open(t.Context(), db.Path(), nil)
	if err == nil {
		defer again.Close()
		for _, err = range again.Entries(t.Context(), "") {
			if err != nil {
				break
			}
		}
		if err == nil {
			_, err = again.PutContacts(t.Context(), Mirror{}, []Contact{{Norm: "a@example.com", ID: "a"}}, "")
		}
	}
	wantTrouble(t, err, ErrDamaged, db.Path())
}

func TestAnotherProgramsDatabaseIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	for name, setup := range map[string]string{
		"without an edition":     "CREATE TABLE users (id INTEGER)",
		"with an edition of 1":   "CREATE TABLE users (id INTEGER); PRAGMA user_version = 1",
		"with some of our names": "CREATE TABLE facts (id INTEGER); CREATE TABLE mirror (id INTEGER); PRAGMA user_version = 1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "app.db")
			app, err := sql.Open("sqlite3", path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := app.Exec(setup); err != nil {
				t.Fatal(err)
			}
			app.Close()
			if err := os.Chmod(path, 0o600); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)
			_, err = Open(t.Context(), path, nil)
			wantTrouble(t, err, ErrForeign, path)
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

// seize takes the write lock as another process would, and returns what gives it back.
func seize(t *testing.T, path string) (release func()) {
	t.Helper()
	other, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() { other.Close() }
}

func TestAFileThatIsLockedForLongIsNamed(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	defer seize(t, db.Path())()
	start := time.Now()
	_, err := db.Quota(Limits{PerSecond: 4, PerDay: 100}).Reserve(t.Context())
	wantTrouble(t, err, ErrBusy, db.Path())
	if took := time.Since(start); took < 4*time.Second {
		t.Errorf("it waited %s only", took)
	}
	if _, err := db.Mirror(t.Context()); err != nil {
		t.Errorf("what only reads: %v", err)
	}
}

func TestAFileThatIsLockedForAMomentIsWaitedFor(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	release := seize(t, db.Path())
	time.AfterFunc(300*time.Millisecond, release)
	if err := db.SetFacts(t.Context(), map[string]string{"a": "b"}); err != nil {
		t.Error(err)
	}
}

func TestAFullDiskStopsBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	contacts(t, db, 100)
	quota := db.Quota(Limits{PerSecond: 4, PerDay: 1_000_000})
	var pages int
	// no more than it has
	if err := db.write.GetContext(t.Context(), &pages, "PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	for i := range 5000 { // facts take room, and at some point a day's count does too
		if err := db.SetFacts(t.Context(), map[string]string{fmt.Sprint(i): strings.Repeat("x", 500)}); err != nil {
			wantTrouble(t, err, ErrFull, db.Path())
			break
		}
	}
	if _, err := db.BeginRun(t.Context(), Run{Trigger: strings.Repeat("x", 5000)}); err == nil {
		t.Error("a run was begun that could not be written down")
	} else {
		wantTrouble(t, err, ErrFull, db.Path())
	}
	if err := db.Vault("login").Save(t.Context(), bytes.Repeat([]byte("t"), 5000)); err == nil {
		t.Error("a token was kept that could not be written down")
	} else {
		wantTrouble(t, err, ErrFull, db.Path())
	}
	// reading goes on, and says nothing of writing
	if _, err := db.Bindings(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantTrouble(t, db.Trouble(), ErrFull, db.Path())
	if err := db.write.GetContext(t.Context(), &pages, "PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	if _, err := quota.Reserve(t.Context()); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if err := db.Trouble(); err != nil {
		t.Errorf("with room again the trouble is still %v", err)
	}
}

func TestAFileThatCannotBeWrittenIsNamed(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	if _, err := db.write.ExecContext(t.Context(), "PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	_, err := db.Quota(Limits{PerSecond: 4, PerDay: 100}).Reserve(t.Context())
	wantTrouble(t, err, ErrReadOnly, db.Path())
}

func TestAReadOnlyFolderIsNamed(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("nothing is read-only for root")
	}
	for name, mode := range map[string]os.FileMode{"ccsync.db": 0o400, "": 0o500} {
		dir := filepath.Join(t.TempDir(), "state")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "ccsync.db")
		if err := open(t, path).Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(dir, 0o700) })
		db, err := Open(t.Context(), path, nil)
		if err == nil {
			defer db.Close()
			err = db.SetFacts(t.Context(), map[string]string{"a": "b"})
		}
		wantTrouble(t, err, ErrReadOnly, path)
		if name = cmp.Or(name, "the folder state"); !strings.Contains(err.Error(), name+" (mode 0") {
			t.Errorf("%v, want %q in it", err, name)
		}
	}
}

// step is a migration of a later edition.
var step = fmt.Sprintf("ALTER TABLE facts ADD COLUMN note TEXT NOT NULL DEFAULT ''; PRAGMA user_version = %d", len(migrations)+1)

// upgraded opens a file as a later ccsyncd would.
func upgraded(t *testing.T, path string, steps ...string) (*DB, error) {
	t.Helper()
	db, err := connect(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db, db.migrate(t.Context(), append(slices.Clone(migrations), steps...))
}

func TestANewerProgramBringsTheFileUpToDateAndLeavesACopy(t *testing.T) {
	t.Parallel()
	old := fresh(t)
	contacts(t, old, 10)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	later, err := upgraded(t, old.Path(), step)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := later.Total(t.Context()); err != nil || n != 10 {
		t.Errorf("%d contacts afterwards (%v)", n, err)
	}
	later.Close()

	_, err = Open(t.Context(), old.Path(), nil)
	kept := old.backupPath(len(migrations))
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), kept) {
		t.Errorf("the older program says %v, want the name of the copy", err)
	}
	if info, err := os.Stat(kept); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the copy: %v %v", info, err)
	}
	if n, err := open(t, kept).Total(t.Context()); err != nil || n != 10 {
		t.Errorf("%d contacts in the copy (%v)", n, err)
	}
}

func TestAnUpgradeThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	old := fresh(t)
	contacts(t, old, 10)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := upgraded(t, old.Path(), step, "CREATE TABLE facts (again TEXT)"); err == nil {
		t.Fatal("the second step was no mistake")
	}
	again := open(t, old.Path())
	if n, err := again.Total(t.Context()); err != nil || n != 10 {
		t.Errorf("%d contacts afterwards (%v)", n, err)
	}
}

func TestTwoProcessesUpgradeOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ccsync.db")
	failed := make(chan error, 4)
	for range cap(failed) {
		go func() {
			db, err := Open(context.Background(), path, nil)
			if err == nil {
				err = db.Close()
			}
			failed <- err
		}()
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

func TestWhatWasCommittedIsThereAfterACrash(t *testing.T) {
	t.Parallel()
	for name, suffixes := range map[string][]string{"as it was": {"", "-wal", "-shm"}, "from a backup of file and log": {"", "-wal"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			running, dir := fresh(t), t.TempDir()
			contacts(t, running, 100)
			for _, suffix := range suffixes {
				content, err := os.ReadFile(running.Path() + suffix)
				if err == nil {
					err = os.WriteFile(filepath.Join(dir, "ccsync.db"+suffix), content, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if n, err := open(t, filepath.Join(dir, "ccsync.db")).Total(t.Context()); err != nil || n != 100 {
				t.Errorf("%d contacts (%v)", n, err)
			}
		})
	}
}
