package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
)

// judgement is what sound said about a record that made it look.
type judgement struct {
	record []byte
	err    error
}

// opened unseals a record. One that cannot be unsealed, or is no text in JSON as all that is kept,
// may be the first sign of a damaged file, which SQLite only notices at the pages that it reads:
// then the file is ErrDamaged. If the file is whole, the record is what it is.
func (db *vaults) opened(ctx context.Context, name string, sealed []byte) ([]byte, error) {
	record, err := db.seal.open(name, sealed)
	if err == nil && (len(record) == 0 || utf8.Valid(record) && json.Valid(record)) {
		return record, nil
	}
	last := db.judged.Load()
	if last == nil || !bytes.Equal(last.record, sealed) { // it takes seconds in a large file
		last = &judgement{sealed, db.sound(ctx)}
		if ctx.Err() == nil {
			db.judged.Store(last)
		}
	}
	if last.err != nil {
		return nil, fmt.Errorf("open %s: %w", name, db.write.note(last.err))
	}
	return record, err
}

// sound reads the whole file. It is ErrDamaged where SQLite finds a fault, and nil also where that
// cannot be told. It has a connection of its own, since the others keep pages in memory.
func (db *file) sound(ctx context.Context) error {
	fresh, err := sqlx.Open("sqlite3", dsn(db.path, readPragmas))
	if err != nil {
		return nil
	}
	defer fresh.Close()
	var found string
	switch err = explain(db.path, fresh.GetContext(ctx, &found, "PRAGMA quick_check(1)")); {
	case errors.Is(err, ErrDamaged):
		return err
	case err == nil && found != "ok":
		return fmt.Errorf("%w (%s): %s", ErrDamaged, db.path, found)
	}
	return nil
}
