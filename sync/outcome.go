package sync

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// landed takes in a row that carries its values. One that a former run sent says nothing of others than it was for, and counts only
// while its user is not to be changed again.
func (r *run) landed(b *state.Batch, row *judged) {
	p := &r.push
	if p.landedOf == nil {
		p.landedOf = make(map[int64]int)
	}
	p.landedOf[b.ID]++
	switch ours := b.Run == r.id; {
	case ours:
		p.verified++
	case len(r.opts.Only) == 0:
		p.verified++
		r.landedEarlier(row.Norm)
	}
	if b.Run == r.id && !p.orphans[row.Norm] {
		p.arrived++
		if row.Action == string(plan.Create) {
			p.created++
		}
	}
	if row.reason != "" && row.verdict.landed {
		p.problem(PushProblem{Key: row.Key, Email: row.Address, Reason: row.reason, Detail: row.detail})
	}
	if b.Run == r.id {
		p.asked.Result(row.Norm, "")
	}
}

// failed takes in the rows of a batch that did not land and are not tried again at once. What an earlier run sent in vain counts only
// if it is a problem still when this one ends.
func (r *run) failed(ours bool, rows []state.Failed) {
	p := &r.push
	for _, f := range rows {
		problem := f.Problem
		if problem == nil {
			continue
		}
		if !ours {
			r.earlier = append(r.earlier, *problem)
			continue
		}
		p.asked.Result(problem.Norm, problem.Reason)
		if !p.orphans[problem.Norm] {
			p.missed++
		}
		p.fail(problem)
	}
}

// fail counts a row that did not land, and tells why.
func (p *pusher) fail(problem *state.Problem) {
	if problem.Reason == Rejected {
		p.rejected++
	} else {
		p.lost++
	}
	p.problem(PushProblem{Key: problem.Key, Email: problem.Address, Reason: problem.Reason, Detail: problem.Detail})
}

// failedEarlier counts what earlier runs sent in vain, but for the users whom this one has served.
func (r *run) failedEarlier(ctx context.Context) error {
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
			if now, ok := open[part[i].Norm]; ok && now.Run != r.id {
				r.push.fail(&part[i])
			}
		}
	}
	return nil
}

// landedEarlier notes a row that a former run sent. Should the spool fail, it is counted as it is.
func (r *run) landedEarlier(norm string) {
	if r.push.former == nil {
		r.push.former = spool.New(r.Scratch)
	}
	_ = r.push.former.Add([]byte(norm), nil)
}

// dropSuperseded takes out of what was verified the rows of former runs whose users this run planned to change: what was sent then is
// not what the table says now.
func (r *run) dropSuperseded() error {
	if r.push.former == nil {
		return nil
	}
	defer r.push.former.Close()
	for _, p := range []*plan.Plan{r.first, r.plan} {
		if p == nil {
			continue
		}
		n, err := p.CountAmong(r.push.former)
		if err != nil {
			return fmt.Errorf("count what former runs sent: %w", err)
		}
		r.push.verified -= n
	}
	return nil
}

// orphan notes that a contact that is cleared has no user.
func (p *pusher) orphan(norm string) {
	if p.orphans == nil {
		p.orphans = make(map[string]bool)
	}
	p.orphans[norm] = true
}

func (p *pusher) problem(problem PushProblem) {
	if len(p.problems) < users.MaxListed {
		p.problems = append(p.problems, problem)
	}
}

// finish puts what was pushed into the report.
func (p *pusher) finish(r *Report) {
	if r.Push == nil {
		return
	}
	for _, b := range p.batches {
		if b.Kind == state.Import {
			r.Push.Activities = append(r.Push.Activities, pushedActivity(b))
		}
	}
}

// countPushed is finish without the activities: the outcome depends on it. Which problems are open is known.
func (r *run) countPushed() {
	rep, p := r.report, &r.push
	if rep.Push == nil {
		return
	}
	open := 0
	for _, b := range p.batches {
		if b.State != state.Settled {
			open += b.Contacts - p.landedOf[b.ID]
		}
	}
	rep.Push.Verified, rep.Push.Rejected, rep.Push.Unverified = p.verified, p.rejected, p.lost+open
	rep.Push.Problems = append(rep.Push.Problems, p.problems...)
	rep.overstepped = len(p.altered)
	r.countUnsent()
	c := &rep.Coverage
	c.Verified += p.arrived
	c.Missing += p.missed
	c.Pending -= p.arrived + p.missed
	c.Contacts += p.created
}

// countUnsent turns the rows that the plan would have cleared, and that were not sent, into skipped ones.
func (r *run) countUnsent() {
	rep := r.report
	for i := range r.push.unsent {
		row := &r.push.unsent[i]
		if rep.Summary.Clear--; r.push.orphans[row.Norm] {
			continue
		}
		rep.Summary.Skipped++
		rep.Reasons[string(contact.ClearingOff)]++
		rep.Coverage.Pending--
		rep.Coverage.Skipped++
		if len(rep.Skipped) < users.MaxListed {
			rep.Skipped = append(rep.Skipped, Skipped{Key: row.Key, Email: row.Address, Reason: contact.ClearingOff, Detail: errOff.Error()})
		}
	}
}

// openProblems finds out, for a run for all users, which problems are open still. ended is what ended the run: a plan that was not
// made to its end does not tell which are solved.
func (r *run) openProblems(ctx context.Context, ended error) error {
	if r.Write == nil || len(r.opts.Only) > 0 {
		return nil
	}
	if _, spent := deferral(ended); r.plan != nil && !r.report.Guard.Tripped && (ended == nil || spent != nil) {
		r.report.Limited = r.plan.Limited
		if err := r.dropSolved(ctx); err != nil {
			return err
		}
	}
	for p, err := range r.State.Problems(ctx) {
		if err != nil {
			return err
		}
		r.report.OpenProblems[p.Reason]++
		if p.Since.After(r.report.newestProblem) {
			r.report.newestProblem = p.Since
		}
	}
	return nil
}

func pushedActivity(b *state.Batch) PushedActivity {
	a := PushedActivity{ID: b.Activity, Contacts: b.Contacts, State: b.Ending, Errors: b.Errors}
	if a.Errors == nil {
		a.Errors = []string{}
	}
	if a.State == "" {
		a.State = "unknown"
	}
	return a
}

func (p *Pushed) summary() string {
	if p.Verified+p.Rejected+p.Unverified == 0 {
		return ""
	}
	return fmt.Sprintf("%d changes were verified, %d rejected, %d could not be verified", p.Verified, p.Rejected, p.Unverified)
}

// history is the report as it is kept: without the addresses and values of users.
func (r *Report) history() ([]byte, error) {
	kept := *r
	kept.Changes, kept.Skipped, kept.Users = nil, nil, nil
	if r.Push != nil {
		push := *r.Push
		push.Problems = nil
		kept.Push = &push
	}
	return json.Marshal(&kept)
}

// remember keeps what the next run compares itself with: the size of the source, and the problems that still are some.
func (r *run) remember(ctx context.Context) error {
	good := r.report.Outcome == Synced || r.report.Outcome == Partial || r.report.Outcome == Deferred
	if r.Write == nil || r.plan == nil || !good || len(r.opts.Only) > 0 {
		return nil
	}
	put := r.State.PutValued
	if r.opts.Force {
		put = r.State.ResetValued // the table may stay as small as it is
	}
	if err := put(ctx, r.users.Valued.ByColumn(r.mapping)); err != nil {
		return err
	}
	return r.State.SetFacts(ctx, map[string]string{
		factGoodMapping: strings.Join(r.mapping.Pairs(), "\n"), factGoodContacts: strconv.Itoa(r.mirror.Live())})
}

// dropSolved ends the problems of users that are none any more: the value stands there, or the row is gone or
// another.
func (r *run) dropSolved(ctx context.Context) error {
	var solved []string
	for p, err := range r.State.Problems(ctx) {
		if err != nil {
			return err
		}
		still := r.plan.Problems[p.Norm] || r.first != nil && r.first.Problems[p.Norm]
		if !still && p.Run != r.id {
			solved = append(solved, p.Norm)
		}
	}
	return r.State.SolveProblems(ctx, solved)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
