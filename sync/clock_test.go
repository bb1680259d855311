package sync_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// hours is how far the server's clock is from this machine's in a test.
var hours = map[string]time.Duration{"the server is ahead": 7 * time.Hour, "the server is behind": -7 * time.Hour}

func TestTheDayTurnsByTheServersClock(t *testing.T) {
	t.Parallel()
	for name, skew := range hours {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				time.Sleep(12 * time.Hour) // noon here
				w.box.Advance(skew)
				w.limits.PerDay = 5
				w.restart()
				w.populate(1000, 10)
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Deferred)
				midnight := w.box.Now().Truncate(24 * time.Hour).Add(24 * time.Hour)
				if !report.Quota.ResetsAt.Equal(midnight) {
					t.Errorf("it resets at %s, want the server's midnight %s", report.Quota.ResetsAt, midnight)
				}
				seen := len(w.box.Requests())
				w.restart()
				time.Sleep(midnight.Sub(w.box.Now()) - time.Minute)
				w.want(w.run(ccsync.Options{}), ccsync.Deferred)
				if n := len(w.box.Requests()); n != seen {
					t.Errorf("%d requests after the day was used up", n-seen)
				}
				time.Sleep(2 * time.Minute)
				w.run(ccsync.Options{})
				if n := len(w.box.Requests()); n == seen {
					t.Error("the next day did not begin")
				}
			})
		})
	}
}

func TestTheWindowOfChangesIsTakenByTheServersClock(t *testing.T) {
	t.Parallel()
	for name, skew := range hours {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{Switches: sandbox.Switches{FieldEditMovesUpdatedAt: true}}, func(w *world) {
				w.box.Advance(skew)
				w.populate(20, 0)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				time.Sleep(time.Hour)
				w.box.SetField(w.rows[3].Email, "short_code", "HAND")
				time.Sleep(time.Hour)
				before := w.box.Now()
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.wantAllCodes()
				for _, r := range w.box.Requests() {
					query, _ := url.ParseQuery(r.Query)
					if after := query.Get("updated_after"); after != "" {
						at, err := time.Parse(time.RFC3339, after)
						if age := r.Time.Sub(at); err != nil || age < 5*time.Minute || r.Time.Before(before.Add(time.Second)) && age > 3*time.Hour {
							t.Errorf("at %s by the server's clock updated_after was %s", r.Time, after)
						}
					}
				}
			})
		})
	}
}

func TestRetriesGoByTheServersClock(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 5)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: "user000005@", Path: importPath, Times: 1})
		w.want(w.run(ccsync.Options{}), ccsync.Partial)
		w.box.Advance(2 * time.Hour) // as if this machine's clock had been set back
		w.run(ccsync.Options{})
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()

	})
}

func TestAClockThatJumpsMakesNoImportOlder(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.rows[1].Values = []string{"STUCK"}
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath, Times: 1})
		w.want(w.run(ccsync.Options{}), ccsync.Partial)
		w.box.Advance(7 * time.Hour)
		w.run(ccsync.Options{})
		w.want(w.run(ccsync.Options{}), ccsync.Partial)
		if n := len(w.box.Imports()); n != 1 {
			t.Errorf("%d imports", n)
		}
		time.Sleep(7 * time.Hour)
		w.run(ccsync.Options{})
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
	})
}

// jumpy makes the Date of answers jump, as behind a front whose machines' clocks differ.
type jumpy struct {
	wire http.RoundTripper
	draw *rand.Rand
	by   []time.Duration
}

func (j *jumpy) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := j.wire.RoundTrip(r)
	if err != nil {
		return answer, err
	}
	if date, parsed := http.ParseTime(answer.Header.Get("Date")); parsed == nil {
		answer.Header.Set("Date", date.Add(j.by[j.draw.IntN(len(j.by))]).Format(http.TimeFormat))
	}
	return answer, err
}

func TestADateThatJumpsSendsNothingTwice(t *testing.T) {
	t.Parallel()
	for seed := range uint64(16) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{Switches: sandbox.Switches{ImportsReadLate: seed%2 == 0}}, func(w *world) {
				w.populate(60, 0)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				wobble := func() {
					w.life.wire = &jumpy{w.life.wire, rand.New(rand.NewPCG(seed, 1)), []time.Duration{0, 7 * time.Hour, -7 * time.Hour, 30 * time.Minute}}
				}
				wobble()
				w.box.Fault(sandbox.Fault{Kind: sandbox.FaultResetAfter, Method: "POST", Path: importPath, Times: 2})
				for round := range 3 {
					for i := round; i < 60; i += 7 {
						w.rows[i].Values = []string{fmt.Sprintf("NEW%d-%d", round, i)}
					}
					for range 3 {
						w.run(ccsync.Options{})
					}
					w.restart()
					wobble()
					w.run(ccsync.Options{})
				}
				if twice := w.sentTwice(0); len(twice) > 0 {
					t.Errorf("sent twice: %v", twice)
				}
				w.wantAllCodes()
			})
		})
	}
}

func TestASkewedClockPutsNoRequestsTooClose(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(3000, 100)
		w.box.Advance(-90 * time.Minute)
		w.run(ccsync.Options{})
		w.box.Advance(3 * time.Hour)
		w.rows[0].Values = []string{"X"}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.judgeQuota()
	})
}
