package app

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"ccsyncd/sync/state"
)

// A dry run that is reading the old account's contacts would go on writing them into a mirror that
// was dropped.
func TestASwitchOfAccountWaitsForWhoReadsContacts(t *testing.T) {
	t.Parallel()
	db, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "ccsync.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.PutContacts(t.Context(), state.Mirror{}, []state.Contact{{Norm: "a@example.com", ID: "1"}}, ""); err != nil {
		t.Fatal(err)
	}
	_, release, err := db.Lock(t.Context(), state.MirrorLock)
	if err != nil {
		t.Fatal(err)
	}
	a := &App{State: db}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := a.forgetAccount(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("while the mirror is held: %v, want to have waited until the context ended", err)
	}
	if n, err := db.Total(t.Context()); n != 1 || err != nil {
		t.Errorf("while the mirror is held %d contacts are left (%v), want 1", n, err)
	}
	release()
	if err := a.forgetAccount(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := db.Total(t.Context()); n != 0 || err != nil {
		t.Errorf("afterwards %d contacts are left (%v)", n, err)
	}
}
