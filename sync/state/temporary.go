package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Temporary opens an empty state file in a folder of its own under dir, for contacts that
// nobody keeps. remove closes it and removes the folder.
func Temporary(ctx context.Context, dir string) (db *DB, remove func() error, err error) {
	folder, err := os.MkdirTemp(dir, ".ccsync-*")
	if err != nil {
		return nil, nil, fmt.Errorf("make a temporary state file: %w", err)
	}
	db, err = Open(ctx, filepath.Join(folder, "temporary.db"), nil)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(folder))
	}
	return db, func() error { return errors.Join(db.Close(), os.RemoveAll(folder)) }, nil
}
