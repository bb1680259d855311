package sync

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/state"
)

// exportWorth is how many contacts an account has at least for an export to be cheaper than its pages: an export
// takes about eight requests, a page holds 500 contacts.
const exportWorth = 20 * pageSize

// factUnfit remembers for which mapping, and on which day, an export did not have what is needed, so that it is
// not asked for again before the next day.
const factUnfit = "export_unfit"

// errLarge says that the account is large enough for an export to be worth trying.
var errLarge = errors.New("an export is worth trying")

// errUnfit says that an export does not prove to have everything that the mirror needs. Pages are read instead.
var errUnfit = errors.New("the export cannot be used")

// exportPays ends a snapshot from pages with errLarge when an export is worth trying for so many contacts. A dry run
// makes none: it is a POST.
func (r *run) exportPays(ctx context.Context, contacts int) error {
	if r.Write == nil || contacts < exportWorth {
		return nil
	}
	unfit, err := r.State.Fact(ctx, factUnfit)
	if err == nil && unfit != r.unfit() {
		return errLarge
	}
	return err
}

// unfit is what factUnfit holds of today and this mapping.
func (r *run) unfit() string { return r.now().Format(time.DateOnly) + " " + r.mapping.key() }

// exportSnapshot takes a snapshot from an export of all contacts, and from the pages of the deleted ones, which no
// export shows. done is false when the export did not prove fit: then nothing is lost but a few requests, and
// all pages are read.
func (r *run) exportSnapshot(ctx context.Context) (done bool, err error) {
	if r.mirror, err = r.State.BeginSnapshot(ctx); err != nil {
		return false, err
	}
	r.mirror.LoadingAt = r.now()
	err = r.readDeleted(ctx)
	if err == nil {
		err = r.readExport(ctx)
	}
	switch {
	case err == nil:
		return true, r.endSnapshot(ctx)
	case !errors.Is(err, errUnfit) && !ofExport(err):
		return false, fmt.Errorf("take a snapshot from an export: %w", err)
	}
	r.note(fmt.Sprintf("an export would have been cheaper, but %v; pages were read", err))
	return false, r.State.SetFacts(ctx, map[string]string{factUnfit: r.unfit()})
}

// readDeleted reads the deleted contacts page by page, before the export, so that an address that is a deleted contact's
// and another's is noticed.
func (r *run) readDeleted(ctx context.Context) error {
	expected := 0
	for page, err := range r.Read.Contacts(ctx, ccapi.ContactsQuery{Deleted: true}) {
		if err != nil {
			return err
		}
		if err := r.put(ctx, r.mirror, r.mirrorPage(page), ""); err != nil {
			return err
		}
		expected = max(expected, page.Count)
	}
	read, err := r.State.SeenIn(ctx, r.mirror.Loading)
	if err == nil && read < expected {
		return fmt.Errorf("%w: the pages of deleted contacts showed %d of %d", errUnfit, read, expected)
	}
	return err
}

// ofExport tells errors of the export alone from those that would meet the pages too.
func ofExport(err error) bool {
	for _, e := range []error{ccapi.ErrUnknownOutcome, ccapi.ErrNotFound, ccapi.ErrBadRequest, ccapi.ErrForbidden, io.ErrUnexpectedEOF} {
		if errors.Is(err, e) {
			return true
		}
	}
	return errors.As(err, new(*csv.ParseError))
}

func (r *run) readExport(ctx context.Context) error {
	counts, err := r.Read.Counts(ctx)
	if err != nil {
		return err
	}
	lists, err := r.listsByName(ctx)
	if err != nil {
		return err
	}
	a, err := r.Write.Export(ctx)
	if err != nil {
		return err
	}
	if a, err = r.awaitExport(ctx, a); err != nil {
		return err
	}
	file, err := r.Read.ExportFile(ctx, a.Results)
	if err != nil {
		return err
	}
	defer file.Close()
	rows, err := r.mirrorExport(ctx, file, lists, counts.Total)
	if err != nil {
		return err
	}
	if rows < counts.Total {
		return fmt.Errorf("%w: it has %d of %d contacts", errUnfit, rows, counts.Total)
	}
	return nil
}

// listsByName maps the names in an export to ids. A comma in a name, or two lists of one name, would be read
// wrongly.
func (r *run) listsByName(ctx context.Context) (map[string]string, error) {
	lists, err := r.Read.Lists(ctx)
	if err != nil {
		return nil, err
	}
	ids := make(map[string]string, len(lists))
	for _, l := range lists {
		if ids[l.Name] != "" || strings.Contains(l.Name, ",") {
			return nil, fmt.Errorf("%w: the list name %q is not clear in it", errUnfit, l.Name)
		}
		ids[l.Name] = l.ID
	}
	return ids, nil
}

// awaitExport polls an export to its end, as long as it moves.
func (r *run) awaitExport(ctx context.Context, a ccapi.Activity) (ccapi.Activity, error) {
	moved, delay := r.now(), 1500*time.Millisecond
	for !a.Ended() {
		if err := wait(ctx, delay); err != nil {
			return a, err
		}
		next, err := r.Read.Activity(ctx, a.ID)
		if err != nil {
			return a, err
		}
		if next.State != a.State || next.PercentDone != a.PercentDone {
			moved = r.now()
		}
		if r.now().Sub(moved) > letGo {
			return a, fmt.Errorf("%w: it does not get ready", errUnfit)
		}
		a, delay = next, min(delay*8/5, 30*time.Second)
	}
	if a.State != ccapi.StateCompleted || a.Results == "" {
		return a, fmt.Errorf("%w: it ended as %s", errUnfit, a.State)
	}
	return a, nil
}

// mirrorExport reads the file into the mirror and returns how many contacts it has.
func (r *run) mirrorExport(ctx context.Context, file io.Reader, lists map[string]string, total int) (rows int, err error) {
	const page = 5000
	contacts := make([]state.Contact, 0, page)
	flush := func() error {
		more, err := r.State.PutExported(ctx, r.mirror, contacts)
		r.mirror.Contacts += more
		contacts = contacts[:0]
		r.step("snapshot", rows, total)
		if errors.Is(err, state.ErrTwins) {
			return fmt.Errorf("%w: %w", errUnfit, err)
		}
		return err
	}
	for c, err := range readExport(r.mapping, file, lists) {
		if err != nil {
			return rows, err
		}
		if rows++; c.Norm == "" {
			continue
		}
		if contacts = append(contacts, c); len(contacts) == page {
			if err := flush(); err != nil {
				return rows, err
			}
		}
	}
	return rows, flush()
}

// readExport yields the contacts of an export. An error is the last element.
func readExport(m *mapping, file io.Reader, lists map[string]string) iter.Seq2[state.Contact, error] {
	return func(yield func(state.Contact, error) bool) {
		lines := &boundedLines{file: file}
		in := csv.NewReader(lines)
		in.ReuseRecord = true
		var columns *exportColumns
		for {
			lines.left = maxLine
			line, err := in.Read()
			switch {
			case err == io.EOF && columns != nil:
				return
			case err != nil:
				yield(state.Contact{}, fmt.Errorf("read the export: %w", err))
				return
			case columns == nil:
				if columns, err = m.exportColumns(line); err != nil {
					yield(state.Contact{}, err)
					return
				}
				continue
			}
			c, err := columns.contact(m, line, lists)
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// maxLine bounds what is read for one contact, in bytes: a quote that is never closed would take in the whole file.
const maxLine = 1 << 20

// boundedLines ends with errUnfit when more is read than left.
type boundedLines struct {
	file io.Reader
	left int
}

func (b *boundedLines) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%w: a line of it is too long", errUnfit)
	}
	n, err := b.file.Read(p)
	b.left -= n
	return n, err
}

// exportColumns are the places of what the mirror needs in an export's lines.
type exportColumns struct {
	address, status, permission, lists, updated int
	targets                                     []int
}

// exportColumns finds the columns by their headings; custom fields stand under their label, or their name. One
// that is missing or there twice makes the export unfit.
func (m *mapping) exportColumns(heading []string) (*exportColumns, error) {
	at := make(map[string]int)
	for i, h := range heading {
		h = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")))
		if _, twice := at[h]; twice {
			at[h] = -1
			continue
		}
		at[h] = i
	}
	var err error
	find := func(names ...string) int {
		for _, name := range names {
			if i, ok := at[strings.ToLower(name)]; ok && i >= 0 {
				return i
			}
		}
		err = fmt.Errorf("%w: it has no single column %q", errUnfit, names[0])
		return 0
	}
	c := &exportColumns{address: find("Email address"), status: find("Email status"), permission: find("Email permission status"),
		lists: find("Email Lists"), updated: find("Updated At")}
	for i := range m.targets {
		c.targets = append(c.targets, find(m.targets[i].headings()...))
	}
	return c, err
}

// headings are the names under which an export may show a field.
func (t *target) headings() []string {
	switch t.Property {
	case "":
		return []string{t.label, t.name}
	case "company_name":
		return []string{"Company"}
	}
	return []string{strings.ReplaceAll(t.Property, "_", " ")}
}

// permissions are the words of an export for permission_to_send.
var permissions = map[string]string{
	"implicit": "implicit", "explicit": "explicit", "express": "explicit", "not set": "not_set", "unsubscribed": "unsubscribed",
	"pending confirmation": "pending_confirmation", "awaiting confirmation": "pending_confirmation", "temp hold": "temp_hold",
}

// contact reads one line. A word that is not known makes the export unfit: nobody is to be taken for subscribed
// by mistake.
func (e *exportColumns) contact(m *mapping, line []string, lists map[string]string) (state.Contact, error) {
	word := strings.ToLower(strings.ReplaceAll(line[e.permission], "_", " "))
	c := state.Contact{Address: strings.Clone(line[e.address]), Permission: permissions[word]}
	if strings.EqualFold(line[e.status], "unsubscribed") {
		c.Permission = "unsubscribed"
	}
	if c.Permission == "" {
		return c, fmt.Errorf("%w: it has the unknown permission %q", errUnfit, line[e.permission])
	}
	if line[e.lists] != "" {
		for name := range strings.SplitSeq(line[e.lists], ",") {
			id := lists[strings.TrimSpace(name)]
			if id == "" {
				return c, fmt.Errorf("%w: it has the unknown list %q", errUnfit, name)
			}
			c.Lists = append(c.Lists, id)
		}
	}
	updated, err := time.Parse("2006-01-02 15:04:05 -0700", line[e.updated])
	if err != nil {
		return c, fmt.Errorf("%w: it has the unknown time %q", errUnfit, line[e.updated])
	}
	c.UpdatedAt, c.Norm = updated.UTC(), contactNorm(c.Address)
	values := make([]string, len(e.targets))
	for i, column := range e.targets {
		values[i] = m.targets[i].mirrored(line[column])
	}
	c.Fields = encode(values)
	return c, nil
}
