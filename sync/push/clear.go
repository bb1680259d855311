package push

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

// clearer empties values of single contacts, one by one: what an import cannot do.
type clearer struct {
	*base
	results *results
	// nothing is cleared: a contact that was put back got another permission
	off     bool
	refused map[string]string // by norm, why a contact cannot be replaced
	left    map[string]bool   // by norm, contacts that were not cleared because clearing is off
}

// clear sends a recorded batch of contacts to clear.
func (o *Outbox) clear(ctx context.Context, b *state.Batch, rows []state.BatchRow) error {
	b.Ending = endedDirect
	if err := o.move(ctx, b, state.Sending); err != nil {
		return err
	}
	if err := o.clearer.all(ctx, rows); err != nil {
		return err
	}
	if err := o.move(ctx, b, state.Ended); err != nil {
		return err
	}
	return o.verifier.recordRefusals(ctx, b, rows)
}

// recordRefusals records the contacts of a batch that cannot be replaced: the answer is final, and
// only this process knows it.
func (vf *verifier) recordRefusals(ctx context.Context, b *state.Batch, rows []state.BatchRow) error {
	v := verification{batch: b}
	for i := range rows {
		if detail := vf.clearer.refused[rows[i].Norm]; detail != "" {
			v.missing = append(v.missing, judged{BatchRow: rows[i], verdict: verdict{reason: Rejected, detail: detail}})
		}
	}
	ctx = context.WithoutCancel(ctx)
	problems, err := vf.problemsOf(ctx, &v)
	if err != nil {
		return err
	}
	var failed []state.Failed
	for i := range v.missing {
		p := problemOf(b, &v.missing[i], problems, false, vf.now())
		failed = append(failed, state.Failed{Norm: p.Norm, Reason: p.Reason, Problem: &p})
	}
	return vf.State.Fail(ctx, b.ID, failed)
}

// all clears the contacts of these rows, until clearing is off.
func (c *clearer) all(ctx context.Context, rows []state.BatchRow) error {
	for i := range rows {
		if c.off {
			c.leave(rows[i:])
			return nil
		}
		if err := c.replace(ctx, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// leave notes rows that are not sent because clearing is off.
func (c *clearer) leave(rows []state.BatchRow) {
	if c.left == nil {
		c.left = make(map[string]bool)
	}
	for i := range rows {
		c.left[rows[i].Norm] = true
	}
}

// errStale says that a contact is not any more what the plan saw.
var errStale = errors.New("the contact was changed during the run")

// maxPutFields is how many custom fields a contact can be put back with (ContactPutRequest,
// custom_fields).
const maxPutFields = 25

var errFull = fmt.Errorf("the contact has more than %d custom fields, too many to write back", maxPutFields)

// replace empties the values of one contact, and sets those that change besides, unless it is not
// any more what the plan saw. What came of it is found out by reading back.
func (c *clearer) replace(ctx context.Context, row *state.BatchRow) error {
	wanted, old := c.mapping.Decode(row.Wanted), c.mapping.Decode(row.Old)
	var edits []ccapi.Edit
	for i := range wanted {
		if t := &c.mapping.Targets[i]; wanted[i] != old[i] {
			edits = append(edits, ccapi.Edit{CustomField: t.ID, Property: t.Property, Value: wanted[i]})
		}
	}
	var was, is string // the permission: at first, and at last
	after, err := c.Write.Replace(ctx, row.ID, edits, func(before ccapi.Contact) error {
		if is = before.Permission; was == "" {
			was = is
		}
		if err := replaceable(c.mapping, &before, row.Norm, wanted, old); err != nil {
			return err
		}
		return c.tryOut(ctx, &before)
	})
	switch {
	case err == nil:
		is = after.Permission
	case errors.Is(err, errFull), errors.Is(err, ccapi.ErrBadRequest), errors.Is(err, ccapi.ErrConflict):
		c.refuse(row.Norm, err)
	case errors.Is(err, errStale), errors.Is(err, ccapi.ErrNotFound):
	default: // the next run looks what became of it
		return fmt.Errorf("clear a contact: %w", err)
	}
	if err != nil {
		c.Log.WarnContext(ctx, "contact not cleared", "run", c.Run, "contact", row.ID, "error", err)
	}
	return c.watchPermission(ctx, row, was, is)
}

// replaceable tells whether a contact is still what the plan saw, and can be put back.
func replaceable(m *contact.Mapping, c *ccapi.Contact, norm string, wanted, old []string) error {
	if c.Deleted || contact.OptedOut(c.Permission) || contact.Norm(c.Address) != norm || !slices.Equal(m.Values(c), old) {
		return errStale
	}
	left := len(c.CustomFields)
	for i := range wanted {
		switch custom := m.Targets[i].Property == ""; {
		case custom && wanted[i] == "" && old[i] != "":
			left--
		case custom && wanted[i] != "" && old[i] == "":
			left++
		}
	}
	if left > maxPutFields {
		return errFull
	}
	return nil
}

// refuse notes why a contact cannot be replaced.
func (c *clearer) refuse(norm string, err error) {
	if c.refused == nil {
		c.refused = make(map[string]string)
	}
	c.refused[norm] = err.Error()
}
