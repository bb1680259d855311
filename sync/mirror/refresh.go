package mirror

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/state"
)

// Refresh brings the mirror up to date: a snapshot when one is due, else what changed since the
// last refresh. A dry run of another mapping than the mirror's leaves it as it is, and reads for
// itself what the mirror does not have.
func (m *Mirror) Refresh(ctx context.Context) error {
	release, ok, err := m.lock(ctx)
	if err != nil {
		return err
	}
	if release != nil {
		defer release()
	}
	if m.at, err = m.db.Mirror(ctx); err != nil {
		return err
	}
	switch {
	case !ok:
		m.Note("another process is reading all contacts; this run uses the last complete local copy")
		m.tell("none")
		return nil
	case m.foreign():
		return m.lookOnly(ctx)
	}
	if err := m.carryOver(ctx); err != nil {
		return err
	}
	if m.wanted, err = m.db.ReadingWanted(ctx); err != nil {
		return err
	}
	if m.snapshotDue() {
		return m.Snapshot(ctx)
	}
	return m.Changes(ctx)
}

// lock waits for the mirror. A dry run that finds it busy does without, if there is a complete
// mirror.
func (m *Mirror) lock(ctx context.Context) (release func(), ok bool, err error) {
	for {
		_, release, err = m.State.Lock(ctx, state.MirrorLock)
		if err == nil {
			return release, true, nil
		}
		if !errors.As(err, new(*state.HeldError)) {
			return nil, false, err
		}
		at, err := m.State.Mirror(ctx)
		if err != nil {
			return nil, false, err
		}
		if m.Write == nil && !at.Mark.IsZero() && at.Mapping == m.mapping.Key() {
			return nil, false, nil
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return nil, false, err
		}
	}
}

func (m *Mirror) snapshotDue() bool {
	switch {
	case m.at.Mark.IsZero(), m.at.SnapshotAt.IsZero(), m.Full && m.fresh.IsZero(), m.wanted != "":
		return true
	case m.NextSnapshot == nil:
		return false
	}
	due := m.NextSnapshot(m.at.SnapshotAt)
	return !due.IsZero() && !m.State.Now().Before(due)
}

// Changes reads the contacts that changed since the last refresh. What the filter does not show,
// the recheck and the next snapshot find. When very many changed, as after a large push, an export
// is cheaper.
func (m *Mirror) Changes(ctx context.Context) error {
	err := m.changedPages(ctx)
	if !errors.Is(err, errLarge) {
		return err
	}
	done, err := m.exporter.snapshot(ctx)
	switch {
	case err != nil:
		return err
	case done:
		return m.endSnapshot(ctx)
	}
	return m.changedPages(ctx)
}

// changedPages reads the pages of what changed. errLarge when the first one tells that an export is
// worth trying.
func (m *Mirror) changedPages(ctx context.Context) error {
	var mark time.Time
	read := 0
	for page, err := range m.Read.Contacts(ctx, ccapi.ContactsQuery{Limit: m.Page, UpdatedAfter: m.at.Mark.Add(-overlap - m.State.Unsteady())}) {
		if err != nil {
			return fmt.Errorf("refresh the mirror: %w", err)
		}
		if mark.IsZero() {
			mark = m.served(page)
			if err := m.exportPays(ctx, page.Count); err != nil {
				return err
			}
		}
		if err := m.put(ctx, state.Mirror{Mapping: m.mapping.Key()}, m.page(page), ""); err != nil {
			return err
		}
		read += len(page.Contacts)
		m.Step("refresh", read, page.Count)
	}
	m.at.Mark = mark
	return m.endRefresh(ctx, "incremental")
}

// Snapshot reads every contact: from an export where that is cheaper and proves fit, else page by
// page, as often as it takes until as many were seen as the account says there are. One that was
// interrupted is resumed.
func (m *Mirror) Snapshot(ctx context.Context) error {
	if err := m.pager.mayBegin(ctx); err != nil {
		return err
	}
	if !m.bound {
		to, err := m.Bind(ctx)
		if err != nil {
			return err
		}
		m.bound = true
		m.rebind(to)
		if err := m.carryOver(ctx); err != nil {
			return err
		}
	}
	err := m.pager.snapshot(ctx)
	if errors.Is(err, errLarge) {
		var done bool
		if done, err = m.exporter.snapshot(ctx); err == nil && !done {
			err = m.pager.snapshot(ctx)
		}
	}
	if err != nil {
		return err
	}
	return m.endSnapshot(ctx)
}

func (m *Mirror) endSnapshot(ctx context.Context) error {
	m.at.Mark, m.at.SnapshotAt = m.at.LoadingAt, m.at.LoadingAt
	if err := m.endRefresh(ctx, "snapshot"); err != nil {
		return err
	}
	if err := m.db.SetFacts(ctx, map[string]string{factDoubt: m.doubt, factIncomplete: ""}); err != nil {
		return err
	}
	if m.wanted != "" {
		if err := m.db.ReadingDone(ctx, m.wanted); err != nil {
			return err
		}
		m.wanted = ""
	}
	m.fresh = time.Now().Add(-max(0, m.State.Now().Sub(m.at.SnapshotAt)))
	return nil
}

// served is the server's time of a page.
func (b *base) served(page ccapi.Page) time.Time {
	if page.ServedAt.IsZero() {
		return b.State.Now()
	}
	return page.ServedAt
}

func (b *base) page(page ccapi.Page) []state.Contact {
	contacts := make([]state.Contact, len(page.Contacts))
	for i := range page.Contacts {
		contacts[i] = b.mapping.Contact(&page.Contacts[i])
	}
	return contacts
}

// put writes contacts into the mirror and keeps count.
func (b *base) put(ctx context.Context, into state.Mirror, page []state.Contact, next string) error {
	more, err := b.db.PutContacts(ctx, into, page, next)
	b.at.Contacts += more
	return err
}

func (m *Mirror) endRefresh(ctx context.Context, how string) (err error) {
	m.at.Mapping = m.mapping.Key()
	if how == "incremental" {
		m.at.Loading = 0 // a snapshot that was interrupted has shown some contacts only
	}
	if err := m.db.EndRefresh(ctx, m.at); err != nil {
		return err
	}
	if m.at, err = m.db.Mirror(ctx); err != nil {
		return err
	}
	m.refreshed = time.Now()
	m.tell(how)
	return nil
}

// tell notes how the mirror was refreshed; a snapshot stays a snapshot.
func (m *Mirror) tell(how string) {
	m.told.Contacts = m.at.Contacts
	if m.told.Refresh != "snapshot" {
		m.told.Refresh = how
	}
}
