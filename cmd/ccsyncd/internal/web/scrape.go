package web

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	ccsync "ccsyncd/sync"
)

// scrape is one reading of all gauges.
type scrape struct {
	*collector
	ctx   context.Context
	now   time.Time // the server's
	found []prometheus.Metric

	// when the changes that the last whole run left undone were first seen; zero for none
	pendingSince time.Time
}

func (s *scrape) set(g gauge, value float64, labels ...string) {
	s.found = append(s.found, prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, value, labels...))
}

// at sets a time; one that is not known is left out.
func (s *scrape) at(g gauge, t time.Time) {
	if !t.IsZero() {
		s.set(g, float64(t.UnixMilli())/1000)
	}
}

func oneIf(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

var outcomes = []ccsync.Outcome{ccsync.Synced, ccsync.Partial, ccsync.Deferred, ccsync.Refused, ccsync.Unauthorized, ccsync.Failed}

// runs tells of the last whole run, and of the last one that came far enough to count users.
func (s *scrape) runs() error {
	last, ran, err := ccsync.ReadLastWhole(s.ctx, s.State)
	if err != nil || !ran {
		return err
	}
	s.pendingSince = last.PendingSince
	s.at(runEnd, last.EndedAt)
	s.set(runSeconds, last.Seconds)
	s.set(runRequests, float64(last.Requests))
	for _, o := range outcomes {
		s.set(runOutcome, oneIf(o == last.Outcome), string(o))
	}
	p := s.Progress()
	synced := last.SyncedAt
	if last.Outcome == ccsync.Synced {
		synced = later(synced, p.IdleAt)
	}
	s.at(runSynced, synced)
	good := p.GoodAt
	if last.Outcome.Good() {
		good = later(last.EndedAt, good)
	}
	s.at(runGood, good)
	if !good.IsZero() {
		s.at(runDue, s.Next(good))
	}
	if last.Latency > 0 {
		s.set(latency, last.Latency)
	}
	c := last.Coverage
	if c == nil {
		return nil
	}
	s.set(users, float64(c.Verified), "verified")
	s.set(users, float64(c.Pending), "pending")
	s.set(users, float64(c.Missing), "missing")
	s.set(users, float64(c.Skipped), "skipped")
	for reason, n := range last.Skips {
		s.set(skippedRows, float64(n), reason)
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// unverified tells of what was seen or sent and has not arrived.
func (s *scrape) unverified() error {
	since := s.now
	if !s.pendingSince.IsZero() {
		since = earlier(since, s.pendingSince)
	}
	open, err := s.State.OpenBatches(s.ctx)
	if err != nil {
		return err
	}
	for _, b := range open {
		since = earlier(since, b.RecordedAt)
	}
	s.set(imports, float64(len(open)))
	byReason := make(map[string]int)
	for p, err := range s.State.Problems(s.ctx) {
		if err != nil {
			return err
		}
		byReason[p.Reason]++
		since = earlier(since, p.Since)
	}
	overstepped, err := s.State.Oversteps(s.ctx)
	if err != nil {
		return err
	}
	byReason[ccsync.Overstepped] += len(overstepped)
	for _, reason := range problemReasons {
		byReason[reason] += 0
	}
	for reason, n := range byReason {
		s.set(problems, float64(n), reason)
	}
	s.set(oldest, s.now.Sub(since).Seconds())
	return nil
}

// problemReasons are always shown, so that an alert sees 0 become 1.
var problemReasons = []string{ccsync.Rejected, ccsync.Lost, ccsync.Altered, ccsync.Overstepped, ccsync.ActivityFailed, ccsync.ActivityTimeout}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (s *scrape) mirror() error {
	m, err := s.State.Mirror(s.ctx)
	if err != nil {
		return err
	}
	s.set(contacts, float64(m.Contacts))
	s.at(refreshed, m.Mark)
	s.at(snapshot, m.SnapshotAt)
	s.set(skew, s.State.Skew().Seconds())
	return nil
}

func (s *scrape) quota() error {
	u, err := s.Usage(s.ctx)
	if err != nil {
		return err
	}
	s.set(quotaUsed, float64(u.Used))
	s.set(quotaLimit, float64(u.Limit))
	s.at(quotaReset, u.ResetsAt)
	return nil
}

func (s *scrape) login() error {
	a, err := s.Authorization(s.ctx)
	if err != nil {
		return err
	}
	s.set(authorized, oneIf(a.Authorized))
	s.at(lapses, a.LapsesAt)
	return nil
}

func (s *scrape) daemon() error {
	s.set(buildInfo, 1, s.Version)
	s.set(runNow, oneIf(s.Progress().Run != 0))
	next, err := s.nextRun(s.ctx, time.Now())
	s.at(nextRun, next)
	return err
}
