package state

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// What can be wrong with the file at any time; every method can return these. Each error names the
// file.
var (
	// ErrBusy: another process has kept the file locked for more than five seconds.
	ErrBusy = errors.New("another process locks the state file (such as a backup or a database shell), or the disk hangs")
	// ErrFull: nothing can be recorded any more, so nothing more was sent.
	ErrFull = errors.New("the disk of the state file is full")
	// ErrReadOnly: the file or its folder cannot be written. See ReadOnlyError.
	ErrReadOnly = errors.New("the state file cannot be written")
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

// Trouble is what kept the last statement from being written: ErrFull, ErrBusy, ErrReadOnly,
// ErrDamaged or ErrReplaced, with the file's name. It is nil once something was written again, and
// may be asked concurrently: a run that could not even begin leaves no other trace.
func (db *file) Trouble() error {
	if last := db.trouble.Load(); last != nil {
		return *last
	}
	return nil
}

// noted keeps the trouble that a statement met; any other error is the statement's own.
func (db *file) noted(err error) {
	if err == nil {
		db.trouble.Store(nil)
		return
	}
	for _, trouble := range []error{ErrFull, ErrBusy, ErrReadOnly, ErrDamaged, ErrReplaced} {
		if errors.Is(err, trouble) {
			db.trouble.Store(&err)
			return
		}
	}
}

// handle is a pool of connections whose errors tell what is wrong with the file.
type handle struct {
	*sqlx.DB
	path    string
	tries   int          // of patient
	present func() error // asked before every statement; nil: it is not asked
	noted   func(error)  // hears how each statement that writes ended; nil: nobody listens
}

// systemTroubles are by what the operating system says; SQLite has the same code for all of them
// when it cannot make the file that its processes share.
var systemTroubles = map[syscall.Errno]error{
	syscall.ENOSPC: ErrFull,
	syscall.EDQUOT: ErrFull,
	syscall.EFBIG:  ErrFull,
	syscall.EROFS:  ErrReadOnly,
	syscall.EACCES: ErrReadOnly,
	syscall.EPERM:  ErrReadOnly,
}

// explain names the trouble and the file, if the error is one of the file.
func (h handle) explain(err error) error { return explain(h.path, err) }

func explain(path string, err error) error {
	var trouble error
	var cause sqlite3.Error
	var system syscall.Errno
	switch {
	case errors.As(err, &cause) && cause.ExtendedCode == sqlite3.ErrIoErrShortRead:
		trouble = ErrDamaged // somebody made the file or its log shorter
	case errors.As(err, &cause):
		if trouble = systemTroubles[cause.SystemErrno]; trouble == nil {
			trouble = troubles[cause.Code]
		}
	case errors.As(err, &system):
		trouble = systemTroubles[system]
	}
	if trouble == nil || errors.Is(err, trouble) {
		return err
	}
	if trouble == ErrReadOnly {
		return readOnly(path, err)
	}
	return fmt.Errorf("%w (%s): %w", trouble, path, err)
}

// busyTries is how often the writer asks for the file that another process has locked: with its
// busy timeout, for five seconds.
const busyTries = 50

// patient asks again while another process has the file locked. SQLite waits by itself, and looks
// each 25 ms at most in the first tenth of a second, but each tenth of a second later on: too
// seldom for the moments between the transactions of a process that writes many, so that its wait
// is short and repeated.
func (h handle) patient(ask func() error) error {
	if h.present != nil {
		if err := h.present(); err != nil {
			return h.note(err)
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
	if err == nil {
		return nil // it may have read alone, which says nothing of writing
	}
	return h.note(h.explain(err))
}

func (h handle) note(err error) error {
	if h.noted != nil {
		h.noted(err)
	}
	return err
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
	if err == nil {
		h.note(nil)
	}
	return done, err
}

func (h handle) QueryxContext(ctx context.Context, query string, args ...any) (rows *sqlx.Rows, err error) {
	err = h.patient(func() (err error) {
		rows, err = h.DB.QueryxContext(ctx, query, args...)
		return err
	})
	return rows, err
}

// stream gives each row of a query, valid until the next one, to each until that returns false. It
// asks the driver itself, for the sake of a million rows: database/sql locks, copies and converts
// again.
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
	// whatever happens: closing the connection waits for it
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	return read(conn)
}

func (h handle) BeginTxx(ctx context.Context) (tx *sqlx.Tx, err error) {
	err = h.patient(func() (err error) {
		tx, err = h.DB.BeginTxx(ctx, nil)
		return err
	})
	return tx, err
}
