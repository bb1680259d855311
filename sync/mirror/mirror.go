// Package mirror keeps the local copy of an account's contacts: whole from a snapshot, by pages or
// an export; up to date by asking what changed; and certain, where it matters, by reading contacts
// again.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

const (
	// overlap is how far an incremental refresh looks back behind the last: the order of events at
	// the other side is not known to the second.
	overlap = 5 * time.Minute
	// freshFor is how long a run's own snapshot stands for a recheck, from its first page on, which
	// a former run may have read.
	freshFor = 5 * time.Minute
	// resumable is how old a snapshot under way may be to be resumed.
	resumable = time.Hour
	// maxPasses is how often all pages are read to find every contact. Pages are offsets into an
	// order that changes while it is read: contacts that come and go make others appear twice or
	// not at all.
	maxPasses = 5
)

// ErrIncomplete says that some contacts were on no page.
var ErrIncomplete = errors.New("the contacts could not be read completely")

// Options are what a mirror works with.
type Options struct {
	State   *state.DB
	Read    *ccapi.Reader
	Write   *ccapi.Writer // nil in a dry run, which orders no export
	Scratch string        // folder for what does not fit into memory
	// Page is how many contacts are asked for at once: ccapi.ContactsPerPage, but in tests of large
	// accounts. From a number of pages on an export is worth trying.
	Page int
	Log  *slog.Logger
	// Bind reads custom fields and lists again and returns the mapping. A snapshot begins with it.
	Bind func(context.Context) (*contact.Mapping, error)
	Note func(string)                       // a thing worth knowing
	Step func(name string, done, total int) // progress
	// Waited hears how long an export was waited for.
	Waited func(time.Duration)
	// NextSnapshot is when a snapshot is due after one taken at that time. nil: never again.
	NextSnapshot func(time.Time) time.Time
	Full         bool // take a snapshot whatever is due
}

// Mirror is the mirror as one run sees it. Close it.
type Mirror struct {
	*base
	pager    pager
	exporter exporter
	view     view
	remove   func() error // removes the private one; nil: there is none
	bound    bool         // fields and lists were read in this run
	fresh    time.Time    // when the snapshot began that this run took or ended; zero: it took none
	// refreshed is when this run last refreshed the mirror.
	refreshed time.Time
	told      Told
}

// base is what a mirror shares with those who take its snapshots.
type base struct {
	Options
	mapping *contact.Mapping
	db      *state.DB // where the contacts are: State, or a private one
	at      state.Mirror
	// what keeps the last snapshot from being certain to have everybody; "" when it is
	doubt string
	// why all contacts are to be read, as the state file has it; "": for nothing
	wanted string
	// overcounts tells that the account counts more contacts of an address than it shows.
	overcounts bool
	// addresses, normalised, at which a contact is counted and none is shown
	unclear map[string]bool
}

// Told is how a run refreshed its mirror, for the report: "snapshot", "incremental" or "none".
type Told struct {
	Contacts int    `json:"contacts"`
	Refresh  string `json:"refresh"`
}

// New returns the mirror for a run with this mapping; bound: its fields and lists were read just
// now.
func New(o Options, m *contact.Mapping, bound bool) *Mirror {
	b := &base{Options: o, mapping: m, db: o.State, unclear: make(map[string]bool)}
	return &Mirror{base: b, pager: pager{b}, exporter: exporter{b}, bound: bound, told: Told{Refresh: "none"},
		view: view{db: o.State, state: o.State, mapping: m.Key()}}
}

// Close removes what the mirror kept for this run alone.
func (m *Mirror) Close() error {
	if m.remove == nil {
		return nil
	}
	return m.remove()
}

// Told is how the mirror was refreshed so far.
func (m *Mirror) Told() Told { return m.told }

// Live is how many contacts that are not deleted the account has, as far as the mirror knows.
func (m *Mirror) Live() int { return m.at.Contacts }

// SnapshotSince tells whether this run took a snapshot that began after a moment, by the server's
// clock.
func (m *Mirror) SnapshotSince(at time.Time) bool {
	return !m.fresh.IsZero() && m.at.SnapshotAt.After(at)
}

// Fresh tells whether this run's own snapshot is so young that nothing need be read again.
func (m *Mirror) Fresh() bool { return !m.fresh.IsZero() && time.Since(m.fresh) < freshFor }

// RefreshedWithin tells whether this run refreshed the mirror in the last so many.
func (m *Mirror) RefreshedWithin(age time.Duration) bool {
	return m.refreshed.After(time.Now().Add(-age))
}

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

// carryOver renames the mapping of the mirror when the configuration changed. The mirror then
// counts as never refreshed.
func (m *Mirror) carryOver(ctx context.Context) (err error) {
	key := m.mapping.Key()
	if m.at.Mapping == key {
		return nil
	}
	if err := m.db.Remap(ctx, key, contact.Carry); err != nil {
		return err
	}
	m.at, err = m.db.Mirror(ctx)
	return err
}

// Rename takes a mapping in which fields that were missing have been made: they are empty
// everywhere, and the mirror stays good.
func (m *Mirror) Rename(ctx context.Context, to *contact.Mapping) error {
	if err := m.db.Rename(ctx, m.mapping.Key(), to.Key()); err != nil {
		return err
	}
	m.rebind(to)
	m.at.Mapping = to.Key()
	return nil
}

func (m *Mirror) rebind(to *contact.Mapping) {
	m.mapping = to
	if m.view.from == "" {
		m.view.mapping = to.Key()
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

// CostOfAll is how many requests it takes to read all contacts.
func (m *Mirror) CostOfAll(ctx context.Context) (int, error) {
	all, err := m.db.Total(ctx)
	if err != nil {
		return 0, err
	}
	return m.Cost(ctx, all)
}

// Cost is how many requests it takes to read so many contacts: their pages, or an export where that
// is worth trying.
func (m *Mirror) Cost(ctx context.Context, all int) (int, error) {
	switch err := m.exportPays(ctx, all); {
	case errors.Is(err, errLarge):
		return exportCost, nil
	case err != nil:
		return 0, err
	}
	return m.Pages(all), nil
}

// Pages is how many pages so many contacts take.
func (o *Options) Pages(contacts int) int { return (contacts + o.Page - 1) / o.Page }
