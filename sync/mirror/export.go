package mirror

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"strings"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
)

const (
	// exportPages is how many pages an account has at least for an export to be cheaper than them.
	exportPages = 20
	// exportCost is how many requests an export takes: two pages, counts and lists, the order, the
	// file, and polls. It is slow beside reading a few contacts by their addresses.
	exportCost = 16
	// pagesTogether is how many pages of exported contacts are written in one transaction, which
	// takes less than 100 ms.
	pagesTogether = 20
)

// factUnfit remembers for which mapping, and on which day, an export did not have what is needed,
// so that it is not asked for again before the next day.
const factUnfit = "export_unfit"

// errLarge says that the account is large enough for an export to be worth trying.
var errLarge = errors.New("an export is worth trying")

// exportPays ends a snapshot from pages with errLarge when an export is worth trying for so many
// contacts. A dry run makes none: it is a POST.
func (b *base) exportPays(ctx context.Context, contacts int) error {
	if b.Write == nil || contacts < exportPages*b.Page {
		return nil
	}
	unfit, err := b.State.Fact(ctx, factUnfit)
	if err == nil && unfit != b.unfit() {
		return errLarge
	}
	return err
}

// unfit is what factUnfit holds of today and this mapping.
func (b *base) unfit() string { return b.State.Now().Format(time.DateOnly) + " " + b.mapping.Key() }

// exporter takes a snapshot from an export.
type exporter struct{ *base }

// snapshot takes a snapshot from an export of all contacts, and from the pages of the deleted ones,
// which no export shows. done is false when the export did not prove fit: then nothing is lost but
// a few requests, and all pages are read.
func (e *exporter) snapshot(ctx context.Context) (done bool, err error) {
	if e.at, err = e.db.BeginSnapshot(ctx, e.mapping.Key()); err != nil {
		return false, err
	}
	e.at.LoadingAt, e.doubt = e.State.Now(), ""
	err = e.readDeleted(ctx)
	if err == nil {
		err = e.readExport(ctx)
	}
	switch {
	case err == nil:
		return true, nil
	case !errors.Is(err, contact.ErrUnfit) && !ofExport(err):
		return false, fmt.Errorf("take a snapshot from an export: %w", err)
	}
	e.Note(fmt.Sprintf("all contacts were read page by page, because the faster export failed: %v", err))
	return false, e.State.SetFacts(ctx, map[string]string{factUnfit: e.unfit()})
}

// readDeleted reads the deleted contacts page by page, before the export, so that an address that
// is a deleted contact's and another's is noticed. Where the account counts more than its pages
// show they are read twice: alike, they are all.
func (e *exporter) readDeleted(ctx context.Context) error {
	var before deletedSeen
	for range maxPasses {
		count := 0
		for page, err := range e.Read.Contacts(ctx, ccapi.ContactsQuery{Limit: e.Page, Deleted: true}) {
			if err != nil {
				return err
			}
			if err := e.put(ctx, e.at, e.page(page), ""); err != nil {
				return err
			}
			count = max(count, page.Count)
		}
		seen, err := e.db.SeenIn(ctx, e.at.Loading)
		if err != nil || seen >= count {
			return err
		}
		if is := (deletedSeen{seen, count}); is == before {
			e.disagree(ctx, fmt.Sprintf("the account counts %d deleted contacts, but its pages showed %d, twice in a row", count, seen), seen, count)
			return nil
		} else {
			before = is
		}
	}
	return fmt.Errorf("%w: the pages of deleted contacts showed %d of %d", contact.ErrUnfit, before.seen, before.count)
}

// deletedSeen is what a reading of the deleted contacts' pages came to, all readings so far
// together: none showed another one.
type deletedSeen struct{ seen, count int }

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

// readExport reads an export into the mirror. Where it has fewer contacts than the account counts
// another is made: if that has the same and the count stood still, they are all; but no account is
// believed that shows fewer than half of what it counts.
func (e *exporter) readExport(ctx context.Context) error {
	counts, err := e.Read.Counts(ctx)
	if err != nil {
		return err
	}
	lists, err := e.listsByName(ctx)
	if err != nil {
		return err
	}
	x, err := e.export(ctx, lists)
	if err != nil {
		return err
	}
	defer x.close()
	if x.rows < counts.Total {
		if err := e.exportAgain(ctx, lists, x, counts.Total); err != nil {
			return err
		}
	}
	return e.putExported(ctx, x, counts.Total)
}

func (e *exporter) exportAgain(ctx context.Context, lists map[string]string, x *exported, total int) error {
	counts, err := e.Read.Counts(ctx)
	if err != nil {
		return err
	}
	again, err := e.export(ctx, lists)
	if err != nil {
		return err
	}
	defer again.close()
	if counts.Total != total || again.rows != x.rows || again.sum != x.sum || 2*x.rows < total {
		return fmt.Errorf("%w: it has %d of %d contacts", contact.ErrUnfit, again.rows, counts.Total)
	}
	e.disagree(ctx, fmt.Sprintf("the account's statistics count %d contacts, but its exports have %d, twice in a row", total, x.rows), x.rows, total)
	return nil
}

// disagree notes that a count is above what was seen, though that did not change.
func (b *base) disagree(ctx context.Context, text string, seen, count int) {
	b.doubt = text + "; before creating a contact, ccsyncd looks up its address"
	b.Note(b.doubt)
	b.Log.WarnContext(ctx, "the account's count disagrees with what it shows", "seen", seen, "count", count)
}

// export makes an export and reads its file.
func (e *exporter) export(ctx context.Context, lists map[string]string) (*exported, error) {
	a, err := e.Write.Export(ctx)
	if err != nil {
		return nil, err
	}
	if a, err = e.awaitExport(ctx, a); err != nil {
		return nil, err
	}
	file, err := e.Read.ExportFile(ctx, a.Results)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return e.readFile(file, lists)
}

// listsByName maps the names in an export to ids, but for those that are not clear in it: several
// lists have them, or a part of one with a comma.
func (e *exporter) listsByName(ctx context.Context) (map[string]string, error) {
	lists, err := e.Read.Lists(ctx)
	if err != nil {
		return nil, err
	}
	ids, unclear := make(map[string]string, len(lists)), make(map[string]bool)
	for _, l := range lists {
		parts := strings.Split(l.Name, ",")
		for _, part := range parts {
			name := strings.TrimSpace(part)
			unclear[name] = unclear[name] || len(parts) > 1 || ids[name] != ""
			ids[name] = l.ID
		}
	}
	maps.DeleteFunc(ids, func(name, _ string) bool { return unclear[name] })
	return ids, nil
}

// awaitExport polls an export to its end, as long as it moves. A link to the file that an earlier
// answer had is as good as that of the last.
func (e *exporter) awaitExport(ctx context.Context, a ccapi.Activity) (ccapi.Activity, error) {
	began := time.Now()
	moved, delay := began, FirstPoll
	for !a.Ended() {
		if err := e.wait(ctx, delay); err != nil {
			return a, err
		}
		next, err := e.Read.Activity(ctx, a.ID)
		if err != nil {
			return a, err
		}
		if next.State != a.State || next.PercentDone != a.PercentDone {
			moved = time.Now()
		}
		if time.Since(moved) > LetGo {
			return a, fmt.Errorf("%w: it made no progress", contact.ErrUnfit)
		}
		next.Results = cmp.Or(next.Results, a.Results)
		a, delay = next, NextPoll(delay, time.Since(began), next.PercentDone)
	}
	if a.State != ccapi.StateCompleted || a.Results == "" {
		return a, fmt.Errorf("%w: it ended as %s", contact.ErrUnfit, a.State)
	}
	return a, nil
}

// wait is wait, and tells how long it took.
func (e *exporter) wait(ctx context.Context, d time.Duration) error {
	began := time.Now()
	defer func() { e.Waited(time.Since(began)) }()
	return wait(ctx, d)
}

// exported is what an export shows. Close it.
type exported struct {
	rows    int               // lines, those without an address too
	pages   int               // that as many contacts take
	unknown int               // contacts of whom it tells something that is not understood
	sum     [sha256.Size]byte // of the addresses, in any order
	sorted  *spool.Spool      // contacts by norm
}

func (x *exported) close() { x.sorted.Close() }

// readFile reads and sorts the file: the mirror is written in its own order, or a million contacts
// take minutes.
func (e *exporter) readFile(file io.Reader, lists map[string]string) (_ *exported, err error) {
	x := &exported{sorted: spool.New(e.Scratch)}
	defer func() {
		if err != nil {
			x.close()
		}
	}()
	var buf []byte
	for c, err := range contact.ReadExport(e.mapping, file, lists) {
		if err != nil {
			return nil, err
		}
		x.rows++
		switch {
		case c.Norm == "":
			continue
		case c.Permission == "":
			x.unknown++
		}
		one := sha256.Sum256([]byte(c.Norm))
		subtle.XORBytes(x.sum[:], x.sum[:], one[:])
		buf = spool.AppendTexts(buf[:0], c.Address, c.Permission, strings.Join(c.Lists, " "), c.Fields, c.UpdatedAt.Format(time.RFC3339))
		if err := x.sorted.Add([]byte(c.Norm), buf); err != nil {
			return nil, err
		}
	}
	x.pages = e.Pages(x.rows)
	return x, x.cheap(x.unknown)
}

// cheap is an error where so many contacts are to be read by their addresses that pages are
// cheaper.
func (x *exported) cheap(addresses int) error {
	if addresses <= x.pages {
		return nil
	}
	return fmt.Errorf("%w: %d of its %d contacts are ambiguous", contact.ErrUnfit, addresses, x.rows)
}

// putExported writes the sorted contacts into the mirror, some thousand at a time. Contacts of
// which the file does not tell everything, or whose address others have too, are read by their
// addresses afterwards.
func (e *exporter) putExported(ctx context.Context, x *exported, total int) error {
	together := pagesTogether * e.Page
	contacts := make([]state.Contact, 0, together)
	var unclear []string // addresses
	put := func() error {
		more, twins, err := e.db.PutExported(ctx, e.at, contacts)
		e.at.Contacts += more
		unclear = append(unclear, twins...)
		contacts = contacts[:0]
		return err
	}
	done := 0
	for same := range x.byAddress() {
		if done += len(same); len(same) > 1 || same[0].Permission == "" {
			for i := range same {
				unclear = append(unclear, same[i].Address)
			}
		} else if contacts = append(contacts, same[0]); len(contacts) == together {
			if err := put(); err != nil {
				return err
			}
			e.Step("snapshot", done, total)
		}
		if err := x.cheap(len(unclear)); err != nil {
			return err
		}
	}
	if err := x.sorted.Err(); err != nil {
		return err
	}
	if err := put(); err != nil {
		return err
	}
	e.Step("snapshot", done, total)
	if err := x.cheap(len(unclear)); err != nil {
		return err
	}
	return e.readEach(ctx, unclear)
}

// byAddress yields the contacts of each address, ascending by it, but no more than are too many.
// They are valid until the next step.
func (x *exported) byAddress() iter.Seq[[]state.Contact] {
	return func(yield func([]state.Contact) bool) {
		var same []state.Contact
		for norm, buf := range x.sorted.Sorted() {
			if len(same) > 0 && same[0].Norm != string(norm) {
				if !yield(same) {
					return
				}
				same = same[:0]
			}
			if len(same) <= x.pages {
				same = append(same, parsed(norm, buf))
			}
		}
		if len(same) > 0 {
			yield(same)
		}
	}
}

// parsed is a contact as it stands in the spool.
func parsed(norm, buf []byte) state.Contact {
	c := state.Contact{Norm: string(norm)}
	var lists, updated string
	spool.ParseTexts(buf, &c.Address, &c.Permission, &lists, &c.Fields, &updated)
	c.Lists = strings.Fields(lists)
	c.UpdatedAt, _ = time.Parse(time.RFC3339, updated)
	return c
}

// readEach reads contacts by their addresses.
func (e *exporter) readEach(ctx context.Context, addresses []string) error {
	for _, address := range addresses {
		there, _, err := e.byAddress(ctx, address)
		if err != nil {
			return err
		}
		if err := e.put(ctx, e.at, there, ""); err != nil {
			return err
		}
	}
	return nil
}
