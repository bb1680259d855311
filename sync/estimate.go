package sync

import (
	"context"

	"ccsyncd/ccapi"
	"ccsyncd/sync/mirror"
)

// estimate foretells what sending the plan will cost. Creating a custom field is one request; the recheck
// reads each contact by its address or all by paging; imports are as many as the caps need; a few polls; the verification is the
// next incremental refresh; a contact that is cleared takes a GET and a PUT.
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
	const perImport = ccapi.MaxImportContacts
	clears := r.plan.Summary.Clear
	e.Requests += 2 * clears
	working := 0.0
	if imported := n - clears; imported > 0 {
		imports := (imported + perImport - 1) / perImport
		const polls = 2
		e.Requests += imports + polls
		working = 2 + float64(imported)/5000
	}
	e.Requests += mirror.Pages(n)
	if err := r.estimateAhead(ctx, e); err != nil {
		return err
	}
	e.Seconds = float64(e.Requests)*0.27 + working
	return nil
}

// estimateAhead adds what it costs to send some contacts ahead: an import of their own, and each read whole, twice.
func (r *run) estimateAhead(ctx context.Context, e *Estimate) error {
	c, err := r.canary(ctx)
	if err != nil {
		return err
	}
	if n := min(r.due(&c), r.plan.Len()); n > 0 {
		const polls = 2
		e.Requests += 2*n + 1 + polls
	}
	return nil
}
