package sync

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

// users are the rows of the source, sorted by normalised address in a private spool.
type users struct {
	rows     *spool.Spool
	homeless *spool.Spool // unique values of rows without an address that could be one
	keys     *spool.Spool // their keys
	count    Source
	valued   valued
	digest   digest
	skips    []Skipped // rows without an address that could be one: they have no place in the order
	more     int       // such rows beyond maxListed
	waited   time.Duration
}

// valued counts the rows with an address and a value.
type valued struct {
	any     int
	byField []int
}

// byColumn are the counts under the names of the source's columns, "" for rows with a value of any. Of a column that
// is mapped twice the first field counts.
func (v valued) byColumn(m *contact.Mapping) map[string]int {
	counts := map[string]int{"": v.any}
	for i, n := range slices.Backward(v.byField) {
		counts[m.Targets[i].Column] = n
	}
	return counts
}

func (u *users) close() error { return errors.Join(u.rows.Close(), u.homeless.Close(), u.keys.Close()) }

// digest is a sum over the rows that does not depend on their order.
type digest [4]uint64

func (d *digest) add(hash [sha256.Size]byte) {
	for i := range d {
		d[i] += binary.LittleEndian.Uint64(hash[8*i:])
	}
}

func (d digest) String() string { return fmt.Sprintf("%016x%016x%016x%016x", d[0], d[1], d[2], d[3]) }

// userReader turns rows into users.
type userReader struct {
	*users
	mapping *contact.Mapping
	values  *spool.Spool // by unique value
	rec     record
	norm    []byte
	buf     []byte
	valueOf []byte
}

// readUsers reads the source to its end. A source that cannot be read to its end gives an error and nothing else:
// half a source is never planned.
func readUsers(ctx context.Context, rows iter.Seq2[source.Row, error], m *contact.Mapping, scratch string) (*users, error) {
	u := &userReader{users: &users{rows: spool.New(scratch), homeless: spool.New(scratch), keys: spool.New(scratch),
		valued: valued{byField: make([]int, len(m.Targets))}}, mapping: m, values: spool.New(scratch)}
	defer u.values.Close()
	err := u.read(ctx, rows)
	if err == nil {
		err = u.markDuplicates()
	}
	if err != nil {
		return nil, errors.Join(err, u.users.close())
	}
	u.count.Usable = u.count.Rows - u.count.Unusable
	return u.users, nil
}

func (u *userReader) read(ctx context.Context, source iter.Seq2[source.Row, error]) error {
	rows := ahead.Read(source, keepRow)
	defer rows.Close()
	defer func() { u.waited = rows.Waited() }()
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
	u.count.Rows++
	u.digest.add(u.hash(row))
	norm, fault := contact.Normalise(row.Email)
	if fault != "" {
		u.unusableAddress(row, fault)
		if err := u.keys.Add([]byte(row.Key), nil); err != nil {
			return fmt.Errorf("spool the keys: %w", err)
		}
		u.norm = strconv.AppendInt(append(u.norm[:0], 0), int64(u.count.Rows), 10)
		return u.addUnique(row)
	}
	u.judge(row, norm)
	u.norm, u.buf = append(u.norm[:0], norm...), u.rec.append(u.buf[:0])
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
	u.count.Unusable++
	if len(u.skips) == maxListed {
		u.more++
		return
	}
	u.skips = append(u.skips, Skipped{Key: row.Key, Email: row.Email[:min(len(row.Email), contact.MaxLooked)], Reason: contact.InvalidEmail, Detail: fault})
}

// judge makes a record of a row with an address: usable, or not, with the first reason found. An unusable
// one stays in the order, since its user is not gone. The address is left out where it is the norm.
func (u *userReader) judge(row *source.Row, norm string) {
	rec := &u.rec
	rec.kind, rec.reason, rec.detail = usable, nil, nil
	rec.key, rec.address, rec.fields = append(rec.key[:0], row.Key...), rec.address[:0], rec.fields[:0]
	if row.Email != norm {
		rec.address = append(rec.address, strings.TrimSpace(row.Email)...)
	}
	any := false
	for i := range u.mapping.Targets {
		t := &u.mapping.Targets[i]
		form, reason, detail := t.Judge(row.Values[i])
		if reason != "" && rec.kind == usable {
			rec.kind, rec.reason, rec.detail = unusable, []byte(reason), []byte(t.Column+": "+detail)
		}
		if form != "" {
			any = true
			u.valued.byField[i]++
		}
		if i > 0 {
			rec.fields = append(rec.fields, state.Separator...)
		}
		rec.fields = append(rec.fields, form...)
	}
	if any {
		u.valued.any++
	} else {
		rec.fields = rec.fields[:0]
	}
	if rec.kind == unusable {
		u.count.Unusable++
	}
}

// addUnique notes the values of unique fields, to find those that stand in two rows. What stands in for the address of a row
// without one begins with a zero.
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
			err = errors.Join(err, u.homeless.Add([]byte(form), nil))
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
	rec := record{kind: duplicate, detail: []byte(column + ": another row has the same value")}
	u.buf = rec.append(u.buf[:0])
	return u.rows.Add(norm, u.buf)
}

// user is what the rows of one normalised address come to.
type user struct {
	norm   []byte
	first  record         // of the first row; its slices are valid until the next user
	skip   contact.Reason // "" for a usable one
	detail string
	rest   []record // further rows of the address, when skip applies to each
	buf    []byte
}

// each yields the users ascending by normalised address. A user is valid until the next one.
func (u *users) each() iter.Seq2[*user, error] {
	return func(yield func(*user, error) bool) {
		current := &user{}
		for norm, value := range u.rows.Sorted() {
			if current.norm != nil && bytes.Equal(norm, current.norm) {
				current.join(value)
				continue
			}
			if current.norm != nil && !yield(current, nil) {
				return
			}
			current.begin(norm, value)
		}
		if err := u.rows.Err(); err != nil {
			yield(nil, fmt.Errorf("sort the users: %w", err))
			return
		}
		if current.norm != nil {
			yield(current, nil)
		}
	}
}

func (u *user) begin(norm, value []byte) {
	u.norm = append(u.norm[:0], norm...)
	u.buf = append(u.buf[:0], value...)
	u.skip, u.detail, u.rest = "", "", u.rest[:0]
	u.first.parse(u.buf)
	u.first.addressed(u.norm)
	if u.first.kind == unusable {
		u.skip, u.detail = contact.Reason(u.first.reason), string(u.first.detail)
	}
}

// join takes a further record of the same address: a second row, or a mark.
func (u *user) join(value []byte) {
	var next record
	next.parse(bytes.Clone(value))
	if next.kind == duplicate {
		if u.skip == "" {
			u.skip, u.detail = contact.DuplicateValue, string(next.detail)
		}
		return
	}
	next.addressed(u.norm)
	u.rest = append(u.rest, next)
	if !next.alike(&u.first) {
		u.skip, u.detail = contact.DuplicateEmail, "another row has this address and other values"
	}
}

// skipped gives a skip for each row of a user that is not sent.
func (u *user) skipped(yield func(Skipped)) {
	yield(Skipped{Key: string(u.first.key), Email: string(u.first.address), Reason: u.skip, Detail: u.detail})
	for _, r := range u.rest {
		yield(Skipped{Key: string(r.key), Email: string(r.address), Reason: u.skip, Detail: u.detail})
	}
}
