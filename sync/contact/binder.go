package contact

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"ccsyncd/ccapi"
	"ccsyncd/sync/state"
)

// SetupError says that the account lacks, or has lost, a custom field or list that the
// configuration maps, or has two that match. The program exits 78.
type SetupError struct {
	// "field_missing", "field_gone", "field_retyped", "field_ambiguous", "field_mapped_twice",
	// "field_not_made", "list_missing", "list_gone", "list_ambiguous", "create_needs_list"
	Code    string
	Message string
	Hint    string
}

func (e *SetupError) Error() string { return e.Message }

// HasName tells whether a name is bound.
func HasName(all []state.Binding, name state.Binding) bool {
	return slices.ContainsFunc(all, func(b state.Binding) bool { return b.Kind == name.Kind && b.Wanted == name.Wanted })
}

// addList adds a list, once, by whatever names it is configured.
func (m *Mapping) addList(l state.Binding) {
	if !slices.ContainsFunc(m.Lists, func(known state.Binding) bool { return known.ID == l.ID }) {
		m.Lists = append(m.Lists, l)
	}
}

// Missing are the names of the custom fields that are yet to be made.
func (m *Mapping) Missing() []string {
	var all []string
	for i := range m.Targets {
		if m.Targets[i].Missing() {
			all = append(all, m.Targets[i].CustomField)
		}
	}
	return all
}

// Binder holds what binding needs: the bindings known, and what the account has.
type Binder struct {
	Known         []state.Binding
	Fields        []Field
	Lists         []string
	AccountFields []ccapi.CustomField
	AccountLists  []ccapi.List
	Made          []state.Binding
	Notes         []string
	mapped        map[string]string // by id of a custom field, the name in the configuration
}

func (b *Binder) find(kind, wanted string) (state.Binding, bool) {
	wanted = strings.ToLower(wanted)
	for _, k := range b.Known {
		if k.Kind == kind && k.Wanted == wanted {
			return k, true
		}
	}
	return state.Binding{}, false
}

// Complete tells whether every name is bound.
func (b *Binder) Complete() bool {
	for _, f := range b.Fields {
		if _, ok := b.find(state.CustomField, f.CustomField); !ok && f.Property == "" {
			return false
		}
	}
	for _, name := range b.Lists {
		if _, ok := b.find(state.List, name); !ok {
			return false
		}
	}
	return true
}

func (b *Binder) FromKnown() *Mapping {
	m := &Mapping{}
	for _, f := range b.Fields {
		known, _ := b.find(state.CustomField, f.CustomField)
		m.Targets = append(m.Targets, NewTarget(f, known))
	}
	for _, name := range b.Lists {
		known, _ := b.find(state.List, name)
		m.addList(known)
	}
	return m
}

func NewTarget(f Field, known state.Binding) Target {
	if f.Property != "" {
		return Target{Field: f, Kind: KindText}
	}
	t := Target{Field: f, ID: known.ID, Name: known.Name, Label: known.Label, Kind: known.Type}
	if known.Choices != "" {
		_ = json.Unmarshal([]byte(known.Choices), &t.choices) // written by bindingOf
	}
	return t
}

// Selects tells whether a field has choices. They come and go, so that they are read for each run.
func (b *Binder) Selects() bool {
	return slices.ContainsFunc(b.Fields, func(f Field) bool {
		known, _ := b.find(state.CustomField, f.CustomField)
		return f.Property == "" && selects(known.Type)
	})
}

func (b *Binder) Bind() (*Mapping, error) {
	m := &Mapping{}
	for _, f := range b.Fields {
		t, err := b.bindField(f)
		if err != nil {
			return nil, err
		}
		m.Targets = append(m.Targets, t)
	}
	for _, name := range b.Lists {
		l, err := b.BindList(name)
		if err != nil {
			return nil, err
		}
		m.addList(l)
		if !HasName(b.Made, l) {
			b.Made = append(b.Made, l)
		}
	}
	return m, nil
}

func (b *Binder) bindField(f Field) (Target, error) {
	if f.Property != "" {
		return NewTarget(f, state.Binding{}), nil
	}
	found, err := b.LookUpField(f)
	if err != nil || found.ID == "" {
		return NewTarget(f, state.Binding{}), err
	}
	b.Made = append(b.Made, found)
	return NewTarget(f, found), nil
}

// LookUpField returns the binding of a field, the zero one when it is yet to be made.
func (b *Binder) LookUpField(f Field) (state.Binding, error) {
	found, err := b.findField(f)
	if err != nil || found.ID == "" {
		return found, err
	}
	if first, twice := b.mapped[found.ID]; twice {
		return found, &SetupError{Code: "field_mapped_twice",
			Message: fmt.Sprintf("two [[field]] entries name the same custom field: %q and %q are both %q (name %s)", first, f.CustomField, found.Label, found.Name),
			Hint:    "map one column to each custom field"}
	}
	if b.mapped == nil {
		b.mapped = make(map[string]string)
	}
	b.mapped[found.ID] = f.CustomField
	return found, nil
}

func (b *Binder) findField(f Field) (state.Binding, error) {
	if known, ok := b.find(state.CustomField, f.CustomField); ok {
		return b.followField(f, known)
	}
	var matches []ccapi.CustomField
	for _, a := range b.AccountFields {
		if strings.EqualFold(a.Name, f.CustomField) || strings.EqualFold(a.Label, f.CustomField) {
			matches = append(matches, a)
		}
	}
	switch {
	case len(matches) == 1:
		return FieldBinding(f, matches[0]), nil
	case len(matches) > 1:
		return state.Binding{}, &SetupError{Code: "field_ambiguous",
			Message: fmt.Sprintf("two custom fields match %q: %q (name %s) and %q (name %s)", f.CustomField,
				matches[0].Label, matches[0].Name, matches[1].Label, matches[1].Name),
			Hint: "use the name of the right one, or rename one of them in Constant Contact"}
	case f.Create:
		return state.Binding{}, nil
	}
	return state.Binding{}, &SetupError{Code: "field_missing",
		Message: fmt.Sprintf("the account has no custom field %q", f.CustomField),
		Hint:    "correct custom_field (`ccsyncd account` lists all), or set create = true in its [[field]]"}
}

func FieldBinding(f Field, a ccapi.CustomField) state.Binding {
	kind := a.Type
	if kind == kindDate && a.Version == 1 {
		kind = kindDateText
	}
	return BindingOf(&Target{Field: f, ID: a.ID, Name: a.Name, Label: a.Label, Kind: kind, choices: a.Choices})
}

// BindingOf is what is kept of a custom field.
func BindingOf(t *Target) state.Binding {
	b := state.Binding{Kind: state.CustomField, Wanted: strings.ToLower(t.CustomField), ID: t.ID, Name: t.Name, Label: t.Label, Type: t.Kind}
	if len(t.choices) > 0 {
		choices, _ := json.Marshal(t.choices) // texts only: no error
		b.Choices = string(choices)
	}
	return b
}

// followField looks a bound field up by its id.
func (b *Binder) followField(f Field, known state.Binding) (state.Binding, error) {
	for _, a := range b.AccountFields {
		if a.ID != known.ID {
			continue
		}
		now := FieldBinding(f, a)
		if now.Type != known.Type {
			return known, &SetupError{Code: "field_retyped",
				Message: fmt.Sprintf("the custom field %q now has the type %s instead of %s", f.CustomField, now.Type, known.Type),
				Hint:    "use a custom field of the old type"}
		}
		if now.Label != known.Label || now.Name != known.Name {
			b.Notes = append(b.Notes, fmt.Sprintf("the custom field %q was renamed to %q (name %s); ccsyncd still uses it", f.CustomField, now.Label, now.Name))
		}
		return now, nil
	}
	return known, &SetupError{Code: "field_gone",
		Message: fmt.Sprintf("the custom field %q (id %s) no longer exists in the account", f.CustomField, known.ID),
		Hint:    "ccsyncd does not create it again; use another custom_field"}
}

func (b *Binder) BindList(wanted string) (state.Binding, error) {
	known, bound := b.find(state.List, wanted)
	var matches []state.Binding
	for _, a := range b.AccountLists {
		now := state.Binding{Kind: state.List, Wanted: strings.ToLower(wanted), ID: a.ID, Name: a.Name}
		switch {
		case bound && a.ID == known.ID:
			if a.Name != known.Name {
				b.Notes = append(b.Notes, fmt.Sprintf("the list %q was renamed to %q; ccsyncd still uses it", wanted, a.Name))
			}
			return now, nil
		case strings.EqualFold(a.Name, wanted) || strings.EqualFold(a.ID, wanted):
			matches = append(matches, now)
		}
	}
	switch {
	case bound:
		return known, &SetupError{Code: "list_gone", Message: fmt.Sprintf("the list %q (id %s) no longer exists in the account", wanted, known.ID),
			Hint: "name another list in [contacts] lists"}
	case len(matches) == 0:
		return state.Binding{}, &SetupError{Code: "list_missing", Message: fmt.Sprintf("the account has no list %q", wanted),
			Hint: "correct [contacts] lists (`ccsyncd account` lists all), or create the list in Constant Contact"}
	case len(matches) > 1:
		return state.Binding{}, &SetupError{Code: "list_ambiguous",
			Message: fmt.Sprintf("two lists match %q: ids %s and %s", wanted, matches[0].ID, matches[1].ID), Hint: "use the id of the right one"}
	}
	return matches[0], nil
}
