package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Request is a run that another process asked the daemon for. Options and Answer are the asker's
// and the daemon's own text.
type Request struct {
	ID      int64
	AskedAt time.Time // by the server's clock
	Options string
}

// Ask leaves a request for the daemon and returns its number, which no other request has ever had:
// one that was removed meanwhile must not be answered with another's answer.
func (db history) Ask(ctx context.Context, options string) (id int64, err error) {
	err = db.write.GetContext(ctx, &id, `INSERT INTO requests (id, asked_at, options, taken_at, answer)
		VALUES (MAX(?, (SELECT COALESCE(MAX(id), 0) + 1 FROM requests)), ?, ?, '', '') RETURNING id`, time.Now().UnixNano(), stamp(db.Now()), options)
	if err != nil {
		return 0, fmt.Errorf("ask the daemon: %w", err)
	}
	return id, nil
}

// Asked takes the oldest request that nobody has taken or answered; ok is false when there is none.
func (db history) Asked(ctx context.Context) (r Request, ok bool, err error) {
	var row struct {
		ID      int64
		AskedAt string `db:"asked_at"`
		Options string
	}
	err = db.write.GetContext(ctx, &row, `UPDATE requests SET taken_at = ? WHERE id = (SELECT MIN(id) FROM requests WHERE taken_at = '' AND answer = '')
		RETURNING id, asked_at, options`, stamp(db.Now()))
	if errors.Is(err, sql.ErrNoRows) {
		return Request{}, false, nil
	}
	if err != nil {
		return Request{}, false, fmt.Errorf("take a request: %w", err)
	}
	return Request{row.ID, moment(row.AskedAt), row.Options}, true, nil
}

// Requeue hands out again what was taken and never answered. It is for who holds the run lock from
// now on: whoever took those requests is dead. newest is the number of the last request so far, 0
// for none.
func (db history) Requeue(ctx context.Context) (newest int64, err error) {
	if _, err = db.write.ExecContext(ctx, "UPDATE requests SET taken_at = '' WHERE answer = ''"); err == nil {
		err = db.write.GetContext(ctx, &newest, "SELECT COALESCE(MAX(id), 0) FROM requests")
	}
	if err != nil {
		return 0, fmt.Errorf("take requests again: %w", err)
	}
	return newest, nil
}

// SetAnswer answers a request, whose options have then served their purpose and are not kept.
func (db history) SetAnswer(ctx context.Context, id int64, answer string) error {
	if _, err := db.write.ExecContext(ctx, "UPDATE requests SET answer = ?, options = '' WHERE id = ?", answer, id); err != nil {
		return fmt.Errorf("answer request %d: %w", id, err)
	}
	return nil
}

// ErrWithdrawn: the request no longer exists.
var ErrWithdrawn = errors.New("`ccsyncd forget` removed the request, because it names the address; a run that has started continues")

// Answer returns the answer to a request, "" while there is none. ErrWithdrawn when somebody has
// removed the request.
func (db history) Answer(ctx context.Context, id int64) (answer string, err error) {
	err = db.read.GetContext(ctx, &answer, "SELECT answer FROM requests WHERE id = ?", id)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrWithdrawn
	}
	if err != nil {
		return "", fmt.Errorf("read the answer to request %d: %w", id, err)
	}
	return answer, nil
}
