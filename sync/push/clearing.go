package push

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

// Nobody knows for certain that a PUT without permission_to_send keeps it. Should it not, the first
// contact tells: it is an overstep, and nothing is cleared until another attempt, 30 days
// later.
const (
	// when it was last seen; then, behind blanks: of which contact, and from what to what
	factClearing = "put_reset_permission"
	clearingRest = 30 * 24 * time.Hour
)

// ErrClearingOff says why a contact was not cleared.
var ErrClearingOff = errors.New("clearing a value changed a contact's permission, so ccsyncd clears nothing; empty the value in Constant Contact")

// factTrial is the contact that a PUT may be under way for, and its permission before: its answer
// may be lost with the process.
const factTrial = "put_under_way"

// Clearing tells why no value is cleared in this account.
type Clearing struct {
	Since   time.Time // when a contact that was put back got another permission
	Until   time.Time // when clearing is retried
	Contact string    // its id; "" where it is not known any more
	Was, Is string    // its permission before and after; "" where not known
}

// ReadClearing tells whether clearing is off in this account, and why; nil when it is not.
func ReadClearing(ctx context.Context, db *state.DB) (*Clearing, error) {
	text, err := db.Fact(ctx, factClearing)
	if err != nil || text == "" {
		return nil, err
	}
	known := append(strings.Fields(text), "", "", "")
	c := &Clearing{Contact: known[1], Was: known[2], Is: known[3]}
	if c.Since, err = time.Parse(time.RFC3339, known[0]); err != nil {
		return nil, fmt.Errorf("read %s: %w", factClearing, err)
	}
	if c.Until = c.Since.Add(clearingRest); !db.Now().Before(c.Until) {
		return nil, nil
	}
	return c, nil
}

func (c *clearer) recall(ctx context.Context) error {
	if err := c.finishTrial(ctx); err != nil {
		return err
	}
	off, err := ReadClearing(ctx, c.State)
	c.off = c.off || off != nil
	return err
}

// tryOut notes that a contact is about to be put back.
func (c *clearer) tryOut(ctx context.Context, before *ccapi.Contact) error {
	return c.State.SetFacts(ctx, map[string]string{factTrial: before.ID + " " + before.Permission})
}

// finishTrial compares the permission of a contact whose PUT a former run did not live to see
// answered, or had no answer to.
func (c *clearer) finishTrial(ctx context.Context) error {
	text, err := c.State.Fact(ctx, factTrial)
	if err != nil || text == "" || c.Write == nil {
		return err
	}
	id, was, _ := strings.Cut(text, " ")
	is, err := c.Read.Contact(ctx, id)
	if err != nil && !errors.Is(err, ccapi.ErrNotFound) {
		return fmt.Errorf("read a contact whose clearing was interrupted: %w", err)
	}
	return c.watchPermission(ctx, &state.BatchRow{ID: id, Address: is.Address, Norm: contact.Norm(is.Address)}, was, is.Permission)
}

// watchPermission compares the permission of a contact before and after it was put back. Who opted
// out in between did that himself.
func (c *clearer) watchPermission(ctx context.Context, row *state.BatchRow, was, is string) error {
	news := map[string]string{factTrial: ""}
	if was == is || was == "" || is == "" || is == "unsubscribed" {
		return c.State.SetFacts(context.WithoutCancel(ctx), news)
	}
	c.off = true
	detail := "clearing a value changed the contact's permission from " + was + " to " + is + "; check the contact in Constant Contact"
	if err := c.State.PutOverstep(context.WithoutCancel(ctx), &state.Overstep{
		Norm: row.Norm, Address: row.Address, Key: row.Key, ID: named(row.ID), Was: was, Detail: detail, Since: c.now(), Run: c.Run}); err != nil {
		return err
	}
	c.results.altered++
	c.results.problem(Problem{Key: row.Key, Email: row.Address, Reason: Overstepped, Detail: detail})
	c.Log.ErrorContext(ctx, "clearing a value changed a contact's permission", "run", c.Run, "contact", row.ID, "was", was, "is", is)
	news[factClearing] = strings.Join([]string{c.now().Format(time.RFC3339), row.ID, was, is}, " ")
	return c.State.SetFacts(context.WithoutCancel(ctx), news)
}
