package sync

import (
	"fmt"
	"slices"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
)

// Reasons for a problem.
const (
	Rejected        = "rejected"         // the import said that it could not take the row
	Lost            = "lost"             // the import ended, the value is not there
	Altered         = "altered"          // another value stands there
	Overstepped     = "overstepped"      // the contact opted out between the last reading and the import
	ActivityFailed  = "activity_failed"  // the import ended without success
	ActivityTimeout = "activity_timeout" // the import did not end in time
)

// Delays of the next try.
var retryDelays = []time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour}

// refusedFor is how long an address is left alone that was refused: Constant Contact blocks one for 48 hours that
// signed up or changed its profile too often.
const refusedFor = 48 * time.Hour

// retryAt is when a row is tried again that failed for the given time. What is not the row's own fault is tried
// again at once, twice. An import that counted the row as an error may have a blocked address in it; a request that was
// refused whole says nothing of that.
func retryAt(reason, ending string, attempts int, now time.Time) time.Time {
	switch reason {
	case Rejected:
		if ending != endedRefused {
			return now.Add(refusedFor)
		}
	case ActivityFailed, ActivityTimeout:
		if attempts <= 2 {
			return now
		}
		attempts -= 2
	}
	return now.Add(retryDelays[min(attempts, len(retryDelays))-1])
}

// verdict is what reading back says of one row.
type verdict struct {
	landed bool
	filled string // of what landed: the values that this program wrote
	reason string // of what did not land, or of what should not have
	detail string
	alone  bool // did not land, and is not to be sent again with its neighbours: deleted, opted out or off the list
}

// readBack judges one row of an ended batch by its contacts as they are now.
//
//	the contact                                         then
//	carries the values                                  landed
//	carries them, and opted out since                   landed, overstepped
//	is not there, deleted or carries the old values     lost, or as the activity explains it
//	carries other values                                altered
func readBack(m *contact.Mapping, p *Policy, b *state.Batch, row *state.BatchRow, contacts []state.Contact) verdict {
	wanted, old := m.Decode(row.Wanted), m.Decode(row.Old)
	v := verdict{reason: unexplained(b), detail: "the import ended, the contact is not there"}
	for _, c := range contacts {
		optedOut := c.Permission == "unsubscribed"
		v.alone = v.alone || c.Deleted || optedOut || hasLeft(&c, b.Lists)
		if c.Deleted {
			v.detail = "the contact was deleted meanwhile"
			continue
		}
		is := m.Decode(c.Fields)
		changed, carried := true, true
		for i := range wanted {
			if wanted[i] != old[i] && is[i] != wanted[i] {
				carried = false
				changed = changed && is[i] != old[i]
			}
		}
		switch {
		case carried && optedOut && !p.UpdateUnsubscribed:
			return verdict{landed: true, filled: filled(m, wanted, old, c.Filled), reason: Overstepped, detail: "the contact opted out while the import was under way"}
		case carried:
			return verdict{landed: true, filled: filled(m, wanted, old, c.Filled)}
		case optedOut && p.UpdateUnsubscribed:
			v.detail = "the contact opted out, and the import left it as it was"
		case optedOut:
			v.detail = "the contact opted out meanwhile"
		case changed:
			return verdict{alone: v.alone, reason: Altered, detail: "another value stands there"}
		default:
			v.detail = "the import ended, the value is not there"
		}
	}
	if len(b.Errors) > 0 && v.reason != Lost {
		v.detail += ": " + b.Errors[0]
	}
	return v
}

// hasLeft tells whether a contact left one of the lists.
func hasLeft(c *state.Contact, lists []string) bool {
	return slices.ContainsFunc(lists, func(id string) bool { return slices.Contains(c.Left, id) })
}

// filled are the values that this program wrote: those that it just changed, and of the others those that it had
// written before.
func filled(m *contact.Mapping, wanted, old []string, before string) string {
	ours := m.Decode(before)
	for i := range ours {
		switch {
		case wanted[i] != old[i]:
			ours[i] = wanted[i]
		case ours[i] != wanted[i]:
			ours[i] = ""
		}
	}
	return contact.Encode(ours)
}

// unexplained is the reason for a row that did not land, by how its batch ended.
func unexplained(b *state.Batch) string {
	switch b.Ending {
	case ccapi.StateCompleted, endedGone, endedDirect:
		return Lost
	case endedTimeout:
		return ActivityTimeout
	case endedRefused:
		return Rejected
	case endedBroken, endedForeign:
		return b.Ending
	}
	return ActivityFailed
}

// retry is what a run can do for rows that did not land through no fault of their own.
type retry struct {
	anew  bool // plan them anew: it has not planned yet
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

// settlement is what becomes of the rows of a batch that did not land.
type settlement struct {
	failed []state.Failed // all of them; those without a problem are tried again at once, or planned anew
	again  []half
}

// half is a batch of rows that are tried again at once.
type half struct {
	batch state.Batch
	rows  []state.BatchRow
}

// settlement works it out; problems are those of earlier tries, by norm.
func (v *verification) settlement(m *contact.Mapping, problems map[string]state.Problem, can retry, now time.Time) settlement {
	var s settlement
	b := v.batch
	for i := range v.unsent {
		s.failed = append(s.failed, state.Failed{Norm: v.unsent[i].Norm, Reason: string(ClearingOff)})
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
		s.retry(v.missing) // what is not there is planned anew
		return s
	}
	if parts > 0 {
		for rows := range slices.Chunk(failed, (len(failed)+parts-1)/parts) {
			s.again = append(s.again, newHalf(m, b, rows))
		}
		s.retry(failed)
		failed = nil
	}
	explained := b.ErrorCount > 0 && b.ErrorCount >= len(v.missing)
	for _, row := range append(failed, alone...) {
		p := problemOf(b, &row, problems, explained, now)
		s.failed = append(s.failed, state.Failed{Norm: row.Norm, Reason: p.Reason, Problem: &p})
	}
	return s
}

func (s *settlement) retry(rows []judged) {
	for i := range rows {
		s.failed = append(s.failed, state.Failed{Norm: rows[i].Norm, Reason: rows[i].reason})
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

// holdsBack tells whether one row may have taken its neighbours with it: most of a batch is missing and nothing
// explains it. A batch of one has no neighbours. An activity that failed is tried again whole before it is halved.
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

func problemOf(b *state.Batch, row *judged, problems map[string]state.Problem, explained bool, now time.Time) state.Problem {
	p := state.Problem{Norm: row.Norm, Address: row.Address, Key: row.Key, Reason: row.reason, Detail: row.detail, Wanted: row.Wanted,
		Attempts: 1, Since: now, Run: b.Run}
	if explained && row.reason == Lost {
		p.Reason = Rejected
		p.Detail = fmt.Sprintf("the import counted rows with errors: %d", b.ErrorCount)
		if len(b.Errors) > 0 {
			p.Detail += ": " + b.Errors[0]
		}
	}
	if before, ok := problems[row.Norm]; ok && before.Wanted == row.Wanted {
		p.Attempts, p.Since = before.Attempts+1, before.Since
	}
	p.RetryAt = retryAt(p.Reason, b.Ending, p.Attempts, now)
	return p
}
