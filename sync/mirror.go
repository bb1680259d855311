package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
)

const (
	// overlap is how far an incremental refresh looks back behind the last: the order of events at the
	// other side is not known to the second.
	overlap = 5 * time.Minute
	// freshFor is how long a run's own snapshot stands for a recheck, from its first page on, which a former run may have read.
	freshFor = 5 * time.Minute
	// resumable is how old a snapshot under way may be to be gone on with.
	resumable = time.Hour
	// maxPasses is how often all pages are read to find every contact. Pages are offsets into an order that changes
	// while it is read: contacts that come and go make others appear twice or not at all.
	maxPasses = 5
	pageSize  = 500
)

var errRemapped = errors.New("another process with another mapping refreshed the mirror; nothing was sent")

var errIncomplete = errors.New("the snapshot is not complete")

const factLoading = "loading_mapping" // the mapping that a snapshot under way was begun with

// refresh brings the mirror up to date: a snapshot when one is due, else what changed since the last refresh.
func (r *run) refresh(ctx context.Context) error {
	release, ok, err := r.lockMirror(ctx)
	if err != nil {
		return err
	}
	if release != nil {
		defer release()
	}
	if r.mirror, err = r.State.Mirror(ctx); err != nil {
		return err
	}
	if !ok {
		r.note("another process is taking a snapshot; this plan is made on the last complete mirror")
		r.countMirror("none")
		return nil
	}
	if err := r.carryOver(ctx); err != nil {
		return err
	}
	if r.snapshotDue() {
		return r.snapshot(ctx)
	}
	return r.incremental(ctx)
}

// lockMirror waits for the mirror. A dry run that finds it busy does without, if there is a complete mirror.
func (r *run) lockMirror(ctx context.Context) (release func(), ok bool, err error) {
	for {
		_, release, err = r.State.Lock(ctx, state.MirrorLock)
		if err == nil {
			return release, true, nil
		}
		if !errors.As(err, new(*state.HeldError)) {
			return nil, false, err
		}
		m, err := r.State.Mirror(ctx)
		if err != nil {
			return nil, false, err
		}
		if r.Write == nil && !m.Mark.IsZero() && m.Mapping == r.mapping.Key() {
			return nil, false, nil
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return nil, false, err
		}
	}
}

// carryOver names the mapping of the mirror anew when the configuration changed. The mirror then counts as
// never refreshed.
func (r *run) carryOver(ctx context.Context) (err error) {
	key := r.mapping.Key()
	if r.mirror.Mapping == key {
		return nil
	}
	if err := r.State.Remap(ctx, key, contact.Carry); err != nil {
		return err
	}
	r.mirror, err = r.State.Mirror(ctx)
	return err
}

// sameMapping checks that the mirror still has the values of this run's mapping: a dry run may try another one.
func (r *run) sameMapping(ctx context.Context) error {
	m, err := r.State.Mirror(ctx)
	if err == nil && m.Mapping != r.mapping.Key() {
		err = errRemapped
	}
	return err
}

func (r *run) snapshotDue() bool {
	m := &r.mirror
	switch {
	case m.Mark.IsZero(), m.SnapshotAt.IsZero(), r.opts.Full && r.fresh.IsZero():
		return true
	case r.Policy.NextSnapshot == nil:
		return false
	}
	due := r.Policy.NextSnapshot(m.SnapshotAt)
	return !due.IsZero() && !r.now().Before(due)
}

// incremental reads the contacts that changed since the last refresh. What the filter does not show, the
// recheck and the next snapshot find. When very many changed, as after a large push, an export is cheaper.
func (r *run) incremental(ctx context.Context) error {
	err := r.changedPages(ctx)
	if !errors.Is(err, errLarge) {
		return err
	}
	if done, err := r.exportSnapshot(ctx); done || err != nil {
		return err
	}
	return r.changedPages(ctx)
}

// changedPages reads the pages of what changed. errLarge when the first one tells that an export is worth trying.
func (r *run) changedPages(ctx context.Context) error {
	var mark time.Time
	read := 0
	for page, err := range r.Read.Contacts(ctx, ccapi.ContactsQuery{UpdatedAfter: r.mirror.Mark.Add(-overlap)}) {
		if err != nil {
			return fmt.Errorf("refresh the mirror: %w", err)
		}
		if mark.IsZero() {
			mark = r.served(page)
			if err := r.exportPays(ctx, page.Count); err != nil {
				return err
			}
		}
		if err := r.put(ctx, state.Mirror{}, r.mirrorPage(page), ""); err != nil {
			return err
		}
		read += len(page.Contacts)
		r.step("refresh", read, page.Count)
	}
	r.mirror.Mark = mark
	return r.endRefresh(ctx, "incremental")
}

// snapshot reads every contact: from an export where that is cheaper and proves fit, else page by page, as often as it takes until as many were seen as the account says
// there are. One that was broken off is gone on with.
func (r *run) snapshot(ctx context.Context) error {
	if !r.bound {
		if err := r.bind(ctx, true); err != nil {
			return err
		}
		if err := r.carryOver(ctx); err != nil {
			return err
		}
	}
	err := r.pageSnapshot(ctx)
	if !errors.Is(err, errLarge) {
		return err
	}
	if done, err := r.exportSnapshot(ctx); done || err != nil {
		return err
	}
	return r.pageSnapshot(ctx)
}

// pageSnapshot reads all pages. errLarge when the first page tells that an export is worth trying.
func (r *run) pageSnapshot(ctx context.Context) error {
	if err := r.beginSnapshot(ctx); err != nil {
		return err
	}
	for pass := range maxPasses {
		expected, err := r.pass(ctx)
		if err != nil {
			return fmt.Errorf("take a snapshot: %w", err)
		}
		seen, err := r.State.SeenIn(ctx, r.mirror.Loading)
		if err != nil {
			return err
		}
		if seen >= expected {
			return r.endSnapshot(ctx)
		}
		r.mirror.Next = ""
		r.note(fmt.Sprintf("pass %d of the snapshot showed %d of %d contacts", pass+1, seen, expected))
		r.Log.WarnContext(ctx, "pages skipped contacts, reading them again", "run", r.id, "pass", pass+1, "seen", seen, "expected", expected)
	}
	return fmt.Errorf("%w: some contacts were on no page in %d passes", errIncomplete, maxPasses)
}

func (r *run) beginSnapshot(ctx context.Context) (err error) {
	with, err := r.State.Fact(ctx, factLoading)
	if err != nil {
		return err
	}
	if r.mirror.Loading > 0 && r.mirror.Next != "" && with == r.mapping.Key() && r.now().Sub(r.mirror.LoadingAt) < resumable {
		r.Log.InfoContext(ctx, "going on with the snapshot that was broken off", "run", r.id)
		return nil
	}
	if err := r.State.SetFacts(ctx, map[string]string{factLoading: r.mapping.Key()}); err != nil {
		return err
	}
	r.mirror, err = r.State.BeginSnapshot(ctx)
	return err
}

// pass reads all pages once, from mirror.Next on, and returns how many contacts the account says there are.
func (r *run) pass(ctx context.Context) (expected int, err error) {
	read, first := 0, r.mirror.Next == ""
	for page, err := range r.Read.Contacts(ctx, ccapi.ContactsQuery{Next: r.mirror.Next}) {
		if err != nil {
			return 0, err
		}
		if r.mirror.LoadingAt.IsZero() {
			r.mirror.LoadingAt = r.served(page)
		}
		if err := r.put(ctx, r.mirror, r.mirrorPage(page), page.Next); err != nil {
			return 0, err
		}
		if first {
			if err := r.exportPays(ctx, page.Count); err != nil {
				return 0, err
			}
			first = false
		}
		expected = max(expected, page.Count)
		read += len(page.Contacts)
		r.step("snapshot", read, max(page.Count, 0))
	}
	return expected, nil
}

func (r *run) endSnapshot(ctx context.Context) error {
	r.mirror.Mark, r.mirror.SnapshotAt = r.mirror.LoadingAt, r.mirror.LoadingAt
	if err := r.endRefresh(ctx, "snapshot"); err != nil {
		return err
	}
	r.fresh = time.Now().Add(-r.now().Sub(r.mirror.SnapshotAt))
	return nil
}

// served is the server's time of a page.
func (r *run) served(page ccapi.Page) time.Time {
	if page.ServedAt.IsZero() {
		return r.now()
	}
	return page.ServedAt
}

func (r *run) mirrorPage(page ccapi.Page) []state.Contact {
	contacts := make([]state.Contact, len(page.Contacts))
	for i := range page.Contacts {
		contacts[i] = r.mapping.Contact(&page.Contacts[i])
	}
	return contacts
}

// put writes contacts into the mirror and keeps count.
func (r *run) put(ctx context.Context, m state.Mirror, page []state.Contact, next string) error {
	more, err := r.State.PutContacts(ctx, m, page, next)
	r.mirror.Contacts += more
	return err
}

func (r *run) endRefresh(ctx context.Context, how string) (err error) {
	r.mirror.Mapping = r.mapping.Key()
	if how == "incremental" {
		r.mirror.Loading = 0 // a snapshot that was broken off has shown some contacts only
	}
	if err := r.State.EndRefresh(ctx, r.mirror); err != nil {
		return err
	}
	if r.mirror, err = r.State.Mirror(ctx); err != nil {
		return err
	}
	r.refreshed = time.Now()
	r.countMirror(how)
	return nil
}

// countMirror notes in the report how the mirror was refreshed; a snapshot stays a snapshot.
func (r *run) countMirror(how string) {
	r.report.Mirror.Contacts = r.mirror.Contacts
	if r.report.Mirror.Refresh != "snapshot" {
		r.report.Mirror.Refresh = how
	}
}

// readPlace reads the contacts of one normalised address, under each spelling that they are known by, and puts them into
// the mirror; those that do not have it any more lose it there.
func (r *run) readPlace(ctx context.Context, place plan.Place) error {
	var found []state.Contact
	var ids []string
	for _, address := range place.Addresses {
		for page, err := range r.Read.Contacts(ctx, ccapi.ContactsQuery{Email: address}) {
			if err != nil {
				return fmt.Errorf("read a contact by its address: %w", err)
			}
			for _, c := range r.mirrorPage(page) {
				if c.Norm == place.Norm && !slices.Contains(ids, c.ID) {
					found, ids = append(found, c), append(ids, c.ID)
				}
			}
		}
	}
	if err := r.put(ctx, state.Mirror{}, found, ""); err != nil {
		return err
	}
	return r.State.SetAside(ctx, place.Norm, ids)
}

// readingAll is how many requests it takes to read all contacts.
func (r *run) readingAll(ctx context.Context) (int, error) {
	all, err := r.State.Total(ctx)
	if err != nil {
		return 0, err
	}
	return r.reading(ctx, all)
}

// reading is how many requests it takes to read so many contacts: their pages, or an export where that is worth trying.
func (r *run) reading(ctx context.Context, all int) (int, error) {
	switch err := r.exportPays(ctx, all); {
	case errors.Is(err, errLarge):
		return exportCost, nil
	case err != nil:
		return 0, err
	}
	return (all + pageSize - 1) / pageSize, nil
}
