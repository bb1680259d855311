package state

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// bubble runs a test on a fresh file in a bubble, at 22:00 UTC.
func bubble(t *testing.T, test func(*testing.T, *DB)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		db := open(t, dir+"/ccsync.db")
		time.Sleep(22 * time.Hour) // the bubble's clock begins at midnight
		test(t, db)
		db.Close()
	})
}

func TestTheDaysCountOutlivesTheProcessAndTurnsAtMidnight(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, db *DB) {
		limits := Limits{PerSecond: 4, PerDay: 3}
		for range 3 {
			if _, err := db.Quota(limits).Reserve(t.Context()); err != nil {
				t.Fatal(err)
			}
			db.Close()
			db = open(t, db.Path())
		}
		var over *QuotaError
		_, err := db.Quota(limits).Reserve(t.Context())
		if midnight := time.Now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour); !errors.As(err, &over) || !over.ResetsAt.Equal(midnight) {
			t.Errorf("got %v", err)
		}
		if u, err := db.Quota(limits).Usage(t.Context()); err != nil || u.Used != 3 {
			t.Errorf("what was refused was charged: %+v %v", u, err)
		}
		time.Sleep(2 * time.Hour)
		if _, err := db.Quota(limits).Reserve(t.Context()); err != nil {
			t.Errorf("after midnight: %v", err)
		}
	})
}

func TestTheServersWordClosesTheDayForAllProcesses(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, db *DB) {
		limits := Limits{PerSecond: 4, PerDay: 100}
		midnight := time.Now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
		if err := db.Quota(limits).Exhausted(t.Context(), midnight); err != nil {
			t.Fatal(err)
		}
		other := open(t, db.Path())
		defer other.Close()
		time.Sleep(time.Until(midnight) - time.Second)
		var over *QuotaError
		if _, err := other.Quota(limits).Reserve(t.Context()); !errors.As(err, &over) || !over.ResetsAt.Equal(midnight) {
			t.Errorf("got %v, want a quota error until %s", err, midnight)
		}
		if u, err := other.Quota(limits).Usage(t.Context()); err != nil || !u.Closed || !u.ResetsAt.Equal(midnight) {
			t.Errorf("usage %+v %v", u, err)
		}
		time.Sleep(time.Second + maxJitter)
		if _, err := other.Quota(limits).Reserve(t.Context()); err != nil {
			t.Errorf("a minute after midnight: %v", err)
		}
	})
}

func TestNotAllWhoWaitForMidnightAwakeAtOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, db *DB) {
		moments := make(map[int64]bool)
		for range 20 {
			if err := db.Quota(Limits{}).Exhausted(t.Context(), time.Now()); err != nil {
				t.Fatal(err)
			}
			var until int64
			if err := db.write.GetContext(t.Context(), &until, "SELECT closed_until FROM pace"); err != nil {
				t.Fatal(err)
			}
			moments[until] = true
		}
		if len(moments) < 10 {
			t.Errorf("only %d of 20 moments differ", len(moments))
		}
	})
}

func TestProcessesKeepOnePaceTogether(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, db *DB) {
		other := open(t, db.Path())
		defer other.Close()
		limits := Limits{PerSecond: 4, PerDay: 1000}
		var slots []time.Time
		for range 10 {
			for _, each := range []*DB{db, other} {
				at, err := each.Quota(limits).Reserve(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				slots = append(slots, at)
			}
		}
		for i := 4; i < len(slots); i++ {
			if d := slots[i].Sub(slots[i-4]); d <= time.Second {
				t.Errorf("five requests within %s", d)
			}
		}
	})
}

func TestThePaceIsHalvedForAMinuteAfterThrottled(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, db *DB) {
		quota := db.Quota(Limits{PerSecond: 4, PerDay: 1000})
		distance := func() time.Duration {
			time.Sleep(5 * time.Second) // what was reserved before is past
			first, err1 := quota.Reserve(t.Context())
			second, err2 := quota.Reserve(t.Context())
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			return second.Sub(first)
		}
		usual := distance()
		if err := quota.Throttled(t.Context()); err != nil {
			t.Fatal(err)
		}
		if slow := distance(); slow < 2*usual-time.Millisecond {
			t.Errorf("%s after throttled, %s before", slow, usual)
		}
		time.Sleep(slowFor)
		if again := distance(); again != usual {
			t.Errorf("%s a minute later, %s before", again, usual)
		}
	})
}

// Moments far ahead are what a clock that was set back leaves behind.
func TestAClockThatJumpsHoldsNothingUp(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"the next slot": "UPDATE pace SET next_at = ?",
		"a halved pace": "UPDATE pace SET slow_until = ?",
		"a day used up": "UPDATE pace SET closed_until = ?",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, db *DB) {
				if _, err := db.write.ExecContext(t.Context(), change, time.Now().Add(50*time.Hour).UnixMicro()); err != nil {
					t.Fatal(err)
				}
				quota := db.Quota(Limits{PerSecond: 4, PerDay: 10})
				_, err1 := quota.Reserve(t.Context())
				at, err2 := quota.Reserve(t.Context())
				if err := errors.Join(err1, err2); err != nil || time.Until(at) > 400*time.Millisecond {
					t.Errorf("the second slot is in %s (%v)", time.Until(at), err)
				}
			})
		})
	}
}

// Usage and the error of Reserve name the same moment at which the day turns, by our count and by
// the server's word.
func TestTheMomentAtWhichTheQuotaResets(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, db *DB) {
		quota := db.Quota(Limits{PerSecond: 4, PerDay: 1})
		midnight := time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC) // the bubble begins on the first
		wantUsage := func(used int, closed bool, resets time.Time) {
			t.Helper()
			u, err := quota.Usage(t.Context())
			if want := (Usage{Used: used, Limit: 1, ResetsAt: resets, Closed: closed}); err != nil || u != want {
				t.Errorf("usage %+v (%v), want %+v", u, err, want)
			}
		}
		wantUsage(0, false, midnight)
		if _, err := quota.Reserve(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantUsage(1, false, midnight)
		var over *QuotaError
		if _, err := quota.Reserve(t.Context()); !errors.As(err, &over) || !over.ResetsAt.Equal(midnight) || over.Used != 1 || over.Limit != 1 {
			t.Errorf("beyond the limit: %v", err)
		}
		if text := over.Error(); !strings.Contains(text, "1 of 1 requests") || !strings.Contains(text, "2000-01-02T00:00:00Z") {
			t.Errorf("it names neither the count nor the moment: %s", text)
		}
		if err := quota.Exhausted(t.Context(), midnight); err != nil {
			t.Fatal(err)
		}
		wantUsage(1, true, midnight)
		time.Sleep(2 * time.Hour) // the day has turned, the jitter has not passed yet, or has
		time.Sleep(maxJitter)
		wantUsage(0, false, midnight.Add(24*time.Hour))
		if _, err := quota.Reserve(t.Context()); err != nil {
			t.Error(err)
		}
		days, err := quota.Days(t.Context(), 2)
		if want := []Day{{"2000-01-01", 1}, {"2000-01-02", 1}}; err != nil || !slices.Equal(days, want) {
			t.Errorf("days %v (%v), want %v", days, err, want)
		}
		if days, err := quota.Days(t.Context(), 1); err != nil || len(days) != 1 {
			t.Errorf("one day: %v (%v)", days, err)
		}
	})
}

// A slot is a little ahead of now and behind the one before. What is further off than that can be
// is what a clock left that was set.
func TestWhenTheNextRequestMayBeSent(t *testing.T) {
	t.Parallel()
	const even, tick = 270 * time.Millisecond, time.Microsecond // four a second, and 8 % more
	now := time.UnixMicro(1_800_000_000_000_000)
	tests := map[string]struct {
		perSecond      int
		next, slow     time.Duration // from now
		want, distance time.Duration
	}{
		"the first":               {4, -time.Hour, -time.Hour, lead, even},
		"just in time":            {4, lead, 0, lead, even},
		"behind another":          {4, time.Second, 0, time.Second, even},
		"as far ahead as can be":  {4, jump, 0, jump, even},
		"further":                 {4, jump + tick, 0, lead, even},
		"halved, almost over":     {4, 0, tick, lead, 2 * even},
		"halved just now":         {4, 0, slowFor, lead, 2 * even},
		"halved, by a wrong time": {4, 0, slowFor + tick, lead, even},
		"one a second":            {1, 0, 0, lead, 4 * even},
		"no limit given":          {0, 0, 0, lead, 4 * even},
	}
	for name, tt := range tests {
		p := pace{NextAt: now.Add(tt.next).UnixMicro(), SlowUntil: now.Add(tt.slow).UnixMicro()}
		q := Quota{limits: Limits{PerSecond: tt.perSecond}}
		if got := q.slot(&p, now).Sub(now); got != tt.want {
			t.Errorf("%s: in %s, want %s", name, got, tt.want)
		}
		if got := time.UnixMicro(p.NextAt).Sub(now) - tt.want; got != tt.distance {
			t.Errorf("%s: the next one %s later, want %s", name, got, tt.distance)
		}
	}
}

// The server's word holds until a little after the turn of the day. What is further off is what a
// clock left that was set.
func TestHowLongTheServersWordHolds(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	p := pace{ClosedUntil: midnight.Add(30 * time.Second).UnixMicro()}
	for name, tt := range map[string]struct {
		now  time.Time
		want bool
	}{
		"a day before":        {midnight.Add(30*time.Second - 24*time.Hour - maxJitter), true},
		"longer before":       {midnight.Add(30*time.Second - 24*time.Hour - maxJitter - time.Microsecond), false},
		"just after midnight": {midnight.Add(30*time.Second - time.Microsecond), true},
		"when it is over":     {midnight.Add(30 * time.Second), false},
	} {
		if resets, closed := p.closed(tt.now); closed != tt.want || !resets.Equal(midnight) {
			t.Errorf("%s: closed %v until %s, want %v", name, closed, resets, tt.want)
		}
	}
}
