package state

import (
	"context"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// contactRow is a contact as the mirror has it.
type contactRow struct {
	Norm       string
	ID         string `db:"contact_id"`
	Address    string
	Permission string
	Deleted    bool
	Lists      string
	Left       string `db:"lists_left"`
	Fields     string
	Filled     string
	FilledKey  string `db:"filled_key"`
	UpdatedAt  string `db:"updated_at"`
	Seen       int64
}

const contactColumns = "norm, contact_id, address, permission, deleted, lists, lists_left, fields, filled, filled_key, updated_at, seen"

const selectContacts = "SELECT " + contactColumns + " FROM contacts"

func (r *contactRow) values() []any {
	return []any{r.Norm, r.ID, r.Address, r.Permission, r.Deleted, r.Lists, r.Left, r.Fields, r.Filled, r.FilledKey, r.UpdatedAt, r.Seen}
}

// upsert writes contacts over what the mirror knows of them, within one transaction. What is the
// same is not written: a row in a large mirror is three places of the file.
type upsert struct {
	snapshot             int64
	insert, update, drop *sqlx.Stmt
	// update of a contact with the same fields, which leaves the join's index alone
	touch  *sqlx.Stmt
	erased *erasures
	more   int // contacts that are not deleted
}

func prepareUpsert(ctx context.Context, tx *sqlx.Tx, snapshot int64) (*upsert, error) {
	const update = "UPDATE contacts SET address = ?, permission = ?, deleted = ?, lists = ?, lists_left = ?, updated_at = ?, seen = ?"
	const where = " WHERE norm = ? AND contact_id = ?"
	erased, err := prepareErasures(ctx, tx)
	if err != nil {
		return nil, err
	}
	u := upsert{snapshot: snapshot, erased: erased}
	for stmt, text := range map[**sqlx.Stmt]string{
		&u.insert: "INSERT INTO contacts (" + contactColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		&u.touch:  update + where,
		&u.update: update + ", fields = ?" + where,
		&u.drop:   "DELETE FROM contacts" + where,
	} {
		var err error
		if *stmt, err = tx.PreparexContext(ctx, text); err != nil {
			return nil, err
		}
	}
	return &u, nil
}

func (u *upsert) close() {
	u.erased.close()
	for _, stmt := range []*sqlx.Stmt{u.insert, u.update, u.touch, u.drop} {
		stmt.Close()
	}
}

// put writes a contact in place of what the mirror knows of it, unless that is newer: over the row
// of the same key, while one under another key is removed. It returns the row that stands there
// now.
func (u *upsert) put(ctx context.Context, c *Contact, known []contactRow) (contactRow, error) {
	row, newer := u.over(c, known)
	if newer {
		return row, nil
	}
	if len(known) == 0 {
		before, err := u.erased.lists(ctx, c)
		if err != nil {
			return row, err
		}
		row.Left = leftLists(&contactRow{Lists: joinIDs(before)}, c.Lists)
	}
	if !row.Deleted {
		u.more++
	}
	var same *contactRow
	for i := range known {
		k := &known[i]
		if !k.Deleted {
			u.more--
		}
		if k.Norm == row.Norm && k.ID == row.ID {
			same = k
		} else if _, err := u.drop.ExecContext(ctx, k.Norm, k.ID); err != nil {
			return row, err
		}
	}
	if same != nil {
		return row, u.change(ctx, &row, same)
	}
	_, err := u.insert.ExecContext(ctx, row.values()...)
	return row, err
}

// over is the row of a contact that stands for what the mirror knows of it. newer: the mirror's is,
// and is returned.
func (u *upsert) over(c *Contact, known []contactRow) (row contactRow, newer bool) {
	row = contactRow{Norm: c.Norm, ID: c.ID, Address: c.Address, Permission: c.Permission, Deleted: c.Deleted,
		Lists: joinIDs(c.Lists), Fields: c.Fields, UpdatedAt: stamp(c.UpdatedAt), Seen: u.snapshot}
	for i := range known {
		k := &known[i]
		if moment(k.UpdatedAt).After(c.UpdatedAt) && (u.snapshot == 0 || u.snapshot == k.Seen) {
			return *k, true
		}
		row.Left, row.Filled, row.FilledKey, row.Seen = leftLists(k, c.Lists), k.Filled, k.FilledKey, max(u.snapshot, k.Seen)
	}
	return row, false
}

// change writes a row over another of the same key.
func (u *upsert) change(ctx context.Context, row, known *contactRow) (err error) {
	if *row == *known {
		return nil
	}
	values := []any{row.Address, row.Permission, row.Deleted, row.Lists, row.Left, row.UpdatedAt, row.Seen}
	if row.Fields == known.Fields {
		_, err = u.touch.ExecContext(ctx, append(values, row.Norm, row.ID)...)
	} else {
		_, err = u.update.ExecContext(ctx, append(values, row.Fields, row.Norm, row.ID)...)
	}
	return err
}

// leftLists adds the lists that the contact was on to those that it had left before, and takes off
// those that it is on now.
func leftLists(k *contactRow, now []string) string {
	left := append(strings.Fields(k.Left), strings.Fields(k.Lists)...)
	left = slices.DeleteFunc(left, func(id string) bool { return slices.Contains(now, id) })
	return joinIDs(left)
}

// joinIDs sorts, drops repeats and joins.
func joinIDs(ids []string) string {
	if len(ids) < 2 {
		return strings.Join(ids, " ")
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), " ")
}
