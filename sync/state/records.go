package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// Records is what holds from a moment on, by name: small texts among the facts that the caller
// alone understands. "" removes one.
type Records map[string]string

// Record reads a record as JSON into what into points to; ok is false when there is none, or none
// that this version understands.
func (db facts) Record(ctx context.Context, name string, into any) (ok bool, err error) {
	var text string
	err = db.read.GetContext(ctx, &text, "SELECT value FROM facts WHERE name = ?", name)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read %s: %w", name, err)
	}
	return json.Unmarshal([]byte(text), into) == nil, nil
}

// SetRecords writes several records at once.
func (db facts) SetRecords(ctx context.Context, all Records) error {
	return db.change(ctx, "write records", func(ctx context.Context, tx *sqlx.Tx) error { return setRecords(ctx, tx, all) })
}

func setRecords(ctx context.Context, tx *sqlx.Tx, all Records) error {
	for name, value := range all {
		var err error
		if value == "" {
			_, err = tx.ExecContext(ctx, "DELETE FROM facts WHERE name = ?", name)
		} else {
			err = setFact(ctx, tx, name, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Mark tells whether problems have come, gone or been retried, or batches have ended: it is another
// one then.
type Mark struct {
	Open    int   `json:"open"`    // problems and oversteps
	Run     int64 `json:"run"`     // the last that left any of them
	Batches int64 `json:"batches"` // that were settled or dropped so far
}

// factBatches counts the batches that were settled or dropped.
const factBatches = "batches_ended"

// Mark is the mark of problems and batches.
func (db facts) Mark(ctx context.Context) (m Mark, err error) {
	if err := db.read.GetContext(ctx, &m, `SELECT COUNT(*) + (SELECT COUNT(*) FROM overstepped) AS open, COALESCE(MAX(run), 0) AS run,
		COALESCE((SELECT CAST(value AS INTEGER) FROM facts WHERE name = ?), 0) AS batches FROM problems`, factBatches); err != nil {
		return Mark{}, fmt.Errorf("read how far problems and batches are: %w", err)
	}
	return m, nil
}

// batchEnded counts a batch that is settled or dropped in this transaction.
func batchEnded(ctx context.Context, tx *sqlx.Tx) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO facts (name, value) VALUES (?, '1')
		ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1`, factBatches)
	return err
}
