package sync

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
)

// makePlan plans for everybody whom the run is for.
func (r *run) makePlan(ctx context.Context) (err error) {
	r.step("plan", 0, 0)
	r.plan, err = plan.Make(ctx, r.planRules(), r.mirror, r.users, r.asked)
	if err != nil {
		return err
	}
	return r.planned(ctx)
}

// planRest plans for the users whose import, sent by a former run, ended while this one waited for
// it: their rows may have changed since. It goes over the rows already read, and the same way.
func (r *run) planRest(ctx context.Context) error {
	r.step("plan", 0, 0)
	r.report.Extent.Unplanned = r.opts.Extent().Unplanned
	rest, err := r.plan.Rest(ctx, r.mirror, r.users, r.State.Now())
	if err != nil {
		return err
	}
	r.first, r.plan = r.plan, rest
	if err := r.planned(ctx); err != nil {
		return err
	}
	if err := r.carryOut(ctx); err != nil || r.report.Guard.Tripped {
		return err
	}
	return r.out.Await(ctx)
}

// rules are what a plan goes by under this policy.
func (p *Policy) rules(m *contact.Mapping) plan.Rules {
	return plan.Rules{Mapping: m, Create: p.Create, UpdateUnsubscribed: p.UpdateUnsubscribed, ClearOrphans: p.ClearOrphans}
}

func (r *run) planRules() plan.Rules {
	all := r.Policy.rules(r.mapping)
	r.out.Restrict(&all)
	all.Limit, all.Now, all.Scratch = r.opts.Limit, r.State.Now(), r.Scratch
	all.Progress = func(done, total int) { r.step("plan", done, total) }
	return all
}

// planned looks at what a new plan rests on, and foretells what it costs.
func (r *run) planned(ctx context.Context) error {
	r.report.planned(r.first, r.plan)
	r.report.noteJoins(r.plan)
	if err := r.bindAgain(ctx); err != nil {
		return err
	}
	return r.estimate(ctx)
}

// bindAgain reads fields and lists before anything is sent, or shown as if it would be: one that is
// gone or renamed since shows in nothing else.
func (r *run) bindAgain(ctx context.Context) error {
	if r.plan.Len() == 0 || r.bound {
		return nil
	}
	was := r.mapping.Key()
	if err := r.bind(ctx, true); err != nil {
		return err
	}
	if r.mapping.Key() != was && r.Write != nil {
		return fmt.Errorf("a field or list was created or renamed during the run: %w", state.ErrMapping)
	}
	r.plan = r.plan.Renamed(r.mapping)
	return nil
}

// carryOut judges the plan, makes it again by what the contacts are now, judges that, and sends it.
// A dry run, and a plan that is refused or empty, end after the judgement.
func (r *run) carryOut(ctx context.Context) error {
	if err := r.judge(ctx); err != nil || r.report.Guard.Tripped || r.Write == nil {
		return err
	}
	if r.plan.Len() == 0 {
		return r.settleIn(ctx)
	}
	if ok, err := r.awaitAhead(ctx); err != nil || !ok {
		return err
	}
	if err := recheck(ctx, r.mirror, r.plan, func(done int) { r.step("recheck", done, r.plan.Len()) }); err != nil {
		return err
	}
	again, err := r.plan.Again(ctx, r.mirror, r.State.Now())
	if err != nil {
		return err
	}
	r.plan = again
	r.report.planned(r.first, r.plan)
	if err := r.judge(ctx); err != nil || r.report.Guard.Tripped {
		return err
	}
	if err := r.settleIn(ctx); err != nil || r.plan.Len() == 0 {
		return err
	}
	if err := r.createFields(ctx); err != nil {
		return err
	}
	return r.sendInSteps(ctx)
}

// overridden begins the note of each limit that a forced run exceeded.
const overridden = "guard overridden: "

// judge lets the guard judge the plan by what former runs did. --force overrides every limit except
// the least number of rows.
func (r *run) judge(ctx context.Context) error {
	h, err := r.history(ctx, r.mirror.Live())
	if err != nil {
		return err
	}
	v := r.Guard.Judge(r.plan, h)
	harm := &v
	if nothing := plan.NoVerdict(); r.plan.Len() == 0 {
		harm = &nothing
	}
	if err := r.canary.Judge(ctx, harm); err != nil {
		return err
	}
	if r.plan.Len() == 0 && harm.Tripped {
		r.report.note("the guard will refuse the next change unless the run is forced: " + harm.Summary())
	}
	if r.opts.Force {
		if r.opts.forcesAll() {
			r.harmSeen = strings.Join(harm.Details, "\n")
		}
		var passed []string
		v, passed = v.Forced()
		for _, detail := range passed {
			r.report.note(overridden + detail)
		}
	}
	if r.moved != "" { // a dry run that goes on all the same
		moved := plan.NoVerdict()
		moved.Trip("moved", r.moved)
		v.Tripped, v.Reasons, v.Details = true, append(moved.Reasons, v.Reasons...), append(moved.Details, v.Details...)
	}
	r.report.Guard = v
	return nil
}

// history is what former runs did, for the guard, and how many contacts the account has now.
func (e *Engine) history(ctx context.Context, contacts int) (*plan.History, error) {
	since := e.State.Now().Add(-plan.LookBack)
	var forced time.Time
	if _, err := e.State.Record(ctx, recordForced, &forced); err != nil {
		return nil, err
	}
	if forced.After(since) {
		since = forced
	}
	h := &plan.History{Contacts: contacts}
	var err error
	if h.Sent, err = e.State.SentSince(ctx, since); err != nil {
		return nil, err
	}
	if h.Best, err = e.State.BestValued(ctx, plan.ShrinkDays); err != nil {
		return nil, err
	}
	h.Good, err = lastGood(ctx, e.State)
	return h, err
}
