package sync

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"ccsyncd/sync/state"
)

// Names of the records that the state file keeps.
const (
	recordLastPlan  = "last_plan"
	recordLastWhole = "last_whole"
	recordNext      = "next_run"
	// when a run that was forced for everybody began, by the server's clock: the guard counts from
	// then on
	recordForced = "last_forced"
	recordDays   = "coverage_days"
)

// CoverageDays is how many UTC days of coverage the state file keeps, today's among them.
const CoverageDays = 30

// LastPlan is what the last whole run planned from, for idle ticks. There is none while a run for
// all users is under way, nor after one that did not come to a plan, or did not carry it out though
// the guard let it pass.
type LastPlan struct {
	Run int64 `json:"run"`
	// when the run began, by the server's clock: before it asked for anything
	At     time.Time `json:"at"`
	Digest string    `json:"digest"` // of the source's rows
	// of the source, for Unchanged: of the last reading that gave rows with this digest
	Mark    string `json:"mark"`
	Rules   string `json:"rules"` // policy and mapping
	Empty   bool   `json:"empty"` // nothing was to be sent
	Refused bool   `json:"refused,omitempty"`
	// Waiting: nothing was to be sent before imports under way have ended.
	Waiting bool       `json:"waiting,omitempty"`
	Moved   state.Mark `json:"moved"` // problems and batches at its end
}

// LastWhole is how the last whole run ended: one for all users that was no dry run and that no
// limit cut short. What tells how an installation fares reads this and nothing else: another run
// says nothing about the whole. Times are UTC, by the server's clock.
type LastWhole struct {
	Run        int64     `json:"run"`
	Trigger    string    `json:"trigger"`
	Forced     bool      `json:"forced,omitempty"`
	Outcome    Outcome   `json:"outcome"`
	ExitCode   int       `json:"exit_code"`
	Error      *Problem  `json:"error,omitempty"`
	Guard      []string  `json:"guard,omitempty"` // the limits that refused its plan
	StartedAt  time.Time `json:"started_at"`
	EndedAt    time.Time `json:"ended_at"`
	Seconds    float64   `json:"seconds"`
	Requests   int       `json:"requests"`
	Changes    int       `json:"changes"` // that it planned
	Verified   int       `json:"verified"`
	Rejected   int       `json:"rejected"`
	Unverified int       `json:"unverified"`
	Skipped    int       `json:"skipped"` // rows
	Ahead      *Ahead    `json:"ahead,omitempty"`
	// Failures is how many whole runs have failed in a row, this one among them.
	Failures int `json:"failures"`

	// Coverage and Skips are those of the last whole run that made its plan, CoverageRun, which
	// ended at CoverageAt. nil and 0: none did.
	Coverage    *Coverage      `json:"coverage,omitempty"`
	Skips       map[string]int `json:"skips,omitempty"` // skipped rows by reason
	CoverageRun int64          `json:"coverage_run,omitempty"`
	CoverageAt  time.Time      `json:"coverage_at,omitzero"`

	Problems map[string]int `json:"problems,omitempty"` // open ones at its end, by reason
	// NewestProblem is when the newest of them was first tried. One that is retried in vain is
	// no newer.
	NewestProblem time.Time `json:"newest_problem,omitzero"`

	SyncedAt time.Time `json:"synced_at,omitzero"` // when one last ended synced
	// when the changes that are still to be done were first seen; zero for none. A problem has a
	// time of its own.
	PendingSince time.Time `json:"pending_since,omitzero"`
	// seconds from the run that first saw them to the end of the last changes that were verified
	Latency float64 `json:"latency,omitempty"`
}

// Next is when a daemon will look for something to do. At is by the local clock.
type Next struct {
	At       time.Time `json:"at"`
	Schedule string    `json:"schedule"`
	PID      int       `json:"pid"`
	// Configuration tells apart what the daemons of different configurations send; "" from an older
	// daemon.
	Configuration string `json:"configuration,omitempty"`
}

// After is the first of the times that follow each other from n.At on which is not before now, by
// the schedule that following gives.
func (n Next) After(now time.Time, following func(time.Time) time.Time) time.Time {
	const most = 1000 // times: a daemon writes down what it plans more often than that
	at := n.At
	for range most {
		if !at.Before(now) {
			return at
		}
		at = following(at)
	}
	return following(now)
}

// Good tells whether a run that ended so did what could be done.
func (o Outcome) Good() bool { return o == Synced || o == Partial || o == Deferred }

// OpenProblems is how many users' values have not arrived.
func (l *LastWhole) OpenProblems() int { return openProblems(l.Problems) }

func openProblems(byReason map[string]int) (n int) {
	for reason, of := range byReason {
		if reason != Overstepped {
			n += of
		}
	}
	return n
}

// Oversteps is how many contacts a person must check, since an import or a clear changed them in
// what it must not.
func (l *LastWhole) Oversteps() int { return l.Problems[Overstepped] }

// Whole tells whether a run was one for all users that was no dry run and that no limit cut short.
func (r *Report) Whole() bool { return !r.DryRun && r.Extent.Whole() }

// After is the record after another whole run, which ended at a time by the server's clock.
func (l LastWhole) After(r *Report, at time.Time) LastWhole {
	next := LastWhole{
		Run: r.Run, Trigger: r.Trigger, Forced: r.Forced, Outcome: r.Outcome, ExitCode: r.ExitCode, Error: r.Error, StartedAt: r.StartedAt, EndedAt: at,
		Seconds: r.Seconds, Requests: r.Requests, Changes: r.Summary.Create + r.Summary.Update + r.Summary.Clear, Skipped: r.Summary.Skipped, Ahead: r.Ahead,
		Coverage: l.Coverage, Skips: l.Skips, CoverageRun: l.CoverageRun, CoverageAt: l.CoverageAt,
		Problems: l.Problems, NewestProblem: l.NewestProblem, SyncedAt: l.SyncedAt, PendingSince: l.PendingSince, Latency: l.Latency,
	}
	if r.Guard.Tripped {
		next.Guard = r.Guard.Reasons
	}
	if r.Outcome == Failed || r.Outcome == Unauthorized {
		next.Failures = l.Failures + 1
	}
	if r.Outcome == Synced {
		next.SyncedAt = at
	}
	if p := r.Push; p != nil {
		next.Verified, next.Rejected, next.Unverified = p.Verified, p.Rejected, p.Unverified
		next.Problems, next.NewestProblem = maps.Clone(r.OpenProblems), r.newestProblem
	}
	since := l.PendingSince
	if since.IsZero() {
		since = r.StartedAt
	}
	if next.Verified > 0 {
		next.Latency = seconds(at.Sub(since))
	}
	if c := r.Coverage; r.counted || c != (Coverage{}) {
		next.Coverage, next.Skips, next.CoverageRun, next.CoverageAt = &c, maps.Clone(r.Reasons), r.Run, at
		if next.PendingSince = since; c.Pending == 0 {
			next.PendingSince = time.Time{}
		}
	}
	return next
}

// ReadLastWhole reads the record of the last whole run; ok is false when there was none.
func ReadLastWhole(ctx context.Context, db *state.DB) (l LastWhole, ok bool, err error) {
	ok, err = db.Record(ctx, recordLastWhole, &l)
	return l, ok, err
}

// WholeRecord is what the state file keeps of the last whole run after this one.
func WholeRecord(ctx context.Context, db *state.DB, r *Report) (state.Records, error) {
	if !r.Whole() {
		return nil, nil
	}
	before, _, err := ReadLastWhole(ctx, db)
	if err != nil {
		return nil, err
	}
	after := before.After(r, db.Now().Truncate(time.Millisecond))
	all, err := asRecord(recordLastWhole, after)
	if err != nil || after.CoverageRun != r.Run {
		return all, err
	}
	days, err := ReadDays(ctx, db)
	if err != nil {
		return nil, err
	}
	more, err := asRecord(recordDays, withDay(days, *after.Coverage, after.EndedAt))
	maps.Copy(all, more)
	return all, err
}

// Day is the lowest coverage that whole runs found on one UTC day, by the server's clock.
type Day struct {
	Day string `json:"day"` // 2006-01-02
	Coverage
}

// ReadDays reads the coverage of the last CoverageDays days, ascending. A day without a whole run
// that made its plan is not among them.
func ReadDays(ctx context.Context, db *state.DB) (days []Day, err error) {
	_, err = db.Record(ctx, recordDays, &days)
	return days, err
}

// withDay takes in what a whole run found that ended at a time, and drops the days that are too
// old.
func withDay(days []Day, c Coverage, at time.Time) []Day {
	today := Day{at.UTC().Format(time.DateOnly), c}
	oldest := at.UTC().AddDate(0, 0, 1-CoverageDays).Format(time.DateOnly)
	days = slices.DeleteFunc(days, func(d Day) bool { return d.Day < oldest })
	for i := range days {
		if days[i].Day == today.Day {
			if lower(c, days[i].Coverage) {
				days[i] = today
			}
			return days
		}
	}
	return append(days, today)
}

// lower tells whether a smaller share of the users who are contacts is verified in a than in b.
func lower(a, b Coverage) bool {
	return a.Verified*max(b.Contacts, 1) < b.Verified*max(a.Contacts, 1)
}

// ReadNext reads when the daemon that wrote it last will look for something to do; ok is false when
// none ever did.
func ReadNext(ctx context.Context, db *state.DB) (n Next, ok bool, err error) {
	ok, err = db.Record(ctx, recordNext, &n)
	return n, ok, err
}

// SetNext writes it down.
func SetNext(ctx context.Context, db *state.DB, n Next) error {
	all, err := asRecord(recordNext, n)
	if err != nil {
		return err
	}
	return db.SetRecords(ctx, all)
}

func asRecord(name string, value any) (state.Records, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	return state.Records{name: string(text)}, nil
}

// atBegin are the records that hold from the beginning of a run on. The last plan is void: but a
// dry run and a run for some users plan for nobody else, and what they change shows in open
// batches, problems and the source. One that is forced for everybody is known as that though it
// dies.
func (o *Options) atBegin(dry bool, now time.Time) (state.Records, error) {
	if dry || len(o.Only) > 0 {
		return nil, nil
	}
	if !o.forcesAll() {
		return state.Records{recordLastPlan: ""}, nil
	}
	all, err := asRecord(recordForced, now)
	maps.Copy(all, state.Records{recordLastPlan: ""})
	return all, err
}

// records are those that hold from the end of a run on. One that was told to stop leaves as little
// as one that died.
func (r *run) records(ctx context.Context) (state.Records, error) {
	if r.brokenOff {
		return nil, nil
	}
	all, err := WholeRecord(ctx, r.State, r.report)
	refused := r.report.Outcome == Refused && r.report.Whole() && r.opts.Limit == 0
	if err != nil || r.plan == nil || !refused && !r.report.carriedOut() {
		return all, err
	}
	moved, err := r.State.Mark(ctx)
	if err != nil {
		return nil, err
	}
	waiting := r.report.Ahead != nil || r.first == nil && r.plan.Len() == 0 && r.plan.Limited == 0 && r.plan.Pending > 0
	last, err := asRecord(recordLastPlan, LastPlan{Run: r.id, At: r.report.StartedAt, Digest: r.users.Digest, Mark: r.mark,
		Rules: r.rules(), Moved: moved, Empty: r.first == nil && r.plan.Empty(), Refused: refused, Waiting: waiting})
	maps.Copy(all, last)
	return all, err
}

// carriedOut tells whether a whole run that made its plan came to its end and left nothing of it
// undone.
func (r *Report) carriedOut() bool {
	good := r.Outcome == Synced || r.Outcome == Partial
	return good && r.cause == nil && r.Whole()
}
