package state

import (
	"context"
	_ "embed" // the steps between editions
	"errors"
	"fmt"
	"os"

	"github.com/jmoiron/sqlx"

	"ccsyncd"
)

// migrations[n] brings a file of edition n, its PRAGMA user_version, to edition n+1; the first
// brings an empty file, of edition 0, to the current one at once.
var migrations = []string{ccsyncd.Schema, toEdition2, toEdition3}

//go:embed edition2.sql
var toEdition2 string

//go:embed edition3.sql
var toEdition3 string

// migrate brings the file to the current edition in one transaction. Before it changes a file that
// is in use it leaves a copy beside it, named after the old edition.
func (db *file) migrate(ctx context.Context, steps []string) error {
	found, err := db.edition(ctx)
	if err != nil {
		return err
	}
	if found > len(steps) {
		return fmt.Errorf("%w (edition %d; this ccsyncd supports %d); use the newer ccsyncd, or restore the copy at %s",
			ErrNewer, found, len(steps), db.backupPath(len(steps)))
	}
	if found == len(steps) {
		return nil
	}
	if found > 0 {
		if err := db.backup(ctx, db.backupPath(found)); err != nil {
			return err
		}
	}
	return db.change(ctx, "bring the schema up to date", func(ctx context.Context, tx *sqlx.Tx) error { return upgrade(ctx, tx, steps) })
}

// edition is that of the file, 0 for an empty one. It looks without writing: another program's
// database stays as it is.
func (db *file) edition(ctx context.Context) (int, error) {
	var is struct{ Edition, All, Ours int }
	// one statement, hence one snapshot: another process may be upgrading the file
	if err := db.read.GetContext(ctx, &is, `SELECT (SELECT user_version FROM pragma_user_version) AS edition, COUNT(*) AS "all",
		COUNT(*) FILTER (WHERE name IN ('facts', 'mirror', 'batches')) AS ours FROM sqlite_master WHERE type = 'table'`); err != nil {
		return 0, err
	}
	if is.All > 0 && (is.Ours < 3 || is.Edition == 0) {
		return 0, ErrForeign
	}
	return is.Edition, nil
}

// upgrade asks for the edition again under the write lock: another process may have been first.
func upgrade(ctx context.Context, tx *sqlx.Tx, steps []string) error {
	var found int
	if err := tx.GetContext(ctx, &found, "PRAGMA user_version"); err != nil {
		return err
	}
	steps = steps[min(found, len(steps)):]
	if found == 0 {
		steps = steps[:1]
	}
	for _, step := range steps {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

func (db *file) backupPath(edition int) string {
	return fmt.Sprintf("%s.edition%d", db.path, edition)
}

// backup writes a consistent copy with mode 0600, replacing an older one. It has no tokens: those
// of the file go on to be used, so that the copy's would be spent, and nobody would seal or remove
// them there.
func (db *file) backup(ctx context.Context, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := create(to); err != nil {
		return err
	}
	if _, err := db.write.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return fmt.Errorf("copy the state file to %s: %w", to, err)
	}
	if err := withoutTokens(ctx, to); err != nil {
		return errors.Join(fmt.Errorf("copy the state file to %s: %w", to, err), os.Remove(to))
	}
	return nil
}

// withoutTokens overwrites the vault of a file that nobody else has open.
func withoutTokens(ctx context.Context, path string) error {
	copied, err := connect(path)
	if err != nil {
		return err
	}
	_, err = copied.write.ExecContext(ctx, "DELETE FROM vault")
	return errors.Join(err, copied.Close())
}
