package sync

import (
	"context"
	"fmt"
	"time"
)

// forcesAll tells whether a run was forced for everybody. One that was forced for some sends these,
// and leaves as it is what holds for the others.
func (o *Options) forcesAll() bool { return o.Force && len(o.Only) == 0 && o.Limit == 0 }

// Ahead says that everybody else waits for contacts that went ahead of a first push.
type Ahead struct {
	Contacts int `json:"contacts"`
	// when their import counts as lost, and others go ahead in their place; zero: never
	Until time.Time `json:"until,omitzero"`
}

// String names what is waited for, and how long.
func (a Ahead) String() string {
	text := "waiting for the import of the first contact; nothing else is sent until it has ended"
	if a.Contacts > 1 {
		text = fmt.Sprintf("waiting for the import of the first %d contacts; nothing else is sent until it has ended", a.Contacts)
	}
	if a.Until.IsZero() {
		return text
	}
	return text + fmt.Sprintf(". If it has not ended by %s ([limits] activity_timeout), it counts as lost and the next run tries other contacts first", a.Until.UTC().Format("2006-01-02 15:04 MST"))
}

// awaitAhead waits for contacts that a former run sent ahead: until they are compared nothing else
// is sent. ok is false when nothing may be sent yet.
func (r *run) awaitAhead(ctx context.Context) (ok bool, err error) {
	waiting, err := r.canary.Waiting(ctx)
	if err != nil || waiting == 0 {
		return err == nil, err
	}
	if ok, err := r.compareAhead(ctx); err != nil || !ok {
		return false, err
	}
	waits, err := r.tellAhead(ctx)
	return !waits, err
}

// tellAhead says, where that is so, that everybody else waits for the contacts that went ahead.
func (r *run) tellAhead(ctx context.Context) (waits bool, err error) {
	waiting, err := r.canary.Waiting(ctx)
	if err != nil || waiting == 0 {
		return false, err
	}
	open, err := r.State.OpenBatches(ctx)
	if err != nil {
		return false, err
	}
	a := Ahead{Contacts: waiting}
	for i := range open {
		sends, err := r.canary.Sends(ctx, &open[i])
		if err != nil {
			return false, err
		}
		if until := open[i].SendingAt.Add(r.Policy.ActivityTimeout); sends && r.Policy.ActivityTimeout > 0 && until.After(a.Until) {
			a.Until = until
		}
	}
	r.report.Ahead = &a
	r.report.note(a.String())
	r.Log.WarnContext(ctx, "waiting for the first contacts sent", "run", r.id, "contacts", a.Contacts, "until", a.Until)
	return true, nil
}

// compareAhead waits for the contacts that went ahead and compares them. ok is false when they
// changed in more than they were to.
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

// sendInSteps sends the plan: first the contacts that go ahead, where some are due, then the
// others.
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
	r.Log.InfoContext(ctx, "sending a few contacts first", "run", r.id, "contacts", len(first))
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
		if waits, err := r.tellAhead(ctx); err != nil || waits {
			return err
		}
		if len(first) < r.plan.Len() {
			r.report.Unproven = due
			r.report.note("not all of the first contacts were seen with their new values; the other users wait for the next run")
		}
		return nil
	}
	r.report.note(fmt.Sprintf("contacts sent first: %d; comparing them before and after showed no other changes", len(first)))
	return r.out.Send(ctx, r.plan, func(norm string) bool { return !first[norm] })
}
