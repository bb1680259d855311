package source

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"time"

	"github.com/jmoiron/sqlx"
)

// dialect is what differs between the databases. Its methods may be called concurrently.
type dialect interface {
	// begin starts a read-only transaction on one snapshot.
	begin(ctx context.Context) (*session, error)
	// columns describes a table or query, and fills rel.from; none and no error: there is no such
	// table.
	columns(ctx context.Context, s *session, rel *relation) ([]Column, error)
	// tables names all tables and views, as Config.Table would.
	tables(ctx context.Context, s *session) ([]string, error)
	// number is an expression for the size of a number in a column, without its sign, whatever the
	// column's type; NULL, or something small, for what is no number.
	number(column string) string
	// statement selects the wanted columns, limit rows or all (noLimit).
	statement(rel relation, want []Column, limit int) string
	// mark describes the snapshot of a session whose statement was read to its end, so that an
	// equal mark later proves that the rows are the same. "" where nothing would prove it.
	mark(ctx context.Context, s *session, rel relation) (string, error)
	// current is the mark of this moment.
	current(ctx context.Context) (string, error)
	// explain words an error of the driver.
	explain(err error, rel relation) error
	// advice is what a person should know about an otherwise healthy database.
	advice(ctx context.Context, s *session) []string
	close() error
}

// dialect gives the target's dialect. Nothing is connected yet.
func (t *target) dialect(timeout time.Duration) (dialect, error) {
	switch t.driver {
	case Postgres:
		return openPostgres(t, timeout), nil
	case MySQL:
		return openMySQL(t, timeout)
	default:
		return openSQLite(t), nil
	}
}

// session is one read-only transaction on a connection of its own.
type session struct {
	conn   *sqlx.Conn
	tx     *sqlx.Tx
	before string // SQLite: the mark from before the transaction
}

// startSession begins a transaction on a connection of its own. What prepare says, if anything, is
// done before.
func startSession(ctx context.Context, pool *sqlx.DB, prepare string, options *sql.TxOptions) (*session, error) {
	conn, err := pool.Connx(ctx)
	if err != nil {
		return nil, err
	}
	if prepare != "" {
		_, err = conn.ExecContext(ctx, prepare)
	}
	s := &session{conn: conn}
	if err == nil {
		s.tx, err = conn.BeginTxx(ctx, options)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

// stream gives each row of a statement, valid until the next one, to each until that returns false,
// and tells whether the rows came to their end. It asks the driver itself, since the locks and
// conversions of database/sql took a third of the time of reading SQLite; the transaction is on the
// same connection.
func (s *session) stream(ctx context.Context, statement string, width int, each func([]driver.Value) (bool, error)) (ended bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var crash any
	// What Raw is told of a bad connection, or sees of a panic, makes it close the connection, and
	// so wait for the transaction, which waits for it: it is told nothing.
	refused := s.conn.Raw(func(conn any) error {
		defer func() { crash = recover() }()
		ended, err = query(ctx, cancel, conn.(driver.QueryerContext), statement, width, each)
		return nil
	})
	if crash != nil {
		panic(crash)
	}
	if err == nil {
		err = refused
	}
	return ended && err == nil, err
}

func query(ctx context.Context, cancel func(), conn driver.QueryerContext, statement string, width int, each func([]driver.Value) (bool, error)) (ended bool, err error) {
	rows, err := conn.QueryContext(ctx, statement, nil)
	if err != nil {
		return false, err
	}
	defer func() {
		if !ended {
			cancel() // else the driver would read the rest before it closes
		}
		if closed := rows.Close(); ended && err == nil {
			err = closed
		}
	}()
	return drain(rows, make([]driver.Value, width), each)
}

func drain(rows driver.Rows, row []driver.Value, each func([]driver.Value) (bool, error)) (ended bool, err error) {
	for {
		if err := rows.Next(row); err == io.EOF {
			return true, nil
		} else if err != nil {
			return false, err
		}
		if more, err := each(row); err != nil || !more {
			return false, err
		}
	}
}

// close gives the transaction up; it has nothing to commit.
func (s *session) close() {
	_ = s.tx.Rollback()
	_ = s.conn.Close()
}
