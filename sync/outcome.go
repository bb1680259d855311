package sync

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ccsyncd/internal/kit"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
)

// openProblems finds out, for a run for all users, which problems are open still. ended is what
// ended the run: a plan that was not made to its end does not tell which are solved.
func (r *run) openProblems(ctx context.Context, ended error) error {
	if r.Write == nil {
		return nil
	}
	_, spent := deferral(ended)
	through := r.plan != nil && !r.report.Guard.Tripped && (ended == nil || spent != nil)
	if through {
		review := overstepReview{state: r.State, asked: r.asked, forced: r.opts.Force, harmSeen: r.harmSeen, began: r.report.StartedAt}
		looked, err := review.end(ctx)
		if err != nil {
			return err
		}
		if looked > 0 {
			r.report.note(kit.Plural(looked, "contact no longer needs", "contacts no longer need") + " a check, because this run was forced")
		}
	}
	if len(r.opts.Only) > 0 {
		return nil
	}
	for _, p := range []*plan.Plan{r.first, r.plan} {
		if p != nil {
			r.report.Limited += p.Limited
		}
	}
	if through {
		if err := r.dropSolved(ctx); err != nil {
			return err
		}
	}
	return r.report.countOpen(ctx, r.State)
}

// countOpen counts what is open.
func (r *Report) countOpen(ctx context.Context, db *state.DB) error {
	count := func(reason string, since time.Time) {
		r.OpenProblems[reason]++
		if since.After(r.newestProblem) {
			r.newestProblem = since
		}
	}
	for p, err := range db.Problems(ctx) {
		if err != nil {
			return err
		}
		count(p.Reason, p.Since)
	}
	open, err := db.Oversteps(ctx)
	for i := range open {
		count(Overstepped, open[i].Since)
	}
	return err
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

// remember keeps what the next run compares itself with: the size of the source, and the problems
// that still are some.
func (r *run) remember(ctx context.Context) error {
	if r.Write == nil || r.plan == nil || !r.report.Outcome.Good() || len(r.opts.Only) > 0 {
		return nil
	}
	put := r.State.PutValued
	if r.opts.forcesAll() {
		put = r.State.ResetValued // the table may stay as small as it is
	}
	if err := put(ctx, r.users.Valued.ByColumn(r.mapping)); err != nil {
		return err
	}
	return r.State.SetFacts(ctx, map[string]string{
		factGoodMapping: strings.Join(r.mapping.Pairs(), "\n"), factGoodContacts: strconv.Itoa(r.mirror.Live())})
}

// dropSolved ends the problems of users that are none any more: the value stands there, or the row
// is gone or another.
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
