package push

import (
	"fmt"
	"slices"
	"time"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
)

// retry is what a run can do for rows that did not arrive through no fault of their own.
type retry struct {
	anew  bool // plan them again: it has not planned yet
	halve bool // send them again in halves
}

// parts is in how many batches rows go again at once; 0: they do not.
func (r retry) parts(b *state.Batch, failed, rows int, problems map[string]state.Problem) int {
	switch {
	case b.Ending == endedForeign:
		return min(failed, 1)
	case (r.anew || r.halve) && holdsBack(b, failed, rows, problems):
		return 2
	}
	return 0
}

// settlement is what becomes of the rows of a batch that did not arrive.
type settlement struct {
	// all of them; those without a problem are retried at once, or planned again
	failed []state.Failed
	again  []half
}

// half is a batch of rows that are retried at once.
type half struct {
	batch state.Batch
	rows  []state.BatchRow
}

// settlement works it out; problems are those of earlier tries, by norm.
func (v *verification) settlement(m *contact.Mapping, problems map[string]state.Problem, can retry, now time.Time) settlement {
	var s settlement
	b := v.batch
	for i := range v.unsent {
		s.failed = append(s.failed, state.Failed{Norm: v.unsent[i].Norm, Reason: string(contact.ClearingOff)})
	}
	for _, norm := range v.unmapped {
		s.failed = append(s.failed, state.Failed{Norm: norm, Reason: Unmapped})
	}
	var failed, alone []judged
	for _, row := range v.missing {
		if row.alone {
			alone = append(alone, row)
			continue
		}
		failed = append(failed, row)
	}
	parts := can.parts(b, len(failed), v.rows-len(alone), problems)
	if b.Ending == endedBroken || can.anew && (parts > 0 || b.Ending == endedGone) {
		s.retry(b, v.missing, now) // what is missing is planned again
		return s
	}
	if parts > 0 {
		for rows := range slices.Chunk(failed, (len(failed)+parts-1)/parts) {
			s.again = append(s.again, newHalf(m, b, rows))
		}
		s.retry(b, failed, now)
		failed = nil
	}
	explained := b.ErrorCount > 0 && b.ErrorCount >= len(v.missing)
	for _, row := range append(failed, alone...) {
		p := problemOf(b, &row, problems, explained, now)
		s.failed = append(s.failed, state.Failed{Norm: row.Norm, Reason: p.Reason, Problem: &p, Overstep: row.overstepOf(b, now)})
	}
	return s
}

func (s *settlement) retry(b *state.Batch, rows []judged, now time.Time) {
	for i := range rows {
		s.failed = append(s.failed, state.Failed{Norm: rows[i].Norm, Reason: rows[i].reason, Overstep: rows[i].overstepOf(b, now)})
	}
}

func newHalf(m *contact.Mapping, b *state.Batch, rows []judged) half {
	h := half{batch: state.Batch{Run: b.Run, Kind: b.Kind, Lists: b.Lists, Mapping: m.Key(), Contacts: len(rows), State: state.Recorded}}
	for i := range rows {
		h.rows = append(h.rows, rows[i].BatchRow)
		plan.Count(&h.batch.Tally, m, &rows[i].BatchRow, b.Lists)
	}
	return h
}

// holdsBack tells whether one row may have taken its neighbours with it: most of a batch is missing
// and nothing explains it. A batch of one has no neighbours. An activity that failed is retried
// whole before it is halved.
func holdsBack(b *state.Batch, failed, rows int, problems map[string]state.Problem) bool {
	if failed < 2 || b.Kind != state.Import {
		return false
	}
	switch unexplained(b) {
	case Rejected:
		return true
	case Lost:
		return b.ErrorCount < failed && failed*2 > rows
	case ActivityFailed:
		return len(problems) > 0
	}
	return false
}

// such leads to one of n errors of an import. It names no row: of several nobody knows whose it is.
func such(n int) string {
	if n > 1 {
		return ", such as: "
	}
	return ": "
}

func problemOf(b *state.Batch, row *judged, problems map[string]state.Problem, explained bool, now time.Time) state.Problem {
	p := state.Problem{Norm: row.Norm, Address: row.Address, Key: row.Key, Reason: row.reason, Detail: row.detail, Wanted: row.Wanted,
		Attempts: 1, Since: now, Run: b.Run}
	if explained && row.reason == Lost {
		p.Reason = Rejected
		p.Detail = fmt.Sprintf("rows with errors in the import: %d", b.ErrorCount)
		if len(b.Errors) > 0 {
			p.Detail += such(b.ErrorCount) + b.Errors[0]
		}
	}
	if before, ok := problems[row.Norm]; ok && before.Wanted == row.Wanted {
		p.Attempts, p.Since = before.Attempts+1, before.Since
	}
	p.RetryAt = retryAt(p.Reason, b.Ending, p.Attempts, now)
	return p
}
