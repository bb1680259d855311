package state

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// BatchState is how far a batch has come.
type BatchState string

// The states of a batch, in their order.
const (
	Recorded BatchState = "recorded" // stored, not sent
	Sending  BatchState = "sending"  // a request may be under way, or its answer was lost
	Sent     BatchState = "sent"     // accepted: the activity's id is known
	Ended    BatchState = "ended"    // the activity has ended, its contacts are to be read back
	Settled  BatchState = "settled"  // each row has its result
)

// Kinds of a Batch.
const (
	Import  = "import"
	Replace = "replace"
)

// Tally counts what a batch changes, for the guard.
type Tally struct {
	// values replaced by other values, by source column
	Changes map[string]int `json:"changes,omitempty"`
	Clears  int            `json:"clears,omitempty"`
	Creates int            `json:"creates,omitempty"`
	Joins   int            `json:"joins,omitempty"`
}

// Add adds another tally.
func (t *Tally) Add(other Tally) {
	for column, n := range other.Changes {
		t.change(column, n)
	}
	t.Clears += other.Clears
	t.Creates += other.Creates
	t.Joins += other.Joins
}

// Change counts a value of a column that is replaced by another.
func (t *Tally) Change(column string) { t.change(column, 1) }

func (t *Tally) change(column string, n int) {
	if t.Changes == nil {
		t.Changes = make(map[string]int)
	}
	t.Changes[column] += n
}

// Batch is one bulk import, or a number of contacts that are cleared one by one.
type Batch struct {
	ID         int64
	Run        int64
	Kind       string // Import or Replace
	State      BatchState
	Lists      []string // ids that the import names
	Mapping    string   // the fields that BatchRow.Wanted and Old hold
	Contacts   int
	Tally      Tally
	Activity   string   // activity_id, from Sent on
	Ending     string   // how it ended: the activity's state, or our own word for it
	Errors     []string // activity_errors
	ErrorCount int      // rows that the activity counted as errors
	Percent    int      // percent_done at the last poll
	RecordedAt time.Time
	SendingAt  time.Time // server time
	MovedAt    time.Time // server time at which state or percentage last moved
	EndedAt    time.Time
}

// BatchRow is one contact of a batch.
type BatchRow struct {
	Norm, ID, Address, Key string   // ID: contact_id, "" for a create
	Action                 string   // "update", "create" or "clear"
	Wanted, Old            string   // in the form of Contact.Fields
	Lists                  []string // that the contact was on
	Permission             string   // that it had when it was last read; "": not known
	// "" until it was read back, then "done" or the reason of a problem
	Result string
}

// Done is the Result of a row whose contact was seen carrying the value.
const Done = "done"

// ErrMoved says that a batch is not in the state that it was to be moved from: another process has
// it.
var ErrMoved = errors.New("another process moved the batch")

type batchRow struct {
	ID, Run                             int64
	Kind, State, Lists, Tally, Activity string
	Mapping, Ending, Errors             string
	Contacts, Percent                   int
	ErrorCount                          int    `db:"error_count"`
	RecordedAt                          string `db:"recorded_at"`
	SendingAt                           string `db:"sending_at"`
	MovedAt                             string `db:"moved_at"`
	EndedAt                             string `db:"ended_at"`
}

const batchColumns = `id, run, kind, state, lists, mapping, contacts, tally, activity, ending, errors, error_count, percent,
	recorded_at, sending_at, moved_at, ended_at`

func (r batchRow) batch() (Batch, error) {
	b := Batch{
		ID: r.ID, Run: r.Run, Kind: r.Kind, State: BatchState(r.State), Lists: strings.Fields(r.Lists), Mapping: r.Mapping, Contacts: r.Contacts,
		Activity: r.Activity, Ending: r.Ending, ErrorCount: r.ErrorCount, Percent: r.Percent, RecordedAt: moment(r.RecordedAt),
		SendingAt: moment(r.SendingAt), MovedAt: moment(r.MovedAt), EndedAt: moment(r.EndedAt),
	}
	if r.Errors != "" {
		b.Errors = strings.Split(r.Errors, "\n")
	}
	return b, json.Unmarshal([]byte(r.Tally), &b.Tally)
}

const insertBatch = `INSERT INTO batches (run, kind, state, lists, mapping, contacts, tally, activity, ending, errors,
	error_count, percent, recorded_at, sending_at, moved_at, ended_at, settled_at)
	VALUES (?, ?, 'recorded', ?, ?, ?, ?, '', '', '', 0, 0, ?, '', '', '', '') RETURNING id`

// AddBatch records a batch with its rows and returns its id. Many rows take several transactions:
// while they are written, and should the process die meanwhile, the batch is Recorded and not to be
// sent.
func (db outbox) AddBatch(ctx context.Context, b Batch, rows iter.Seq[BatchRow]) (id int64, err error) {
	next, stop := iter.Pull(rows)
	defer stop()
	for more := true; more; {
		err = db.change(ctx, "record a batch", func(ctx context.Context, tx *sqlx.Tx) error {
			if id == 0 {
				if id, err = addBatch(ctx, tx, b, stamp(db.Now())); err != nil {
					return err
				}
			}
			more, err = addRows(ctx, tx, id, next)
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return id, nil
}

func addBatch(ctx context.Context, tx *sqlx.Tx, b Batch, now string) (id int64, err error) {
	tally, err := json.Marshal(b.Tally)
	if err != nil {
		return 0, err
	}
	err = tx.GetContext(ctx, &id, insertBatch, b.Run, b.Kind, joinIDs(b.Lists), b.Mapping, b.Contacts, string(tally), now)
	return id, err
}

// addRows writes the rows that one transaction has room for, and tells whether there may be more.
func addRows(ctx context.Context, tx *sqlx.Tx, batch int64, next func() (BatchRow, bool)) (more bool, err error) {
	add, err := tx.PreparexContext(ctx, `INSERT INTO batch_rows (batch, norm, contact_id, address, key, action, wanted, old, lists, permission, result)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')`)
	if err != nil {
		return false, err
	}
	defer add.Close()
	for range part {
		r, ok := next()
		if !ok {
			return false, nil
		}
		if _, err := add.ExecContext(ctx, batch, r.Norm, r.ID, r.Address, r.Key, r.Action, r.Wanted, r.Old, joinIDs(r.Lists), r.Permission); err != nil {
			return false, err
		}
	}
	return true, nil
}

// MoveBatch moves a batch from b.State to another, or leaves it there with a new percentage, and
// writes Activity, Ending, Errors, ErrorCount and Percent of b. ErrMoved when it is not in b.State
// any more.
func (db outbox) MoveBatch(ctx context.Context, b Batch, to BatchState) error {
	now := stamp(db.Now())
	done, err := db.write.ExecContext(ctx, `UPDATE batches SET state = ?, activity = ?, ending = ?, errors = ?, error_count = ?, percent = ?,
		sending_at = CASE WHEN ? = 'sending' THEN ? ELSE sending_at END,
		moved_at = ?,
		ended_at = CASE WHEN ? = 'ended' THEN ? ELSE ended_at END
		WHERE id = ? AND state = ?`,
		string(to), b.Activity, b.Ending, strings.Join(b.Errors, "\n"), b.ErrorCount, b.Percent,
		string(to), now, now, string(to), now, b.ID, string(b.State))
	if err != nil {
		return fmt.Errorf("move batch %d: %w", b.ID, err)
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(fmt.Errorf("move batch %d from %s to %s: %w", b.ID, b.State, to, ErrMoved), err)
	}
	return nil
}

// DropBatch removes a batch that was never accepted, its rows first, some thousand at a time:
// meanwhile it is Recorded, so that nobody takes it for one that may be under way. One that is not
// in b.State any more stays.
func (db outbox) DropBatch(ctx context.Context, b Batch) error {
	done, err := db.write.ExecContext(ctx, "UPDATE batches SET state = 'recorded' WHERE id = ? AND state = ?", b.ID, string(b.State))
	if err != nil {
		return fmt.Errorf("drop batch %d: %w", b.ID, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return err
	}
	for more := true; more; {
		if more, err = db.dropRows(ctx, b.ID); err != nil {
			return err
		}
	}
	return db.change(ctx, fmt.Sprintf("drop batch %d", b.ID), func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM batches WHERE id = ? AND state = 'recorded'", b.ID); err != nil {
			return err
		}
		return batchEnded(ctx, tx)
	})
}

func (db outbox) dropRows(ctx context.Context, batch int64) (more bool, err error) {
	err = db.change(ctx, "drop a batch", func(ctx context.Context, tx *sqlx.Tx) error {
		done, err := tx.ExecContext(ctx, `DELETE FROM batch_rows WHERE (batch, norm) IN
			(SELECT batch, norm FROM batch_rows WHERE batch = ? LIMIT ?)`, batch, part)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		more = n == part
		return err
	})
	return more, err
}

// OpenBatches returns the batches that are not settled, the oldest first.
func (db outbox) OpenBatches(ctx context.Context) ([]Batch, error) {
	return db.batches(ctx, "WHERE state <> 'settled' ORDER BY id")
}

// RunBatches returns the batches of one run, the oldest first.
func (db outbox) RunBatches(ctx context.Context, run int64) ([]Batch, error) {
	return db.batches(ctx, "WHERE run = ? ORDER BY id", run)
}

// KnownActivities tells which of these activity ids belong to a batch of ours.
func (db outbox) KnownActivities(ctx context.Context, ids []string) (map[string]bool, error) {
	known := make(map[string]bool)
	err := db.streamIn(ctx, "SELECT activity FROM batches WHERE activity IN (?)", ids, 1, func(row []driver.Value) bool {
		known[row[0].(string)] = true
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read batches: %w", err)
	}
	return known, nil
}

func (db outbox) batches(ctx context.Context, where string, args ...any) ([]Batch, error) {
	var rows []batchRow
	if err := db.write.SelectContext(ctx, &rows, "SELECT "+batchColumns+" FROM batches "+where, args...); err != nil {
		return nil, fmt.Errorf("read batches: %w", err)
	}
	batches := make([]Batch, len(rows))
	for i, r := range rows {
		var err error
		if batches[i], err = r.batch(); err != nil {
			return nil, fmt.Errorf("read batch %d: %w", r.ID, err)
		}
	}
	return batches, nil
}

const selectRows = `SELECT norm, contact_id, address, key, action, wanted, old, lists, result, permission
	FROM batch_rows WHERE batch = ? AND norm > ? ORDER BY norm LIMIT ?`

// BatchRows yields the rows of a batch, ascending by Norm. It holds some thousand at a time and
// nothing open, so that what is done meanwhile may write.
func (db outbox) BatchRows(ctx context.Context, batch int64) iter.Seq2[BatchRow, error] {
	return func(yield func(BatchRow, error) bool) {
		last := ""
		for {
			page := make([]BatchRow, 0, min(part, 512))
			err := db.read.stream(ctx, selectRows, []any{batch, last, int64(part)}, 10, func(row []driver.Value) bool {
				text := func(column int) string { return row[column].(string) }
				page = append(page, BatchRow{Norm: text(0), ID: text(1), Address: text(2), Key: text(3), Action: text(4),
					Wanted: text(5), Old: text(6), Lists: strings.Fields(text(7)), Result: text(8), Permission: text(9)})
				return true
			})
			if err != nil {
				yield(BatchRow{}, fmt.Errorf("read batch %d: %w", batch, err))
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
			}
			if len(page) < part {
				return
			}
			last = page[part-1].Norm
		}
	}
}

const selectPending = `SELECT r.norm FROM batches b CROSS JOIN batch_rows r
	WHERE r.batch = b.id AND b.state <> 'settled' AND r.norm IN (?)`

// Pending tells which of these normalised addresses stand in a batch that is not settled, or stood
// there when they were forgotten.
func (db outbox) Pending(ctx context.Context, norms []string) (map[string]bool, error) {
	pending := make(map[string]bool)
	err := db.streamIn(ctx, selectPending, norms, 1, func(row []driver.Value) bool {
		pending[row[0].(string)] = true
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read open batches: %w", err)
	}
	// after the rows: one that somebody asks to forget in between is seen here
	under, err := db.erasedRows(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, norm := range norms {
		if under.has(norm) {
			pending[norm] = true
		}
	}
	return pending, nil
}

// AnyPending tells whether there is a batch that is not settled.
func (db outbox) AnyPending(ctx context.Context) (any bool, err error) {
	if err := db.read.GetContext(ctx, &any, "SELECT EXISTS (SELECT 1 FROM batches WHERE state <> 'settled')"); err != nil {
		return false, fmt.Errorf("read open batches: %w", err)
	}
	return any, nil
}

// Push is one time that a user was sent, for `explain`.
type Push struct {
	Batch      int64
	Run        int64
	State      string
	Activity   string
	Ending     string
	Mapping    string // the fields that Wanted holds
	Wanted     string
	Result     string
	RecordedAt string `db:"recorded_at"`
}

// Pushes returns the last n times that an address was sent, the newest first.
func (db outbox) Pushes(ctx context.Context, norm string, n int) ([]Push, error) {
	var all []Push
	err := db.read.SelectContext(ctx, &all, `SELECT r.batch, b.run, b.state, b.activity, b.ending, b.mapping, r.wanted, r.result, b.recorded_at
		FROM batch_rows r JOIN batches b ON b.id = r.batch WHERE r.norm = ? ORDER BY r.batch DESC LIMIT ?`, norm, n)
	if err != nil {
		return nil, fmt.Errorf("read pushes: %w", err)
	}
	return all, nil
}
