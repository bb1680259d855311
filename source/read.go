package source

import (
	"context"
	"database/sql/driver"
	"fmt"
)

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
		return fmt.Errorf("read %s: %w", db.cfg.relation(), parent.Err())
	case ctx.Err() != nil:
		return timedOut("read "+db.cfg.relation().String(), db.cfg.Timeout, err)
	}
	return db.explain(err)
}

// readAll gives each row to each until that returns false. Only a read that came to its end leaves
// a mark for Unchanged.
func (db *DB) readAll(ctx context.Context, s *session, each func(Row) bool) error {
	rel := db.cfg.relation()
	ended, err := db.read(ctx, s, &rel, each)
	if err != nil || !ended {
		return err
	}
	if mark, err := db.dialect.mark(ctx, s, rel); err == nil {
		db.setMark(mark)
	}
	return nil
}

// read tells whether the rows came to their end.
func (db *DB) read(ctx context.Context, s *session, rel *relation, each func(Row) bool) (ended bool, err error) {
	all, err := db.describe(ctx, s, rel)
	if err != nil {
		return false, err
	}
	ch, err := db.choose(all, *rel)
	if err != nil {
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
		sc.cells[i] = cell{kind: c.kind, buf: &sc.buf}
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
