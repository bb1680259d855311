package push

import (
	"context"
	"fmt"
	"slices"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// Sent is what a run's push came to.
type Sent struct {
	Activities []Activity
	Problems   []Problem // rows that did not arrive, at most users.MaxListed
	// rows seen carrying their values, those of former runs too where the run is for all users
	Verified   int
	Rejected   int // rows that Constant Contact could not take
	Unverified int // rows that ended in any other way, or are under way still
	// Of the run's own plan, but for contacts that no user stands for:
	Arrived int // users seen with their values
	Created int // of these, contacts that were created
	Missed  int // users whose values did not arrive
	// Overstepped is how many contacts got another permission when they were put back.
	Overstepped int
	// Resubscribed is how many contacts that had opted out were subscribed after their import.
	Resubscribed int
	// Changed is how many contacts an import changed in another way that it must not: another
	// permission, or one created in place of another.
	Changed int
	// NotSent are the rows that were not cleared because clearing is off.
	NotSent []NotSent
}

// NotSent is a row that was not sent after all.
type NotSent struct {
	state.BatchRow
	Orphan bool // no user stands for the contact
}

// Activity is one bulk import, for the report. State is the activity's, or "unknown" when its
// answer was lost.
type Activity struct {
	ID       string   `json:"id"`
	Contacts int      `json:"contacts"`
	State    string   `json:"state"`
	Errors   []string `json:"errors"`
}

// Problem is one contact whose change did not arrive, for the report.
type Problem struct {
	Key    string `json:"key,omitempty"`
	Email  string `json:"email"`
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
}

// results are what became of rows.
type results struct {
	*base
	verified int
	arrived  int
	created  int
	missed   int
	rejected int
	lost     int             // rows that ended in any other way
	former   *spool.Spool    // norms of what former runs sent and was verified; nil: none
	earlier  []state.Problem // what former runs sent in vain, as this one found out
	landedOf map[int64]int   // of verified, by batch
	problems []Problem
	orphans  map[string]bool // by norm, contacts cleared that no row stands for
	altered  int             // contacts that got another permission when they were put back
	unsent   []NotSent
	// contacts that an import subscribed, or changed in another way that it must not
	resubscribed, changed int
}

// Sent is what the push came to, at the end of its run. plans are those that the run made; users
// whom they change are taken out of what former runs sent and was verified: what was sent then is
// not what the table says now.
func (o *Outbox) Sent(ctx context.Context, plans ...*plan.Plan) (Sent, error) {
	err := o.results.dropSuperseded(plans)
	if err == nil {
		err = o.results.failedEarlier(ctx)
	}
	r := &o.results
	s := Sent{Problems: r.problems, Verified: r.verified, Rejected: r.rejected, Unverified: r.lost, Arrived: r.arrived, Created: r.created,
		Missed: r.missed, Overstepped: r.altered, Resubscribed: r.resubscribed, Changed: r.changed, NotSent: r.unsent}
	for _, b := range o.batches {
		if b.State != state.Settled {
			s.Unverified += b.Contacts - r.landedOf[b.ID]
		}
		if b.Kind == state.Import {
			s.Activities = append(s.Activities, activityOf(b))
		}
	}
	return s, err
}

func activityOf(b *state.Batch) Activity {
	a := Activity{ID: b.Activity, Contacts: b.Contacts, State: b.Ending, Errors: b.Errors}
	if a.Errors == nil {
		a.Errors = []string{}
	}
	if a.State == "" {
		a.State = "unknown"
	}
	return a
}

func (r *results) close() {
	if r.former != nil {
		r.former.Close()
	}
}

// landed takes in a row that carries its values. One that a former run sent says nothing of others
// than it was for, and counts only while its user is not to be changed again.
func (r *results) landed(b *state.Batch, row *judged) {
	if r.landedOf == nil {
		r.landedOf = make(map[int64]int)
	}
	r.landedOf[b.ID]++
	ours := b.Run == r.Run
	switch {
	case ours:
		r.verified++
	case r.Asked == nil:
		r.verified++
		r.landedEarlier(row.Norm)
	}
	if ours && !r.orphans[row.Norm] {
		r.arrived++
		if row.Action == string(plan.Create) {
			r.created++
		}
	}
	r.overstepped(ours, []judged{*row})
	if row.reason != "" && row.verdict.landed {
		r.problem(Problem{Key: row.Key, Email: row.Address, Reason: row.reason, Detail: row.detail})
	}
	if ours {
		r.Asked.Result(row.Norm, "")
	}
}

// overstepped takes in the contacts among these rows that an import changed in what it must not,
// whether or not they are retried.
func (r *results) overstepped(ours bool, rows []judged) {
	for i := range rows {
		row := &rows[i]
		if row.overstep == "" || !ours && r.Asked != nil {
			continue
		}
		if row.resubscribed {
			r.resubscribed++
		} else {
			r.changed++
		}
		r.problem(Problem{Key: row.Key, Email: row.Address, Reason: Overstepped, Detail: row.overstep})
	}
}

// landedEarlier notes a row that a former run sent. Should the spool fail, it is counted as it is.
func (r *results) landedEarlier(norm string) {
	if r.former == nil {
		r.former = spool.New(r.Scratch)
	}
	_ = r.former.Add([]byte(norm), nil)
}

// failed takes in the rows of a batch that did not arrive and are not retried at once. What an
// earlier run sent in vain counts only if it is a problem still when this one ends.
func (r *results) failed(ours bool, rows []state.Failed) {
	for _, f := range rows {
		problem := f.Problem
		if problem == nil {
			continue
		}
		if !ours {
			r.earlier = append(r.earlier, *problem)
			continue
		}
		r.Asked.Result(problem.Norm, problem.Reason)
		if !r.orphans[problem.Norm] {
			r.missed++
		}
		r.fail(problem)
	}
}

// fail counts a row that did not arrive, and tells why.
func (r *results) fail(problem *state.Problem) {
	if problem.Reason == Rejected {
		r.rejected++
	} else {
		r.lost++
	}
	r.problem(Problem{Key: problem.Key, Email: problem.Address, Reason: problem.Reason, Detail: problem.Detail})
}

func (r *results) problem(problem Problem) {
	if len(r.problems) < users.MaxListed {
		r.problems = append(r.problems, problem)
	}
}

// notSent takes in rows that were not sent because clearing is off.
func (r *results) notSent(rows []judged) {
	for i := range rows {
		row := &rows[i].BatchRow
		r.unsent = append(r.unsent, NotSent{BatchRow: *row, Orphan: r.orphans[row.Norm]})
		r.Asked.Skipped(row.Norm, contact.ClearingOff)
	}
}

// orphan notes that a contact that is cleared has no user.
func (r *results) orphan(norm string) {
	if r.orphans == nil {
		r.orphans = make(map[string]bool)
	}
	r.orphans[norm] = true
}

// failedEarlier counts what earlier runs sent in vain, but for the users whom this one has served.
func (r *results) failedEarlier(ctx context.Context) error {
	for part := range slices.Chunk(r.earlier, chunk) {
		norms := make([]string, len(part))
		for i := range part {
			norms[i] = part[i].Norm
		}
		open, err := r.State.ProblemsOf(ctx, norms)
		if err != nil {
			return err
		}
		for i := range part {
			if now, ok := open[part[i].Norm]; ok && now.Run != r.Run {
				r.fail(&part[i])
			}
		}
	}
	return nil
}

// dropSuperseded takes out of what was verified the rows of former runs whose users were planned to
// change.
func (r *results) dropSuperseded(plans []*plan.Plan) error {
	if r.former == nil {
		return nil
	}
	for _, p := range plans {
		if p == nil {
			continue
		}
		n, err := p.CountAmong(r.former)
		if err != nil {
			return fmt.Errorf("count what former runs sent: %w", err)
		}
		r.verified -= n
	}
	return nil
}
