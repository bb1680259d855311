package sync

import (
	"bytes"
	"context"
	"errors"
)

// The key by which a contact was filled tells its user even when the address does not any more: a user whose row is
// skipped is not gone. Contacts to be cleared wait, by key, until all skipped rows are known.

// skippedRow notes that a row of this key is skipped.
func (p *planner) skippedRow(key string) error {
	if p.byKey == nil || key == "" {
		return nil
	}
	return p.byKey.Add([]byte(key), nil)
}

// waits tells whether a contact is to be cleared of a user who may not be gone.
func (p *planner) waits(s *subject, d *decision) bool {
	return p.byKey != nil && s.fields == nil && d.action == Clear && d.contact.FilledKey != ""
}

// decideGone decides on the contacts that waited.
func (p *planner) decideGone(ctx context.Context) error {
	if p.byKey == nil {
		return nil
	}
	byKey := p.byKey
	p.byKey = nil // nothing waits any more
	for key := range p.run.users.Keys.Sorted() {
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
				break
			}
			if err := p.collect(ctx, subject{norm: norm}); err != nil {
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
	if err := errors.Join(p.run.users.Keys.Err(), byKey.Err(), release()); err != nil {
		return err
	}
	return p.decideChunk(ctx)
}
