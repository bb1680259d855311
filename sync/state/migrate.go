package state

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"

	"ccsyncd"
)

// edition is the PRAGMA user_version of schema.sql.
const edition = 1

// migrations[n] brings a file of edition n to edition n+1. Edition 0 is an empty file.
var migrations = []string{ccsyncd.Schema}

// migrate brings the file to the current edition in one transaction. Before it changes a file that
// is in use it leaves a copy beside it, named after the old edition.
func (db *DB) migrate(ctx context.Context) error {
	var found int
	if err := db.write.GetContext(ctx, &found, "PRAGMA user_version"); err != nil {
		return damage(err)
	}
	if found > edition {
		return fmt.Errorf("%w (edition %d, this one knows %d): use the newer program, or put back the copy that it left at %s",
			ErrNewer, found, edition, db.backupPath(edition))
	}
	if found == edition {
		return nil
	}
	if found > 0 {
		if err := db.backup(ctx, db.backupPath(found)); err != nil {
			return err
		}
	}
	return db.change(ctx, "bring the schema up to date", func(tx *sqlx.Tx) error { return upgrade(ctx, tx) })
}

// upgrade asks for the edition once more under the write lock: another process may have been first.
func upgrade(ctx context.Context, tx *sqlx.Tx) error {
	var found int
	if err := tx.GetContext(ctx, &found, "PRAGMA user_version"); err != nil {
		return err
	}
	for _, step := range migrations[min(found, edition):] {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) backupPath(edition int) string {
	return fmt.Sprintf("%s.edition%d", db.path, edition)
}

// backup writes a consistent copy with mode 0600, replacing an older one.
func (db *DB) backup(ctx context.Context, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := create(to); err != nil {
		return err
	}
	if _, err := db.write.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return fmt.Errorf("copy the state database to %s: %w", to, err)
	}
	return nil
}

// damage names a file that SQLite cannot read as such.
func damage(err error) error {
	var cause sqlite3.Error
	if errors.As(err, &cause) && (cause.Code == sqlite3.ErrNotADB || cause.Code == sqlite3.ErrCorrupt) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}
