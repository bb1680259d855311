package sync

import (
	"context"
	"time"

	"ccsyncd/ccapi"
)

// estimate foretells what sending the plan will cost. Creating a custom field is one request; the
// recheck reads each contact by its address or all by paging; imports are as many as the caps need;
// a few polls; the verification is the next incremental refresh; a contact that is cleared takes a
// GET and a PUT.
func (r *run) estimate(ctx context.Context) error {
	e, n := &r.report.Estimate, r.plan.Len()
	if n == 0 {
		return nil
	}
	all, err := r.mirror.Cost(ctx, r.plan.Total)
	if err != nil {
		return err
	}
	e.Requests += len(r.report.Setup)
	if !r.mirror.Fresh() {
		e.Requests += min(n, all)
	}
	const perImport, polls = ccapi.MaxImportContacts, 2
	clears := r.plan.Summary.Clear
	e.Requests += 2 * clears
	var working time.Duration
	if imported := n - clears; imported > 0 {
		imports := (imported + perImport - 1) / perImport
		e.Requests += imports + polls
		working = 2*time.Second + time.Duration(imported)*time.Second/5000
	}
	e.Requests += r.mirror.Pages(n)
	due, err := r.canary.Due(ctx)
	if err != nil {
		return err
	}
	if ahead := min(due, n); ahead > 0 { // an import of their own, and each is read whole, twice
		e.Requests += 2*ahead + 1 + polls
	}
	e.Seconds = seconds(time.Duration(e.Requests)*270*time.Millisecond + working)
	return nil
}
