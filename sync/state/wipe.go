package state

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// ErrRemnants: what was removed or sealed can still be read in the write-ahead log, since another
// process reads the file. The next process that opens it, or a daemon within a second, tries again.
var ErrRemnants = errors.New("the removed data is still in the write-ahead log; it is overwritten when no other process reads the state file")

// factRemnants is "yes" from the transaction that removes or seals something to the moment at which
// no file shows it any more.
const factRemnants = "remnants"

// Wipe overwrites what was removed or replaced before: secure_delete has overwritten it in the
// pages, and a checkpoint brings these into the file and empties the write-ahead log. ErrRemnants
// when others have been reading all along, for five seconds.
func (db *file) Wipe(ctx context.Context) error {
	if err := db.SetFacts(ctx, map[string]string{factRemnants: "yes"}); err != nil {
		return err
	}
	return db.wipe(ctx)
}

// wipe ends what factRemnants tells of.
func (db *file) wipe(ctx context.Context) error {
	for range busyTries {
		wiped, err := db.checkpoint(ctx)
		if err != nil {
			return err
		}
		if wiped {
			return db.SetFacts(ctx, map[string]string{factRemnants: ""})
		}
	}
	return ErrRemnants
}

// wipeRest tries again what an earlier process, or another one, could not end. That readers
// still hold it is no error.
func (db *file) wipeRest(ctx context.Context) error {
	due, err := db.Fact(ctx, factRemnants)
	if err != nil {
		return err
	}
	if due == "" {
		db.remnants.Store(false)
		return nil
	}
	wiped, err := db.checkpoint(ctx)
	db.remnants.Store(!wiped)
	if err != nil || !wiped {
		return err
	}
	return db.SetFacts(ctx, map[string]string{factRemnants: ""})
}

// checkpoint tells whether everything is in the file and the log is empty. It waits a tenth of a
// second for readers.
func (db *file) checkpoint(ctx context.Context) (done bool, err error) {
	result := struct{ Busy, Log, Checkpointed int }{Busy: 1}
	if err := db.write.GetContext(ctx, &result, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return false, fmt.Errorf("overwrite what was removed: %w", err)
	}
	return result.Busy == 0, nil
}

// withRemnants is change for what must not be read any more once it is done.
func (db *file) withRemnants(ctx context.Context, what string, work func(context.Context, *sqlx.Tx) error) error {
	err := db.change(ctx, what, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := setFact(ctx, tx, factRemnants, "yes"); err != nil {
			return err
		}
		return work(ctx, tx)
	})
	if err != nil {
		return err
	}
	return db.wipe(ctx)
}
