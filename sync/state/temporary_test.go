package state

import (
	"os"
	"path/filepath"
	"testing"
)

func TestATemporaryFileIsWhollyRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, remove, err := Temporary(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	put(t, db, Contact{Norm: "a@example.com", ID: "1"})
	if found, err := os.ReadDir(dir); err != nil || len(found) != 1 {
		t.Errorf("%v (%v), want it below the folder", found, err)
	}
	if err := remove(); err != nil {
		t.Fatal(err)
	}
	if found, err := os.ReadDir(dir); err != nil || len(found) != 0 {
		t.Errorf("%v (%v) is left", found, err)
	}
	if err := db.SetFacts(t.Context(), map[string]string{"a": "b"}); err == nil {
		t.Error("it is still open")
	}
	if _, _, err := Temporary(t.Context(), filepath.Join(dir, "missing")); err == nil {
		t.Error("it was made in a folder that does not exist")
	}
}
