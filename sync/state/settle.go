package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Settlement is how a batch ended for each of its rows.
type Settlement struct {
	Batch    Batch
	Tally    Tally             // of the rows that are done
	Done     []Landed          // those seen carrying their values
	Failed   map[string]string // the others, with the reason
	Problems []Problem         // of those that failed and are quarantined
	Again    []Batch           // smaller batches to send those in that are tried again at once
	Rows     [][]BatchRow      // of each of Again
}

// Landed is a row that is done.
type Landed struct {
	Norm   string
	Filled string // what Contact.Filled becomes
	Key    string // what Contact.FilledKey becomes
}

// Settle moves a batch from Ended to Settled, in one transaction with all that follows from it: the
// results of its rows, what was filled, problems solved and made, and the halves to send again, as
// Recorded batches. It returns the ids of the latter.
func (db *DB) Settle(ctx context.Context, s Settlement) ([]int64, error) {
	var again []int64
	err := db.change(ctx, fmt.Sprintf("settle batch %d", s.Batch.ID), func(ctx context.Context, tx *sqlx.Tx) error {
		again = again[:0]
		if err := closeBatch(ctx, tx, s, stamp(db.Now())); err != nil {
			return err
		}
		if err := markDone(ctx, tx, s.Batch.ID, s.Done); err != nil {
			return err
		}
		for norm, reason := range s.Failed {
			if _, err := tx.ExecContext(ctx, "UPDATE batch_rows SET result = ? WHERE batch = ? AND norm = ?", reason, s.Batch.ID, norm); err != nil {
				return err
			}
		}
		for i, b := range s.Again {
			id, err := db.addBatch(ctx, tx, b, s.Rows[i])
			if err != nil {
				return err
			}
			again = append(again, id)
		}
		return putProblems(ctx, tx, s.Problems)
	})
	return again, err
}

func closeBatch(ctx context.Context, tx *sqlx.Tx, s Settlement, now string) error {
	tally, err := json.Marshal(s.Tally)
	if err != nil {
		return err
	}
	done, err := tx.ExecContext(ctx, "UPDATE batches SET state = 'settled', settled_at = ?, tally = ? WHERE id = ? AND state = 'ended'",
		now, string(tally), s.Batch.ID)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(ErrMoved, err)
	}
	return nil
}

// markDone marks rows as done, remembers the values as filled and ends the problems of their users.
func markDone(ctx context.Context, tx *sqlx.Tx, batch int64, done []Landed) error {
	result, err := tx.PreparexContext(ctx, "UPDATE batch_rows SET result = 'done' WHERE batch = ? AND norm = ?")
	if err != nil {
		return err
	}
	defer result.Close()
	filled, err := tx.PreparexContext(ctx, "UPDATE contacts SET filled = ?, filled_key = ? WHERE norm = ?")
	if err != nil {
		return err
	}
	defer filled.Close()
	norms := make([]string, len(done))
	for i, l := range done {
		if _, err := result.ExecContext(ctx, batch, l.Norm); err != nil {
			return err
		}
		if _, err := filled.ExecContext(ctx, l.Filled, l.Key, l.Norm); err != nil {
			return err
		}
		norms[i] = l.Norm
	}
	return solve(ctx, tx, norms)
}

// SentSince adds up what was sent after a moment, for the guard: batches on their way count whole, settled
// ones by what landed. Batches that were never accepted are gone and do not count.
func (db *DB) SentSince(ctx context.Context, since time.Time) (Tally, error) {
	var tallies []string
	err := db.write.SelectContext(ctx, &tallies, "SELECT tally FROM batches WHERE recorded_at > ? AND state <> 'recorded'", stamp(since))
	if err != nil {
		return Tally{}, fmt.Errorf("read what was sent: %w", err)
	}
	var sum Tally
	for _, text := range tallies {
		var t Tally
		if err := json.Unmarshal([]byte(text), &t); err != nil {
			return Tally{}, fmt.Errorf("read what was sent: %w", err)
		}
		sum.Add(t)
	}
	return sum, nil
}
