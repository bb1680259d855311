package source

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
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
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := s.tx.QueryxContext(ctx, db.dialect.statement(*rel, ch.columns, noLimit))
	if err != nil {
		return false, err
	}
	if ended, err = scanRows(rows, newScanner(ch), each); !ended {
		cancel() // else the driver would read the rest before it closes
		_ = rows.Close()
		return false, err
	}
	return true, rows.Close()
}

// scanRows tells whether the rows came to their end.
func scanRows(rows *sqlx.Rows, sc *scanner, each func(Row) bool) (ended bool, err error) {
	for rows.Next() {
		if err := rows.Scan(sc.dest...); err != nil {
			return false, err
		}
		if !each(sc.row()) {
			return false, nil
		}
	}
	err = rows.Err()
	return err == nil, err
}

// scanner makes rows of a result. All that is not text already goes through one buffer, so that a
// row costs one allocation for all of it.
type scanner struct {
	cells  []cell // one for each chosen column
	dest   []any  // a pointer to each cell
	buf    []byte
	order  []int // the cell of each value
	values []string
	hasKey bool
}

func newScanner(ch choice) *scanner {
	sc := &scanner{
		cells:  make([]cell, len(ch.columns)),
		dest:   make([]any, len(ch.columns)),
		order:  ch.order,
		values: make([]string, len(ch.order)),
		hasKey: ch.key != "",
	}
	for i, c := range ch.columns {
		sc.cells[i] = cell{kind: c.kind, buf: &sc.buf}
		sc.dest[i] = &sc.cells[i]
	}
	return sc
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
	sc.buf = sc.buf[:0]
	return sc.values
}
