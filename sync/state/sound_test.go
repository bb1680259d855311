package state

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// aLogin is a record that takes more than one page.
var aLogin = []byte(`{"token":"` + strings.Repeat("TOKEN", 2000) + `"}`)

// overwritten is a closed file whose login is overwritten, and with others a page of contacts too.
func overwritten(t *testing.T, key []byte, with []byte, others bool) (path string) {
	t.Helper()
	db := sealed(t, filepath.Join(t.TempDir(), "ccsync.db"), key)
	contacts(t, db, 1000)
	if err := db.Vault("login").Save(t.Context(), aLogin); err != nil {
		t.Fatal(err)
	}
	var record []byte
	if err := db.read.GetContext(t.Context(), &record, "SELECT record FROM vault"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(db.Path())
	if err != nil {
		t.Fatal(err)
	}
	const length = 64
	at := bytes.Index(content, record[len(record)-length:])
	if at < 0 {
		t.Fatal("the file does not have the record")
	}
	copy(content[at:at+length], bytes.Repeat(with, length))
	if at := bytes.LastIndex(content, []byte("user000500")); others {
		copy(content[at/4096*4096:], bytes.Repeat(with, length))
	}
	if err := os.WriteFile(db.Path(), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return db.Path()
}

// A login that a damaged disk has changed is a sign of more, which SQLite has not come across yet.
func TestADamagedFileIsNamedWhereItsLoginShowsIt(t *testing.T) {
	t.Parallel()
	for name, key := range map[string][]byte{"encrypted": keyOne, "in the clear": nil} {
		for garbage, with := range map[string][]byte{"ones": {0xFF}, "zeros": {0}, "text": []byte(`"`)} {
			t.Run(name+", "+garbage, func(t *testing.T) {
				t.Parallel()
				path := overwritten(t, key, with, true)
				db, err := Open(t.Context(), path, key)
				if err == nil {
					defer db.Close()
					_, err = db.Vault("login").Load(t.Context())
				}
				wantTrouble(t, err, ErrDamaged, path)
				if errors.Is(err, ErrKey) {
					t.Errorf("the key is blamed: %v", err)
				}
			})
		}
	}
}

// A login alone can be replaced, and the file is not blamed.
func TestADamagedLoginInAWholeFileIsNoDamagedFile(t *testing.T) {
	t.Parallel()
	db := open(t, overwritten(t, nil, []byte{0xFF}, false))
	if record, err := db.Vault("login").Load(t.Context()); err != nil || len(record) != len(aLogin) {
		t.Errorf("%d bytes, %v", len(record), err)
	}
	if _, err := Open(t.Context(), overwritten(t, keyOne, []byte{0xFF}, false), keyOne); !errors.Is(err, ErrKey) {
		t.Errorf("%v, want %v", err, ErrKey)
	}
}

// A daemon that runs notices it as well.
func TestADamagedFileIsNamedWhereItsLoginShowsItToAProcessThatHasItOpen(t *testing.T) {
	t.Parallel()
	path := overwritten(t, nil, []byte{0}, true)
	whole := overwritten(t, nil, []byte("N"), false)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, whole)
	f, err := os.OpenFile(whole, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(content[4096:], 4096); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() }) // earlier, it would drop SQLite's locks
	for range 2 {
		_, err = db.Vault("login").Load(t.Context())
		wantTrouble(t, err, ErrDamaged, whole)
	}
}

// A write-ahead log that is shorter than SQLite left it is no failure of the disk.
func TestALogThatWasEmptiedDamagesTheFile(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	contacts(t, db, 1000)
	truncate(t, db.Path()+"-wal")
	_, err := db.Changed(t.Context())
	if err == nil {
		_, err = db.Total(t.Context())
	}
	wantTrouble(t, err, ErrDamaged, db.Path())
}
