package sync

import (
	"context"
	"time"
)

// estimate foretells what sending the plan will cost. Creating a custom field is one request; the recheck
// reads each contact by its address or all by paging; imports are as many as the caps need; a few polls; the verification is the
// next incremental refresh; a contact that is cleared takes a GET and a PUT.
func (p *planner) estimate(ctx context.Context) error {
	e := &p.report.Estimate
	if p.count == 0 {
		return nil
	}
	all, err := p.reading(ctx, p.contacts)
	if err != nil {
		return err
	}
	e.Requests += len(p.report.Setup)
	if p.fresh.IsZero() || time.Since(p.fresh) >= freshFor {
		e.Requests += min(p.count, all)
	}
	const perImport = 39_999
	clears := p.report.Summary.Clear
	e.Requests += 2 * clears
	working := 0.0
	if imported := p.count - clears; imported > 0 {
		imports := (imported + perImport - 1) / perImport
		const polls = 2
		e.Requests += imports + polls
		working = 2 + float64(imported)/5000
	}
	e.Requests += (p.count + pageSize - 1) / pageSize
	e.Seconds = float64(e.Requests)*0.27 + working
	return nil
}
