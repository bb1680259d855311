package state

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// ErrTwins says that several contacts share an address, so that what an export tells of it cannot be told apart.
var ErrTwins = errors.New("several contacts share an address")

// unnamed is put before the normalised address in place of the id of a contact that only an export has shown.
const unnamed = "?"

// PutExported writes contacts that an export showed, which tells no ids: one that the mirror has keeps its id, others
// are without one until a page shows them. It is PutContacts in all other respects. ErrTwins when an address is that of
// several contacts. Give them in the order of their addresses: into any other order a million take minutes.
func (db *DB) PutExported(ctx context.Context, m Mirror, contacts []Contact) (more int, err error) {
	err = db.change(ctx, "write exported contacts", func(tx *sqlx.Tx) error {
		put, err := prepareUpsert(ctx, tx)
		if err != nil {
			return err
		}
		defer put.close()
		named, err := tx.PreparexContext(ctx, selectKnown+" WHERE norm = ?")
		if err != nil {
			return err
		}
		defer named.Close()
		for i := range contacts {
			if err := put.exported(ctx, named, &contacts[i], m.Loading); err != nil {
				return err
			}
		}
		more = put.more
		return nil
	})
	return more, err
}

// exported writes a contact under the id that the mirror has for its address.
func (u *upsert) exported(ctx context.Context, named *sqlx.Stmt, c *Contact, snapshot int64) error {
	var known []knownContact
	if err := named.SelectContext(ctx, &known, c.Norm); err != nil {
		return err
	}
	switch {
	case len(known) == 0:
		c.ID = unnamed + c.Norm
	case len(known) > 1 || known[0].Seen == snapshot:
		return fmt.Errorf("%w: %d of one in the mirror", ErrTwins, len(known))
	default:
		c.ID = known[0].ID
	}
	return u.replace(ctx, c, known, snapshot)
}
