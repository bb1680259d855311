package state

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Run is one run in the history.
type Run struct {
	ID        int64
	Trigger   string
	Dry       bool
	Forced    bool
	StartedAt time.Time
	EndedAt   time.Time // zero while it is under way, or when it died
	Outcome   string    // "" likewise
	Requests  int
	Report    []byte // JSON, without addresses and values
	Records   Records
}

type runRow struct {
	ID               int64
	Trigger, Outcome string
	Dry, Forced      bool
	StartedAt        string `db:"started_at"`
	EndedAt          string `db:"ended_at"`
	Requests         int
	Report           string
}

func (r runRow) run() Run {
	return Run{ID: r.ID, Trigger: r.Trigger, Dry: r.Dry, Forced: r.Forced, StartedAt: moment(r.StartedAt), EndedAt: moment(r.EndedAt),
		Outcome: r.Outcome, Requests: r.Requests, Report: []byte(r.Report)}
}

const runColumns = "id, trigger, dry, forced, started_at, ended_at, outcome, requests, report"

// BeginRun writes down that a run has begun and returns its number. Of r it takes Trigger, Dry,
// Forced and Records, which hold from the beginning on.
func (db history) BeginRun(ctx context.Context, r Run) (id int64, err error) {
	err = db.change(ctx, "begin a run", func(ctx context.Context, tx *sqlx.Tx) error {
		if err := setRecords(ctx, tx, r.Records); err != nil {
			return err
		}
		return tx.GetContext(ctx, &id, `INSERT INTO runs (trigger, dry, forced, started_at, ended_at, outcome, requests, report)
			VALUES (?, ?, ?, ?, '', '', 0, '') RETURNING id`, r.Trigger, r.Dry, r.Forced, stamp(db.Now()))
	})
	return id, err
}

// EndRun writes down how a run ended: of r it takes ID, Outcome, Requests, Report and Records, in
// one transaction.
func (db history) EndRun(ctx context.Context, r Run) error {
	return db.change(ctx, fmt.Sprintf("end run %d", r.ID), func(ctx context.Context, tx *sqlx.Tx) error {
		if err := setRecords(ctx, tx, r.Records); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE runs SET ended_at = ?, outcome = ?, requests = ?, report = ? WHERE id = ?",
			stamp(db.Now()), r.Outcome, r.Requests, string(r.Report), r.ID)
		return err
	})
}

// Runs returns the last n runs, the newest first.
func (db history) Runs(ctx context.Context, n int) ([]Run, error) {
	return db.runs(ctx, "ORDER BY id DESC LIMIT ?", n)
}

// Run returns one run; ok is false when there is none of this number.
func (db history) Run(ctx context.Context, id int64) (r Run, ok bool, err error) {
	found, err := db.runs(ctx, "WHERE id = ?", id)
	if err != nil || len(found) == 0 {
		return Run{}, false, err
	}
	return found[0], true, nil
}

func (db history) runs(ctx context.Context, where string, args ...any) ([]Run, error) {
	var rows []runRow
	if err := db.read.SelectContext(ctx, &rows, "SELECT "+runColumns+" FROM runs "+where, args...); err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	runs := make([]Run, len(rows))
	for i, r := range rows {
		runs[i] = r.run()
	}
	return runs, nil
}

// PutValued remembers how many source rows had a value, by column, for a good run of today.
func (db history) PutValued(ctx context.Context, valued map[string]int) error {
	return db.change(ctx, "remember the source's size", func(ctx context.Context, tx *sqlx.Tx) error { return db.putValued(ctx, tx, valued) })
}

// ResetValued forgets what former runs saw and remembers this.
func (db history) ResetValued(ctx context.Context, valued map[string]int) error {
	return db.change(ctx, "remember the source's size", func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM valued"); err != nil {
			return err
		}
		return db.putValued(ctx, tx, valued)
	})
}

func (db history) putValued(ctx context.Context, tx *sqlx.Tx, valued map[string]int) error {
	for column, n := range valued {
		if _, err := tx.ExecContext(ctx, `INSERT INTO valued (day, column_name, most) VALUES (?, ?, ?)
			ON CONFLICT (day, column_name) DO UPDATE SET most = excluded.most WHERE excluded.most > valued.most`,
			day(db.Now()), column, n); err != nil {
			return err
		}
	}
	return nil
}

// BestValued returns the most of each column in the last n days.
func (db history) BestValued(ctx context.Context, n int) (map[string]int, error) {
	var rows []struct {
		Column string `db:"column_name"`
		Most   int
	}
	err := db.read.SelectContext(ctx, &rows, "SELECT column_name, MAX(most) AS most FROM valued WHERE day > ? GROUP BY column_name",
		day(db.Now().AddDate(0, 0, -n)))
	if err != nil {
		return nil, fmt.Errorf("read the source's size: %w", err)
	}
	best := make(map[string]int, len(rows))
	for _, r := range rows {
		best[r.Column] = r.Most
	}
	return best, nil
}

// Prune removes runs, settled batches and answered requests that are older than keep.
func (db history) Prune(ctx context.Context, keep time.Duration) error {
	before := stamp(db.Now().Add(-keep))
	const most = 10_000 // rows a transaction
	for _, text := range []string{
		"DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE started_at < ? LIMIT ?)",
		"DELETE FROM requests WHERE id IN (SELECT id FROM requests WHERE asked_at < ? LIMIT ?)",
		`DELETE FROM batch_rows WHERE (batch, norm) IN (SELECT r.batch, r.norm FROM batches b JOIN batch_rows r ON r.batch = b.id
			WHERE b.state = 'settled' AND b.recorded_at < ? LIMIT ?)`,
		`DELETE FROM batches WHERE id IN (SELECT id FROM batches b WHERE state = 'settled' AND recorded_at < ?
			AND NOT EXISTS (SELECT 1 FROM batch_rows r WHERE r.batch = b.id) LIMIT ?)`,
	} {
		if err := db.change(ctx, "prune the history", func(ctx context.Context, tx *sqlx.Tx) error {
			_, err := tx.ExecContext(ctx, text, before, most)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
