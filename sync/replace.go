package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

// replaceAll clears single contacts one by one: what an import cannot do.
func (r *run) replaceAll(ctx context.Context, b *state.Batch, rows []state.BatchRow) error {
	b.Ending = endedDirect
	if err := r.move(ctx, b, state.Sending); err != nil {
		return err
	}
	for i := range rows {
		if r.push.off {
			r.push.leave(rows[i:])
			break
		}
		if err := r.replace(ctx, &rows[i]); err != nil {
			return err
		}
	}
	return r.move(ctx, b, state.Ended)
}

// errStale says that a contact is not any more what the plan saw.
var errStale = errors.New("the contact changed meanwhile")

// maxPutFields is how many custom fields a contact can be put back with (ContactPutRequest, custom_fields).
const maxPutFields = 25

var errFull = fmt.Errorf("the contact has more than %d custom fields, which cannot all be put back", maxPutFields)

// replace empties the values of one contact, and sets those that change besides, unless it is not any more
// what the plan saw. What came of it is found out by reading back.
func (r *run) replace(ctx context.Context, row *state.BatchRow) error {
	wanted, old := r.mapping.Decode(row.Wanted), r.mapping.Decode(row.Old)
	var edits []ccapi.Edit
	for i := range wanted {
		if t := &r.mapping.Targets[i]; wanted[i] != old[i] {
			edits = append(edits, ccapi.Edit{CustomField: t.ID, Property: t.Property, Value: wanted[i]})
		}
	}
	var was, is string // the permission: at first, and at last
	after, err := r.Write.Replace(ctx, row.ID, edits, func(c ccapi.Contact) error {
		if is = c.Permission; was == "" {
			was = is
		}
		if err := r.replaceable(&c, row.Norm, wanted, old); err != nil {
			return err
		}
		return r.tryOut(ctx, &c)
	})
	switch {
	case err == nil:
		is = after.Permission
	case errors.Is(err, errFull), errors.Is(err, ccapi.ErrBadRequest), errors.Is(err, ccapi.ErrConflict):
		r.push.refuse(row.Norm, err)
	case errors.Is(err, errStale), errors.Is(err, ccapi.ErrNotFound):
	default: // the next run looks what became of it
		return fmt.Errorf("clear a contact: %w", err)
	}
	if err != nil {
		r.Log.WarnContext(ctx, "contact not cleared", "run", r.id, "contact", row.ID, "error", err)
	}
	return r.watchPermission(ctx, row, was, is)
}

// replaceable tells whether a contact is still what the plan saw, and can be put back.
func (r *run) replaceable(c *ccapi.Contact, norm string, wanted, old []string) error {
	if c.Deleted || c.Permission == "unsubscribed" || contact.Norm(c.Address) != norm || !slices.Equal(r.mapping.Values(c), old) {
		return errStale
	}
	left := len(c.CustomFields)
	for i := range wanted {
		switch custom := r.mapping.Targets[i].Property == ""; {
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
func (p *pusher) refuse(norm string, err error) {
	if p.refused == nil {
		p.refused = make(map[string]string)
	}
	p.refused[norm] = err.Error()
}
