package web

import (
	"context"
	"net/http"
	"time"

	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// How much the status page lists.
const (
	listedRuns     = 20
	listedProblems = 50
	listedImports  = 10
)

// indexView is all that the status page shows.
type indexView struct {
	frame
	Headline  headline
	Coverage  ccsync.Coverage   // of the last whole run that counted all users
	Last      *ccsync.LastWhole // nil when there was no whole run
	NextRun   time.Time
	Login     Authorization
	Missing   missing
	Skips     []skipGroup
	Strip     strip
	Line      line
	Arrived   chart
	Technical bool // what follows is shown
	Quota     state.Usage
	Mirror    state.Mirror
	Requests  chart
	Imports   []importRow
	Runs      []runRow
}

// index shows the state at a glance.
func (s *site) index(w http.ResponseWriter, r *http.Request) {
	v := indexView{frame: s.frame(r, "Status"), Technical: r.URL.Query().Has("technical")}
	if err := s.fill(r.Context(), &v); err != nil {
		s.broken(w, err)
		return
	}
	v.Title, v.Icon = v.Headline.Text, v.Headline.Tone
	v.reload(w, r)
	s.show(w, "index.html", v)
}

func (s *site) fill(ctx context.Context, v *indexView) error {
	runs, err := s.State.Runs(ctx, historyRuns)
	if err != nil {
		return err
	}
	h := historyOf(runs)
	last, ran, err := ccsync.ReadLastWhole(ctx, s.State)
	if err != nil {
		return err
	}
	if ran {
		v.Last, v.Skips = &last, skipGroups(last.Skips, quarantined)
		if last.Coverage != nil {
			v.Coverage = *last.Coverage
		}
	}
	next, err := s.nextRun(ctx, time.Now())
	if err != nil {
		return err
	}
	v.NextRun = next.Add(s.State.Skew())
	v.Runs, v.Strip = runRows(h[:min(len(h), listedRuns)], v.Running, v.Now), newStrip(runs)
	v.Arrived = arrived(runs, v.Now)
	for _, read := range []func() error{
		func() (err error) { v.Login, err = s.Authorization(ctx); return },
		func() (err error) { v.Quota, err = s.Quota.Usage(ctx); return },
		func() (err error) { v.Mirror, err = s.State.Mirror(ctx); return },
		func() (err error) { v.Requests, err = s.requests(ctx, v.Now); return },
		func() (err error) { v.Missing, err = s.missing(ctx); return },
		func() (err error) { v.Imports, err = s.imports(ctx, h); return },
		func() error {
			days, err := ccsync.ReadDays(ctx, s.State)
			v.Line = newLine(days, v.Now)
			return err
		},
	} {
		if err := read(); err != nil {
			return err
		}
	}
	return s.judge(ctx, v)
}

// judge finds the headline.
func (s *site) judge(ctx context.Context, v *indexView) (err error) {
	v.Headline, err = s.headline(ctx, v.Last, v.Login, v.Missing, v.Now)
	v.Headline.Why, v.Headline.Forward = v.Text(v.Headline.Why), v.Text(v.Headline.Forward)
	return err
}

func (s *site) headline(ctx context.Context, last *ccsync.LastWhole, login Authorization, m missing, at time.Time) (headline, error) {
	open, err := s.State.OpenBatches(ctx)
	if err != nil {
		return headline{}, err
	}
	now := situation{last: last, login: login, trouble: s.trouble(), problems: m.Total, oversteps: len(m.Check), retryAt: m.Next, imports: len(open), now: at}
	if last != nil {
		now.late = s.late(last.EndedAt, time.Now())
	}
	return headlineOf(&now), nil
}

// hindrance is the headline while nothing can be sent, nil while runs do what they can.
func (s *site) hindrance(ctx context.Context, at time.Time) (*headline, error) {
	last, ran, err := ccsync.ReadLastWhole(ctx, s.State)
	if err != nil || !ran {
		return nil, err
	}
	login, err := s.Authorization(ctx)
	if err != nil {
		return nil, err
	}
	h, err := s.headline(ctx, &last, login, missing{}, at)
	if err != nil || h.Tone != "bad" {
		return nil, err
	}
	return &h, nil
}

// nextRun is when the daemon will look for something to do, by the local clock. What it wrote down
// goes by the beat of its schedule: ticks that find nothing to do need not write.
func (h Health) nextRun(ctx context.Context, now time.Time) (time.Time, error) {
	next, ok, err := ccsync.ReadNext(ctx, h.State)
	if err != nil || !ok {
		return h.Next(now), err
	}
	return next.After(now, h.Next), nil
}

// Refused tells whether the guard refused the last whole run, and somebody could look at its plan.
func (v indexView) Refused() bool {
	return v.Last != nil && v.Last.Outcome == ccsync.Refused && v.Login.Authorized
}

// segment is a part of a bar that is Width wide.
type segment struct {
	Tone     string
	X, Width float64
}

// Stack divides all users into verified, pending, missing and skipped. A part that is not empty is
// seen, however small.
func (v indexView) Stack() []segment {
	const smallest = 0.7
	var parts []segment
	x := 0.0
	for _, part := range []struct {
		tone string
		n    int
	}{{"good", v.Coverage.Verified}, {"caution", v.Coverage.Pending}, {"bad", v.Coverage.Missing}, {"quiet", v.Coverage.Skipped}} {
		width := share(part.n, v.Coverage.Users)
		if part.n > 0 {
			width = max(width, smallest)
		}
		parts = append(parts, segment{part.tone, x, width})
		x += width
	}
	return parts
}

// QuotaTone warns when the day's requests run out.
func (v indexView) QuotaTone() string {
	switch used := share(v.Quota.Used, v.Quota.Limit); {
	case v.Quota.Closed || used >= 95:
		return "bad"
	case used >= 80:
		return "caution"
	}
	return "good"
}

// runRow is a run in a list.
type runRow struct {
	*past
	State string // the outcome, "running", or "died" when the process ended before the run
}

func runRows(h history, under *running, now time.Time) []runRow {
	rows := make([]runRow, len(h))
	for i := range h {
		rows[i] = rowOf(&h[i], under, now)
	}
	return rows
}

// rowOf tells a run under way from one that died. A dry run has a process of its own, of which
// nothing is known here: it is given an hour.
func rowOf(p *past, under *running, now time.Time) runRow {
	switch {
	case p.Outcome != "":
		return runRow{p, p.Outcome}
	case under != nil && under.Run == p.ID, p.Dry && now.Sub(p.StartedAt) < time.Hour:
		return runRow{p, "running"}
	}
	return runRow{p, "died"}
}

// importRow is a batch in a list. State is the activity's, or how far the batch has come.
type importRow struct {
	state.Batch
	State string
}

func importRows(batches []state.Batch) []importRow {
	rows := make([]importRow, len(batches))
	for i, b := range batches {
		rows[i] = importRow{b, b.Ending}
		if b.Ending == "" {
			rows[i].State = string(b.State)
		}
	}
	return rows
}

// imports are those under way, and those of the last run that sent any.
func (s *site) imports(ctx context.Context, h history) ([]importRow, error) {
	found, err := s.State.OpenBatches(ctx)
	if err != nil {
		return nil, err
	}
	sent := h.first(func(p *past) bool { return p.report.Push != nil && len(p.report.Push.Activities) > 0 })
	if sent != nil {
		more, err := s.State.RunBatches(ctx, sent.ID)
		if err != nil {
			return nil, err
		}
		for _, b := range more {
			if b.State == state.Settled {
				found = append(found, b)
			}
		}
	}
	return importRows(found[:min(len(found), listedImports)]), nil
}
