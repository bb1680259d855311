package state

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Erasure is what Forget has done.
type Erasure struct {
	Rows int // that named the address
	// Kept: a keyed hash of the address and of the contact's id stays, with the lists that the
	// contact was on or had left. Without it somebody who left a list would be put back on it.
	Kept bool
	// Pending: a keyed hash of the address stays until imports under way that name it are settled.
	Pending bool
}

// factErasedKey is the key of the hashes in the tables erased and erased_rows. Whoever has the file
// can try addresses with it.
const factErasedKey = "erased_key"

// keepErased remembers of the contacts of an address, before they are removed, which lists they
// were on or had left.
func keepErased(ctx context.Context, tx *sqlx.Tx, norm string) (kept bool, err error) {
	var rows []contactRow
	if err := tx.SelectContext(ctx, &rows, selectContacts+" WHERE norm = ?", norm); err != nil {
		return false, err
	}
	if len(rows) == 0 { // forgotten before, and not seen since
		key, err := erasedKey(ctx, tx, false)
		if err == nil {
			err = tx.GetContext(ctx, &kept, "SELECT EXISTS (SELECT 1 FROM erased WHERE who = ?)", hashOf(key, byNorm(norm)))
		}
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		return kept, err
	}
	lists := make(map[string][]string) // by what is hashed
	for _, r := range rows {
		all := append(strings.Fields(r.Lists), strings.Fields(r.Left)...)
		for _, who := range []string{byNorm(r.Norm), byID(r.ID)} {
			lists[who] = append(lists[who], all...)
		}
	}
	for who, all := range lists {
		if len(all) == 0 {
			continue
		}
		key, err := erasedKey(ctx, tx, true)
		if err != nil {
			return false, err
		}
		kept = true
		if _, err := tx.ExecContext(ctx, `INSERT INTO erased (who, lists) VALUES (?, ?)
			ON CONFLICT (who) DO UPDATE SET lists = excluded.lists`, hashOf(key, who), joinIDs(all)); err != nil {
			return false, err
		}
	}
	return kept, nil
}

// keepPending remembers, before the rows of an address are removed, in which batches that are not
// settled it stands: what they sent may still arrive.
func keepPending(ctx context.Context, tx *sqlx.Tx, norm string) (kept bool, err error) {
	var open []int64
	if err := tx.SelectContext(ctx, &open, `SELECT b.id FROM batches b CROSS JOIN batch_rows r
		WHERE r.batch = b.id AND b.state <> 'settled' AND r.norm = ?`, norm); err != nil {
		return false, err
	}
	key, err := erasedKey(ctx, tx, len(open) > 0)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	who := hashOf(key, byNorm(norm))
	for _, batch := range open {
		if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO erased_rows (batch, who) VALUES (?, ?)", batch, who); err != nil {
			return false, err
		}
	}
	err = tx.GetContext(ctx, &kept, "SELECT EXISTS (SELECT 1 FROM erased_rows WHERE who = ?)", who)
	return kept, err
}

// erasedRows are the users of batches whom somebody asked to forget. A nil one is of nobody.
type erasedRows struct {
	key string
	who map[string]bool
}

func (e *erasedRows) has(norm string) bool {
	return e != nil && e.who[string(hashOf(e.key, byNorm(norm)))]
}

// erasedRows reads those of the batches that a condition names, as a rule none.
func (db outbox) erasedRows(ctx context.Context, where string, args ...any) (*erasedRows, error) {
	var rows []struct {
		Who []byte
		Key string
	}
	err := db.read.SelectContext(ctx, &rows, "SELECT who, (SELECT value FROM facts WHERE name = '"+factErasedKey+"') AS key FROM erased_rows "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read who was forgotten: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	e := &erasedRows{key: rows[0].Key, who: make(map[string]bool, len(rows))}
	for _, r := range rows {
		e.who[string(r.Who)] = true
	}
	return e, nil
}

// AnyErased tells whether users of a batch that is not settled were forgotten since it was
// recorded.
func (db outbox) AnyErased(ctx context.Context, batch int64) (bool, error) {
	e, err := db.erasedRows(ctx, whereBatch, batch)
	return e != nil, err
}

// ErasedContacts are those of them who are contacts again, by their normalised addresses,
// ascending.
func (db outbox) ErasedContacts(ctx context.Context, batch int64) (norms []string, err error) {
	e, err := db.erasedRows(ctx, whereBatch, batch)
	if err != nil || e == nil {
		return nil, err
	}
	err = db.read.stream(ctx, "SELECT DISTINCT norm FROM contacts ORDER BY norm", nil, 1, func(row []driver.Value) bool {
		if norm := row[0].(string); e.has(norm) {
			norms = append(norms, norm)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("look for who was forgotten: %w", err)
	}
	return norms, nil
}

const whereBatch = "WHERE batch = ?"

func byNorm(norm string) string { return "norm\x00" + norm }

func byID(id string) string { return "id\x00" + id }

func hashOf(key, who string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(who))
	return h.Sum(nil)
}

func erasedKey(ctx context.Context, tx *sqlx.Tx, create bool) (key string, err error) {
	err = tx.GetContext(ctx, &key, "SELECT value FROM facts WHERE name = ?", factErasedKey)
	if !errors.Is(err, sql.ErrNoRows) || !create {
		return key, err
	}
	key = rand.Text()
	return key, setFact(ctx, tx, factErasedKey, key)
}

// erasures knows the lists of contacts that were forgotten. A nil one knows of none.
type erasures struct {
	key  string
	find *sqlx.Stmt
}

// prepareErasures returns nil where nobody was forgotten, so that a mirror is filled as quickly as
// it can be.
func prepareErasures(ctx context.Context, tx *sqlx.Tx) (*erasures, error) {
	var some bool
	if err := tx.GetContext(ctx, &some, "SELECT EXISTS (SELECT 1 FROM erased)"); err != nil || !some {
		return nil, err
	}
	key, err := erasedKey(ctx, tx, false)
	if err != nil {
		return nil, err
	}
	find, err := tx.PreparexContext(ctx, "SELECT lists FROM erased WHERE who IN (?, ?)")
	return &erasures{key: key, find: find}, err
}

// lists are those that the contact was on or had left when it was forgotten, if it was.
func (e *erasures) lists(ctx context.Context, c *Contact) ([]string, error) {
	if e == nil {
		return nil, nil
	}
	var found []string
	err := e.find.SelectContext(ctx, &found, hashOf(e.key, byNorm(c.Norm)), hashOf(e.key, byID(c.ID)))
	return strings.Fields(strings.Join(found, " ")), err
}

func (e *erasures) close() {
	if e != nil {
		e.find.Close()
	}
}
