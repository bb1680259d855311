package sync

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
	Clear       bool   // on_empty: a row with no value clears the contact's; else the contact's stays
}

// target is a Field bound to the account.
type target struct {
	Field
	id    string // custom_field_id; "" for a property, and for a field that is yet to be made
	name  string // of the custom field, as the account has it
	label string // of the custom field, likewise
	kind  string // how values are compared
	// choices of a select field
	choices []ccapi.Choice
}

// member is the name of the value in a bulk import (JsonImportContact).
func (t *target) member() string {
	if t.Property != "" {
		return t.Property
	}
	return "cf:" + t.name
}

func (t *target) missing() bool { return t.Property == "" && t.id == "" }

func (t *target) maxLength() int {
	if t.Property != "" {
		return maxProperty
	}
	return maxCustomField
}

// mapping is the configuration bound to the account.
type mapping struct {
	targets []target
	lists   []state.Binding // configured lists
}

// key names the mapped fields: a mirror made under another key has other values.
func (m *mapping) key() string {
	parts := make([]string, len(m.targets))
	for i := range m.targets {
		parts[i] = m.targets[i].key()
	}
	return strings.Join(parts, " ")
}

func (t *target) key() string {
	switch {
	case t.Property != "":
		return t.Property
	case t.missing():
		return "missing:" + strings.ReplaceAll(strings.ToLower(t.CustomField), " ", "_")
	}
	return t.id + ":" + t.kind
}

// pairs are the lines that say which column is mapped to which field.
func (m *mapping) pairs() []string {
	lines := make([]string, len(m.targets))
	for i := range m.targets {
		lines[i] = m.targets[i].Column + " = " + m.targets[i].key()
	}
	return lines
}

// carry returns a function that brings values from the order of one key of a mapping into that of another.
func carry(fromKey, toKey string) func(string) string {
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
		return encode(next)
	}
}

// uniqueField is the first field whose value tells that a user moved to another address; -1: none does.
func (m *mapping) uniqueField() int {
	return slices.IndexFunc(m.targets, func(t target) bool { return t.Unique })
}

// uniqueValue is the value of that field, "" when there is none.
func (m *mapping) uniqueValue(fields string) string {
	i := m.uniqueField()
	if i < 0 || fields == "" {
		return ""
	}
	return m.decode(fields)[i]
}

// encode joins values for comparing; all empty is "".
func encode(values []string) string {
	if !slices.ContainsFunc(values, func(v string) bool { return v != "" }) {
		return ""
	}
	return strings.Join(values, state.Separator)
}

// decode splits what encode joined into the values of the mapping.
func (m *mapping) decode(fields string) []string {
	if fields == "" {
		return make([]string, len(m.targets))
	}
	return strings.Split(fields, state.Separator)
}

// contact turns what the API says of a contact into what the mirror keeps.
func (m *mapping) contact(c *ccapi.Contact) state.Contact {
	kept := state.Contact{Norm: contactNorm(c.Address), ID: c.ID, Address: c.Address, Permission: c.Permission, Deleted: c.Deleted,
		Lists: slices.Sorted(slices.Values(c.Lists)), UpdatedAt: c.UpdatedAt}
	if !c.Deleted {
		kept.Fields = encode(m.values(c))
	}
	return kept
}

// contactNorm is the normalised address of a contact; for one that no user can have, something that no user has: a control character
// stands for all, since some of them would spoil the mirror.
func contactNorm(address string) string {
	norm, fault := normalise(address)
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

// values are the canonical values of the mapped fields of a contact.
func (m *mapping) values(c *ccapi.Contact) []string {
	values := make([]string, len(m.targets))
	for i := range m.targets {
		values[i] = m.targets[i].value(c)
	}
	return values
}

func (t *target) value(c *ccapi.Contact) string {
	switch t.Property {
	case "":
		for _, f := range c.CustomFields {
			if f.ID != t.id || t.id == "" {
				continue
			}
			if f.Value == "" && selects(t.kind) {
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

// listNames gives the names of lists for people; an id that is none of the configuration's stays an id.
func (m *mapping) listNames(ids []string) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id
		for _, l := range m.lists {
			if l.ID == id {
				names[i] = l.Name
			}
		}
	}
	return names
}

// split is decode where the number of fields is of no matter.
func split(fields string) []string {
	if fields == "" {
		return nil
	}
	return strings.Split(fields, state.Separator)
}
