package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// factRemapping holds a remapping under way, in JSON.
const factRemapping = "remapping"

// remapping is how far Remap has come. Contacts up to Norm and ID have what was filled in the form
// of To, the others in that of From: all but those that a run of another mapping writes meanwhile,
// which finds out before it sends anything.
type remapping struct{ From, To, Norm, ID string }

// Remap carries over what was filled after the mapping changed, and names the new one. carry
// returns a function that brings a value that is not empty from the form of one mapping into that
// of another. The mirror counts as never refreshed. It is done some thousand contacts at a time;
// meanwhile the mirror names no mapping, and a remapping that was interrupted is ended first.
func (db mirror) Remap(ctx context.Context, mapping string, carry func(from, to string) func(string) string) error {
	for {
		m, err := db.Mirror(ctx)
		if err != nil {
			return err
		}
		under, err := db.Fact(ctx, factRemapping)
		if err != nil {
			return err
		}
		at := remapping{From: m.Mapping, To: mapping}
		switch {
		case under != "":
			if err := json.Unmarshal([]byte(under), &at); err != nil {
				return fmt.Errorf("carry over what was filled: %w", err)
			}
		case m.Mapping == mapping:
			return nil
		}
		if err := db.remap(ctx, at, carry(at.From, at.To)); err != nil {
			return err
		}
	}
}

type filledContact struct{ Norm, ID string }

const selectFilled = `SELECT norm, contact_id AS id FROM contacts
	WHERE (norm, contact_id) > (?, ?) AND filled <> '' ORDER BY norm, contact_id LIMIT ?`

// remap finds the next contacts, outside of the transaction since those with a value may be few
// among many, and carries them over.
func (db mirror) remap(ctx context.Context, at remapping, carry func(string) string) error {
	for {
		var rows []filledContact
		err := db.read.SelectContext(ctx, &rows, selectFilled, at.Norm, at.ID, part)
		if err != nil {
			return fmt.Errorf("carry over what was filled: %w", err)
		}
		if len(rows) > 0 {
			last := rows[len(rows)-1]
			at.Norm, at.ID = last.Norm, last.ID
		}
		ended := len(rows) < part
		if err := db.remapPart(ctx, at, rows, carry, ended); err != nil || ended {
			return err
		}
	}
}

func (db mirror) remapPart(ctx context.Context, at remapping, rows []filledContact, carry func(string) string, ended bool) error {
	mapping, under := at.To, ""
	if !ended {
		text, err := json.Marshal(at)
		if err != nil {
			return err
		}
		mapping, under = "", string(text)
	}
	return db.change(ctx, "carry over what was filled", func(ctx context.Context, tx *sqlx.Tx) error {
		if err := remapRows(ctx, tx, rows, carry); err != nil {
			return err
		}
		if err := setFact(ctx, tx, factRemapping, under); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE mirror SET mapping = ?, mark = '', snapshot_at = '', "+giveUpSnapshot, mapping)
		return err
	})
}

func remapRows(ctx context.Context, tx *sqlx.Tx, rows []filledContact, carry func(string) string) error {
	const where = " WHERE norm = ? AND contact_id = ?"
	read, err := tx.PreparexContext(ctx, "SELECT filled FROM contacts"+where)
	if err != nil {
		return err
	}
	defer read.Close()
	write, err := tx.PreparexContext(ctx, "UPDATE contacts SET filled = ?"+where)
	if err != nil {
		return err
	}
	defer write.Close()
	for _, r := range rows {
		var filled string
		err := read.GetContext(ctx, &filled, r.Norm, r.ID)
		if errors.Is(err, sql.ErrNoRows) {
			continue // it is gone meanwhile
		}
		if err == nil {
			_, err = write.ExecContext(ctx, carry(filled), r.Norm, r.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stepBack names another place for a remapping under way that has come to a contact that is to be
// forgotten: the end of the address before it.
func stepBack(ctx context.Context, tx *sqlx.Tx, norm string) error {
	var under []string
	if err := tx.SelectContext(ctx, &under, "SELECT value FROM facts WHERE name = ? AND value <> ''", factRemapping); err != nil || len(under) == 0 {
		return err
	}
	var at remapping
	if err := json.Unmarshal([]byte(under[0]), &at); err != nil || at.Norm != norm {
		return err
	}
	err := tx.GetContext(ctx, &at.Norm, "SELECT COALESCE(MAX(norm), '') FROM contacts WHERE norm < ?", norm)
	if err != nil {
		return err
	}
	at.ID = "\U0010FFFF" // behind every id
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	return setFact(ctx, tx, factRemapping, string(text))
}
