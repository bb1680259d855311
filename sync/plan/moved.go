package plan

import (
	"context"
	"errors"
	"strings"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/users"
)

// setAside keeps a user without a contact until all contacts without a user are known.
func (b *planner) setAside(pair *pair, value string) error {
	rec := pair.user.First
	rec.Detail = []byte(pair.norm)
	b.buf = rec.Append(b.buf[:0])
	return b.absent.Add([]byte(value), b.buf)
}

// skippedValue notes that a row with these values is skipped: its unique value tells its user even
// when the address does not any more. Once the contacts without a user are decided on, it is late.
func (b *planner) skippedValue(fields string) error {
	value := b.Mapping.UniqueValue(fields)
	if value == "" || b.allMet || !b.forAll() {
		return nil
	}
	rec := users.Record{Kind: users.Unusable}
	b.buf = rec.Append(b.buf[:0])
	return b.absent.Add([]byte(value), b.buf)
}

// meetOrphan takes a contact that no row stands for. One with a unique value waits until it is
// known whether its user has only moved.
func (b *planner) meetOrphan(ctx context.Context, pair *pair) error {
	if value := b.Mapping.UniqueValue(pair.fields); value != "" {
		rec := users.Record{Kind: users.Orphaned, Address: []byte(pair.norm)}
		b.buf = rec.Append(b.buf[:0])
		return b.absent.Add([]byte(value), b.buf)
	}
	return b.collectOrphan(ctx, pair.norm, pair.fields)
}

// collectOrphan takes a contact without a user to decide on.
func (b *planner) collectOrphan(ctx context.Context, norm, fields string) error {
	if !b.forAll() || !b.ClearOrphans || fields == "" {
		return nil
	}
	return b.collect(ctx, subject{norm: strings.Clone(norm)}) // of a text with hundreds of others
}

// sameValue are the users without a contact and the contacts without a user that have one unique
// value.
type sameValue struct {
	value   []byte
	users   []subject
	skipped bool     // a row with the value is skipped: its user is not gone
	orphans []string // normalised addresses
}

// decideAbsent decides on the users without a contact, and on the contacts without a user that were
// waiting for them. A user whose unique value stands under an address that no row has any more has
// moved.
func (b *planner) decideAbsent(ctx context.Context) error {
	b.allMet = true
	for value := range b.users.Homeless.Sorted() {
		rec := users.Record{Kind: users.Unusable}
		b.buf = rec.Append(b.buf[:0])
		if err := b.absent.Add(value, b.buf); err != nil {
			return err
		}
	}
	var same sameValue
	for value, buf := range b.absent.Sorted() {
		if string(value) != string(same.value) {
			if err := b.decideSame(ctx, &same); err != nil {
				return err
			}
			same = sameValue{value: append(same.value[:0], value...), users: same.users[:0], orphans: same.orphans[:0]}
		}
		same.add(buf, b.Mapping)
	}
	if err := errors.Join(b.users.Homeless.Err(), b.absent.Err()); err != nil {
		return err
	}
	if err := b.decideSame(ctx, &same); err != nil {
		return err
	}
	return b.decideChunk(ctx)
}

func (s *sameValue) add(buf []byte, m *contact.Mapping) {
	var rec users.Record
	switch rec.Parse(buf); rec.Kind {
	case users.Orphaned:
		s.orphans = append(s.orphans, string(rec.Address))
	case users.Unusable:
		s.skipped = true
	default:
		s.users = append(s.users, subjectOf(string(rec.Detail), &rec, m))
	}
}

func (b *planner) decideSame(ctx context.Context, same *sameValue) error {
	for _, s := range same.users {
		if len(same.orphans) > 0 {
			s.movedFrom = same.orphans[0]
		}
		if err := b.collect(ctx, s); err != nil {
			return err
		}
	}
	if same.skipped || len(same.users) > 0 {
		for _, norm := range same.orphans {
			b.lens.spared(norm, "a row of the source still has its value, so the user is not gone")
		}
		return nil
	}
	for _, norm := range same.orphans {
		if err := b.collectOrphan(ctx, norm, string(same.value)); err != nil {
			return err
		}
	}
	return nil
}
