package push

import (
	"context"
	"errors"
	"slices"
	"time"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
)

// patience are the waits before a row that has not arrived yet is looked at again: what a finished
// import wrote may take a while to be readable. A row that is given up too early would be sent
// twice.
var patience = []time.Duration{0, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second}

const (
	// settledAfter is how old the end of an import is when nothing that it wrote is still to come.
	settledAfter = time.Minute
	// promptAfter is the same where this run has seen other rows arrive: they are late together or
	// not at all.
	promptAfter = 14 * time.Second
	// sampled is how many rows that are not there yet stand for the others, when reading all would
	// take more requests.
	sampled = 3
)

// maxHalves bounds the batches that one run makes of rows that were lost.
const maxHalves = 64

// verifier reads back what was sent.
type verifier struct {
	*base
	results *results
	clearer *clearer
	prompt  bool // what an import of this run wrote was readable soon after its end
}

// refreshFor makes sure that the mirror is younger than the end of every batch.
func (vf *verifier) refreshFor(ctx context.Context, ended []*state.Batch) error {
	last := slices.MaxFunc(ended, func(x, y *state.Batch) int { return x.EndedAt.Compare(y.EndedAt) })
	if vf.Mirror.RefreshedWithin(vf.ages.of(last.ID).sinceEnd()) {
		return nil
	}
	return vf.Mirror.Changes(ctx)
}

// verification is what reading back a batch came to so far.
type verification struct {
	batch    *state.Batch
	rows     int
	landed   int // of the rows, recorded as such
	tally    state.Tally
	missing  []judged // the others
	unmapped []string // norms of rows that are not looked at: no field that they change is mapped
	unsent   []judged // that were not even sent
	refused  []string // norms of contacts that cannot be replaced, recorded as such
}

// judged is a row and what was last read of it.
type judged struct {
	state.BatchRow
	verdict
	unmapped bool // it changes only fields that are no longer mapped
}

// verify reads back every row. What the refresh does not show is read directly: all of it when a
// few of the rows turn out to have landed unseen, and again when patience is at its end.
func (vf *verifier) verify(ctx context.Context, b *state.Batch) (v *verification, err error) {
	v = &verification{batch: b}
	if err := vf.lookAtAll(ctx, v); err != nil {
		return nil, err
	}
	if b.Kind == state.Replace {
		v.setAside(vf.clearer.left)
	}
	since := b.EndedAt
	for try, pause := range patience {
		if pause > 0 {
			since = vf.now()
			if err := vf.refreshAfter(ctx, pause); err != nil {
				return nil, err
			}
			if v.missing, err = vf.take(ctx, v, v.missing); err != nil {
				return nil, err
			}
		}
		if len(v.missing) == 0 || b.Ending == endedRefused {
			return v, nil
		}
		arrived := v.landed > 0
		vf.prompt = vf.prompt || arrived && b.Kind == state.Import && vf.ages.of(b.ID).sinceEnd() < promptAfter
		last := try == len(patience)-1 || explained(b, len(v.missing)) || vf.overdue(b, vf.prompt || arrived)
		if v.missing, err = vf.lookAgain(ctx, v, since, last); err != nil || len(v.missing) == 0 || last {
			return v, err
		}
	}
	return v, nil
}

// sent is the tally that the batch keeps: of what landed. Where other fields or columns are mapped
// now, what was sent counts whole.
func (v *verification) sent(m *contact.Mapping) state.Tally {
	was := v.batch.Tally
	if v.batch.Mapping != m.Key() {
		return was
	}
	for column, n := range v.tally.Changes {
		if n > was.Changes[column] {
			return was
		}
	}
	return v.tally
}

// setAside takes the rows out of those that are missing that were refused or not even sent.
func (v *verification) setAside(unsent map[string]bool) {
	v.missing = slices.DeleteFunc(v.missing, func(row judged) bool {
		switch {
		case unsent[row.Norm]:
			v.unsent = append(v.unsent, row)
		case row.Result == Rejected:
			v.refused = append(v.refused, row.Norm)
		default:
			return false
		}
		return true
	})
}

// refusals are the problems of the rows that were refused, as the clearer recorded them.
func (vf *verifier) refusals(ctx context.Context, v *verification) (failed []state.Failed, err error) {
	for norms := range slices.Chunk(v.refused, chunk) {
		problems, err := vf.State.ProblemsOf(ctx, norms)
		if err != nil {
			return nil, err
		}
		for _, norm := range norms {
			if p, ok := problems[norm]; ok {
				failed = append(failed, state.Failed{Norm: norm, Reason: p.Reason, Problem: &p})
			}
		}
	}
	return failed, nil
}

// lookAtAll looks at every row for the first time, some thousand together. It leaves out those that
// change only fields that are no longer mapped.
func (vf *verifier) lookAtAll(ctx context.Context, v *verification) error {
	const most = 5000
	var rows []judged
	take := func() error {
		missing, err := vf.take(ctx, v, rows)
		v.missing = append(v.missing, missing...)
		v.rows += len(rows)
		rows = rows[:0]
		return err
	}
	for row, err := range vf.rowsOf(ctx, v.batch) {
		if err != nil {
			return err
		}
		if row.unmapped {
			v.unmapped = append(v.unmapped, row.Norm)
			continue
		}
		if rows = append(rows, row); len(rows) == most {
			if err := take(); err != nil {
				return err
			}
		}
	}
	return take()
}

func (vf *verifier) refreshAfter(ctx context.Context, pause time.Duration) error {
	if err := vf.wait(ctx, pause); err != nil {
		return err
	}
	return vf.Mirror.Changes(ctx)
}

// overdue tells whether what an import wrote ought to be readable by now.
func (vf *verifier) overdue(b *state.Batch, prompt bool) bool {
	age := vf.ages.of(b.ID).sinceEnd()
	return age > settledAfter || prompt && age >= promptAfter
}

// explained tells whether the activity counted as many errors as rows are missing: waiting would
// not help.
func explained(b *state.Batch, missing int) bool {
	return b.ErrorCount >= missing || b.Ending == endedRefused || b.Ending == endedBroken
}

// lookAgain reads the missing rows directly and returns those that still are. Where that takes many
// requests a few rows go first: if none of them has landed, all are left for later, but for the
// last time.
func (vf *verifier) lookAgain(ctx context.Context, v *verification, since time.Time, last bool) ([]judged, error) {
	all, err := vf.Mirror.CostOfAll(ctx)
	if err != nil {
		return nil, err
	}
	rows := v.missing
	if !last && min(len(rows), all) > sampled {
		few := rows[:sampled]
		if err := vf.readRows(ctx, few); err != nil {
			return nil, err
		}
		if landed, _, err := vf.judgeRows(ctx, v.batch, few); err != nil || len(landed) == 0 {
			return rows, err
		}
	}
	if err := vf.readAgain(ctx, rows, all, since); err != nil {
		return nil, err
	}
	return vf.take(ctx, v, rows)
}

// take judges rows, writes down those that landed, and returns the others.
func (vf *verifier) take(ctx context.Context, v *verification, rows []judged) (missing []judged, err error) {
	landed, missing, err := vf.judgeRows(ctx, v.batch, rows)
	if err != nil {
		return nil, err
	}
	var news []state.Landed
	for i := range landed {
		if row := &landed[i]; row.Result != state.Done {
			news = append(news, vf.landedRow(v.batch, row))
		}
	}
	if err := vf.State.Land(context.WithoutCancel(ctx), v.batch.ID, vf.mapping.Key(), news); err != nil {
		return nil, err
	}
	for i := range landed {
		v.landed++
		plan.Count(&v.tally, vf.mapping, &landed[i].BatchRow, v.batch.Lists)
		vf.results.landed(v.batch, &landed[i])
	}
	return missing, nil
}

// landedRow is a row that carries its values, as it is recorded.
func (vf *verifier) landedRow(b *state.Batch, row *judged) state.Landed {
	l := state.Landed{Norm: row.Norm, Filled: row.filled, Key: row.Key, Left: row.left, Overstep: row.overstepOf(b, vf.now())}
	if row.reason != "" {
		l.Problem = &state.RunProblem{Norm: row.Norm, Address: row.Address, Key: row.Key, Reason: row.reason, Detail: row.detail}
	}
	return l
}

// named is the id of a contact, "" for one that only an export has shown.
func named(id string) string {
	if c := (state.Contact{ID: id}); c.Unnamed() {
		return ""
	}
	return id
}

// overstepOf is what the batch did to the row's contact that it must not; nil for nothing.
func (row *judged) overstepOf(b *state.Batch, now time.Time) *state.Overstep {
	if row.overstep == "" {
		return nil
	}
	o := &state.Overstep{Norm: row.Norm, Address: row.Address, Key: row.Key, ID: named(row.harmed), Detail: row.overstep, Since: now, Run: b.Run, Resubscribed: row.resubscribed}
	if !row.replaced {
		o.Was = row.Permission
	}
	return o
}

// judgeRows judges rows by the contacts as the mirror has them now. What was seen to land once did.
func (vf *verifier) judgeRows(ctx context.Context, b *state.Batch, rows []judged) (landed, missing []judged, err error) {
	recent := b.Kind == state.Import && vf.ages.of(b.ID).sinceSending() < time.Hour
	for part := range slices.Chunk(rows, chunk) {
		norms := make([]string, len(part))
		for i := range part {
			norms[i] = part[i].Norm
		}
		contacts, err := vf.Mirror.Contacts(ctx, norms)
		if err != nil {
			return nil, nil, err
		}
		for _, row := range part {
			row.verdict = readBack(vf.mapping, vf.UpdateUnsubscribed, recent, b, &row.BatchRow, plan.ContactsOf(contacts, row.Norm))
			if row.landed || row.Result == state.Done {
				landed = append(landed, row)
				continue
			}
			missing = append(missing, row)
		}
	}
	return landed, missing, nil
}

// leaveErased leaves out of what was found the users whom somebody asked to forget during the
// import. No row tells any more what they were sent: their contacts are read again, and the next
// plan compares them.
func (vf *verifier) leaveErased(ctx context.Context, v *verification) error {
	some, err := vf.State.AnyErased(ctx, v.batch.ID)
	if err != nil || !some {
		return err
	}
	if v.batch.Ending != endedRefused {
		if err := vf.readErased(ctx, v.batch); err != nil {
			return err
		}
	}
	return vf.dropErased(ctx, v)
}

// readErased reads the contacts of these users when nothing that the import wrote is still to come.
func (vf *verifier) readErased(ctx context.Context, b *state.Batch) error {
	if rest := settledAfter - vf.ages.of(b.ID).sinceEnd(); rest > 0 {
		if err := vf.wait(ctx, rest); err != nil {
			return err
		}
	}
	if err := vf.Mirror.Changes(ctx); err != nil {
		return err
	}
	norms, err := vf.State.ErasedContacts(ctx, b.ID)
	if err != nil {
		return err
	}
	rows := make([]judged, len(norms))
	for i, norm := range norms {
		rows[i].Norm = norm
	}
	return vf.readRows(ctx, rows)
}

// dropErased drops what was found of rows that the batch has no longer.
func (vf *verifier) dropErased(ctx context.Context, v *verification) error {
	here := make(map[string]bool)
	for row, err := range vf.State.BatchRows(ctx, v.batch.ID) {
		if err != nil {
			return err
		}
		here[row.Norm] = true
	}
	before := len(v.missing)
	v.missing = slices.DeleteFunc(v.missing, func(row judged) bool { return !here[row.Norm] })
	v.rows -= before - len(v.missing)
	return nil
}

// readAgain reads contacts directly, each by its address or all by paging, whichever takes fewer
// requests. A snapshot that began after the given time stands for it.
func (vf *verifier) readAgain(ctx context.Context, rows []judged, all int, since time.Time) error {
	if len(rows) <= all {
		return vf.readRows(ctx, rows)
	}
	if vf.Mirror.SnapshotSince(since) {
		return nil
	}
	return vf.Mirror.Snapshot(ctx)
}

func (vf *verifier) readRows(ctx context.Context, rows []judged) error {
	for part := range slices.Chunk(rows, chunk) {
		norms := make([]string, len(part))
		for i := range part {
			norms[i] = part[i].Norm
		}
		known, err := vf.Mirror.Contacts(ctx, norms)
		if err != nil {
			return err
		}
		for i := range part {
			place := plan.PlaceOf(part[i].Norm, part[i].Address, plan.ContactsOf(known, part[i].Norm))
			if err := vf.Mirror.Place(ctx, place.Norm, place.Addresses); err != nil {
				return err
			}
		}
	}
	return nil
}

// someLanded reads the first row of a batch, the last and one between, and tells whether each
// carries its values: so do none, which have been forgotten. Under another mapping than the
// mirror's nobody can tell yet.
func (vf *verifier) someLanded(ctx context.Context, b *state.Batch) (bool, error) {
	var few []judged
	var last judged
	n := 0
	for row, err := range vf.rowsOf(ctx, b) {
		if err != nil {
			return false, err
		}
		if n == 0 || n == b.Contacts/2 {
			few = append(few, row)
		}
		n, last = n+1, row
	}
	if n > 1 {
		few = append(few, last)
	}
	switch err := vf.readRows(ctx, few); {
	case errors.Is(err, state.ErrMapping):
		// the mirror is brought to the present one after this look
		return false, nil
	case err != nil:
		return false, err
	}
	_, missing, err := vf.judgeRows(ctx, b, few)
	return err == nil && len(missing) == 0, err
}

// problemsOf are the problems that earlier tries of the missing rows left. One of the batch's own
// run was written by a settlement that the process did not live to end.
func (vf *verifier) problemsOf(ctx context.Context, v *verification) (map[string]state.Problem, error) {
	found := make(map[string]state.Problem)
	for rows := range slices.Chunk(v.missing, chunk) {
		norms := make([]string, len(rows))
		for i := range rows {
			norms[i] = rows[i].Norm
		}
		problems, err := vf.State.ProblemsOf(ctx, norms)
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
