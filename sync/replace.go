package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

// replaceAll clears single contacts one by one: what an import cannot do.
func (r *run) replaceAll(ctx context.Context, b *state.Batch, rows []state.BatchRow) error {
	b.Ending = endedDirect
	if err := r.recallReset(ctx); err != nil {
		return err
	}
	if err := r.move(ctx, b, state.Sending); err != nil {
		return err
	}
	for i := range rows {
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
	before := ""
	after, err := r.Write.Replace(ctx, row.ID, edits, func(c ccapi.Contact) error {
		before = c.Permission
		return r.replaceable(&c, row.Norm, wanted, old)
	})
	switch {
	case err == nil:
		return r.watchPermission(ctx, row, before, after.Permission)
	case errors.Is(err, errFull), errors.Is(err, errResets), errors.Is(err, ccapi.ErrBadRequest), errors.Is(err, ccapi.ErrConflict):
		r.push.refuse(row.Norm, err)
	case errors.Is(err, errStale), errors.Is(err, ccapi.ErrNotFound):
	default:
		return fmt.Errorf("clear a contact: %w", err)
	}
	r.Log.WarnContext(ctx, "contact not cleared", "run", r.id, "contact", row.ID, "error", err)
	return nil
}

// replaceable tells whether a contact is still what the plan saw, and can be put back.
func (r *run) replaceable(c *ccapi.Contact, norm string, wanted, old []string) error {
	if r.push.resets && c.Permission != notSet {
		return errResets
	}
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

// Nobody knows for certain that a PUT without permission_to_send keeps it. Should it not, the first contact tells: its
// problem says so, and no other is cleared until the account is tried once more after a while.
const (
	factReset  = "put_reset_permission" // when it was last seen
	resetHolds = 30 * 24 * time.Hour
	notSet     = "not_set"
)

var errResets = errors.New("putting a contact back resets its permission to not_set, so nothing is cleared; empty the value in Constant Contact")

// recallReset finds out whether this account resets permissions.
func (r *run) recallReset(ctx context.Context) error {
	seen, err := r.State.Fact(ctx, factReset)
	if err != nil || seen == "" {
		return err
	}
	at, err := time.Parse(time.RFC3339, seen)
	if err != nil {
		return fmt.Errorf("read %s: %w", factReset, err)
	}
	r.push.resets = r.now().Sub(at) < resetHolds
	return nil
}

// watchPermission compares the permission of a contact before and after it was put back.
func (r *run) watchPermission(ctx context.Context, row *state.BatchRow, before, after string) error {
	if after != notSet || before == notSet {
		return nil
	}
	r.push.resets = true
	if r.push.reset == nil {
		r.push.reset = make(map[string]string)
	}
	r.push.reset[row.Norm] = "the permission was " + before + " and became not_set when the contact was put back; set it again in Constant Contact"
	r.Log.ErrorContext(ctx, "putting a contact back reset its permission", "run", r.id, "contact", row.ID, "was", before)
	return r.State.SetFacts(context.WithoutCancel(ctx), map[string]string{factReset: r.now().Format(time.RFC3339)})
}

// refuse notes why a contact cannot be replaced.
func (p *pusher) refuse(norm string, err error) {
	if p.refused == nil {
		p.refused = make(map[string]string)
	}
	p.refused[norm] = err.Error()
}
