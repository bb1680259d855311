package plan

import (
	"bytes"
	"context"
	"errors"
)

// The key by which a contact was filled tells its user even when the address does not any more: a
// user whose row is skipped is not gone. Contacts to be cleared wait, by key, until all skipped
// rows are known.

// skippedRow notes that a row of this key is skipped.
func (b *planner) skippedRow(key string) error {
	if b.byKey == nil || key == "" {
		return nil
	}
	return b.byKey.Add([]byte(key), nil)
}

// waits tells whether a contact is to be cleared of a user who may not be gone.
func (b *planner) waits(s *subject, d *decision) bool {
	return b.byKey != nil && s.fields == nil && d.action == Clear && d.contact.FilledKey != ""
}

// decideGone decides on the contacts that waited.
func (b *planner) decideGone(ctx context.Context) error {
	if b.byKey == nil {
		return nil
	}
	byKey := b.byKey
	b.byKey = nil // nothing waits any more
	defer byKey.Close()
	for key := range b.users.Keys.Sorted() {
		if err := byKey.Add(key, nil); err != nil {
			return err
		}
	}
	var last []byte
	var orphans []string
	skipped := false
	release := func() error {
		for _, norm := range orphans {
			if skipped {
				b.lens.spared(norm, "its user "+string(last)+" is not gone; its row is skipped")
				continue
			}
			if err := b.collect(ctx, subject{norm: norm}); err != nil {
				return err
			}
		}
		orphans, skipped = orphans[:0], false
		return nil
	}
	for key, norm := range byKey.Sorted() {
		if !bytes.Equal(key, last) {
			if err := release(); err != nil {
				return err
			}
			last = append(last[:0], key...)
		}
		if len(norm) == 0 {
			skipped = true
			continue
		}
		orphans = append(orphans, string(norm))
	}
	if err := errors.Join(b.users.Keys.Err(), byKey.Err(), release()); err != nil {
		return err
	}
	return b.decideChunk(ctx)
}
