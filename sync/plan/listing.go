package plan

import (
	"encoding/json"
	"maps"
	"slices"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/users"
)

// Summary counts contacts (Joins: memberships, Skipped: rows).
type Summary struct {
	Create    int `json:"create"`
	Update    int `json:"update"`
	Fill      int `json:"fill"`   // of Update: only values where there were none
	Change    int `json:"change"` // of Update: a value replaced by another
	Clear     int `json:"clear"`
	Joins     int `json:"joins"`
	Unchanged int `json:"unchanged"`
	Skipped   int `json:"skipped"`
}

// Add adds the counts of another plan.
func (s *Summary) Add(o Summary) {
	s.Create += o.Create
	s.Update += o.Update
	s.Fill += o.Fill
	s.Change += o.Change
	s.Clear += o.Clear
	s.Joins += o.Joins
	s.Unchanged += o.Unchanged
	s.Skipped += o.Skipped
}

// Change is one contact that the plan changes.
type Change struct {
	Action    Action   `json:"action"`
	Key       string   `json:"key,omitempty"`
	Email     string   `json:"email"`
	ContactID string   `json:"contact_id,omitempty"`
	Fields    Fields   `json:"fields"`
	Joins     []string `json:"joins,omitempty"`
}

// Fields are the values that a change replaces, a JSON object by source column. A report may hold
// ten thousand: a map for each takes four times the memory.
type Fields []FieldChange

// FieldChange is one of them.
type FieldChange struct {
	Column string
	OldToNew
}

// set adds a value, or takes it in place of an earlier one of the column.
func (f *Fields) set(column string, v OldToNew) {
	for i := range *f {
		if (*f)[i].Column == column {
			(*f)[i].OldToNew = v
			return
		}
	}
	*f = append(*f, FieldChange{column, v})
}

// MarshalJSON writes the object.
func (f Fields) MarshalJSON() ([]byte, error) {
	byColumn := make(map[string]OldToNew, len(f))
	for _, c := range f {
		byColumn[c.Column] = c.OldToNew
	}
	return json.Marshal(byColumn)
}

// UnmarshalJSON reads the object, by column.
func (f *Fields) UnmarshalJSON(text []byte) error {
	var byColumn map[string]OldToNew
	if err := json.Unmarshal(text, &byColumn); err != nil {
		return err
	}
	*f = make(Fields, 0, len(byColumn))
	for _, column := range sortedKeys(byColumn) {
		*f = append(*f, FieldChange{column, byColumn[column]})
	}
	return nil
}

// OldToNew is one value of a change.
type OldToNew struct {
	Old string `json:"old"`
	New string `json:"new"`
}

// Listing is what a plan tells one by one: at most users.MaxListed changes and as many skips,
// ascending by address.
type Listing struct {
	Changes   []Change
	Skipped   []users.Skipped
	Reasons   map[string]int // all skipped rows, by reason
	Truncated bool           // there are more
}

// NewListing is an empty one.
func NewListing() Listing {
	return Listing{Changes: []Change{}, Skipped: []users.Skipped{}, Reasons: make(map[string]int)}
}

// Skip adds a row that is skipped.
func (l *Listing) Skip(s users.Skipped) {
	l.Reasons[string(s.Reason)]++
	if len(l.Skipped) == users.MaxListed {
		l.Truncated = true
		return
	}
	l.Skipped = append(l.Skipped, s)
}

// SkipMore counts rows that are skipped and not listed.
func (l *Listing) SkipMore(reason contact.Reason, rows int) {
	if rows > 0 {
		l.Reasons[string(reason)] += rows
		l.Truncated = true
	}
}

func (l *Listing) change(c Change) {
	if len(l.Changes) == users.MaxListed {
		l.Truncated = true
		return
	}
	l.Changes = append(l.Changes, c)
}

// Join is what two plans tell, one after the other.
func Join(a, b *Listing) Listing {
	both := Listing{Changes: slices.Concat(a.Changes, b.Changes), Skipped: slices.Concat(a.Skipped, b.Skipped), Reasons: maps.Clone(a.Reasons),
		Truncated: a.Truncated || b.Truncated || len(a.Changes)+len(b.Changes) > users.MaxListed || len(a.Skipped)+len(b.Skipped) > users.MaxListed}
	both.Changes = both.Changes[:min(len(both.Changes), users.MaxListed)]
	both.Skipped = both.Skipped[:min(len(both.Skipped), users.MaxListed)]
	for reason, rows := range b.Reasons {
		both.Reasons[reason] += rows
	}
	return both
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
