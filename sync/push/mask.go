package push

import (
	"cmp"
	"context"
	"index/suffixarray"
	"slices"
	"strings"

	"ccsyncd/sync/state"
)

// hideUsers takes out of what Constant Contact said of a batch the addresses and values of its
// users. The texts are kept in the history and shown where codes may not be: a user is named by the
// key instead. Of users who were forgotten since nobody knows what to hide, so that nothing is kept
// of what it said of their batch.
func hideUsers(ctx context.Context, db *state.DB, b *state.Batch) error {
	if len(b.Errors) == 0 {
		return nil
	}
	m := newMask(strings.Join(b.Errors, "\n"))
	for row, err := range db.BatchRows(ctx, b.ID) {
		if err != nil {
			return err
		}
		m.hide(&row)
	}
	b.Errors = strings.Split(m.String(), "\n")
	forgotten, err := db.AnyErased(ctx, b.ID)
	if forgotten {
		b.Errors = nil
	}
	return err
}

// shortest is how many bytes a value has at least that can be told from the words of a message.
const shortest = 3

// mask hides users in a text. The text is indexed once: an import has forty thousand users, and
// says thousands of lines of them.
type mask struct {
	text  string
	index *suffixarray.Index
	found []place
}

// place is a part of the text that is hidden behind a name.
type place struct {
	from, to int
	name     string
}

func newMask(text string) *mask {
	return &mask{text: text, index: suffixarray.New([]byte(text))}
}

// hide hides the addresses and values of one user.
func (m *mask) hide(row *state.BatchRow) {
	const hidden = "••"
	name := hidden
	if row.Key != "" {
		name = "key:" + row.Key
	}
	m.find(row.Address, name)
	if row.Norm != row.Address {
		m.find(row.Norm, name)
	}
	for _, values := range []string{row.Wanted, row.Old} {
		for value := range strings.SplitSeq(values, state.Separator) {
			if len(value) >= shortest {
				m.find(value, hidden)
			}
		}
	}
}

func (m *mask) find(part, name string) {
	if part == "" {
		return
	}
	for _, at := range m.index.Lookup([]byte(part), -1) {
		m.found = append(m.found, place{at, at + len(part), name})
	}
}

// String is the text with everything hidden. Of places that overlap, the one that begins first, and
// the longest of these, gives the name.
func (m *mask) String() string {
	slices.SortFunc(m.found, func(x, y place) int {
		return cmp.Or(cmp.Compare(x.from, y.from), cmp.Compare(y.to, x.to), strings.Compare(y.name, x.name))
	})
	var out strings.Builder
	end := 0
	for _, p := range m.found {
		if p.from >= end {
			out.WriteString(m.text[end:p.from])
			out.WriteString(p.name)
		}
		end = max(end, p.to)
	}
	out.WriteString(m.text[end:])
	return out.String()
}
