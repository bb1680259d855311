package sync

import (
	"context"
	"fmt"
)

// forcesAll tells whether a run was forced for everybody. One that was forced for some sends these, and leaves as it is what holds
// for the others.
func (o *Options) forcesAll() bool { return o.Force && len(o.Only) == 0 && o.Limit == 0 }

// awaitAhead waits for contacts that a former run sent ahead: until they are compared nothing else is sent. ok is false when nothing may be
// sent yet.
func (r *run) awaitAhead(ctx context.Context) (ok bool, err error) {
	waits, err := r.canary.Waits(ctx)
	if err != nil || !waits {
		return err == nil, err
	}
	if ok, err := r.compareAhead(ctx); err != nil || !ok {
		return false, err
	}
	if waits, err = r.canary.Waits(ctx); err != nil || waits {
		r.report.note("the import of the contacts that go ahead is under way still: the others wait for it")
		return false, err
	}
	return true, nil
}

// compareAhead waits for the contacts that went ahead and compares them. ok is false when they changed in more than they were to.
func (r *run) compareAhead(ctx context.Context) (ok bool, err error) {
	if err := r.out.Await(ctx); err != nil {
		return false, err
	}
	if err := r.canary.Compare(ctx); err != nil {
		return false, err
	}
	err = r.canary.Judge(ctx, &r.report.Guard)
	return err == nil && !r.report.Guard.Tripped, err
}

// sendInSteps sends the plan: first the contacts that go ahead, where some are due, then the others.
func (r *run) sendInSteps(ctx context.Context) error {
	if r.opts.forcesAll() {
		if err := r.canary.Pass(ctx); err != nil {
			return err
		}
	}
	due, err := r.canary.Due(ctx)
	if err != nil {
		return err
	}
	if due == 0 {
		return r.out.Send(ctx, r.plan, nil)
	}
	first, err := r.plan.Ahead(due)
	if err != nil {
		return err
	}
	r.Log.InfoContext(ctx, "sending some contacts ahead of the others", "run", r.id, "contacts", len(first))
	if err := r.canary.Prepare(ctx, r.plan, first); err != nil {
		return err
	}
	if err := r.out.Send(ctx, r.plan, func(norm string) bool { return first[norm] }); err != nil {
		return err
	}
	if ok, err := r.compareAhead(ctx); err != nil || !ok {
		return err
	}
	if due, err = r.canary.Due(ctx); err != nil {
		return err
	}
	if due > 0 {
		if len(first) < r.plan.Len() {
			r.report.note("not all contacts that went ahead were seen with their values: the others wait for the next run")
		}
		return nil
	}
	r.report.note(fmt.Sprintf("contacts that went ahead of the others: %d; compared whole, nothing but their values changed", len(first)))
	return r.out.Send(ctx, r.plan, func(norm string) bool { return !first[norm] })
}
