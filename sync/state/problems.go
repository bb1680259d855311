package state

import (
	"context"
	"database/sql/driver"
	"fmt"
	"iter"
	"time"

	"github.com/jmoiron/sqlx"
)

// Problem is a user whose change did not arrive. It is quarantined until RetryAt, or until its
// value changes.
type Problem struct {
	Norm, Address, Key string
	Reason, Detail     string
	Wanted             string    // the values that did not arrive, in the form of Contact.Fields
	Attempts           int       // how often they were sent
	Since              time.Time // of the first attempt
	RetryAt            time.Time
	Run                int64 // of the last attempt
}

type problemRow struct {
	Norm, Address, Key, Reason, Detail, Wanted, Since string
	Attempts                                          int
	RetryAt                                           string `db:"retry_at"`
	Run                                               int64
}

func (r problemRow) problem() Problem {
	return Problem{Norm: r.Norm, Address: r.Address, Key: r.Key, Reason: r.Reason, Detail: r.Detail, Wanted: r.Wanted,
		Attempts: r.Attempts, Since: moment(r.Since), RetryAt: moment(r.RetryAt), Run: r.Run}
}

const (
	problemColumns = "norm, address, key, reason, detail, wanted, attempts, since, retry_at, run"
	selectProblems = "SELECT " + problemColumns + " FROM problems"
	whereProblem   = " WHERE norm IN (?)"
)

// Problems yields the open problems, ascending by Norm.
func (db outbox) Problems(ctx context.Context) iter.Seq2[Problem, error] {
	return func(yield func(Problem, error) bool) {
		rows, err := db.read.QueryxContext(ctx, selectProblems+" ORDER BY norm")
		if err != nil {
			yield(Problem{}, fmt.Errorf("read problems: %w", err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			var r problemRow
			if err := rows.StructScan(&r); err != nil {
				yield(Problem{}, fmt.Errorf("read problems: %w", err))
				return
			}
			if !yield(r.problem(), nil) {
				return
			}
		}
		if err := db.read.explain(rows.Err()); err != nil {
			yield(Problem{}, fmt.Errorf("read problems: %w", err))
		}
	}
}

// ProblemsOf returns the problems of these normalised addresses.
func (db outbox) ProblemsOf(ctx context.Context, norms []string) (map[string]Problem, error) {
	found := make(map[string]Problem)
	err := db.streamIn(ctx, selectProblems+whereProblem, norms, 10, func(row []driver.Value) bool {
		text := func(column int) string { return row[column].(string) }
		p := Problem{Norm: text(0), Address: text(1), Key: text(2), Reason: text(3), Detail: text(4), Wanted: text(5),
			Attempts: int(row[6].(int64)), Since: moment(text(7)), RetryAt: moment(text(8)), Run: row[9].(int64)}
		found[p.Norm] = p
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read problems: %w", err)
	}
	return found, nil
}

// NextRetry is the earliest RetryAt, zero when there is no problem.
func (db outbox) NextRetry(ctx context.Context) (time.Time, error) {
	var at string
	if err := db.read.GetContext(ctx, &at, "SELECT COALESCE(MIN(retry_at), '') FROM problems"); err != nil {
		return time.Time{}, fmt.Errorf("read problems: %w", err)
	}
	return moment(at), nil
}

// SolveProblems removes the problems of these normalised addresses.
func (db outbox) SolveProblems(ctx context.Context, norms []string) error {
	if len(norms) == 0 {
		return nil
	}
	return db.change(ctx, "solve problems", func(ctx context.Context, tx *sqlx.Tx) error { return solve(ctx, tx, norms) })
}

func solve(ctx context.Context, tx *sqlx.Tx, norms []string) error {
	stmt, err := tx.PreparexContext(ctx, "DELETE FROM problems WHERE norm = ?")
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, norm := range norms {
		if _, err := stmt.ExecContext(ctx, norm); err != nil {
			return err
		}
	}
	return nil
}

// putProblem writes a problem and notes it in the history of its run.
func putProblem(ctx context.Context, tx *sqlx.Tx, p *Problem) error {
	row := problemRow{Norm: p.Norm, Address: p.Address, Key: p.Key, Reason: p.Reason, Detail: p.Detail, Wanted: p.Wanted,
		Attempts: p.Attempts, Since: stamp(p.Since), RetryAt: stamp(p.RetryAt), Run: p.Run}
	for _, text := range []string{
		"INSERT OR REPLACE INTO problems (" + problemColumns + `)
			VALUES (:norm, :address, :key, :reason, :detail, :wanted, :attempts, :since, :retry_at, :run)`,
		`INSERT OR REPLACE INTO run_problems (run, norm, address, key, reason, detail)
			VALUES (:run, :norm, :address, :key, :reason, :detail)`,
	} {
		if _, err := tx.NamedExecContext(ctx, text, row); err != nil {
			return err
		}
	}
	return nil
}

// RunProblem is what did not arrive in a run of the past, or changed in more than was planned.
type RunProblem struct{ Norm, Address, Key, Reason, Detail string }

// putRunProblem notes a problem in the history of the run of a batch.
func putRunProblem(ctx context.Context, tx *sqlx.Tx, batch int64, p *RunProblem) error {
	_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO run_problems (run, norm, address, key, reason, detail)
		SELECT r.id, ?, ?, ?, ?, ? FROM batches b JOIN runs r ON r.id = b.run WHERE b.id = ?`, p.Norm, p.Address, p.Key, p.Reason, p.Detail, batch)
	return err
}

// RunProblems returns at most n problems of a run.
func (db outbox) RunProblems(ctx context.Context, run int64, n int) ([]RunProblem, error) {
	var all []RunProblem
	err := db.read.SelectContext(ctx, &all, "SELECT norm, address, key, reason, detail FROM run_problems WHERE run = ? ORDER BY norm LIMIT ?", run, n)
	if err != nil {
		return nil, fmt.Errorf("read problems of run %d: %w", run, err)
	}
	return all, nil
}
