package sync

import (
	"context"
	"iter"
	"slices"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
)

// patience are the waits before a row that is not there yet is looked at again: what a finished import wrote may
// take a while to be readable. A row that is given up too early would be sent twice.
var patience = []time.Duration{0, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second}

const (
	// settledAfter is how old the end of an import is when nothing that it wrote is still to come.
	settledAfter = time.Minute
	// promptAfter is the same where this run has seen other rows arrive: they are late together or not at all.
	promptAfter = 14 * time.Second
	// sampled is how many rows that are not there yet stand for the others, when reading all would take more requests.
	sampled = 3
)

// maxHalves bounds the batches that one run makes of rows that were lost.
const maxHalves = 64

// chunk is how many rows are looked up in the state database at once.
const chunk = 500

// settleEnded reads back the contacts of every import that has ended and settles it. Rows that are sent again in
// halves make new batches, which are posted here.
func (r *run) settleEnded(ctx context.Context) error {
	ended := r.push.in(state.Ended)
	if r.Write == nil || len(ended) == 0 {
		return nil
	}
	if err := r.refreshFor(ctx, ended); err != nil {
		return err
	}
	for i, b := range ended {
		r.step("verify", i, len(ended))
		if err := r.settle(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// refreshFor makes sure that the mirror is younger than the end of every batch.
func (r *run) refreshFor(ctx context.Context, ended []*state.Batch) error {
	last := slices.MaxFunc(ended, func(x, y *state.Batch) int { return x.EndedAt.Compare(y.EndedAt) })
	if r.mirror.RefreshedWithin(r.push.ages.of(last.ID).sinceEnd()) {
		return nil
	}
	return r.mirror.Changes(ctx)
}

// verification is what reading back a batch came to so far.
type verification struct {
	batch   *state.Batch
	rows    int
	landed  int // of the rows, written down as such
	tally   state.Tally
	missing []judged // the others
	unsent  []judged // that were not even sent
}

// judged is a row and what was last read of it.
type judged struct {
	state.BatchRow
	verdict
}

// settle verifies one batch and writes down how it ended, the batch's own end last.
func (r *run) settle(ctx context.Context, b *state.Batch) error {
	v, err := r.verify(ctx, b)
	if err != nil {
		return err
	}
	problems, err := r.problemsOf(ctx, v)
	if err != nil {
		return err
	}
	if r.push.guessed[b.ID] && v.landed == 0 && unexplained(b) == Lost {
		b.Ending = endedForeign
	}
	ours := b.Run == r.id
	r.push.late = r.push.late || !ours && r.plan != nil
	can := retry{anew: r.plan == nil || !ours, halve: ours && r.push.halves < maxHalves}
	s := v.settlement(r.mapping, problems, can, r.now())
	if err := r.writeDown(context.WithoutCancel(ctx), v, &s); err != nil {
		return err
	}
	b.State = state.Settled
	r.failed(ours, s.failed)
	for i := range v.unsent {
		r.push.unsent = append(r.push.unsent, v.unsent[i].BatchRow)
		r.push.asked.Skipped(v.unsent[i].Norm, ClearingOff)
	}
	for i := range s.again {
		if err := r.postHalf(ctx, &s.again[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) writeDown(ctx context.Context, v *verification, s *settlement) (err error) {
	if err := r.State.Fail(ctx, v.batch.ID, s.failed); err != nil {
		return err
	}
	for i := range s.again {
		h := &s.again[i]
		if h.batch.ID, err = r.State.AddBatch(ctx, h.batch, slices.Values(h.rows)); err != nil {
			return err
		}
	}
	return r.State.Settle(ctx, v.batch.ID, v.tally)
}

// rowsOf reads the rows of a batch. Their values come in the present mapping, whatever it was when the batch was sent.
func (r *run) rowsOf(ctx context.Context, b *state.Batch) iter.Seq2[judged, error] {
	present := contact.Carry(b.Mapping, r.mapping.Key())
	return func(yield func(judged, error) bool) {
		for row, err := range r.State.BatchRows(ctx, b.ID) {
			row.Wanted, row.Old = present(row.Wanted), present(row.Old)
			if !yield(judged{BatchRow: row}, err) {
				return
			}
		}
	}
}

// problemsOf are the problems that earlier tries of the missing rows left. One of the batch's own run was written by a settlement that
// the process did not live to end.
func (r *run) problemsOf(ctx context.Context, v *verification) (map[string]state.Problem, error) {
	found := make(map[string]state.Problem)
	for rows := range slices.Chunk(v.missing, chunk) {
		norms := make([]string, len(rows))
		for i := range rows {
			norms[i] = rows[i].Norm
		}
		problems, err := r.State.ProblemsOf(ctx, norms)
		if err != nil {
			return nil, err
		}
		for norm, p := range problems {
			if p.Run == v.batch.Run {
				p.Attempts--
			}
			if p.Attempts > 0 {
				found[norm] = p
			}
		}
	}
	return found, nil
}

// verify reads back every row. What the refresh does not show is read directly: all of it when a few of the rows turn
// out to have landed unseen, and once more when patience is at its end.
func (r *run) verify(ctx context.Context, b *state.Batch) (v *verification, err error) {
	v = &verification{batch: b}
	if err := r.lookAtAll(ctx, v); err != nil {
		return nil, err
	}
	if b.Kind == state.Replace {
		v.setAside(r.push.left)
	}
	since := b.EndedAt
	for try, pause := range patience {
		if pause > 0 {
			since = r.now()
			if err := r.refreshAfter(ctx, pause); err != nil {
				return nil, err
			}
			if v.missing, err = r.take(ctx, v, v.missing); err != nil {
				return nil, err
			}
		}
		if len(v.missing) == 0 || b.Ending == endedRefused {
			return v, nil
		}
		arrived := v.landed > 0
		r.push.prompt = r.push.prompt || arrived && b.Kind == state.Import && r.push.ages.of(b.ID).sinceEnd() < promptAfter
		last := try == len(patience)-1 || r.explained(b, len(v.missing)) || r.overdue(b, r.push.prompt || arrived)
		if v.missing, err = r.lookAgain(ctx, v, since, last); err != nil || len(v.missing) == 0 || last {
			return v, err
		}
	}
	return v, nil
}

// setAside takes the rows out of those that are missing that were not sent.
func (v *verification) setAside(unsent map[string]bool) {
	v.missing = slices.DeleteFunc(v.missing, func(row judged) bool {
		if unsent[row.Norm] {
			v.unsent = append(v.unsent, row)
		}
		return unsent[row.Norm]
	})
}

// lookAtAll looks at every row for the first time, some thousand together.
func (r *run) lookAtAll(ctx context.Context, v *verification) error {
	const most = 5000
	var rows []judged
	take := func() error {
		missing, err := r.take(ctx, v, rows)
		v.missing = append(v.missing, missing...)
		v.rows += len(rows)
		rows = rows[:0]
		return err
	}
	for row, err := range r.rowsOf(ctx, v.batch) {
		if err != nil {
			return err
		}
		if rows = append(rows, row); len(rows) == most {
			if err := take(); err != nil {
				return err
			}
		}
	}
	return take()
}

func (r *run) refreshAfter(ctx context.Context, pause time.Duration) error {
	if err := r.waitForActivity(ctx, pause); err != nil {
		return err
	}
	return r.mirror.Changes(ctx)
}

// overdue tells whether what an import wrote ought to be readable by now.
func (r *run) overdue(b *state.Batch, prompt bool) bool {
	age := r.push.ages.of(b.ID).sinceEnd()
	return age > settledAfter || prompt && age >= promptAfter
}

// explained tells whether the activity counted as many errors as rows are missing: waiting would not help.
func (r *run) explained(b *state.Batch, missing int) bool {
	return b.ErrorCount >= missing || b.Ending == endedRefused || b.Ending == endedBroken
}

// lookAgain reads the missing rows directly and returns those that still are. Where that takes many requests a few rows go
// first: if none of them has landed, all are left for later, but for the last time.
func (r *run) lookAgain(ctx context.Context, v *verification, since time.Time, last bool) ([]judged, error) {
	all, err := r.mirror.CostOfAll(ctx)
	if err != nil {
		return nil, err
	}
	rows := v.missing
	if !last && min(len(rows), all) > sampled {
		few := rows[:sampled]
		if err := r.readRows(ctx, few); err != nil {
			return nil, err
		}
		if landed, _, err := r.judgeRows(ctx, v.batch, few); err != nil || len(landed) == 0 {
			return rows, err
		}
	}
	if err := r.readAgain(ctx, rows, all, since); err != nil {
		return nil, err
	}
	return r.take(ctx, v, rows)
}

// take judges rows, writes down those that landed, and returns the others.
func (r *run) take(ctx context.Context, v *verification, rows []judged) (missing []judged, err error) {
	landed, missing, err := r.judgeRows(ctx, v.batch, rows)
	if err != nil {
		return nil, err
	}
	var news []state.Landed
	for i := range landed {
		if row := &landed[i]; row.Result != state.Done {
			news = append(news, state.Landed{Norm: row.Norm, Filled: row.filled, Key: row.Key})
		}
	}
	if err := r.State.Land(context.WithoutCancel(ctx), v.batch.ID, r.mapping.Key(), news); err != nil {
		return nil, err
	}
	for i := range landed {
		v.landed++
		plan.Count(&v.tally, r.mapping, &landed[i].BatchRow, v.batch.Lists)
		r.landed(v.batch, &landed[i])
	}
	return missing, nil
}

// judgeRows judges rows by the contacts as the mirror has them now. What was seen to land once did.
func (r *run) judgeRows(ctx context.Context, b *state.Batch, rows []judged) (landed, missing []judged, err error) {
	for part := range slices.Chunk(rows, chunk) {
		norms := make([]string, len(part))
		for i := range part {
			norms[i] = part[i].Norm
		}
		contacts, err := r.mirror.Contacts(ctx, norms)
		if err != nil {
			return nil, nil, err
		}
		for _, row := range part {
			if row.verdict = r.verdictOn(b, &row.BatchRow, plan.ContactsOf(contacts, row.Norm)); row.landed || row.Result == state.Done {
				landed = append(landed, row)
				continue
			}
			missing = append(missing, row)
		}
	}
	return landed, missing, nil
}

// verdictOn is readBack, and what is known of single replacements.
func (r *run) verdictOn(b *state.Batch, row *state.BatchRow, contacts []state.Contact) verdict {
	v := readBack(r.mapping, &r.Policy, b, row, contacts)
	if detail := r.push.refused[row.Norm]; !v.landed && b.Kind == state.Replace && detail != "" {
		v = verdict{reason: Rejected, detail: detail}
	}
	if detail := r.push.altered[row.Norm]; detail != "" {
		v.reason, v.detail = Overstepped, detail
	}
	return v
}

// readAgain reads contacts directly, each by its address or all by paging, whichever takes fewer requests. A snapshot
// that began after the given time stands for it.
func (r *run) readAgain(ctx context.Context, rows []judged, all int, since time.Time) error {
	if len(rows) <= all {
		return r.readRows(ctx, rows)
	}
	if r.mirror.SnapshotSince(since) {
		return nil
	}
	return r.mirror.Snapshot(ctx)
}

func (r *run) readRows(ctx context.Context, rows []judged) error {
	for part := range slices.Chunk(rows, chunk) {
		norms := make([]string, len(part))
		for i := range part {
			norms[i] = part[i].Norm
		}
		known, err := r.mirror.Contacts(ctx, norms)
		if err != nil {
			return err
		}
		for i := range part {
			place := plan.PlaceOf(part[i].Norm, part[i].Address, plan.ContactsOf(known, part[i].Norm))
			if err := r.mirror.Place(ctx, place.Norm, place.Addresses); err != nil {
				return err
			}
		}
	}
	return nil
}

// postHalf sends rows again that were lost with their neighbours.
func (r *run) postHalf(ctx context.Context, h *half) error {
	b := r.push.track(h.batch)
	r.push.sent -= h.batch.Contacts
	r.push.halves++
	var body ccapi.ImportBody
	body.Reset(h.batch.Lists, r.mapping.Members())
	var values []string
	for i := range h.rows {
		values = changed(r.mapping, &h.rows[i], values)
		body.Add(h.rows[i].Address, values)
	}
	return r.post(ctx, b, &body)
}
