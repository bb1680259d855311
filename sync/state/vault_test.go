package state

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

var (
	keyOne = bytes.Repeat([]byte{1}, 32)
	keyTwo = bytes.Repeat([]byte{2}, 32)
)

const secret = "a refresh token that nobody may read"

// sealed opens a file with a key.
func sealed(t *testing.T, path string, key []byte) *DB {
	t.Helper()
	db, err := Open(t.Context(), path, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func wantRecord(t *testing.T, db *DB, want string) {
	t.Helper()
	if got, err := db.Vault("login").Load(t.Context()); err != nil || string(got) != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

func TestAKeyThatIsAddedLaterSealsWhatIsThere(t *testing.T) {
	t.Parallel()
	clear := fresh(t)
	if err := clear.Vault("login").Save(t.Context(), []byte(secret)); err != nil {
		t.Fatal(err)
	}
	clear.Close()
	db := sealed(t, clear.Path(), keyOne)
	wantRecord(t, db, secret)
	db.Close()
	for _, suffix := range []string{"", "-wal"} {
		if content, _ := os.ReadFile(clear.Path() + suffix); bytes.Contains(content, []byte(secret)) {
			t.Errorf("the token can be read in the file%s", suffix)
		}
	}
}

func TestAWrongOrMissingKeyChangesNothing(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	db.Close()
	db = sealed(t, db.Path(), keyOne)
	if err := db.Vault("login").Save(t.Context(), []byte(secret)); err != nil {
		t.Fatal(err)
	}
	db.Close()
	for name, key := range map[string][]byte{"another": keyTwo, "none": nil} {
		if _, err := Open(t.Context(), db.Path(), key); !errors.Is(err, ErrKey) {
			t.Errorf("%s: got %v, want ErrKey", name, err)
		}
	}
	wantRecord(t, sealed(t, db.Path(), keyOne), secret)
}

func TestALostKeyLeavesAWayOut(t *testing.T) {
	t.Parallel()
	db := sealed(t, fresh(t).Path(), keyOne)
	if err := db.Vault("login").Save(t.Context(), []byte(secret)); err != nil {
		t.Fatal(err)
	}
	db.Close()
	out, err := OpenSealed(t.Context(), db.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := out.Vault("login").Load(t.Context()); !errors.Is(err, ErrKey) {
		t.Errorf("loading: %v, want ErrKey", err)
	}
	if err := out.Vault("login").Save(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	wantRecord(t, sealed(t, db.Path(), keyTwo), "")
}

func TestRekeyingSealsAgain(t *testing.T) {
	t.Parallel()
	db := sealed(t, fresh(t).Path(), keyOne)
	if err := db.Vault("login").Save(t.Context(), []byte(secret)); err != nil {
		t.Fatal(err)
	}
	if err := db.Rekey(t.Context(), keyTwo); err != nil {
		t.Fatal(err)
	}
	wantRecord(t, db, secret)
	db.Close()
	if _, err := Open(t.Context(), db.Path(), keyOne); !errors.Is(err, ErrKey) {
		t.Errorf("with the old key: %v", err)
	}
	wantRecord(t, sealed(t, db.Path(), keyTwo), secret)
}

func TestProcessesThatOpenAFreshFileAtOnceSealAlike(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	if _, err := db.write.ExecContext(t.Context(), "DELETE FROM facts WHERE name = 'salt'"); err != nil {
		t.Fatal(err)
	}
	release := seize(t, db.Path())
	opened := make(chan *DB)
	for range 3 {
		go func() {
			each, err := Open(t.Context(), db.Path(), keyOne)
			if err != nil {
				t.Error(err)
			}
			opened <- each
		}()
	}
	time.Sleep(500 * time.Millisecond) // all of them have seen that there is no salt
	release()
	for range 3 {
		each := <-opened
		if each == nil {
			continue
		}
		if err := each.Vault("login").Save(t.Context(), []byte(secret)); err != nil {
			t.Error(err)
		}
		each.Close()
		wantRecord(t, sealed(t, db.Path(), keyOne), secret)
	}
}

// Another process may store a new token at the very moment at which the records are sealed.
func TestSealingLosesNoRecordThatAnotherProcessSaves(t *testing.T) {
	t.Parallel()
	clear := fresh(t)
	if err := clear.Vault("login").Save(t.Context(), []byte("old token")); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite3", clear.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	for _, text := range []string{"BEGIN IMMEDIATE", "UPDATE vault SET record = CAST(x'00' || 'new token' AS BLOB)"} {
		if _, err := other.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	opened := make(chan error)
	go func() {
		db, err := Open(t.Context(), clear.Path(), keyOne)
		if err == nil {
			defer db.Close()
		}
		opened <- err
	}()
	time.Sleep(500 * time.Millisecond) // it waits for the lock by now
	if _, err := other.Exec("COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	wantRecord(t, sealed(t, clear.Path(), keyOne), "new token")
}

// A record that an earlier version sealed is opened for good: the derivation of the key, the salt's
// place and the form of a record are pinned. testdata/sealed.hex has the record "login" under
// keyOne and this salt.
func TestARecordThatAnEarlierVersionSealedIsOpened(t *testing.T) {
	t.Parallel()
	const salt = "THESALTOFTHEPINNEDFILE2345"
	text, err := os.ReadFile("testdata/sealed.hex")
	if err != nil {
		t.Fatal(err)
	}
	record, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	place := func(name, salt string) *DB {
		db := fresh(t)
		for _, statement := range []string{"UPDATE facts SET value = '" + salt + "' WHERE name = 'salt'", "DELETE FROM vault"} {
			if _, err := db.write.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.write.ExecContext(t.Context(), "INSERT INTO vault (name, record) VALUES (?, ?)", name, record); err != nil {
			t.Fatal(err)
		}
		db.Close()
		return db
	}
	wantRecord(t, sealed(t, place("login", salt).Path(), keyOne), secret)
	for name, c := range map[string]struct {
		record, salt string
		key          []byte
	}{"another salt": {"login", "ANOTHER", keyOne}, "another record's place": {"other", salt, keyOne}, "another key": {"login", salt, keyTwo}} {
		if _, err := Open(t.Context(), place(c.record, c.salt).Path(), c.key); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v, want ErrKey", name, err)
		}
	}
}

// Each file has a salt of its own, which stays: one key never seals two files alike.
func TestEachFileHasASaltOfItsOwnThatStays(t *testing.T) {
	t.Parallel()
	salts := make(map[string]bool)
	for range 3 {
		db := fresh(t)
		salt, err := db.Fact(t.Context(), "salt")
		if err != nil || len(salt) < 20 {
			t.Fatalf("salt %q, %v", salt, err)
		}
		salts[salt] = true
		if again, err := open(t, db.Path()).Fact(t.Context(), "salt"); again != salt || err != nil {
			t.Errorf("opened again it has the salt %q, %v; want %q", again, err, salt)
		}
	}
	if len(salts) != 3 {
		t.Errorf("%d salts of 3 files", len(salts))
	}
}

// A record in the clear is told from a sealed one by its first byte, and an empty one is none.
func TestARecordInTheClearIsMarkedAsSuch(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	if err := db.Vault("login").Save(t.Context(), []byte(secret)); err != nil {
		t.Fatal(err)
	}
	var record []byte
	if err := db.read.GetContext(t.Context(), &record, "SELECT record FROM vault"); err != nil || string(record) != "\x00"+secret {
		t.Errorf("kept as %q, %v", record, err)
	}
	if err := db.Vault("login").Save(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Vault("login").Load(t.Context()); got != nil || err != nil {
		t.Errorf("removed, it is %q, %v", got, err)
	}
}

// Going back to no key leaves the records in the clear, for whoever has none from then on.
func TestRekeyingWithoutAKeyOpensTheRecords(t *testing.T) {
	t.Parallel()
	db := sealed(t, fresh(t).Path(), keyOne)
	for _, name := range []string{"login", "other"} {
		if err := db.Vault(name).Save(t.Context(), []byte(secret)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Rekey(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	again := open(t, db.Path())
	wantRecord(t, again, secret)
	if got, err := again.Vault("other").Load(t.Context()); string(got) != secret || err != nil {
		t.Errorf("the other record is %q, %v", got, err)
	}
}

// Who waits for a vault gets it when it is free, and gives up with its context.
func TestAVaultIsWaitedFor(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	unlock, err := db.Vault("login").Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var held *HeldError
	if _, err := db.Vault("login").Lock(ctx); !errors.As(err, &held) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while it is held: %v", err)
	}
	time.AfterFunc(100*time.Millisecond, unlock)
	again, err := db.Vault("login").Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again()
}
