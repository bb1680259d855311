package web

import (
	"context"
	"encoding/json"
	"time"

	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// past is a run of the past with its report, which is empty when the run did not come to its end.
type past struct {
	state.Run
	report ccsync.Report
}

// pastOf reads the report of a run. What an older or newer version wrote is read as far as it is known.
func pastOf(r state.Run) past {
	p := past{Run: r}
	_ = json.Unmarshal(r.Report, &p.report)
	return p
}

// Arrived is how many changes were verified.
func (p *past) Arrived() int {
	if p.report.Push == nil {
		return 0
	}
	return p.report.Push.Verified
}

// Report is what the run left behind.
func (p *past) Report() *ccsync.Report { return &p.report }

// history is the last runs, the newest first, dry ones and those under way too.
type history []past

// recent is how many runs are looked through: with a run every minute, those of some hours.
const recent = 200

func readHistory(ctx context.Context, db *state.DB) (history, error) {
	runs, err := db.Runs(ctx, recent)
	if err != nil {
		return nil, err
	}
	h := make(history, len(runs))
	for i, r := range runs {
		h[i] = pastOf(r)
	}
	return h, nil
}

// real tells whether a run ended and could send.
func (p *past) real() bool { return !p.Dry && p.Outcome != "" }

// whole tells whether the run got as far as counting all users. One that was asked for some users counts those alone.
func (p *past) whole() bool {
	return p.real() && p.report.Only == 0 && p.report.Coverage.Users > 0
}

// last is the last run that ended and was no dry run; nil when there is none.
func (h history) last() *past { return h.first((*past).real) }

// whole is the last run that counted all users; nil when there is none.
func (h history) whole() *past { return h.first((*past).whole) }

func (h history) first(is func(*past) bool) *past {
	for i := range h {
		if is(&h[i]) {
			return &h[i]
		}
	}
	return nil
}

// syncedAt is when a run last ended synced.
func (h history) syncedAt() time.Time {
	p := h.first(func(p *past) bool { return p.real() && p.Outcome == string(ccsync.Synced) })
	if p == nil {
		return time.Time{}
	}
	return p.EndedAt
}

// pendingSince is when the present row of runs that left changes undone began; zero when the last one left none.
func (h history) pendingSince() (since time.Time) {
	for i := range h {
		p := &h[i]
		switch {
		case !p.whole():
			continue
		case p.report.Coverage.Pending == 0:
			return since
		}
		since = p.StartedAt
	}
	return since
}

// latency is how long the last changes that were verified took, in seconds: from the first of the runs that left
// them pending to the end of the one that verified them. 0 when none were.
func (h history) latency() float64 {
	for i := range h {
		p := &h[i]
		if !p.real() || p.report.Push == nil || p.report.Push.Verified == 0 {
			continue
		}
		since := p.StartedAt
		if before := h[i+1:].pendingSince(); !before.IsZero() {
			since = before
		}
		return p.EndedAt.Sub(since).Seconds()
	}
	return 0
}
