package daemon

import (
	"context"
	"os"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/config"
	ccsync "ccsyncd/sync"
)

// schedule is when the daemon looks for something to do. Its times are by the wall clock.
type schedule struct {
	next     time.Time
	failures int       // whole runs that failed in a row
	until    time.Time // no tick before, while they fail
	written  time.Time // when next was last recorded
}

const (
	patientFor    = 2               // failed whole runs in a row, before the pauses grow
	longestPause  = 5 * time.Minute // between failed runs
	snapshotPause = time.Minute     // after a snapshot that stayed incomplete
	longestWait   = time.Hour       // after the last of several
	// how long ticks that find nothing to do leave what is recorded
	writtenFor = 30 * time.Second
)

// plan is when the next tick is due.
func (s *schedule) plan(cron config.Cron, now time.Time) time.Time {
	next := cron.Next(now)
	if s.until.After(next) && s.until.Sub(now) <= longestWait { // else the clock was set back
		return s.until
	}
	return next
}

// ran counts a whole run. From the third on that failed in a row the pause doubles with each, up to
// five minutes; up to an hour where it was the contacts that go ahead of a first push whose values
// did not arrive. A snapshot that stays incomplete waits a minute, doubling up to an hour.
func (s *schedule) ran(r *ccsync.Report, cron config.Cron, now time.Time) {
	s.until = time.Time{}
	if r.Outcome != ccsync.Failed && r.Outcome != ccsync.Unauthorized && r.Unproven == 0 {
		s.failures = 0
		return
	}
	s.failures++
	longest := longestPause
	if r.Unproven > 0 {
		longest = longestWait
	}
	switch {
	case r.Error != nil && r.Error.Code == "snapshot_incomplete":
		s.until = now.Add(doubled(snapshotPause, s.failures-1, longestWait))
	case s.failures > patientFor:
		first := cron.Next(now)
		s.until = now.Add(doubled(cron.Next(first).Sub(first), s.failures-patientFor, longest))
	}
}

// doubled is a pause doubled some times, at most the longest one.
func doubled(pause time.Duration, times int, longest time.Duration) time.Duration {
	for range times {
		if pause >= longest {
			break
		}
		pause *= 2
	}
	return min(pause, longest)
}

// planNext works out when the next tick is due and writes it down, for who asks beside the daemon.
// Ticks that find nothing to do write it from time to time only: the times in between follow by the
// schedule.
func (d *daemon) planNext(ctx context.Context, a *app.App, idle bool) {
	s, now := &d.schedule, wallClock()
	s.next = s.plan(a.Config.Schedule.Cron, now)
	d.progress.planned(s.next)
	if idle && now.Sub(s.written).Abs() < writtenFor {
		return
	}
	next := ccsync.Next{At: s.next.UTC(), Schedule: a.Config.Schedule.Cron.Spec, PID: os.Getpid(), Configuration: a.Fingerprint()}
	if err := ccsync.SetNext(context.WithoutCancel(ctx), a.State, next); err != nil {
		a.Log.Debug("could not record when the next run is due", "error", err)
		return
	}
	s.written = now
}
