package state

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// What can be wrong with the file at any time; every method can return these. Each error names the file.
var (
	// ErrBusy: another process has kept the file locked for more than five seconds.
	ErrBusy = errors.New("the state database is locked by another process: a backup, a database shell, or a disk that hangs")
	// ErrFull: nothing can be written down any more, so nothing more was sent.
	ErrFull = errors.New("no room is left on the disk of the state database: make room, and the next run goes on")
	// ErrReadOnly: the file or its folder cannot be written.
	ErrReadOnly = errors.New("the state database cannot be written: check the owner and mode of the file and its folder, and the disk")
)

// troubles are by SQLite's result codes (sqlite.org/rescode.html).
var troubles = map[sqlite3.ErrNo]error{
	sqlite3.ErrBusy:     ErrBusy,
	sqlite3.ErrLocked:   ErrBusy,
	sqlite3.ErrFull:     ErrFull,
	sqlite3.ErrReadonly: ErrReadOnly,
	sqlite3.ErrPerm:     ErrReadOnly,
	sqlite3.ErrCantOpen: ErrReadOnly,
	sqlite3.ErrCorrupt:  ErrDamaged,
	sqlite3.ErrNotADB:   ErrDamaged,
}

// handle is a pool of connections whose errors tell what is wrong with the file.
type handle struct {
	*sqlx.DB
	path    string
	tries   int          // of patient
	present func() error // asked before every statement; nil: it is not asked
}

// explain names the trouble and the file, if the error is one of the file.
func (h handle) explain(err error) error {
	var cause sqlite3.Error
	if !errors.As(err, &cause) {
		return err
	}
	trouble := troubles[cause.Code]
	if trouble == nil || errors.Is(err, trouble) {
		return err
	}
	return fmt.Errorf("%w (%s): %w", trouble, h.path, err)
}

// busyTries is how often the writer asks for the file that another process has locked: with its busy timeout, for five seconds.
const busyTries = 50

// patient asks again while another process has the file locked. SQLite waits by itself, and looks each 25 ms at most in the first tenth of a
// second, but each tenth of a second later on: too seldom for the moments between the transactions of a process that
// writes many, so that its wait is short and begun anew.
func (h handle) patient(ask func() error) error {
	if h.present != nil {
		if err := h.present(); err != nil {
			return err
		}
	}
	err := ask()
	for tries := 1; tries < h.tries; tries++ {
		var cause sqlite3.Error
		if !errors.As(err, &cause) || cause.Code != sqlite3.ErrBusy {
			break
		}
		err = ask()
	}
	return h.explain(err)
}

func (h handle) GetContext(ctx context.Context, into any, query string, args ...any) error {
	return h.patient(func() error { return h.DB.GetContext(ctx, into, query, args...) })
}

func (h handle) SelectContext(ctx context.Context, into any, query string, args ...any) error {
	return h.patient(func() error { return h.DB.SelectContext(ctx, into, query, args...) })
}

func (h handle) ExecContext(ctx context.Context, query string, args ...any) (done sql.Result, err error) {
	err = h.patient(func() (err error) {
		done, err = h.DB.ExecContext(ctx, query, args...)
		return err
	})
	return done, err
}

func (h handle) QueryxContext(ctx context.Context, query string, args ...any) (rows *sqlx.Rows, err error) {
	err = h.patient(func() (err error) {
		rows, err = h.DB.QueryxContext(ctx, query, args...)
		return err
	})
	return rows, err
}

// stream gives each row of a query, valid until the next one, to each until that returns false. It asks the driver itself,
// for the sake of a million rows: database/sql locks, copies and converts once more.
func (h handle) stream(ctx context.Context, query string, args []any, width int, each func([]driver.Value) bool) error {
	conn, err := h.Connx(ctx)
	if err != nil {
		return h.explain(err)
	}
	defer conn.Close()
	return h.streamOn(ctx, conn, query, args, width, each)
}

// streamOn is stream on a connection.
func (h handle) streamOn(ctx context.Context, conn *sqlx.Conn, query string, args []any, width int, each func([]driver.Value) bool) error {
	values := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	return h.explain(conn.Raw(func(conn any) error {
		rows, err := conn.(driver.QueryerContext).QueryContext(ctx, query, values)
		if err != nil {
			return err
		}
		defer rows.Close()
		row := make([]driver.Value, width)
		for err = rows.Next(row); err == nil && each(row); {
			err = rows.Next(row)
		}
		if err == io.EOF {
			return nil
		}
		return err
	}))
}

// snapshot gives a connection on which all that is read is of one moment.
func (h handle) snapshot(ctx context.Context, read func(*sqlx.Conn) error) (err error) {
	conn, err := h.Connx(ctx)
	if err != nil {
		return h.explain(err)
	}
	defer conn.Close()
	tx, err := conn.BeginTxx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return h.explain(err)
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }() // whatever happens: closing the connection waits for it
	return read(conn)
}

func (h handle) BeginTxx(ctx context.Context) (tx *sqlx.Tx, err error) {
	err = h.patient(func() (err error) {
		tx, err = h.DB.BeginTxx(ctx, nil)
		return err
	})
	return tx, err
}
