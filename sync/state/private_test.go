package state

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

func TestFilesThatOthersCanReadAreRefused(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		for _, mode := range []fs.FileMode{0o644, 0o640, 0o602, 0o660, 0o601} {
			path := filepath.Join(t.TempDir(), "ccsync.db")
			db := open(t, path)
			if err := db.SetFacts(t.Context(), map[string]string{"a": "b"}); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path+suffix, mode); err != nil {
				t.Fatal(err)
			}
			if other, err := Open(t.Context(), path, nil); !errors.Is(err, ErrExposed) {
				t.Errorf("%q with mode %04o: %v, want %v", suffix, mode, err, ErrExposed)
				if err == nil {
					other.Close()
				}
			}
		}
	}
}

// Nobody else can read anything that the state file writes, whatever the umask.
func TestEveryFileIsPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, filepath.Join(dir, "ccsync.db"))
	_, release, err := db.Lock(t.Context(), "run")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := db.SetFacts(t.Context(), map[string]string{"a": "b"}); err != nil {
		t.Fatal(err)
	}
	if err := db.backup(t.Context(), db.backupPath(len(migrations))); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v; want the database, WAL, SHM, a lock and a copy", len(files), err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o", f.Name(), info.Mode().Perm())
		}
	}
	copies, err := db.Copies()
	if err != nil || len(copies) != 1 {
		t.Errorf("copies %v, %v", copies, err)
	}
}

// Contacts that were set aside have no address, and a stranger leaves no trace, not even a key to
// hash him with.
func TestForgettingNobodyForgetsNothing(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	put(t, db, Contact{Norm: "a@example.com", ID: "1"})
	if err := db.SetAside(t.Context(), "a@example.com", nil); err != nil {
		t.Fatal(err)
	}
	for _, norm := range []string{"", "stranger@example.com"} {
		if e, err := db.Forget(t.Context(), norm); e != (Erasure{}) || err != nil {
			t.Errorf("%q: %+v, %v", norm, e, err)
		}
	}
	if n, err := db.Total(t.Context()); n != 1 || err != nil {
		t.Errorf("%d contacts (%v), want the one that was set aside", n, err)
	}
	if key, err := db.Fact(t.Context(), factErasedKey); key != "" || err != nil {
		t.Errorf("a key was made (%v)", err)
	}
}

func TestAForgottenAddressIsNoContactAnyMore(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	contacts := []Contact{{Norm: "a@example.com", ID: "1"}, {Norm: "a@example.com", ID: "2", Deleted: true}, {Norm: "b@example.com", ID: "3"}}
	more, err := db.PutContacts(t.Context(), Mirror{}, contacts, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.EndRefresh(t.Context(), Mirror{Contacts: more}); err != nil {
		t.Fatal(err)
	}
	if e, err := db.Forget(t.Context(), "a@example.com"); e.Rows != 2 || e.Kept || err != nil {
		t.Errorf("%+v, %v", e, err)
	}
	if m, err := db.Mirror(t.Context()); m.Contacts != 1 || err != nil {
		t.Errorf("the mirror counts %d contacts, want 1; %v", m.Contacts, err)
	}
}

// A name that Constant Contact or a person wrote into a text is erased too, in any case and in
// JSON's form.
func TestForgetLooksIntoTexts(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "ccsync.db"))
	const norm = `"<b>"@example.com` // in JSON: \"\u003cb\u003e\"@example.com
	id, err := db.BeginRun(t.Context(), Run{Trigger: "command"})
	if err != nil {
		t.Fatal(err)
	}
	const report = `{"message":"no \"\u003cb\u003e\"@example.com, no ann@example.com"}`
	if err := db.EndRun(t.Context(), Run{ID: id, Outcome: "failed", Report: []byte(report)}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Ask(t.Context(), `{"only":["other@example.com"]}`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Forget(t.Context(), norm); err != nil {
		t.Fatal(err)
	}
	kept, _, err := db.Run(t.Context(), id)
	if want := `{"message":"no ••, no ann@example.com"}`; err != nil || string(kept.Report) != want {
		t.Errorf("the report is %s, want %s; %v", kept.Report, want, err)
	}
	if _, ok, err := db.Asked(t.Context()); !ok || err != nil {
		t.Errorf("another's request is gone: %v", err)
	}
}

// Another's address may have the forgotten one in it.
func TestForgetLeavesLongerAddressesAlone(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	id, err := db.BeginRun(t.Context(), Run{Trigger: "command"})
	if err != nil {
		t.Fatal(err)
	}
	const norm = "ann@example.com"
	kept := []string{"joann@example.com", "jo.ann@example.com", "jo-ann@example.com", "jo+ann@example.com", "ann@example.com.au", "ann@example.community", "ann@example.com-pany.org", "Zoëann@example.com"}
	gone := []string{"ann@example.com", "Ann@Example.com", "<ann@example.com>", "ann@example.com.", "ann@example.com, ann@example.com", "'ann@example.com'", "mailto:ann@example.com", "a\nann@example.com\n"}
	report := func(all []string) string {
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if err := db.EndRun(t.Context(), Run{ID: id, Outcome: "failed", Report: []byte(report(append(slices.Clone(kept), gone...)))}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Ask(t.Context(), `{"only":["joann@example.com"]}`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Forget(t.Context(), norm); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := db.Asked(t.Context()); !ok || err != nil {
		t.Errorf("another's request is gone: %v", err)
	}
	r, _, err := db.Run(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	cut := regexp.MustCompile(`(?i)ann@example\.com`)
	for i := range gone {
		gone[i] = cut.ReplaceAllString(gone[i], "••")
	}
	if want := report(append(kept, gone...)); string(r.Report) != want {
		t.Errorf("the report is  %s\nit should be   %s", r.Report, want)
	}
}
