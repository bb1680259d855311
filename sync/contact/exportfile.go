package contact

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"ccsyncd/sync/state"
)

// ErrUnfit says that an export does not prove to have everything that the mirror needs. Pages are
// read instead.
var ErrUnfit = errors.New("the export cannot be used")

// ReadExport yields the contacts of an export: without a Norm those that have no address, and
// without a Permission those of whom it tells something that is not understood, a status, list or
// time, which are to be read another way. lists has the ids by name. An error is the last element.
func ReadExport(m *Mapping, file io.Reader, lists map[string]string) iter.Seq2[state.Contact, error] {
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
			case err == io.EOF:
				yield(state.Contact{}, fmt.Errorf("%w: it is empty", ErrUnfit))
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
			if !yield(columns.contact(m, line, lists), nil) {
				return
			}
		}
	}
}

// maxLine bounds what is read for one contact, in bytes: a quote that is never closed would take in
// the whole file.
const maxLine = 1 << 20

// boundedLines ends with ErrUnfit when more is read than left.
type boundedLines struct {
	file io.Reader
	left int
}

func (b *boundedLines) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%w: a line of it is too long", ErrUnfit)
	}
	n, err := b.file.Read(p)
	b.left -= n
	return n, err
}

// nowhere is the place of a column that an export need not have.
const nowhere = -1

// exportColumns are the places of what the mirror needs in an export's lines.
type exportColumns struct {
	address, status, permission, lists, updated int
	targets                                     []int
}

// exportColumns finds the columns by their headings; custom fields stand under their label, or
// their name. One that is missing or there twice makes the export unfit.
func (m *Mapping) exportColumns(heading []string) (*exportColumns, error) {
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
		err = fmt.Errorf("%w: it has no single column %q", ErrUnfit, names[0])
		return 0
	}
	c := &exportColumns{address: find("Email address"), status: find("Email status"), permission: find("Email permission status"),
		lists: find("Email Lists"), updated: find("Updated At")}
	for i := range m.Targets {
		at := nowhere // a field that is not made yet is empty everywhere
		if !m.Targets[i].Missing() {
			at = find(m.Targets[i].headings()...)
		}
		c.targets = append(c.targets, at)
	}
	return c, err
}

// headings are the names under which an export may show a field.
func (t *Target) headings() []string {
	switch t.Property {
	case "":
		return []string{t.Label, t.Name}
	case "company_name":
		return []string{"Company"}
	}
	return []string{strings.ReplaceAll(t.Property, "_", " ")}
}

// permissions are the words of an export for permission_to_send: the API's, and those of the web
// interface.
var permissions = map[string]string{
	"implicit": "implicit", "implied": "implicit", "explicit": "explicit", "express": "explicit", "not set": "not_set", "no permissions set": "not_set",
	"unsubscribed": "unsubscribed", "pending confirmation": "pending_confirmation", "awaiting confirmation": "pending_confirmation", "temp hold": "temp_hold",
}

// permission reads the two columns that tell whether somebody may be mailed; "" when a word of them
// is not known: nobody is to be taken for subscribed by mistake.
func permission(status, word string) string {
	plain := func(text string) string {
		return strings.ToLower(strings.TrimSpace(strings.ReplaceAll(text, "_", " ")))
	}
	switch is := plain(status); is {
	case "unsubscribed", "awaiting confirmation", "pending confirmation", "temp hold":
		return permissions[is]
	case "active", "not set":
		return permissions[plain(word)]
	}
	return ""
}

// contact reads one line. One without an address is nobody whom the join meets, and is not read
// further; nor is one that is not understood.
func (e *exportColumns) contact(m *Mapping, line []string, lists map[string]string) state.Contact {
	c := state.Contact{Address: strings.Clone(line[e.address])}
	if c.Norm = Norm(c.Address); c.Norm == "" {
		return c
	}
	if line[e.lists] != "" {
		for name := range strings.SplitSeq(line[e.lists], ",") {
			id := lists[strings.TrimSpace(name)]
			if id == "" {
				return c
			}
			c.Lists = append(c.Lists, id)
		}
	}
	updated, err := time.Parse("2006-01-02 15:04:05 -0700", line[e.updated])
	if err != nil {
		return c
	}
	c.UpdatedAt, c.Permission = updated.UTC(), permission(line[e.status], line[e.permission])
	values := make([]string, len(e.targets))
	for i, column := range e.targets {
		if column != nowhere {
			values[i] = m.Targets[i].mirrored(line[column])
		}
	}
	c.Fields = Encode(values)
	return c
}
