package users

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"ccsyncd/source"
	"ccsyncd/sync/ahead"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
)

// Source counts the rows of the app's table.
type Source struct {
	Rows     int `json:"rows"`
	Usable   int `json:"usable"`
	Unusable int `json:"unusable"`
}

// Skipped is one row that is not sent, and why.
type Skipped struct {
	Key    string         `json:"key,omitempty"`
	Email  string         `json:"email"`
	Reason contact.Reason `json:"reason"`
	Detail string         `json:"detail,omitempty"`
}

// SourceError says that the app's database could not be read to its end.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return fmt.Sprintf("read the source: %v", e.Err) }

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// MaxListed is how many rows or changes are listed; the counts are of all.
const MaxListed = 10_000

// Users are the rows of the source, sorted by normalised address in a private spool.
type Users struct {
	rows     *spool.Spool
	Homeless *spool.Spool // unique values of rows without an address that could be one
	Keys     *spool.Spool // their keys
	Count    Source
	Valued   Valued
	Digest   string    // of all rows, in any order
	Skips    []Skipped // rows without an address that could be one: they have no place in the order
	More     int       // such rows beyond MaxListed
	Waited   time.Duration
}

// Valued counts the rows with an address and a value.
type Valued struct {
	any     int
	byField []int
}

// ByColumn are the counts under the names of the source's columns, "" for rows with a value of any.
// Of a column that is mapped twice the first field counts.
func (v Valued) ByColumn(m *contact.Mapping) map[string]int {
	counts := map[string]int{"": v.any}
	for i, n := range slices.Backward(v.byField) {
		counts[m.Targets[i].Column] = n
	}
	return counts
}

// Close removes the spools.
func (u *Users) Close() error { return errors.Join(u.rows.Close(), u.Homeless.Close(), u.Keys.Close()) }

// sum is a sum over the rows that does not depend on their order.
type sum [4]uint64

func (d *sum) add(hash [sha256.Size]byte) {
	for i := range d {
		d[i] += binary.LittleEndian.Uint64(hash[8*i:])
	}
}

func (d sum) String() string { return fmt.Sprintf("%016x%016x%016x%016x", d[0], d[1], d[2], d[3]) }

// userReader turns rows into users.
type userReader struct {
	*Users
	mapping *contact.Mapping
	values  *spool.Spool // by unique value
	rec     Record
	norm    []byte
	buf     []byte
	valueOf []byte
	told    func(Row) // nil: nobody listens
	sum     sum
}

// Row is a row of the source as it was understood: whose it is.
type Row struct {
	Key, Address string
	Norm         string // "" where the address cannot be one
	Fault        string // what is wrong with the address then
}

// Digest reads rows to their end and returns their digest.
func Digest(ctx context.Context, source iter.Seq2[source.Row, error]) (string, error) {
	var u userReader
	rows := ahead.Read(source, keepRow)
	defer rows.Close()
	for row := rows.Advance(); row != nil; row = rows.Advance() {
		u.sum.add(u.hash(row))
	}
	if rows.Err() != nil {
		return "", &SourceError{Err: rows.Err()}
	}
	return u.sum.String(), ctx.Err()
}

// Read reads the source to its end. A source that cannot be read to its end gives an error and
// nothing else: half a source is never planned. told, where there is one, hears of every row. Close
// the users.
func Read(ctx context.Context, rows iter.Seq2[source.Row, error], m *contact.Mapping, scratch string, told func(Row)) (*Users, error) {
	u := &userReader{Users: &Users{rows: spool.New(scratch), Homeless: spool.New(scratch), Keys: spool.New(scratch),
		Valued: Valued{byField: make([]int, len(m.Targets))}}, mapping: m, values: spool.New(scratch), told: told}
	defer u.values.Close()
	err := u.read(ctx, rows)
	if err == nil {
		err = u.markDuplicates()
	}
	if err != nil {
		return nil, errors.Join(err, u.Users.Close())
	}
	u.Count.Usable, u.Digest = u.Count.Rows-u.Count.Unusable, u.sum.String()
	return u.Users, nil
}

func (u *userReader) read(ctx context.Context, source iter.Seq2[source.Row, error]) error {
	rows := ahead.Read(source, keepRow)
	defer rows.Close()
	defer func() { u.Waited = rows.Waited() }()
	for row := rows.Advance(); row != nil; row = rows.Advance() {
		if err := u.add(row); err != nil {
			return err
		}
	}
	if rows.Err() != nil {
		return &SourceError{Err: rows.Err()}
	}
	return ctx.Err()
}

func keepRow(into *source.Row, from source.Row) (bytes int) {
	into.Key, into.Email, into.Values = from.Key, from.Email, append(into.Values[:0], from.Values...)
	for _, v := range from.Values {
		bytes += len(v)
	}
	return bytes + len(from.Key) + len(from.Email)
}

func (u *userReader) add(row *source.Row) error {
	u.Count.Rows++
	u.sum.add(u.hash(row))
	norm, fault := contact.Normalise(row.Email)
	if u.told != nil {
		u.told(Row{Key: row.Key, Address: strings.TrimSpace(row.Email), Norm: norm, Fault: fault})
	}
	if fault != "" {
		u.unusableAddress(row, fault)
		if err := u.Keys.Add([]byte(row.Key), nil); err != nil {
			return fmt.Errorf("spool the keys: %w", err)
		}
		u.norm = strconv.AppendInt(append(u.norm[:0], 0), int64(u.Count.Rows), 10)
		return u.addUnique(row)
	}
	u.judge(row, norm)
	u.norm, u.buf = append(u.norm[:0], norm...), u.rec.Append(u.buf[:0])
	if err := u.rows.Add(u.norm, u.buf); err != nil {
		return fmt.Errorf("spool the users: %w", err)
	}
	return u.addUnique(row)
}

func (u *userReader) hash(row *source.Row) [sha256.Size]byte {
	u.buf = u.buf[:0]
	for _, part := range [...]string{row.Key, row.Email} {
		u.buf = append(append(u.buf, part...), 0)
	}
	for _, v := range row.Values {
		u.buf = append(append(u.buf, v...), 0)
	}
	return sha256.Sum256(u.buf)
}

func (u *userReader) unusableAddress(row *source.Row, fault string) {
	u.Count.Unusable++
	if len(u.Skips) == MaxListed {
		u.More++
		return
	}
	u.Skips = append(u.Skips, Skipped{Key: row.Key, Email: row.Email[:min(len(row.Email), contact.MaxLooked)], Reason: contact.InvalidEmail, Detail: fault})
}

// judge makes a record of a row with an address: usable, or not, with the first reason found. An
// unusable one stays in the order, since its user is not gone. The address is left out where it is
// the norm.
func (u *userReader) judge(row *source.Row, norm string) {
	rec := &u.rec
	rec.Kind, rec.reason, rec.Detail = Usable, nil, nil
	rec.Key, rec.Address, rec.Fields = append(rec.Key[:0], row.Key...), rec.Address[:0], rec.Fields[:0]
	if row.Email != norm {
		rec.Address = append(rec.Address, strings.TrimSpace(row.Email)...)
	}
	any := false
	for i := range u.mapping.Targets {
		t := &u.mapping.Targets[i]
		form, reason, detail := t.Judge(row.Values[i])
		if reason != "" && rec.Kind == Usable {
			rec.Kind, rec.reason, rec.Detail = Unusable, []byte(reason), []byte(t.Column+": "+detail)
		}
		if form != "" {
			any = true
			u.Valued.byField[i]++
		}
		if i > 0 {
			rec.Fields = append(rec.Fields, state.Separator...)
		}
		rec.Fields = append(rec.Fields, form...)
	}
	if any {
		u.Valued.any++
	} else {
		rec.Fields = rec.Fields[:0]
	}
	if rec.Kind == Unusable {
		u.Count.Unusable++
	}
}

// addUnique notes the values of unique fields, to find those that stand in two rows. What stands in
// for the address of a row without one begins with a zero.
func (u *userReader) addUnique(row *source.Row) error {
	for i := range u.mapping.Targets {
		t := &u.mapping.Targets[i]
		if !t.Unique {
			continue
		}
		form, fault := t.Canonical(row.Values[i])
		if form == "" || fault != "" {
			continue
		}
		u.valueOf = append(binary.BigEndian.AppendUint16(u.valueOf[:0], uint16(i)), form...)
		err := u.values.Add(u.valueOf, u.norm)
		if u.norm[0] == 0 && i == u.mapping.UniqueField() {
			err = errors.Join(err, u.Homeless.Add([]byte(form), nil))
		}
		if err != nil {
			return fmt.Errorf("spool the unique values: %w", err)
		}
	}
	return nil
}

// markDuplicates adds a mark to each user whose unique value another user has too.
func (u *userReader) markDuplicates() error {
	var value, first []byte
	marked := false
	for v, norm := range u.values.Sorted() {
		if value == nil || !bytes.Equal(v, value) {
			value, first, marked = append(value[:0], v...), append(first[:0], norm...), false
			continue
		}
		if bytes.Equal(norm, first) {
			continue
		}
		column := u.mapping.Targets[binary.BigEndian.Uint16(v)].Column
		if err := u.mark(norm, column); err != nil {
			return err
		}
		if !marked {
			if err := u.mark(first, column); err != nil {
				return err
			}
			marked = true
		}
	}
	return u.values.Err()
}

func (u *userReader) mark(norm []byte, column string) error {
	if norm[0] == 0 { // a row without an address that could be one
		return nil
	}
	rec := Record{Kind: duplicate, Detail: []byte(column + ": another row has the same value")}
	u.buf = rec.Append(u.buf[:0])
	return u.rows.Add(norm, u.buf)
}
