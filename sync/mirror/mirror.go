// Package mirror keeps the local copy of an account's contacts: whole from a snapshot, by pages or
// an export; up to date by asking what changed; and certain, where it matters, by reading contacts
// again.
package mirror

import (
	"context"
	"errors"
	"log/slog"
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
