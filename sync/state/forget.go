package state

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Forget removes an address from the mirror, the journal, the problems and the history, and
// overwrites the room that it took, in the write-ahead log too. What is left is told by Erasure.
func (db *DB) Forget(ctx context.Context, norm string) (e Erasure, err error) {
	if norm == "" { // it would be every contact without an address
		return e, nil
	}
	err = db.withRemnants(ctx, "forget an address", func(ctx context.Context, tx *sqlx.Tx) (err error) {
		spelled, err := spellings(ctx, tx, norm)
		if err != nil {
			return err
		}
		if e.Kept, err = keepErased(ctx, tx, norm); err != nil {
			return err
		}
		if e.Pending, err = keepPending(ctx, tx, norm); err != nil {
			return err
		}
		if err := wantReading(ctx, tx, norm); err != nil {
			return err
		}
		if e.Rows, err = forgetRows(ctx, tx, norm); err != nil {
			return err
		}
		return forgetTexts(ctx, tx, spelled)
	})
	return e, err
}

// named are the tables whose rows stand for one address.
var named = []string{"contacts", "batch_rows", "problems", "run_problems", "overstepped"}

// spellings are the forms in which the address was recorded, each as it stands in a text and in
// JSON.
func spellings(ctx context.Context, tx *sqlx.Tx, norm string) ([]string, error) {
	all := []string{norm}
	for _, table := range named {
		var found []string
		if err := tx.SelectContext(ctx, &found, "SELECT DISTINCT address FROM "+table+" WHERE norm = ?", norm); err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	for _, s := range slices.Clone(all) {
		quoted, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		all = append(all, strings.Trim(string(quoted), `"`))
	}
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" })
	slices.Sort(all)
	return slices.Compact(all), nil
}

func forgetRows(ctx context.Context, tx *sqlx.Tx, norm string) (rows int, err error) {
	const uncount = "UPDATE mirror SET contacts = MAX(0, contacts - (SELECT COUNT(*) FROM contacts WHERE norm = ? AND deleted = 0))"
	if _, err := tx.ExecContext(ctx, uncount, norm); err != nil {
		return 0, err
	}
	if err := stepBack(ctx, tx, norm); err != nil {
		return 0, err
	}
	for _, table := range named {
		done, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE norm = ?", norm)
		if err != nil {
			return 0, err
		}
		n, err := done.RowsAffected()
		if err != nil {
			return 0, err
		}
		rows += int(n)
	}
	return rows, nil
}

// factReading is there when a contact that may still exist was forgotten since all contacts were
// read: a refresh by what changed would not show him. Its value tells one such moment from another.
const factReading = "reading_wanted"

// wantReading asks for a reading of all contacts if there is one to forget who was not deleted.
func wantReading(ctx context.Context, tx *sqlx.Tx, norm string) error {
	var there bool
	if err := tx.GetContext(ctx, &there, "SELECT EXISTS (SELECT 1 FROM contacts WHERE norm = ? AND deleted = 0)", norm); err != nil || !there {
		return err
	}
	return setFact(ctx, tx, factReading, rand.Text())
}

// ReadingWanted tells whether contacts who may still exist were forgotten since all were read; "":
// none were.
func (db mirror) ReadingWanted(ctx context.Context) (since string, err error) {
	return db.Fact(ctx, factReading)
}

// ReadingDone says that all contacts were read since ReadingWanted gave this answer.
func (db mirror) ReadingDone(ctx context.Context, since string) error {
	return db.change(ctx, "end the reading", func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM facts WHERE name = ? AND value = ?", factReading, since)
		return err
	})
}

// texts are the columns in which Constant Contact or a person may have named an address. The answer
// to a request may be another's, who waits for it: the address alone is taken out of them.
var texts = []struct{ table, column string }{
	{"batches", "errors"}, {"problems", "detail"}, {"overstepped", "detail"}, {"run_problems", "detail"}, {"runs", "report"}, {"requests", "answer"},
}

// forgetTexts takes the address out of them, and withdraws requests for it.
func forgetTexts(ctx context.Context, tx *sqlx.Tx, spelled []string) error {
	for _, s := range spelled {
		for _, t := range texts {
			if err := eachNaming(ctx, tx, t.table, t.column, s, func(text, rest string) error {
				_, err := tx.ExecContext(ctx, "UPDATE "+t.table+" SET "+t.column+" = ? WHERE "+t.column+" = ?", rest, text)
				return err
			}); err != nil {
				return err
			}
		}
		if err := eachNaming(ctx, tx, "requests", "options", s, func(text, _ string) error {
			_, err := tx.ExecContext(ctx, "DELETE FROM requests WHERE options = ?", text)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// eachNaming gives the texts of a column that name an address, and what they are without it.
func eachNaming(ctx context.Context, tx *sqlx.Tx, table, column, spelled string, do func(text, rest string) error) error {
	address := regexp.MustCompile("(?i)" + regexp.QuoteMeta(spelled))
	var found []string
	if err := tx.SelectContext(ctx, &found, "SELECT DISTINCT "+column+" FROM "+table+" WHERE instr(lower("+column+"), lower(?)) > 0", spelled); err != nil {
		return err
	}
	for _, text := range found {
		if rest := without(text, address); rest != text {
			if err := do(text, rest); err != nil {
				return err
			}
		}
	}
	return nil
}

// An address ends where no further letter of it can stand: ann@example.com is neither in
// joann@example.com nor in ann@example.com.au. What JSON writes for another character is none.
var (
	goesBefore = regexp.MustCompile(`(^|[^\pL\pN._%+-]|\\u[0-9a-fA-F]{4}|\\[bfnrt])$`)
	goesBehind = regexp.MustCompile(`^($|[^\pL\pN._-]|[._-]+($|[^\pL\pN._-]))`)
)

// without is a text without an address, where that is the whole address.
func without(text string, address *regexp.Regexp) string {
	var kept strings.Builder
	from := 0
	for _, at := range address.FindAllStringIndex(text, -1) {
		before, behind := text[max(0, at[0]-6):at[0]], text[at[1]:min(len(text), at[1]+8)]
		if goesBefore.MatchString(before) && goesBehind.MatchString(behind) {
			kept.WriteString(text[from:at[0]])
			kept.WriteString("••")
			from = at[1]
		}
	}
	kept.WriteString(text[from:])
	return kept.String()
}

// Copies are the files that updates of the state file left beside it. They hold what it held
// then.
func (db *DB) Copies() ([]string, error) {
	dir, name := filepath.Split(db.path)
	found, err := filepath.Glob(filepath.Join(escapeGlob(dir), escapeGlob(name)+".edition*"))
	if err != nil {
		return nil, fmt.Errorf("look for copies: %w", err)
	}
	return found, nil
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
