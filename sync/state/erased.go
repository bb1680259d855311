package state

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Erasure is what Forget has done.
type Erasure struct {
	Rows int // that named the address
	// Kept: a keyed hash of the address and of the contact's id stays, with the lists that the
	// contact was on or had left. Without it somebody who left a list would be put back on it.
	Kept bool
}

// factErasedKey is the key of the hashes in the table erased. Whoever has the file can try
// addresses with it.
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
