package state

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// factRemapping holds a remapping under way, in JSON.
const factRemapping = "remapping"

// remapping is how far Remap has come. Contacts up to Norm and ID have what was filled in the form of To, the others in that of From.
type remapping struct{ From, To, Norm, ID string }

// Remap carries over what was filled after the mapping changed, and names the new one. carry returns a function that brings a value
// that is not empty from the form of one mapping into that of another. The mirror counts as never refreshed. It is done some
// thousand contacts at a time; meanwhile the mirror names no mapping, and a remapping that was broken off is ended first.
func (db *DB) Remap(ctx context.Context, mapping string, carry func(from, to string) func(string) string) error {
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

type filledRow struct{ Norm, ID, Filled string }

// remap reads the next contacts, outside of the transaction since those with a value may be few among many, and carries them over.
func (db *DB) remap(ctx context.Context, at remapping, carry func(string) string) error {
	for {
		var rows []filledRow
		err := db.read.SelectContext(ctx, &rows, `SELECT norm, contact_id AS id, filled FROM contacts
			WHERE (norm, contact_id) > (?, ?) AND filled <> '' ORDER BY norm, contact_id LIMIT ?`, at.Norm, at.ID, part)
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

func (db *DB) remapPart(ctx context.Context, at remapping, rows []filledRow, carry func(string) string, ended bool) error {
	mapping, under := at.To, ""
	if !ended {
		text, err := json.Marshal(at)
		if err != nil {
			return err
		}
		mapping, under = "", string(text)
	}
	return db.change(ctx, "carry over what was filled", func(ctx context.Context, tx *sqlx.Tx) error {
		update, err := tx.PreparexContext(ctx, "UPDATE contacts SET filled = ? WHERE norm = ? AND contact_id = ? AND filled = ?")
		if err != nil {
			return err
		}
		defer update.Close()
		for _, r := range rows {
			if _, err := update.ExecContext(ctx, carry(r.Filled), r.Norm, r.ID, r.Filled); err != nil {
				return err
			}
		}
		if err := setFact(ctx, tx, factRemapping, under); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE mirror SET mapping = ?, mark = '', snapshot_at = '', loading = 0, next = ''", mapping)
		return err
	})
}
