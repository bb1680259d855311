package state

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// unnamed is put before the normalised address in place of the id of a contact that only an export
// has shown.
const unnamed = "?"

// UnnamedID is what stands in place of the id of a contact of a normalised address that is known by
// it alone.
func UnnamedID(norm string) string { return unnamed + norm }

// isUnnamed is true of the contacts without an id, in the order of the key.
const isUnnamed = "contact_id >= '?' AND contact_id < '@'"

// PutExported writes contacts that an export showed, which tells no ids: one that the mirror has
// keeps its id, others are without one until a page shows them. It is PutContacts in all other
// respects. A contact whose address several have, or one that this snapshot has shown already, is
// left out and its address returned among twins: what an export tells of it cannot be told apart.
// They ascend by Norm, each once, and none is deleted: an export shows none.
func (db mirror) PutExported(ctx context.Context, m Mirror, contacts []Contact) (more int, twins []string, err error) {
	if len(contacts) == 0 {
		return 0, nil, nil
	}
	err = db.change(ctx, "write exported contacts", func(ctx context.Context, tx *sqlx.Tx) error {
		if err := sameMapping(ctx, tx, m.Mapping); err != nil {
			return err
		}
		known, err := knownOf(ctx, tx, contacts)
		if err != nil {
			return err
		}
		put, err := prepareUpsert(ctx, tx, m.Loading)
		if err != nil {
			return err
		}
		defer put.close()
		if twins, err = put.exported(ctx, tx, contacts, known); err != nil {
			return err
		}
		more = put.more
		return nil
	})
	return more, twins, err
}

const existsBetween = "SELECT EXISTS (SELECT 1 FROM contacts WHERE norm BETWEEN ? AND ?)"

// knownOf reads what the mirror has of these contacts, by address.
func knownOf(ctx context.Context, tx *sqlx.Tx, contacts []Contact) (known []contactRow, err error) {
	var some bool // none in the first snapshot
	first, last := contacts[0].Norm, contacts[len(contacts)-1].Norm
	if err := tx.GetContext(ctx, &some, existsBetween, first, last); err != nil || !some {
		return nil, err
	}
	const together = 500
	norms := make([]string, 0, together)
	for part := range slices.Chunk(contacts, together) {
		norms = norms[:0]
		for i := range part {
			norms = append(norms, part[i].Norm)
		}
		query, args, err := sqlx.In(selectContacts+whereNorm, norms)
		if err != nil {
			return nil, err
		}
		var found []contactRow
		if err := tx.SelectContext(ctx, &found, query, args...); err != nil {
			return nil, err
		}
		known = append(known, found...)
	}
	return known, nil
}

// setAside are the contacts without an id that were set aside, by what stands for the id.
func setAside(ctx context.Context, tx *sqlx.Tx) (map[string]contactRow, error) {
	var found []contactRow
	if err := tx.SelectContext(ctx, &found, selectContacts+" WHERE norm = '' AND "+isUnnamed); err != nil {
		return nil, err
	}
	aside := make(map[string]contactRow, len(found))
	for _, k := range found {
		aside[k.ID] = k
	}
	return aside, nil
}

// exported writes contacts under the ids that the mirror has for their addresses. Both slices
// ascend by address.
func (u *upsert) exported(ctx context.Context, tx *sqlx.Tx, contacts []Contact, known []contactRow) (twins []string, err error) {
	aside, err := setAside(ctx, tx)
	if err != nil {
		return nil, err
	}
	add, err := prepareAddition(ctx, tx, u.snapshot)
	if err != nil {
		return nil, err
	}
	defer add.close()
	for i := range contacts {
		c := &contacts[i]
		of := 0
		for len(known) > 0 && known[0].Norm < c.Norm {
			known = known[1:]
		}
		for of < len(known) && known[of].Norm == c.Norm {
			of++
		}
		before := known[:of]
		if k, ok := aside[unnamed+c.Norm]; ok && of == 0 {
			before = []contactRow{k}
		}
		if c.ID = idOf(c, before, u.snapshot); c.ID == "" {
			twins = append(twins, c.Address)
			continue
		}
		if len(before) > 0 || u.erased != nil {
			_, err = u.put(ctx, c, before)
		} else {
			err = add.contact(ctx, c)
			u.more++
		}
		if err != nil {
			return nil, err
		}
	}
	return twins, add.flush(ctx)
}

// addition adds contacts without an id, of which the mirror has nothing, many with one statement.
// What they have in common stands in the statement: binding a value costs as much as storing it.
type addition struct {
	one, many *sqlx.Stmt
	values    []any // the snapshot, then those of the contacts that are not written yet
}

const (
	addedTogether = 100
	addedValues   = 6 // of a contact
)

func prepareAddition(ctx context.Context, tx *sqlx.Tx, snapshot int64) (*addition, error) {
	a := addition{values: append(make([]any, 0, 1+addedTogether*addedValues), snapshot)}
	for stmt, n := range map[**sqlx.Stmt]int{&a.one: 1, &a.many: addedTogether} {
		rows := make([]string, n)
		for i := range rows {
			norm := 2 + i*addedValues
			rows[i] = fmt.Sprintf("(?1, 0, '', '', '', ?%d, '%s' || ?%d, ?%d, ?%d, ?%d, ?%d, ?%d)", norm, unnamed, norm, norm+1, norm+2, norm+3, norm+4, norm+5)
		}
		text := "INSERT INTO contacts (seen, deleted, lists_left, filled, filled_key, norm, contact_id, address, permission, lists, fields, updated_at) VALUES " +
			strings.Join(rows, ", ")
		var err error
		if *stmt, err = tx.PreparexContext(ctx, text); err != nil {
			return nil, err
		}
	}
	return &a, nil
}

func (a *addition) close() {
	a.one.Close()
	a.many.Close()
}

func (a *addition) contact(ctx context.Context, c *Contact) (err error) {
	a.values = append(a.values, c.Norm, c.Address, c.Permission, joinIDs(c.Lists), c.Fields, stamp(c.UpdatedAt))
	if len(a.values) == cap(a.values) {
		_, err = a.many.ExecContext(ctx, a.values...)
		a.values = a.values[:1]
	}
	return err
}

// flush writes those that are left.
func (a *addition) flush(ctx context.Context) error {
	for values := range slices.Chunk(a.values[1:], addedValues) {
		if _, err := a.one.ExecContext(ctx, append([]any{a.values[0]}, values...)...); err != nil {
			return err
		}
	}
	return nil
}

// idOf is the id that the mirror has for the address of an exported contact, or what stands in
// place of one; "" when several contacts have the address.
func idOf(c *Contact, known []contactRow, snapshot int64) string {
	switch {
	case len(known) == 0:
		return unnamed + c.Norm
	case len(known) > 1 || known[0].Seen == snapshot:
		return ""
	}
	return known[0].ID
}
