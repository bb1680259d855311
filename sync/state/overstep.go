package state

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Overstepped is the reason that the history of a run gives for an Overstep.
const Overstepped = "overstepped"

// Overstep is a contact that an import or a clear changed in what it must not. It stays one,
// whatever is sent later, until EndOversteps: only a person can put it right.
type Overstep struct {
	Norm, Address, Key string
	ID                 string // of the contact; "" where it is not known
	Was                string // the contact's permission before; "" for another contact
	Detail             string
	Since              time.Time
	Run                int64 // that sent it
	Resubscribed       bool  // an import subscribed a contact that had opted out
}

// factResubscribed is when an import was last seen to have subscribed a contact that had opted out.
const factResubscribed = "import_resubscribed"

// Resubscribed is when an import was last seen to have subscribed a contact that had opted out;
// zero: none was. It stays known when the Overstep has ended.
func (db outbox) Resubscribed(ctx context.Context) (time.Time, error) {
	at, err := db.Fact(ctx, factResubscribed)
	return moment(at), err
}

// PutOverstep notes a contact, and tells the history of its run.
func (db outbox) PutOverstep(ctx context.Context, o *Overstep) error {
	return db.change(ctx, "note a contact that was changed in too much", func(ctx context.Context, tx *sqlx.Tx) error {
		return putOverstep(ctx, tx, o)
	})
}

func putOverstep(ctx context.Context, tx *sqlx.Tx, o *Overstep) error {
	if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO overstepped (norm, address, key, contact, was, detail, since, run) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		o.Norm, o.Address, o.Key, o.ID, o.Was, o.Detail, stamp(o.Since), o.Run); err != nil {
		return err
	}
	if o.Resubscribed {
		if err := setFact(ctx, tx, factResubscribed, stamp(o.Since)); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO run_problems (run, norm, address, key, reason, detail)
		SELECT id, ?, ?, ?, ?, ? FROM runs WHERE id = ?`, o.Norm, o.Address, o.Key, Overstepped, o.Detail, o.Run)
	return err
}

// Oversteps are all of them, ascending by Norm.
func (db outbox) Oversteps(ctx context.Context) ([]Overstep, error) {
	var found []struct {
		Norm, Address, Key, Contact, Was, Detail, Since string
		Run                                             int64
	}
	if err := db.read.SelectContext(ctx, &found, "SELECT norm, address, key, contact, was, detail, since, run FROM overstepped ORDER BY norm"); err != nil {
		return nil, fmt.Errorf("read contacts that were changed in too much: %w", err)
	}
	all := make([]Overstep, len(found))
	for i, r := range found {
		all[i] = Overstep{Norm: r.Norm, Address: r.Address, Key: r.Key, ID: r.Contact, Was: r.Was, Detail: r.Detail, Since: moment(r.Since), Run: r.Run}
	}
	return all, nil
}

// EndOversteps ends those of these normalised addresses.
func (db outbox) EndOversteps(ctx context.Context, norms []string) error {
	if len(norms) == 0 {
		return nil
	}
	return db.change(ctx, "end oversteps", func(ctx context.Context, tx *sqlx.Tx) error {
		for _, norm := range norms {
			if _, err := tx.ExecContext(ctx, "DELETE FROM overstepped WHERE norm = ?", norm); err != nil {
				return err
			}
		}
		return nil
	})
}

// Of are the contacts that an overstep may be of: those of its address, and the one of its id,
// whatever address that has now. They have an id, an address and a permission, or are deleted.
func (db mirror) Of(ctx context.Context, o *Overstep) ([]Contact, error) {
	var found []struct {
		Norm, Permission string
		ID               string `db:"contact_id"`
		Deleted          bool
	}
	err := db.read.SelectContext(ctx, &found, `SELECT norm, contact_id, permission, deleted FROM contacts
		WHERE norm = ? OR contact_id = ? AND substr(contact_id, 1, 1) <> '?' ORDER BY norm, contact_id`, o.Norm, o.ID)
	if err != nil {
		return nil, fmt.Errorf("read the contacts of an overstep: %w", err)
	}
	contacts := make([]Contact, len(found))
	for i, r := range found {
		contacts[i] = Contact{Norm: r.Norm, ID: r.ID, Permission: r.Permission, Deleted: r.Deleted}
	}
	return contacts, nil
}
