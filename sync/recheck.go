package sync

import (
	"context"
	"fmt"
	"time"

	"ccsyncd/sync/spool"
)

// recheck reads the contacts concerned once more, the cheapest way there is, and decides again: who has
// meanwhile opted out, been deleted or left a list is planned again by the same rules. The mirror believes what it was told
// when it was last told, and not every change is told.
func (r *run) recheck(ctx context.Context) error {
	if !r.fresh.IsZero() && time.Since(r.fresh) < freshFor {
		return r.sameMapping(ctx)
	}
	all, err := r.readingAll(ctx)
	if err != nil {
		return err
	}
	if r.plan.count > all {
		return r.snapshot(ctx)
	}
	done := 0
	for norm, buf := range r.plan.changes.Sorted() {
		s := []subject{parseSubject(norm, buf, r.mapping)}
		if err := r.lookUp(ctx, s); err != nil {
			return err
		}
		if err := r.readByAddress(ctx, s[0].norm, s[0].remoteAddress()); err != nil {
			return fmt.Errorf("recheck: %w", err)
		}
		done++
		r.step("recheck", done, r.plan.count)
	}
	return r.plan.changes.Err()
}

// remoteAddress is the address as Constant Contact writes it, or as it will be sent for a contact that is not
// there yet.
func (s *subject) remoteAddress() string {
	if len(s.contacts) > 0 {
		return s.contacts[0].Address
	}
	return sendable(s.address, s.norm)
}

// decideAgain decides on every planned change by what the mirror says now, hands on those that are still to be made
// and counts anew.
func (r *run) decideAgain(ctx context.Context, send func(*subject, *decision) error) error {
	sum := &r.report.Summary
	sum.Create, sum.Update, sum.Fill, sum.Change, sum.Clear, sum.Joins = 0, 0, 0, 0, 0, 0
	r.report.Changes = r.report.Changes[:0]
	p := &planner{run: r, plan: &plan{changes: spool.New(r.Scratch), sharing: newSharing(r.mapping, r.Scratch), asked: r.plan.asked}}
	p.onlyThese()
	var subjects []subject
	decideAll := func() error {
		if err := r.lookUp(ctx, subjects); err != nil {
			return err
		}
		for i := range subjects {
			s := &subjects[i]
			s.asked = p.only != nil
			d := decide(&r.Policy, r.mapping, s, r.now())
			if d.action == Create && !s.newcomer { // the contact has another address now: the next run finds out whose
				d = decision{pending: true}
			}
			if d.action == "" {
				if err := p.take(s, &d); err != nil {
					return err
				}
				continue
			}
			p.countChange(r, s, &d)
			if err := send(s, &d); err != nil {
				return err
			}
		}
		subjects = subjects[:0]
		return nil
	}
	for norm, buf := range r.plan.changes.Sorted() {
		if subjects = append(subjects, parseSubject(norm, buf, r.mapping)); len(subjects) == chunk {
			if err := decideAll(); err != nil {
				return err
			}
		}
	}
	if err := r.plan.changes.Err(); err != nil {
		return err
	}
	if err := decideAll(); err != nil {
		return err
	}
	r.plan.pending += p.pending
	r.cover()
	return nil
}
