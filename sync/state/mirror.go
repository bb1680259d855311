package state

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// Separator stands between the values of Contact.Fields.
const Separator = "\x1f"

// Contact is what the mirror knows of one contact.
type Contact struct {
	// normalised address, "" for a contact without one; never with a Separator in it
	Norm       string
	ID         string // contact_id
	Address    string // as Constant Contact writes it
	Permission string // permission_to_send
	Deleted    bool
	Lists      []string // ids, sorted
	// ids of lists that the mirror saw the contact on and that it is on no more; PutContacts keeps
	// them
	Left []string
	// the mapped values, canonical, in mapping order, joined by Separator; "" when deleted
	Fields string
	// the values that this program wrote and saw arrive, in the same form; PutContacts keeps them
	Filled    string
	FilledKey string    // the key of the user whose values Filled are; PutContacts keeps it
	UpdatedAt time.Time // as the server said
}

// Mirror tells how complete and fresh the mirror is.
type Mirror struct {
	Mapping    string    // the fields that Contact.Fields holds
	Mark       time.Time // server time of the last complete refresh; zero: there was none
	SnapshotAt time.Time // server time of the last complete snapshot
	Contacts   int       // contacts that are not deleted, at the last complete refresh
	Loading    int64     // number of the snapshot under way, 0 when there is none
	LoadingAt  time.Time // server time at which it began
	Next       string    // the page it goes on at, "" for the first
}

// Entry is what the join reads of a contact.
type Entry struct{ Norm, Fields string }

type mirrorRow struct {
	Mapping, Mark, Next string
	SnapshotAt          string `db:"snapshot_at"`
	Contacts            int
	Seen, Loading       int64
	LoadingMark         string `db:"loading_mark"`
}

const selectMirror = "SELECT mapping, mark, snapshot_at, contacts, seen, loading, loading_mark, next FROM mirror"

// Mirror returns the state of the mirror.
func (db mirror) Mirror(ctx context.Context) (Mirror, error) {
	var r mirrorRow
	if err := db.write.GetContext(ctx, &r, selectMirror); err != nil {
		return Mirror{}, fmt.Errorf("read the mirror's state: %w", err)
	}
	return Mirror{
		Mapping: r.Mapping, Mark: moment(r.Mark), SnapshotAt: moment(r.SnapshotAt), Contacts: r.Contacts,
		Loading: r.Loading, LoadingAt: moment(r.LoadingMark), Next: r.Next,
	}, nil
}

// ErrMapping says that the contacts have the values of another mapping than the one asked for.
var ErrMapping = errors.New("the local copy of the contacts has the values of another mapping")

// sameMapping ends a transaction whose values are those of another mapping than the mirror's.
func sameMapping(ctx context.Context, q sqlx.QueryerContext, mapping string) error {
	var now string
	if err := sqlx.GetContext(ctx, q, &now, "SELECT mapping FROM mirror"); err != nil {
		return err
	}
	if now != mapping {
		return ErrMapping
	}
	return nil
}

// Unnamed tells whether the contact has no id yet, since only an export has shown it.
func (c *Contact) Unnamed() bool { return strings.HasPrefix(c.ID, unnamed) }

// BeginSnapshot starts a full snapshot of the values of a mapping. Until EndRefresh the mirror
// keeps its last complete mark. ErrMapping when the mirror has another one.
func (db mirror) BeginSnapshot(ctx context.Context, mapping string) (Mirror, error) {
	err := db.change(ctx, "begin a snapshot", func(ctx context.Context, tx *sqlx.Tx) error {
		if err := sameMapping(ctx, tx, mapping); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE mirror
			SET loading = CASE WHEN loading > seen THEN loading ELSE seen END + 1, loading_mark = '', next = ''`)
		return err
	})
	if err != nil {
		return Mirror{}, err
	}
	return db.Mirror(ctx)
}

// PutContacts writes a page of contacts in one transaction, and where a snapshot under way goes on.
// A contact that the mirror has with a later UpdatedAt is left alone, unless this snapshot has not
// seen it yet. m is the mirror as Mirror or BeginSnapshot returned it, with LoadingAt set from the
// first page on. It returns by how many the contacts that are not deleted became more, which Mirror
// tells from then on unless a snapshot is under way. ErrMapping when the mirror has another mapping
// than m.
func (db mirror) PutContacts(ctx context.Context, m Mirror, page []Contact, next string) (more int, err error) {
	err = db.change(ctx, "write contacts", func(ctx context.Context, tx *sqlx.Tx) error {
		if err := sameMapping(ctx, tx, m.Mapping); err != nil {
			return err
		}
		put, err := prepareUpsert(ctx, tx, m.Loading)
		if err != nil {
			return err
		}
		defer put.close()
		known, err := knownOfPage(ctx, tx, page)
		if err != nil {
			return err
		}
		for i := range page {
			c := &page[i]
			of := known[c.ID]
			if len(of) == 0 {
				of = known[unnamed+c.Norm]
				delete(known, unnamed+c.Norm)
			}
			now, err := put.put(ctx, c, of)
			if err != nil {
				return err
			}
			known[c.ID] = []contactRow{now} // it may be on the page again
		}
		more = put.more
		if m.Loading == 0 {
			_, err = tx.ExecContext(ctx, "UPDATE mirror SET contacts = max(contacts + ?, 0) WHERE ? <> 0", more, more)
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE mirror SET next = ?, loading_mark = ?", next, stamp(m.LoadingAt))
		return err
	})
	return more, err
}

const (
	whereNorm = " WHERE norm IN (?) ORDER BY norm, contact_id"
	// as contacts_by_id is written
	whereID      = " WHERE contact_id IN (?) AND substr(contact_id, 1, 1) <> '?'"
	whereUnnamed = " WHERE norm IN (?) AND " + isUnnamed
)

// knownOfPage reads what the mirror has of these contacts, by id. An export may have shown them
// without: then by what stands for it, under their address or, set aside, under none.
func knownOfPage(ctx context.Context, tx *sqlx.Tx, page []Contact) (map[string][]contactRow, error) {
	known := make(map[string][]contactRow, len(page))
	// sqlx.In would take the question marks of texts for its own
	read := func(where string, these []string) error {
		var found []contactRow
		query := selectContacts + strings.Replace(where, "(?)", "(?"+strings.Repeat(", ?", len(these)-1)+")", 1)
		if err := tx.SelectContext(ctx, &found, query, anys(these)...); err != nil {
			return err
		}
		for _, k := range found {
			known[k.ID] = append(known[k.ID], k)
		}
		return nil
	}
	if len(page) == 0 {
		return known, nil
	}
	ids := make([]string, len(page))
	for i := range page {
		ids[i] = page[i].ID
	}
	if err := read(whereID, ids); err != nil {
		return nil, err
	}
	norms := []string{""}
	for i := range page {
		if len(known[page[i].ID]) == 0 {
			norms = append(norms, page[i].Norm)
		}
	}
	return known, read(whereUnnamed, norms)
}

func anys(texts []string) []any {
	all := make([]any, len(texts))
	for i, text := range texts {
		all[i] = text
	}
	return all
}

// EndRefresh records that a refresh is complete: m has its Mark, Mapping and Contacts, and Loading
// and SnapshotAt if it was a snapshot. After a snapshot the contacts that it did not show are
// removed, some thousand at a time. A snapshot that was interrupted is given up by any other
// refresh. Either way the contacts are counted again. ErrMapping when the mirror has another
// mapping than m; a new one takes m's.
func (db mirror) EndRefresh(ctx context.Context, m Mirror) error {
	for m.Loading > 0 {
		more, err := db.dropUnseen(ctx, m.Loading)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	now, err := db.Mirror(ctx)
	if err != nil {
		return err
	}
	if now.Loading > 0 { // counted before the transaction, which would be long in a large mirror
		if err := db.read.GetContext(ctx, &m.Contacts, countLive); err != nil {
			return fmt.Errorf("end the refresh: %w", err)
		}
	}
	return db.change(ctx, "end the refresh", func(ctx context.Context, tx *sqlx.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE mirror SET mapping = ?, mark = ?, snapshot_at = ?, contacts = ?,
			`+giveUpSnapshot+` WHERE mapping = ? OR mapping = '' AND NOT EXISTS (SELECT 1 FROM facts WHERE name = ? AND value <> '')`,
			m.Mapping, stamp(m.Mark), stamp(m.SnapshotAt), m.Contacts, m.Mapping, factRemapping)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrMapping)
		}
		return nil
	})
}

// dropUnseen removes some of the contacts that a snapshot did not show, and tells whether there may
// be more. They are looked for before the transaction.
func (db mirror) dropUnseen(ctx context.Context, snapshot int64) (more bool, err error) {
	const most = 5000
	var unseen []struct {
		Norm string
		ID   string `db:"contact_id"`
	}
	if err := db.read.SelectContext(ctx, &unseen, "SELECT norm, contact_id FROM contacts WHERE seen < ? LIMIT ?", snapshot, most); err != nil {
		return false, fmt.Errorf("look for vanished contacts: %w", err)
	}
	if len(unseen) == 0 {
		return false, nil
	}
	return len(unseen) == most, db.change(ctx, "remove vanished contacts", func(ctx context.Context, tx *sqlx.Tx) error {
		for _, c := range unseen {
			if _, err := tx.ExecContext(ctx, "DELETE FROM contacts WHERE norm = ? AND contact_id = ? AND seen < ?", c.Norm, c.ID, snapshot); err != nil {
				return err
			}
		}
		return nil
	})
}

// SetAside takes the address from contacts that a direct reading did not show under it any more,
// but for some. What is remembered of them waits for the refresh that shows them under another
// address; a snapshot that does not removes them.
func (db mirror) SetAside(ctx context.Context, norm string, except []string) error {
	return db.change(ctx, "set vanished contacts aside", func(ctx context.Context, tx *sqlx.Tx) error {
		// A contact without an id may have been set aside before.
		if _, err := tx.ExecContext(ctx, "DELETE FROM contacts WHERE norm = '' AND contact_id = ?", unnamed+norm); err != nil {
			return err
		}
		query, args := "UPDATE contacts SET norm = '', address = '' WHERE norm = ?", []any{norm}
		for _, id := range except {
			query += " AND contact_id <> ?"
			args = append(args, id)
		}
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
}

// DropMirror forgets that there ever was a refresh, then every contact, some thousand at a time,
// and the mapping of what was filled with the last of them.
func (db mirror) DropMirror(ctx context.Context) error {
	const reset = "UPDATE mirror SET mark = '', snapshot_at = '', contacts = 0, " + giveUpSnapshot
	err := db.change(ctx, "drop the mirror", func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, reset)
		return err
	})
	for more := true; more && err == nil; {
		err = db.change(ctx, "drop the mirror", func(ctx context.Context, tx *sqlx.Tx) error {
			done, err := tx.ExecContext(ctx, "DELETE FROM contacts WHERE (norm, contact_id) IN (SELECT norm, contact_id FROM contacts LIMIT ?)", part)
			if err != nil {
				return err
			}
			n, err := done.RowsAffected()
			if more = n == part; err != nil || more {
				return err
			}
			if err := setFact(ctx, tx, factRemapping, ""); err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, "UPDATE mirror SET mapping = ''")
			return err
		})
	}
	return err
}

// giveUpSnapshot ends a snapshot that was interrupted. Its number is not given again: what it
// showed is not what the next one shows.
const giveUpSnapshot = "seen = CASE WHEN loading > seen THEN loading ELSE seen END, loading = 0, loading_mark = '', next = ''"

const countLive = "SELECT COUNT(*) FROM contacts WHERE deleted = 0"

// Total counts the contacts, deleted ones too.
func (db mirror) Total(ctx context.Context) (int, error) {
	return db.count(ctx, "SELECT COUNT(*) FROM contacts")
}

// SeenIn counts the contacts that the snapshot of this number has shown, or one that another
// process began after it.
func (db mirror) SeenIn(ctx context.Context, snapshot int64) (int, error) {
	return db.count(ctx, "SELECT COUNT(*) FROM contacts WHERE seen >= ?", snapshot)
}

func (db mirror) count(ctx context.Context, query string, args ...any) (n int, err error) {
	if err := db.write.GetContext(ctx, &n, query, args...); err != nil {
		return 0, fmt.Errorf("count contacts: %w", err)
	}
	return n, nil
}

const (
	// entriesTogether is how many contacts Entries reads as one text: it takes two fifths less time
	// than a row for each. With as many and as long values as an account can have, it is three
	// megabytes.
	entriesTogether = 500
	// entriesEnd ends an entry in that text; neither Norm nor Fields has one.
	entriesEnd = "\x1e"
	// firstNorm is the least that is not empty.
	firstNorm = "\x00"
)

const selectEntries = `SELECT string_agg(entry, ''), count(*) FROM (SELECT norm || ? || fields || ? AS entry
	FROM contacts INDEXED BY contacts_by_norm WHERE norm >= ? ORDER BY norm LIMIT ? OFFSET ?)`

var errEntries = errors.New("a contact has the character U+001E in its address or values; run `ccsyncd --once --full` to read all contacts again")

// Entries yields every contact with an address, ascending by the bytes of Norm, all of one moment.
// ErrMapping when the mirror has another mapping.
func (db mirror) Entries(ctx context.Context, mapping string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		stopped := false
		err := db.read.snapshot(ctx, func(conn *sqlx.Conn) error {
			if err := sameMapping(ctx, conn, mapping); err != nil {
				return err
			}
			from, seen := firstNorm, 0 // the last address, and how many entries it had
			for {
				text, n := "", 0
				err := db.read.streamOn(ctx, conn, selectEntries, []any{Separator, entriesEnd, from, int64(entriesTogether), int64(seen)}, 2,
					func(row []driver.Value) bool {
						text, _ = row[0].(string)
						n = int(row[1].(int64))
						return true
					})
				if err != nil {
					return err
				}
				if strings.Count(text, entriesEnd) != n {
					return errEntries
				}
				for range n {
					var entry string
					entry, text, _ = strings.Cut(text, entriesEnd)
					norm, fields, _ := strings.Cut(entry, Separator)
					if norm != from {
						from, seen = norm, 0
					}
					seen++
					if stopped = !yield(Entry{Norm: norm, Fields: fields}, nil); stopped {
						return nil
					}
				}
				if n < entriesTogether {
					return nil
				}
			}
		})
		if err != nil && !stopped {
			yield(Entry{}, fmt.Errorf("read the mirror: %w", err))
		}
	}
}

// Contacts returns the contacts of these normalised addresses, ascending by Norm, then ID. Ask for
// some hundred at a time. ErrMapping when the mirror has another mapping.
func (db mirror) Contacts(ctx context.Context, mapping string, norms []string) ([]Contact, error) {
	contacts := make([]Contact, 0, len(norms))
	err := db.streamIn(ctx, selectContacts+whereNorm, norms, 12, func(row []driver.Value) bool {
		text := func(column int) string { return row[column].(string) }
		contacts = append(contacts, Contact{
			Norm: text(0), ID: text(1), Address: text(2), Permission: text(3), Deleted: row[4].(int64) != 0,
			Lists: strings.Fields(text(5)), Left: strings.Fields(text(6)), Fields: text(7), Filled: text(8), FilledKey: text(9),
			UpdatedAt: moment(text(10)),
		})
		return true
	})
	if err == nil {
		// asked after: values of another mapping would be told by it
		err = sameMapping(ctx, db.read, mapping)
	}
	if err != nil {
		return nil, fmt.Errorf("read contacts: %w", err)
	}
	return contacts, nil
}

// streamIn is stream for a query that has one "IN (?)" for the norms; none gives no rows.
func (db *file) streamIn(ctx context.Context, query string, norms []string, width int, each func([]driver.Value) bool) error {
	if len(norms) == 0 {
		return nil
	}
	query, args, err := sqlx.In(query, norms)
	if err != nil {
		return err
	}
	return db.read.stream(ctx, query, args, width, each)
}

// Rename gives the fields in Contact.Fields new names, for a mapping whose new fields are empty
// everywhere. ErrMapping when the mirror has another mapping than from.
func (db mirror) Rename(ctx context.Context, from, to string) error {
	done, err := db.write.ExecContext(ctx, "UPDATE mirror SET mapping = ? WHERE mapping = ?", to, from)
	if err != nil {
		return fmt.Errorf("name the mapping: %w", err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fmt.Errorf("name the mapping: %w", ErrMapping))
	}
	return nil
}
