package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// Fact returns what this file knows under a name, "" when nothing.
func (db *file) Fact(ctx context.Context, name string) (string, error) {
	var value string
	err := db.write.GetContext(ctx, &value, "SELECT value FROM facts WHERE name = ?", name)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return value, nil
}

// SetFacts writes several facts at once.
func (db *file) SetFacts(ctx context.Context, facts map[string]string) error {
	return db.change(ctx, "write facts", func(ctx context.Context, tx *sqlx.Tx) error {
		for name, value := range facts {
			if err := setFact(ctx, tx, name, value); err != nil {
				return err
			}
		}
		return nil
	})
}

func setFact(ctx context.Context, tx *sqlx.Tx, name, value string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO facts (name, value) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}

const skewFact = "clock_skew"

// Now is the server's time as far as it is known: the local clock, corrected by the difference that
// Saw noticed. All that decides something by the clock asks here.
func (db *file) Now() time.Time {
	return time.Now().Add(time.Duration(db.skewed.Load())).UTC()
}

// Skew is the server's clock minus ours.
func (db *file) Skew() time.Duration { return time.Duration(db.skewed.Load()) }

// maxSkew is how far the server's clock may be from ours to be believed.
const maxSkew = 365 * 24 * time.Hour

// Saw takes the Date of an answer. A Date has whole seconds and an answer takes time to come, so
// differences of two seconds are none. A Date that is more than a year off is ignored.
func (db *file) Saw(ctx context.Context, date time.Time) error {
	const tolerance = 2 * time.Second
	skew := time.Until(date)
	if skew.Abs() > maxSkew {
		return nil
	}
	if skew.Abs() <= tolerance {
		skew = 0
	}
	jump := (skew - db.Skew()).Abs()
	if known := db.dated.Swap(true); jump <= tolerance {
		return nil
	} else if !known {
		jump = 0 // it is not known how far the clocks were apart before
	}
	db.skewed.Store(int64(skew))
	facts := map[string]string{skewFact: skew.String()}
	if jump > db.Unsteady() {
		db.jumped.Store(int64(jump))
		facts[jumpFact] = jump.String() + " " + stamp(db.Now())
	}
	return db.SetFacts(ctx, facts)
}

// jumpFact is how far the difference of the clocks was seen to jump, and when.
const (
	jumpFact  = "clock_jump"
	jumpHolds = 10 * 24 * time.Hour // as long as an activity can be looked at
)

// Unsteady is how far the server's clock, or ours, jumped within the last ten days: times that were
// noted by it can be wrong by so much.
func (db *file) Unsteady() time.Duration { return time.Duration(db.jumped.Load()) }

func (db *file) loadJump(ctx context.Context) error {
	written, err := db.Fact(ctx, jumpFact)
	if err != nil || written == "" {
		return err
	}
	far, at, _ := strings.Cut(written, " ")
	jump, err := time.ParseDuration(far)
	if err == nil && db.Now().Sub(moment(at)).Abs() < jumpHolds+jump {
		db.jumped.Store(int64(jump))
	}
	return err
}

func (db *file) loadSkew(ctx context.Context) error {
	written, err := db.Fact(ctx, skewFact)
	if err != nil || written == "" {
		return err
	}
	db.dated.Store(true)
	skew, err := time.ParseDuration(written)
	if skew.Abs() <= maxSkew { // an older ccsyncd kept any
		db.skewed.Store(int64(skew))
	}
	return err
}
