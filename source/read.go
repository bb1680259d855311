package source

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"iter"
)

// Reading is one reading of all users. It is for one goroutine.
type Reading struct {
	rows iter.Seq2[Row, error]
	mark string
}

// ReadingOf returns a reading of rows that come from no database. Its mark is "".
func ReadingOf(rows iter.Seq2[Row, error]) *Reading { return &Reading{rows: rows} }

// Rows returns all users in no order. They are read on demand, in one read-only transaction on one
// snapshot. A sequence that ends without an error was read completely. An error, also the end of
// the context, is its last element. Another call reads again.
func (r *Reading) Rows() iter.Seq2[Row, error] { return r.rows }

// Mark identifies the rows for Unchanged, after they were read completely. It names its DB, so it
// can be stored: another DB does not accept it. "" means that it allows no conclusion.
func (r *Reading) Mark() string { return r.mark }

// Read prepares a reading; [Reading.Rows] reads. dates are the indices of the Config.Columns whose
// values are to be dates. Their numbers are read as seconds or milliseconds since 1970. The column
// as a whole decides which; if it does not, they stay numbers.
func (db *DB) Read(ctx context.Context, dates ...int) *Reading {
	reading := &Reading{}
	reading.rows = func(yield func(Row, error) bool) {
		reading.mark = ""
		stopped := false
		err := db.within(ctx, func(ctx context.Context, s *session) (err error) {
			reading.mark, err = db.readAll(ctx, s, dates, func(r Row) bool {
				stopped = !yield(r, nil)
				return !stopped
			})
			return err
		})
		if err != nil && !stopped {
			yield(Row{}, err)
		}
	}
	return reading
}

// within does something in a session, in the time that the configuration allows, and words its
// errors.
func (db *DB) within(parent context.Context, do func(context.Context, *session) error) error {
	ctx, cancel := withTimeout(parent, db.cfg.Timeout)
	defer cancel()
	err := func() error {
		s, err := db.dialect.begin(ctx)
		if err != nil {
			return err
		}
		defer s.close()
		return do(ctx, s)
	}()
	switch {
	case err == nil:
		return nil
	case parent.Err() != nil:
		return fmt.Errorf("read %s: %w", db.rel, parent.Err())
	case ctx.Err() != nil:
		return timedOut("read "+db.rel.String(), db.cfg.Timeout, err)
	}
	return db.explain(err)
}

// readAll gives each row to each until that returns false. Only a read that came to its end has a
// mark.
func (db *DB) readAll(ctx context.Context, s *session, dates []int, each func(Row) bool) (mark string, err error) {
	rel := db.rel
	stopped := false
	ended, err := db.read(ctx, s, &rel, dates, func(r Row) bool {
		stopped = !each(r)
		return !stopped
	})
	switch {
	case err != nil, stopped:
		return "", err
	case !ended:
		return "", errors.New("the rows ended early")
	}
	if mark, err = db.dialect.mark(ctx, s, rel); err != nil || mark == "" {
		return "", nil // the rows are good, and nothing will prove that they still are
	}
	return db.handle + " " + mark, nil
}

// read tells whether the rows came to their end.
func (db *DB) read(ctx context.Context, s *session, rel *relation, dates []int, each func(Row) bool) (ended bool, err error) {
	all, err := db.describe(ctx, s, rel)
	if err != nil {
		return false, err
	}
	ch, err := db.choose(all, *rel, dates)
	if err != nil {
		return false, err
	}
	if err := db.judge(ctx, s, *rel, ch.columns); err != nil {
		return false, err
	}
	db.setKey(ch.key)
	sc := newScanner(ch)
	return s.stream(ctx, db.dialect.statement(*rel, ch.columns, noLimit), len(ch.columns), func(values []driver.Value) (bool, error) {
		if err := sc.take(values); err != nil {
			return false, err
		}
		return each(sc.row()), nil
	})
}

// scanner makes rows of a result. All that is not text already goes through one buffer, so that a
// row costs one allocation for all of it.
type scanner struct {
	cells  []cell // one for each chosen column
	buf    []byte
	order  []int // the cell of each value
	values []string
	hasKey bool
}

func newScanner(ch choice) *scanner {
	sc := &scanner{
		cells:  make([]cell, len(ch.columns)),
		order:  ch.order,
		values: make([]string, len(ch.order)),
		hasKey: ch.key != "",
	}
	for i, c := range ch.columns {
		sc.cells[i] = cell{kind: c.kind, unit: c.unit, untold: c.untold, buf: &sc.buf}
	}
	return sc
}

// take scans the values of a row.
func (sc *scanner) take(values []driver.Value) error {
	sc.buf = sc.buf[:0]
	for i, v := range values {
		if err := sc.cells[i].scan(v); err != nil {
			return err
		}
	}
	return nil
}

// row gives what was scanned.
func (sc *scanner) row() Row {
	values := sc.texts()
	if !sc.hasKey {
		return Row{Email: values[0], Values: values[1:]}
	}
	return Row{Key: values[0], Email: values[1], Values: values[2:]}
}

// texts gives the values of the row that was scanned last; the slice is used again for the next.
func (sc *scanner) texts() []string {
	text := string(sc.buf)
	for i, n := range sc.order {
		sc.values[i] = sc.cells[n].value(text)
	}
	return sc.values
}
