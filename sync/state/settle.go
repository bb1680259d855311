package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// A batch is settled in steps, each in short transactions of its own, so that other processes need
// not wait: Land for the rows that are done, Fail for the others, AddBatch for those that are
// retried at once, and Settle in the end. A process that dies in between leaves the batch as Ended,
// and all of it is done again.

// part is how many rows one transaction settles: under a tenth of a second.
const part = 5000

// Landed is a row that is done.
type Landed struct {
	Norm   string
	Filled string // what Contact.Filled becomes
	Key    string // what Contact.FilledKey becomes
	// ids of lists that the batch named and the contact is not on: he left them since
	Left []string
	// what the history of the run is to tell of it all the same; nil: nothing
	Problem *RunProblem
	// what the import changed in the contact that it must not; nil: nothing
	Overstep *Overstep
}

// Land marks rows of a batch as Done, remembers the values as filled and ends the problems of their
// users. ErrMoved when the batch is not in Ended any more, ErrMapping when the mirror has another
// mapping than the rows.
func (db outbox) Land(ctx context.Context, batch int64, mapping string, rows []Landed) error {
	for rows := range slices.Chunk(rows, part) {
		if err := db.change(ctx, fmt.Sprintf("note what landed of batch %d", batch), func(ctx context.Context, tx *sqlx.Tx) error {
			if err := sameMapping(ctx, tx, mapping); err != nil {
				return err
			}
			return land(ctx, tx, batch, rows)
		}); err != nil {
			return err
		}
	}
	return nil
}

func land(ctx context.Context, tx *sqlx.Tx, batch int64, rows []Landed) error {
	if err := stillEnded(ctx, tx, batch); err != nil {
		return err
	}
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
	norms := make([]string, len(rows))
	for i, l := range rows {
		forgotten, err := untouched(result.ExecContext(ctx, batch, l.Norm))
		if err != nil {
			return err
		}
		if l.Problem != nil && !forgotten {
			if err := putRunProblem(ctx, tx, batch, l.Problem); err != nil {
				return err
			}
		}
		if l.Overstep != nil && !forgotten {
			if err := putOverstep(ctx, tx, l.Overstep); err != nil {
				return err
			}
		}
		if _, err := filled.ExecContext(ctx, l.Filled, l.Key, l.Norm); err != nil {
			return err
		}
		if err := leave(ctx, tx, &l); err != nil {
			return err
		}
		norms[i] = l.Norm
	}
	return solve(ctx, tx, norms)
}

// leave adds lists to those that the contacts of an address have left.
func leave(ctx context.Context, tx *sqlx.Tx, l *Landed) error {
	if len(l.Left) == 0 {
		return nil
	}
	var known []contactRow
	if err := tx.SelectContext(ctx, &known, selectContacts+" WHERE norm = ?", l.Norm); err != nil {
		return err
	}
	for i := range known {
		k := &known[i]
		left := leftLists(&contactRow{Left: k.Left, Lists: joinIDs(l.Left)}, strings.Fields(k.Lists))
		if _, err := tx.ExecContext(ctx, "UPDATE contacts SET lists_left = ? WHERE norm = ? AND contact_id = ?", left, k.Norm, k.ID); err != nil {
			return err
		}
	}
	return nil
}

// Failed is a row that did not arrive.
type Failed struct {
	Norm, Reason string
	Problem      *Problem  // nil for one that is retried at once
	Overstep     *Overstep // as in Landed
}

// Fail notes why rows of a batch did not arrive. ErrMoved when the batch is not in Ended any more.
func (db outbox) Fail(ctx context.Context, batch int64, rows []Failed) error {
	for rows := range slices.Chunk(rows, part) {
		if err := db.change(ctx, fmt.Sprintf("note what batch %d did not do", batch), func(ctx context.Context, tx *sqlx.Tx) error {
			return fail(ctx, tx, batch, rows)
		}); err != nil {
			return err
		}
	}
	return nil
}

func fail(ctx context.Context, tx *sqlx.Tx, batch int64, rows []Failed) error {
	if err := stillEnded(ctx, tx, batch); err != nil {
		return err
	}
	for _, f := range rows {
		forgotten, err := untouched(tx.ExecContext(ctx, "UPDATE batch_rows SET result = ? WHERE batch = ? AND norm = ?", f.Reason, batch, f.Norm))
		if err != nil {
			return err
		}
		if forgotten {
			continue
		}
		if f.Problem != nil {
			if err := putProblem(ctx, tx, f.Problem); err != nil {
				return err
			}
		}
		if f.Overstep != nil {
			if err := putOverstep(ctx, tx, f.Overstep); err != nil {
				return err
			}
		}
	}
	return nil
}

// untouched tells whether a statement changed no row.
func untouched(done sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := done.RowsAffected()
	return n == 0, err
}

// stillEnded keeps a process that comes late from changing anything.
func stillEnded(ctx context.Context, tx *sqlx.Tx, batch int64) error {
	var state string
	err := tx.GetContext(ctx, &state, "SELECT state FROM batches WHERE id = ?", batch)
	if errors.Is(err, sql.ErrNoRows) || err == nil && BatchState(state) != Ended {
		return ErrMoved
	}
	return err
}

// Settle moves a batch from Ended to Settled; tally counts the rows that are done. Whom somebody
// asked to forget meanwhile is pending no more. ErrMoved when it is not in Ended any more.
func (db outbox) Settle(ctx context.Context, batch int64, tally Tally) error {
	text, err := json.Marshal(tally)
	if err != nil {
		return err
	}
	return db.change(ctx, fmt.Sprintf("settle batch %d", batch), func(ctx context.Context, tx *sqlx.Tx) error {
		late, err := untouched(tx.ExecContext(ctx, "UPDATE batches SET state = 'settled', settled_at = ?, tally = ? WHERE id = ? AND state = 'ended'",
			stamp(db.Now()), string(text), batch))
		if err != nil {
			return err
		}
		if late {
			return ErrMoved
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM erased_rows WHERE batch = ?", batch); err != nil {
			return err
		}
		return batchEnded(ctx, tx)
	})
}

// SentSince adds up what was sent after a moment, for the guard: batches on their way count whole,
// settled ones by what landed. Batches that were never accepted are gone and do not count, nor does
// what somebody forced.
func (db outbox) SentSince(ctx context.Context, since time.Time) (Tally, error) {
	var tallies []string
	err := db.write.SelectContext(ctx, &tallies, `SELECT tally FROM batches WHERE recorded_at > ? AND state <> 'recorded'
		AND run NOT IN (SELECT id FROM runs WHERE forced = 1)`, stamp(since))
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
