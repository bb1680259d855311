package sync

import (
	"context"
	"slices"
	"time"

	"ccsyncd/ccapi"
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
	if age := r.now().Sub(last.EndedAt); r.refreshed.After(time.Now().Add(-age)) {
		return nil
	}
	return r.incremental(ctx)
}

// settle verifies one batch and writes down how it ended.
func (r *run) settle(ctx context.Context, b *state.Batch) error {
	rows, err := r.rowsOf(ctx, b)
	if err != nil {
		return err
	}
	verdicts, err := r.verify(ctx, b, rows)
	if err != nil {
		return err
	}
	problems, err := r.problemsOf(ctx, rows, verdicts)
	if err != nil {
		return err
	}
	if r.push.guessed[b.ID] && len(failedNorms(rows, verdicts)) == len(rows) && unexplained(b) == Lost {
		b.Ending = endedForeign
	}
	can := retry{anew: r.plan == nil, halve: b.Run == r.id && r.push.halves < maxHalves}
	s := settlement(r.mapping, b, rows, verdicts, problems, can, r.now())
	again, err := r.State.Settle(context.WithoutCancel(ctx), s)
	if err != nil {
		return err
	}
	b.State = state.Settled
	r.push.settled(r.id, b, &s, rows, verdicts)
	for i, id := range again {
		s.Again[i].ID = id
		if err := r.postHalf(ctx, s.Again[i], s.Rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// rowsOf reads the rows of a batch. Their values come in the present mapping, whatever it was when the batch was sent.
func (r *run) rowsOf(ctx context.Context, b *state.Batch) ([]state.BatchRow, error) {
	carry := r.mapping.carry(b.Mapping)
	rows := make([]state.BatchRow, 0, b.Contacts)
	for row, err := range r.State.BatchRows(ctx, b.ID) {
		if err != nil {
			return nil, err
		}
		row.Wanted, row.Old = carry(row.Wanted), carry(row.Old)
		rows = append(rows, row)
	}
	return rows, nil
}

// problemsOf are the problems that earlier tries of the rows left that did not land.
func (r *run) problemsOf(ctx context.Context, rows []state.BatchRow, verdicts map[string]verdict) (map[string]state.Problem, error) {
	found := make(map[string]state.Problem)
	for part := range slices.Chunk(failedNorms(rows, verdicts), chunk) {
		problems, err := r.State.ProblemsOf(ctx, part)
		if err != nil {
			return nil, err
		}
		for norm, p := range problems {
			found[norm] = p
		}
	}
	return found, nil
}

func failedNorms(rows []state.BatchRow, verdicts map[string]verdict) []string {
	var norms []string
	for i := range rows {
		if !verdicts[rows[i].Norm].landed {
			norms = append(norms, rows[i].Norm)
		}
	}
	return norms
}

// verify reads back every row. What the refresh does not show is read directly: all of it when a few of the rows turn
// out to have landed unseen, and once more when patience is at its end.
func (r *run) verify(ctx context.Context, b *state.Batch, rows []state.BatchRow) (map[string]verdict, error) {
	verdicts := make(map[string]verdict, len(rows))
	missing, since := rows, b.EndedAt
	for try, pause := range patience {
		if pause > 0 {
			since = r.now()
			if err := r.refreshAfter(ctx, pause); err != nil {
				return nil, err
			}
		}
		var err error
		if missing, err = r.judgeRows(ctx, b, missing, verdicts); err != nil || len(missing) == 0 || b.Ending == endedRefused {
			return verdicts, err
		}
		arrived := len(missing) < len(rows)
		r.push.prompt = r.push.prompt || arrived && b.Kind == state.Import && r.now().Sub(b.EndedAt) < promptAfter
		last := try == len(patience)-1 || r.explained(b, missing) || r.overdue(b, r.push.prompt || arrived)
		if missing, err = r.lookAgain(ctx, b, missing, verdicts, since, last); err != nil || len(missing) == 0 || last {
			return verdicts, err
		}
	}
	return verdicts, nil
}

func (r *run) refreshAfter(ctx context.Context, pause time.Duration) error {
	if err := wait(ctx, pause); err != nil {
		return err
	}
	return r.incremental(ctx)
}

// overdue tells whether what an import wrote ought to be readable by now.
func (r *run) overdue(b *state.Batch, prompt bool) bool {
	age := r.now().Sub(b.EndedAt)
	return age > settledAfter || prompt && age >= promptAfter
}

// explained tells whether the activity counted as many errors as rows are missing: waiting would not help.
func (r *run) explained(b *state.Batch, missing []state.BatchRow) bool {
	return b.ErrorCount >= len(missing) || b.Ending == endedRefused || b.Ending == endedBroken
}

// lookAgain reads rows directly that the mirror does not show as landed, and returns what still has not. Where that takes
// many requests a few rows go first: if none of them has landed, all are left for later, but for the last time.
func (r *run) lookAgain(ctx context.Context, b *state.Batch, rows []state.BatchRow, verdicts map[string]verdict, since time.Time, last bool) ([]state.BatchRow, error) {
	all, err := r.readingAll(ctx)
	if err != nil {
		return nil, err
	}
	if !last && min(len(rows), all) > sampled {
		few := rows[:sampled]
		if err := r.readRows(ctx, few); err != nil {
			return nil, err
		}
		if still, err := r.judgeRows(ctx, b, few, verdicts); err != nil || len(still) == len(few) {
			return rows, err
		}
	}
	if err := r.readAgain(ctx, rows, all, since); err != nil {
		return nil, err
	}
	return r.judgeRows(ctx, b, rows, verdicts)
}

func (r *run) judgeRows(ctx context.Context, b *state.Batch, rows []state.BatchRow, verdicts map[string]verdict) (missing []state.BatchRow, err error) {
	for part := range slices.Chunk(rows, chunk) {
		norms := make([]string, len(part))
		for i := range part {
			norms[i] = part[i].Norm
		}
		contacts, err := r.State.Contacts(ctx, norms)
		if err != nil {
			return nil, err
		}
		for i := range part {
			v := readBack(r.mapping, &r.Policy, b, &part[i], contactsOf(contacts, part[i].Norm))
			if detail := r.push.refused[part[i].Norm]; !v.landed && b.Kind == state.Replace && detail != "" {
				v = verdict{reason: Rejected, detail: detail}
			}
			if detail := r.push.reset[part[i].Norm]; v.landed && detail != "" {
				v.reason, v.detail = Overstepped, detail
			}
			if verdicts[part[i].Norm] = v; !v.landed {
				missing = append(missing, part[i])
			}
		}
	}
	return missing, nil
}

// readAgain reads contacts directly, each by its address or all by paging, whichever takes fewer requests. A snapshot
// that began after the given time stands for it.
func (r *run) readAgain(ctx context.Context, rows []state.BatchRow, all int, since time.Time) error {
	if len(rows) <= all {
		return r.readRows(ctx, rows)
	}
	if !r.fresh.IsZero() && r.mirror.SnapshotAt.After(since) {
		return nil
	}
	return r.snapshot(ctx)
}

func (r *run) readRows(ctx context.Context, rows []state.BatchRow) error {
	for i := range rows {
		if err := r.readByAddress(ctx, rows[i].Norm, rows[i].Address); err != nil {
			return err
		}
	}
	return nil
}

// postHalf sends rows again that were lost with their neighbours.
func (r *run) postHalf(ctx context.Context, half state.Batch, rows []state.BatchRow) error {
	b := r.push.track(half)
	r.push.sent -= half.Contacts
	r.push.halves++
	var body ccapi.ImportBody
	body.Reset(half.Lists, r.mapping.members())
	var values []string
	for i := range rows {
		values = r.mapping.changed(&rows[i], values)
		body.Add(rows[i].Address, values)
	}
	return r.post(ctx, b, &body)
}
