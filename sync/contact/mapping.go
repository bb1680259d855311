package contact

import (
	"slices"
	"strings"
	"unicode"

	"ccsyncd/ccapi"
	"ccsyncd/sync/state"
)

// Field maps one source column to a custom field or to a standard property of the contact.
type Field struct {
	Column      string
	CustomField string // name or label; "" for a property
	Property    string // first_name, last_name, job_title or company_name; "" for a custom field
	Create      bool   // make the custom field if the account lacks it
	Unique      bool   // two rows with one value: both skipped
	Required    bool   // a row with no value is skipped
	// on_empty: a row with no value clears the contact's; else the contact's stays
	Clear bool
}

// Target is a Field bound to the account.
type Target struct {
	Field
	ID    string // custom_field_id; "" for a property, and for a field that is yet to be made
	Name  string // of the custom field, as the account has it
	Label string // of the custom field, likewise
	Kind  string // how values are compared
	// choices of a select field
	choices []ccapi.Choice
}

// member is the name of the value in a bulk import (JsonImportContact).
func (t *Target) member() string {
	if t.Property != "" {
		return t.Property
	}
	return "cf:" + t.Name
}

// Dates are the indices of the fields that hold dates, with or without a time of day: a number of
// the source means one there.
func (m *Mapping) Dates() (fields []int) {
	for i := range m.Targets {
		switch m.Targets[i].Kind {
		case kindDate, kindDateText, kindDateTime:
			fields = append(fields, i)
		}
	}
	return fields
}

func (t *Target) Missing() bool { return t.Property == "" && t.ID == "" }

func (t *Target) maxLength() int {
	if t.Property != "" {
		return maxProperty
	}
	return maxCustomField
}

// Mapping is the configuration bound to the account.
type Mapping struct {
	Targets []Target
	Lists   []state.Binding // configured lists
	// contacts that are not on one of Lists do not join it: whether they left it is not known
	NoJoins bool
}

// Key names the mapped fields: a mirror made under another key has other values.
func (m *Mapping) Key() string {
	parts := make([]string, len(m.Targets))
	for i := range m.Targets {
		parts[i] = m.Targets[i].key()
	}
	return strings.Join(parts, " ")
}

func (t *Target) key() string {
	switch {
	case t.Property != "":
		return t.Property
	case t.Missing():
		return "missing:" + strings.ReplaceAll(strings.ToLower(t.CustomField), " ", "_")
	}
	return t.ID + ":" + t.Kind
}

// Pairs are the lines that say which column is mapped to which field.
func (m *Mapping) Pairs() []string {
	lines := make([]string, len(m.Targets))
	for i := range m.Targets {
		lines[i] = m.Targets[i].Column + " = " + m.Targets[i].key()
	}
	return lines
}

// Carry returns a function that brings values from the order of one key of a mapping into that of
// another.
func Carry(fromKey, toKey string) func(string) string {
	if fromKey == toKey {
		return func(fields string) string { return fields }
	}
	old, now := strings.Split(fromKey, " "), strings.Split(toKey, " ")
	from := make([]int, len(now))
	for i, key := range now {
		from[i] = slices.Index(old, key)
	}
	return func(fields string) string {
		values := strings.Split(fields, state.Separator)
		next := make([]string, len(from))
		for i, j := range from {
			if j >= 0 && j < len(values) {
				next[i] = values[j]
			}
		}
		return Encode(next)
	}
}

// UniqueField is the first field whose value tells that a user moved to another address; -1: none
// does.
func (m *Mapping) UniqueField() int {
	return slices.IndexFunc(m.Targets, func(t Target) bool { return t.Unique })
}

// UniqueValue is the value of that field, "" when there is none.
func (m *Mapping) UniqueValue(fields string) string {
	i := m.UniqueField()
	if i < 0 || fields == "" {
		return ""
	}
	return m.Decode(fields)[i]
}

// Encode joins values for comparing; all empty is "".
func Encode(values []string) string {
	if !slices.ContainsFunc(values, func(v string) bool { return v != "" }) {
		return ""
	}
	return strings.Join(values, state.Separator)
}

// Decode splits what encode joined into the values of the mapping.
func (m *Mapping) Decode(fields string) []string {
	if fields == "" {
		return make([]string, len(m.Targets))
	}
	return strings.Split(fields, state.Separator)
}

// Contact turns what the API says of a contact into what the mirror keeps.
func (m *Mapping) Contact(c *ccapi.Contact) state.Contact {
	kept := state.Contact{Norm: Norm(c.Address), ID: c.ID, Address: c.Address, Permission: plainPermission(c.Permission), Deleted: c.Deleted,
		Lists: slices.Sorted(slices.Values(c.Lists)), UpdatedAt: c.UpdatedAt}
	if !c.Deleted {
		kept.Fields = Encode(m.Values(c))
	}
	return kept
}

// Norm is the normalised address of a contact; for one that no user can have, something that no
// user has: a control character stands for all, since some of them would spoil the mirror.
func Norm(address string) string {
	norm, fault := Normalise(address)
	if fault != "" {
		return lowerASCII(strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return '\x01'
			}
			return r
		}, strings.TrimSpace(address)))
	}
	return norm
}

// Values are the canonical values of the mapped fields of a contact.
func (m *Mapping) Values(c *ccapi.Contact) []string {
	values := make([]string, len(m.Targets))
	for i := range m.Targets {
		values[i] = m.Targets[i].value(c)
	}
	return values
}

func (t *Target) value(c *ccapi.Contact) string {
	switch t.Property {
	case "":
		for _, f := range c.CustomFields {
			if f.ID != t.ID || t.ID == "" {
				continue
			}
			if f.Value == "" && selects(t.Kind) {
				return t.mirrored(t.chosen(f.Choices))
			}
			return t.mirrored(f.Value)
		}
		return ""
	case "first_name":
		return t.mirrored(c.FirstName)
	case "last_name":
		return t.mirrored(c.LastName)
	case "job_title":
		return t.mirrored(c.JobTitle)
	default:
		return t.mirrored(c.CompanyName)
	}
}

// ListNames gives the names of lists for people; an id that is none of the configuration's stays an
// id.
func (m *Mapping) ListNames(ids []string) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id
		for _, l := range m.Lists {
			if l.ID == id {
				names[i] = l.Name
			}
		}
	}
	return names
}

// Split is decode where the number of fields is of no matter.
func Split(fields string) []string {
	if fields == "" {
		return nil
	}
	return strings.Split(fields, state.Separator)
}

// Members are the names of the mapped values in an import.
func (m *Mapping) Members() []string {
	names := make([]string, len(m.Targets))
	for i := range m.Targets {
		names[i] = m.Targets[i].member()
	}
	return names
}

func (m *Mapping) ByColumn(fields string) map[string]string {
	values := make(map[string]string)
	for i, v := range m.Decode(fields) {
		values[m.Targets[i].Column] = v
	}
	return values
}
