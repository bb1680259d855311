package mirror

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
)

const (
	// exportWorth is how many contacts an account has at least for an export to be cheaper than its pages.
	exportWorth = 20 * pageSize
	// exportCost is how many requests an export takes: two pages, counts and lists, the order, the file, and polls. It is
	// slow beside reading a few contacts by their addresses.
	exportCost = 16
)

// factUnfit remembers for which mapping, and on which day, an export did not have what is needed, so that it is
// not asked for again before the next day.
const factUnfit = "export_unfit"

// errLarge says that the account is large enough for an export to be worth trying.
var errLarge = errors.New("an export is worth trying")

// exportPays ends a snapshot from pages with errLarge when an export is worth trying for so many contacts. A dry run
// makes none: it is a POST.
func (m *Mirror) exportPays(ctx context.Context, contacts int) error {
	if m.Write == nil || contacts < exportWorth {
		return nil
	}
	unfit, err := m.State.Fact(ctx, factUnfit)
	if err == nil && unfit != m.unfit() {
		return errLarge
	}
	return err
}

// unfit is what factUnfit holds of today and this mapping.
func (m *Mirror) unfit() string { return m.State.Now().Format(time.DateOnly) + " " + m.mapping.Key() }

// exportSnapshot takes a snapshot from an export of all contacts, and from the pages of the deleted ones, which no
// export shows. done is false when the export did not prove fit: then nothing is lost but a few requests, and
// all pages are read.
func (m *Mirror) exportSnapshot(ctx context.Context) (done bool, err error) {
	if m.at, err = m.db.BeginSnapshot(ctx, m.mapping.Key()); err != nil {
		return false, err
	}
	m.at.LoadingAt = m.State.Now()
	err = m.readDeleted(ctx)
	if err == nil {
		err = m.readExport(ctx)
	}
	switch {
	case err == nil:
		return true, m.endSnapshot(ctx)
	case !errors.Is(err, contact.ErrUnfit) && !ofExport(err):
		return false, fmt.Errorf("take a snapshot from an export: %w", err)
	}
	m.Note(fmt.Sprintf("an export would have been cheaper, but %v; pages were read", err))
	return false, m.State.SetFacts(ctx, map[string]string{factUnfit: m.unfit()})
}

// readDeleted reads the deleted contacts page by page, before the export, so that an address that is a deleted contact's
// and another's is noticed.
func (m *Mirror) readDeleted(ctx context.Context) error {
	expected := 0
	for page, err := range m.Read.Contacts(ctx, ccapi.ContactsQuery{Deleted: true}) {
		if err != nil {
			return err
		}
		if err := m.put(ctx, m.at, m.page(page), ""); err != nil {
			return err
		}
		expected = max(expected, page.Count)
	}
	read, err := m.db.SeenIn(ctx, m.at.Loading)
	if err == nil && read < expected {
		return fmt.Errorf("%w: the pages of deleted contacts showed %d of %d", contact.ErrUnfit, read, expected)
	}
	return err
}

// ofExport tells errors of the export alone from those that would meet the pages too.
func ofExport(err error) bool {
	for _, e := range []error{ccapi.ErrUnknownOutcome, ccapi.ErrForeignHost, ccapi.ErrRedirect, ccapi.ErrNotFound, ccapi.ErrBadRequest, ccapi.ErrForbidden, io.ErrUnexpectedEOF} {
		if errors.Is(err, e) {
			return true
		}
	}
	if e, ok := errors.AsType[*ccapi.Error](err); ok && e.Gateway {
		return true
	}
	return errors.As(err, new(*csv.ParseError))
}

func (m *Mirror) readExport(ctx context.Context) error {
	counts, err := m.Read.Counts(ctx)
	if err != nil {
		return err
	}
	lists, err := m.listsByName(ctx)
	if err != nil {
		return err
	}
	a, err := m.Write.Export(ctx)
	if err != nil {
		return err
	}
	if a, err = m.awaitExport(ctx, a); err != nil {
		return err
	}
	file, err := m.Read.ExportFile(ctx, a.Results)
	if err != nil {
		return err
	}
	defer file.Close()
	rows, err := m.mirrorExport(ctx, file, lists, counts.Total)
	if err != nil {
		return err
	}
	if rows < counts.Total {
		return fmt.Errorf("%w: it has %d of %d contacts", contact.ErrUnfit, rows, counts.Total)
	}
	return nil
}

// listsByName maps the names in an export to ids. A comma in a name, or two lists of one name, would be read
// wrongly.
func (m *Mirror) listsByName(ctx context.Context) (map[string]string, error) {
	lists, err := m.Read.Lists(ctx)
	if err != nil {
		return nil, err
	}
	ids := make(map[string]string, len(lists))
	for _, l := range lists {
		if ids[l.Name] != "" || strings.Contains(l.Name, ",") {
			return nil, fmt.Errorf("%w: the list name %q is not clear in it", contact.ErrUnfit, l.Name)
		}
		ids[l.Name] = l.ID
	}
	return ids, nil
}

// awaitExport polls an export to its end, as long as it moves.
func (m *Mirror) awaitExport(ctx context.Context, a ccapi.Activity) (ccapi.Activity, error) {
	began := m.State.Now()
	moved, delay := began, FirstPoll
	for !a.Ended() {
		if err := m.wait(ctx, delay); err != nil {
			return a, err
		}
		next, err := m.Read.Activity(ctx, a.ID)
		if err != nil {
			return a, err
		}
		if next.State != a.State || next.PercentDone != a.PercentDone {
			moved = m.State.Now()
		}
		if m.State.Now().Sub(moved) > LetGo {
			return a, fmt.Errorf("%w: it does not get ready", contact.ErrUnfit)
		}
		a, delay = next, NextPoll(delay, m.State.Now().Sub(began), next.PercentDone)
	}
	if a.State != ccapi.StateCompleted || a.Results == "" {
		return a, fmt.Errorf("%w: it ended as %s", contact.ErrUnfit, a.State)
	}
	return a, nil
}

// wait is wait, and tells how long it took.
func (m *Mirror) wait(ctx context.Context, d time.Duration) error {
	began := time.Now()
	defer func() { m.Waited(time.Since(began)) }()
	return wait(ctx, d)
}

// mirrorExport reads the file into the mirror and returns how many contacts it has. They are sorted first: the mirror
// is written in its own order, or a million contacts take minutes.
func (m *Mirror) mirrorExport(ctx context.Context, file io.Reader, lists map[string]string, total int) (rows int, err error) {
	sorted := spool.New(m.Scratch)
	defer sorted.Close()
	var buf []byte
	for c, err := range contact.ReadExport(m.mapping, file, lists) {
		if err != nil {
			return rows, err
		}
		if rows++; c.Norm == "" {
			continue
		}
		buf = spool.AppendTexts(buf[:0], c.Address, c.Permission, strings.Join(c.Lists, " "), c.Fields, c.UpdatedAt.Format(time.RFC3339))
		if err := sorted.Add([]byte(c.Norm), buf); err != nil {
			return rows, err
		}
	}
	return rows, m.putExported(ctx, sorted, total)
}

// putExported writes the sorted contacts into the mirror, some thousand at a time.
func (m *Mirror) putExported(ctx context.Context, sorted *spool.Spool, total int) error {
	const page = 10_000 // under 100 ms each
	contacts := make([]state.Contact, 0, page)
	done := 0
	flush := func() error {
		more, err := m.db.PutExported(ctx, m.at, contacts)
		m.at.Contacts += more
		done += len(contacts)
		contacts = contacts[:0]
		m.Step("snapshot", done, total)
		if errors.Is(err, state.ErrTwins) {
			return fmt.Errorf("%w: %w", contact.ErrUnfit, err)
		}
		return err
	}
	for norm, buf := range sorted.Sorted() {
		c := state.Contact{Norm: string(norm)}
		var lists, updated string
		spool.ParseTexts(buf, &c.Address, &c.Permission, &lists, &c.Fields, &updated)
		c.Lists = strings.Fields(lists)
		c.UpdatedAt, _ = time.Parse(time.RFC3339, updated)
		if contacts = append(contacts, c); len(contacts) == page {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := sorted.Err(); err != nil {
		return err
	}
	return flush()
}
