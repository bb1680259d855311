package state

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"ccsyncd/internal/kit"

	"github.com/jmoiron/sqlx"
)

// Limits are what the owner allows this installation to send.
type Limits struct {
	PerSecond int // requests in any second
	PerDay    int // requests in a UTC day, what is reserved for others already taken off
	// Random gives numbers in [0, 1): how much longer than a day everything stops that is used up.
	// nil: math/rand/v2's.
	Random func() float64
}

// Quota hands out the right to send requests, to all processes on the file together. It satisfies
// what ccapi asks of a quota.
type Quota struct {
	db     *file
	limits Limits
}

// Quota returns the quota under these limits.
func (db facts) Quota(l Limits) *Quota { return &Quota{db: db.file, limits: l} }

// QuotaError says that nothing more may be sent today.
type QuotaError struct {
	Used, Limit int
	ResetsAt    time.Time
}

func (e *QuotaError) Error() string {
	return fmt.Sprintf("today's quota is used up (%s of %s requests); it resets at %s", kit.Count(e.Used), kit.Count(e.Limit), e.ResetsAt.Format(time.RFC3339))
}

const (
	// spacing is the distance of requests in percent of the even one: at 100 % the jitter of the
	// network puts five of four a second into one second now and then, and at 104 % a busy machine
	// still did.
	spacing = 108
	// lead is how far ahead a slot is at least. A slot is taken before it is on the disk; without
	// the lead a slow commit would let one process send late, close to the next slot of another.
	lead = 20 * time.Millisecond
	// jump is the distance of a slot that only a clock that was set can explain.
	jump = 10 * time.Second
	// maxJitter is how much longer at most everything stops than until the day turns.
	maxJitter = time.Minute
	// slowFor is how long the pace is halved after the server said "throttled".
	slowFor = time.Minute
)

// Reserve charges one request to the UTC day and returns the moment at which it may be sent. The
// charge is on the disk before Reserve returns, so a crash over-counts and never under-counts. A
// *QuotaError when the day is used up, by our count or by the server's word.
func (q *Quota) Reserve(ctx context.Context) (sendAt time.Time, err error) {
	err = q.db.change(ctx, "reserve a request", func(ctx context.Context, tx *sqlx.Tx) error {
		now := q.db.Now()
		pace, err := loadPace(ctx, tx)
		if err != nil {
			return err
		}
		if resets, closed := pace.closed(now); closed {
			return &QuotaError{Used: q.limits.PerDay, Limit: q.limits.PerDay, ResetsAt: resets}
		}
		if err := q.charge(ctx, tx, now); err != nil {
			return err
		}
		sendAt = q.slot(&pace, time.Now())
		return savePace(ctx, tx, pace)
	})
	return sendAt, err
}

func (q *Quota) charge(ctx context.Context, tx *sqlx.Tx, now time.Time) error {
	var used int
	err := tx.GetContext(ctx, &used, `INSERT INTO quota (day, used) VALUES (?, 1)
		ON CONFLICT (day) DO UPDATE SET used = quota.used + 1 RETURNING used`, day(now))
	if err != nil {
		return err
	}
	if used > q.limits.PerDay {
		return &QuotaError{Used: used - 1, Limit: q.limits.PerDay, ResetsAt: midnight(now)}
	}
	return nil
}

// slot takes the next free moment by the local clock, which all processes on the file share.
func (q *Quota) slot(p *pace, now time.Time) time.Time {
	distance := time.Second * spacing / 100 / time.Duration(max(q.limits.PerSecond, 1))
	if slow := time.UnixMicro(p.SlowUntil).Sub(now); slow > 0 && slow <= slowFor {
		distance *= 2
	}
	at := time.UnixMicro(p.NextAt)
	if soonest := now.Add(lead); at.Before(soonest) || at.Sub(now) > jump {
		at = soonest
	}
	p.NextAt = at.Add(distance).UnixMicro()
	return at
}

// Throttled halves the pace for a minute.
func (q *Quota) Throttled(ctx context.Context) error {
	_, err := q.db.write.ExecContext(ctx, "UPDATE pace SET slow_until = ?", time.Now().Add(slowFor).UnixMicro())
	if err != nil {
		return fmt.Errorf("halve the pace: %w", err)
	}
	return nil
}

// Exhausted stops everything until a moment of the server's clock, and some seconds longer: all who
// use the API key wait for the same moment.
func (q *Quota) Exhausted(ctx context.Context, until time.Time) error {
	random := q.limits.Random
	if random == nil {
		random = rand.Float64
	}
	_, err := q.db.write.ExecContext(ctx, "UPDATE pace SET closed_until = ?", until.Add(time.Duration(random()*float64(maxJitter))).UnixMicro())
	if err != nil {
		return fmt.Errorf("close the day: %w", err)
	}
	return nil
}

// Usage is the day's account.
type Usage struct {
	Used, Limit int
	ResetsAt    time.Time
	Closed      bool // the server said that the quota is used up
}

// Usage tells what was charged to the present UTC day.
func (q *Quota) Usage(ctx context.Context) (Usage, error) {
	now := q.db.Now()
	u := Usage{Limit: q.limits.PerDay, ResetsAt: midnight(now)}
	err := q.db.read.GetContext(ctx, &u.Used, "SELECT COALESCE(SUM(used), 0) FROM quota WHERE day = ?", day(now))
	if err != nil {
		return u, fmt.Errorf("read the quota: %w", err)
	}
	var p pace
	if err := q.db.read.GetContext(ctx, &p, selectPace); err != nil {
		return u, fmt.Errorf("read the quota: %w", err)
	}
	if resets, closed := p.closed(now); closed {
		u.Closed, u.ResetsAt = true, resets
	}
	return u, nil
}

// Days returns the requests charged to each of the last n UTC days, the oldest first.
func (q *Quota) Days(ctx context.Context, n int) ([]Day, error) {
	var days []Day
	err := q.db.read.SelectContext(ctx, &days, `SELECT day, used FROM quota
		WHERE day > ? ORDER BY day`, day(q.db.Now().AddDate(0, 0, -n)))
	if err != nil {
		return nil, fmt.Errorf("read the quota: %w", err)
	}
	return days, nil
}

// Day is one UTC day ("2026-11-24") and the requests charged to it.
type Day struct {
	Day  string
	Used int
}

type pace struct {
	NextAt      int64 `db:"next_at"`
	SlowUntil   int64 `db:"slow_until"`
	ClosedUntil int64 `db:"closed_until"`
}

func loadPace(ctx context.Context, tx *sqlx.Tx) (pace, error) {
	var p pace
	err := tx.GetContext(ctx, &p, selectPace)
	return p, err
}

const selectPace = "SELECT next_at, slow_until, closed_until FROM pace"

// closed tells whether the server said that the day is used up, and when it resets. A day that
// would end in more than a day is that of a clock that was set.
func (p *pace) closed(now time.Time) (resets time.Time, closed bool) {
	until := time.UnixMicro(p.ClosedUntil).UTC()
	return until.Truncate(24 * time.Hour), now.Before(until) && until.Sub(now) <= 24*time.Hour+maxJitter
}

func savePace(ctx context.Context, tx *sqlx.Tx, p pace) error {
	_, err := tx.ExecContext(ctx, "UPDATE pace SET next_at = ?", p.NextAt)
	return err
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func midnight(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour) }
