package state

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"
)

// ErrTwins says that several contacts share an address, so that what an export tells of it cannot be told apart.
var ErrTwins = errors.New("several contacts share an address")

// unnamed is put before the normalised address in place of the id of a contact that only an export has shown.
const unnamed = "?"

// PutExported writes contacts that an export showed, which tells no ids: one that the mirror has keeps its id, others
// are without one until a page shows them. It is PutContacts in all other respects. ErrTwins when an address is that of
// several contacts. They ascend by Norm: in any other order a million take minutes.
func (db *DB) PutExported(ctx context.Context, m Mirror, contacts []Contact) (more int, err error) {
	if len(contacts) == 0 {
		return 0, nil
	}
	err = db.change(ctx, "write exported contacts", func(ctx context.Context, tx *sqlx.Tx) error {
		known, err := knownOf(ctx, tx, contacts)
		if err != nil {
			return err
		}
		put, err := prepareUpsert(ctx, tx)
		if err != nil {
			return err
		}
		defer put.close()
		if err := put.exported(ctx, tx, contacts, known, m.Loading); err != nil {
			return err
		}
		more = put.more
		return nil
	})
	return more, err
}

// knownOf reads what the mirror has of these contacts, by address.
func knownOf(ctx context.Context, tx *sqlx.Tx, contacts []Contact) (known []knownContact, err error) {
	const together = 500
	norms := make([]string, 0, together)
	for part := range slices.Chunk(contacts, together) {
		norms = norms[:0]
		for i := range part {
			norms = append(norms, part[i].Norm)
		}
		query, args, err := sqlx.In(selectKnown+" WHERE norm IN (?) ORDER BY norm", norms)
		if err != nil {
			return nil, err
		}
		var found []knownContact
		if err := tx.SelectContext(ctx, &found, query, args...); err != nil {
			return nil, err
		}
		known = append(known, found...)
	}
	return known, nil
}

// setAside are the contacts without an id that were set aside, by what stands for the id.
func setAside(ctx context.Context, tx *sqlx.Tx) (map[string]knownContact, error) {
	var found []knownContact
	if err := tx.SelectContext(ctx, &found, selectKnown+" WHERE norm = '' AND substr(contact_id, 1, 1) = '?'"); err != nil {
		return nil, err
	}
	aside := make(map[string]knownContact, len(found))
	for _, k := range found {
		aside[k.ID] = k
	}
	return aside, nil
}

// exported writes contacts under the ids that the mirror has for their addresses, many with one statement. Both slices ascend by
// address.
func (u *upsert) exported(ctx context.Context, tx *sqlx.Tx, contacts []Contact, known []knownContact, snapshot int64) (err error) {
	const together = 100
	many, err := tx.PreparexContext(ctx, putContacts(together))
	if err != nil {
		return err
	}
	defer many.Close()
	aside, err := setAside(ctx, tx)
	if err != nil {
		return err
	}
	rows := make([]any, 0, together*contactColumns)
	for i := range contacts {
		c := &contacts[i]
		if i > 0 && c.Norm == contacts[i-1].Norm {
			return fmt.Errorf("%w: two of one in the export", ErrTwins)
		}
		of := 0
		for len(known) > 0 && known[0].Norm < c.Norm {
			known = known[1:]
		}
		for of < len(known) && known[of].Norm == c.Norm {
			of++
		}
		before := known[:of]
		if k, ok := aside[unnamed+c.Norm]; ok && of == 0 {
			before = []knownContact{k}
		}
		if err := name(c, before, snapshot); err != nil {
			return err
		}
		if rows, err = u.replace(ctx, rows, c, before, snapshot); err != nil {
			return err
		}
		if len(rows) < cap(rows) {
			continue
		}
		if _, err := many.ExecContext(ctx, rows...); err != nil {
			return err
		}
		rows = rows[:0]
	}
	for rest := range slices.Chunk(rows, contactColumns) {
		if _, err := u.put.ExecContext(ctx, rest...); err != nil {
			return err
		}
	}
	return nil
}

// name gives an exported contact the id that the mirror has for its address, or a name in place of one.
func name(c *Contact, known []knownContact, snapshot int64) error {
	switch {
	case len(known) == 0:
		c.ID = unnamed + c.Norm
	case len(known) > 1 || known[0].Seen == snapshot:
		return fmt.Errorf("%w: %d of one in the mirror", ErrTwins, len(known))
	default:
		c.ID = known[0].ID
	}
	return nil
}
