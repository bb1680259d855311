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

// ProblemMark tells whether problems have come, gone or been retried: it is another one then.
type ProblemMark struct {
	Open int   `json:"open"`
	Run  int64 `json:"run"` // the last that left any of them
}

// ProblemMark is the mark of the open problems.
func (db facts) ProblemMark(ctx context.Context) (m ProblemMark, err error) {
	if err := db.read.GetContext(ctx, &m, "SELECT COUNT(*) AS open, COALESCE(MAX(run), 0) AS run FROM problems"); err != nil {
		return ProblemMark{}, fmt.Errorf("count problems: %w", err)
	}
	return m, nil
}
