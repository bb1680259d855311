package state

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// filesWith names those beside a state file, itself included, that have a text in them.
func filesWith(t *testing.T, path, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Dir(path), func(each string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(each)
		if bytes.Contains(content, []byte(text)) {
			found = append(found, filepath.Base(each))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// reading keeps a reader in the middle of the file, as a plan or a backup does.
func reading(t *testing.T, path string) (release func()) {
	t.Helper()
	db := open(t, path)
	tx, err := db.read.DB.BeginTxx(context.WithoutCancel(t.Context()), nil)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := tx.Get(&n, "SELECT COUNT(*) FROM facts"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
			t.Error(err)
		}
	}
}

// The tokens that a key sealed, another key sealed or a logout removed can be read in no file,
// whoever has it open.
func TestNothingSealedOrRemovedIsLeftInAnyFile(t *testing.T) {
	t.Parallel()
	long := secret + strings.Repeat(" and more", 500) // it takes pages of its own
	for name, remove := range map[string]func(*DB) error{
		"sealed": func(db *DB) error { return db.Rekey(context.Background(), keyOne) },
		"removed": func(db *DB) error {
			return errors.Join(db.Vault("login").Save(context.Background(), nil), db.Wipe(context.Background()))
		},
	} {
		for _, text := range []string{secret, long} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				db := fresh(t)
				if err := db.Vault("login").Save(t.Context(), []byte(text)); err != nil {
					t.Fatal(err)
				}
				if len(filesWith(t, db.Path(), secret)) == 0 {
					t.Fatal("the token is in no file: this test shows nothing")
				}
				if err := remove(db); err != nil {
					t.Fatal(err)
				}
				if found := filesWith(t, db.Path(), secret); len(found) > 0 {
					t.Errorf("the token can be read in %v", found)
				}
			})
		}
	}
}

// The first to open a file with a new key may be a daemon, which keeps it open.
func TestAKeyThatIsAddedLaterSealsAtOnceWhileTheFileStaysOpen(t *testing.T) {
	t.Parallel()
	clear := fresh(t)
	if err := clear.Vault("login").Save(t.Context(), []byte(secret)); err != nil {
		t.Fatal(err)
	}
	clear.Close()
	sealed(t, clear.Path(), keyOne)
	if found := filesWith(t, clear.Path(), secret); len(found) > 0 {
		t.Errorf("the token can be read in %v", found)
	}
}

// While others read, the log keeps what was removed: nobody is told that it is gone, and it goes as
// soon as they are done.
func TestWhatReadersHoldIsOverwrittenOnceTheyAreDone(t *testing.T) {
	t.Parallel()
	for name, later := range map[string]func(t *testing.T, daemon *DB){
		"by a daemon's next look": func(t *testing.T, daemon *DB) {
			if _, err := daemon.Changed(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		"by the next process": func(t *testing.T, daemon *DB) { sealed(t, daemon.Path(), keyOne) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			daemon := fresh(t)
			if err := daemon.Vault("login").Save(t.Context(), []byte(secret)); err != nil {
				t.Fatal(err)
			}
			release := reading(t, daemon.Path())
			start := time.Now()
			if err := daemon.Rekey(t.Context(), keyOne); !errors.Is(err, ErrRemnants) {
				t.Errorf("rekeying beside a reader: %v, want ErrRemnants", err)
			}
			if took := time.Since(start); took < 4*time.Second {
				t.Errorf("it tried for %s only", took)
			}
			wantRecord(t, daemon, secret)
			for range 2 { // the first look is told of a change, the second is not
				if _, err := daemon.Changed(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			release()
			later(t, daemon)
			if found := filesWith(t, daemon.Path(), secret); len(found) > 0 {
				t.Errorf("the token can be read in %v", found)
			}
			if changed, err := daemon.Changed(t.Context()); err != nil {
				t.Errorf("then: %v %v", changed, err)
			}
			if due, err := daemon.Fact(t.Context(), factRemnants); due != "" || err != nil {
				t.Errorf("it is tried again for ever: %q %v", due, err)
			}
		})
	}
}

// A copy that an upgrade leaves is not sealed by a key that comes later, and no logout reaches it.
func TestTheCopyOfAnUpgradeHasNoTokens(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	if err := db.Vault("login").Save(t.Context(), []byte(secret)); err != nil {
		t.Fatal(err)
	}
	contacts(t, db, 10)
	to := filepath.Join(t.TempDir(), "copy.db")
	if err := db.backup(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if found := filesWith(t, to, secret); len(found) > 0 {
		t.Errorf("the token can be read in %v", found)
	}
	kept := open(t, to)
	wantRecord(t, kept, "")
	if n, err := kept.Total(t.Context()); n != 10 || err != nil {
		t.Errorf("%d contacts in the copy, %v", n, err)
	}
	wantRecord(t, db, secret)
}
