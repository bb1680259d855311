package state

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A link that another user made leads wherever that user likes.
func TestALinkOfAnotherUserIsNotFollowedToAStateFile(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a link away")
	}
	dir := t.TempDir()
	target, link := filepath.Join(dir, "empty.db"), filepath.Join(dir, "ccsync.db")
	if err := errors.Join(os.WriteFile(target, nil, 0o600), os.Symlink(target, link)); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), link, nil) // one's own
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Close(), os.WriteFile(target, nil, 0o600), os.Lchown(link, 65533, 65533)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), link, nil); !errors.As(err, new(*OwnerError)) {
		t.Errorf("opened through another user's link: %v", err)
	}
	if left, err := os.ReadFile(target); err != nil || len(left) > 0 {
		t.Errorf("%d bytes were written (%v)", len(left), err)
	}
}
