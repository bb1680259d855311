package mirror

import (
	"context"
	"fmt"
	"slices"

	"ccsyncd/ccapi"
	"ccsyncd/sync/state"
)

// Place reads the contacts of one normalised address, under each spelling that they are known by,
// and puts them into the mirror; those that do not have it any more lose it there.
func (m *Mirror) Place(ctx context.Context, norm string, addresses []string) error {
	var found []state.Contact
	var ids []string
	unclear := false
	for _, address := range addresses {
		there, whole, err := m.byAddress(ctx, address)
		if err != nil {
			return fmt.Errorf("read a contact by its address: %w", err)
		}
		unclear = unclear || !whole
		for _, c := range there {
			unclear = unclear || c.Norm != norm // who was not asked for
			if c.Norm == norm && !slices.Contains(ids, c.ID) {
				found, ids = append(found, c), append(ids, c.ID)
			}
		}
	}
	if err := m.put(ctx, state.Mirror{Mapping: m.mapping.Key()}, found, ""); err != nil {
		return err
	}
	m.told.Contacts = m.at.Contacts
	if delete(m.unclear, norm); unclear && len(ids) == 0 {
		m.unclear[norm] = true
	}
	return m.db.SetAside(ctx, norm, ids)
}

// byAddress reads the contacts of an address. A page that shows fewer than it counts may have
// skipped somebody, who would be taken for gone: it is read again, and what any reading showed is
// there. whole is false where they are fewer still in the end. An account that counts too many each
// time is asked twice from then on.
func (b *base) byAddress(ctx context.Context, address string) (found []state.Contact, whole bool, err error) {
	passes := maxPasses
	if b.overcounts {
		passes = 2
	}
	for range passes {
		count := 0
		for page, err := range b.Read.Contacts(ctx, ccapi.ContactsQuery{Email: address}) {
			if err != nil {
				return nil, false, err
			}
			for _, c := range b.page(page) {
				found = append(slices.DeleteFunc(found, func(f state.Contact) bool { return f.ID == c.ID }), c)
			}
			count = max(count, page.Count)
		}
		if len(found) >= count {
			return found, true, nil
		}
	}
	if !b.overcounts {
		b.overcounts = true
		b.Note("the account counts more contacts for an address than it shows, on every read")
		b.Log.WarnContext(ctx, "the account counts more contacts for an address than it shows")
	}
	return found, false, nil
}
