package sync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ccsyncd/ccapi"
	"ccsyncd/sync/state"
)

// bind turns the configuration's names into the account's ids. Names are looked up once; from then on the
// id counts, renames are followed, and what is gone is an error. It asks the API only when something is not bound yet,
// or when fresh is set.
func (r *run) bind(ctx context.Context, fresh bool) error {
	known, err := r.State.Bindings(ctx)
	if err != nil {
		return err
	}
	b := binder{known: known, fields: r.Policy.Fields, lists: r.Policy.Lists}
	if !fresh && b.complete() && !b.selects() {
		r.mapping = b.fromKnown()
		return nil
	}
	if err := b.read(ctx, r.Read); err != nil {
		return err
	}
	m, err := b.bind()
	if err != nil {
		return err
	}
	r.mapping, r.bound = m, true
	for _, note := range b.notes {
		r.note(note)
	}
	r.report.Setup = m.setup()
	return r.State.SetBindings(ctx, r.bindings(&b))
}

// bindings are those to keep. A run forgets names that the configuration does not have any more, so that naming
// one again binds anew; a dry run, maybe one of another configuration, forgets nothing.
func (r *run) bindings(b *binder) []state.Binding {
	if r.Write != nil {
		return b.made
	}
	all := b.made
	for _, k := range b.known {
		if !contains(b.made, k) {
			all = append(all, k)
		}
	}
	return all
}

// contains tells whether a name is bound.
func contains(all []state.Binding, name state.Binding) bool {
	return slices.ContainsFunc(all, func(b state.Binding) bool { return b.Kind == name.Kind && b.Wanted == name.Wanted })
}

// addList adds a list, once, by whatever names it is configured.
func (m *mapping) addList(l state.Binding) {
	if !slices.ContainsFunc(m.lists, func(known state.Binding) bool { return known.ID == l.ID }) {
		m.lists = append(m.lists, l)
	}
}

// setup lists the custom fields that the run would create.
func (m *mapping) setup() []Setup {
	var all []Setup
	for i := range m.targets {
		if m.targets[i].missing() {
			all = append(all, Setup{Create: state.CustomField, Name: m.targets[i].CustomField})
		}
	}
	return all
}

// binder holds what binding needs: the bindings known, and what the account has.
type binder struct {
	known         []state.Binding
	fields        []Field
	lists         []string
	accountFields []ccapi.CustomField
	accountLists  []ccapi.List
	made          []state.Binding
	notes         []string
	mapped        map[string]string // by id of a custom field, the name in the configuration
}

func (b *binder) find(kind, wanted string) (state.Binding, bool) {
	wanted = strings.ToLower(wanted)
	for _, k := range b.known {
		if k.Kind == kind && k.Wanted == wanted {
			return k, true
		}
	}
	return state.Binding{}, false
}

// complete tells whether every name is bound.
func (b *binder) complete() bool {
	for _, f := range b.fields {
		if _, ok := b.find(state.CustomField, f.CustomField); !ok && f.Property == "" {
			return false
		}
	}
	for _, name := range b.lists {
		if _, ok := b.find(state.List, name); !ok {
			return false
		}
	}
	return true
}

func (b *binder) fromKnown() *mapping {
	m := &mapping{}
	for _, f := range b.fields {
		known, _ := b.find(state.CustomField, f.CustomField)
		m.targets = append(m.targets, newTarget(f, known))
	}
	for _, name := range b.lists {
		known, _ := b.find(state.List, name)
		m.addList(known)
	}
	return m
}

func newTarget(f Field, known state.Binding) target {
	if f.Property != "" {
		return target{Field: f, kind: kindText}
	}
	t := target{Field: f, id: known.ID, name: known.Name, label: known.Label, kind: known.Type}
	if known.Choices != "" {
		_ = json.Unmarshal([]byte(known.Choices), &t.choices) // written by bindingOf
	}
	return t
}

// selects tells whether a field has choices. They come and go, so that they are read for each run.
func (b *binder) selects() bool {
	return slices.ContainsFunc(b.fields, func(f Field) bool {
		known, _ := b.find(state.CustomField, f.CustomField)
		return f.Property == "" && selects(known.Type)
	})
}

func (b *binder) read(ctx context.Context, api *ccapi.Reader) (err error) {
	if slices.ContainsFunc(b.fields, func(f Field) bool { return f.Property == "" }) {
		if b.accountFields, err = api.CustomFields(ctx); err != nil {
			return err
		}
	}
	if len(b.lists) == 0 {
		return nil
	}
	if b.accountLists, err = api.Lists(ctx); err != nil {
		return err
	}
	return nil
}

func (b *binder) bind() (*mapping, error) {
	m := &mapping{}
	for _, f := range b.fields {
		t, err := b.bindField(f)
		if err != nil {
			return nil, err
		}
		m.targets = append(m.targets, t)
	}
	for _, name := range b.lists {
		l, err := b.bindList(name)
		if err != nil {
			return nil, err
		}
		m.addList(l)
		if !contains(b.made, l) {
			b.made = append(b.made, l)
		}
	}
	return m, nil
}

func (b *binder) bindField(f Field) (target, error) {
	if f.Property != "" {
		return newTarget(f, state.Binding{}), nil
	}
	found, err := b.lookUpField(f)
	if err != nil || found.ID == "" {
		return newTarget(f, state.Binding{}), err
	}
	b.made = append(b.made, found)
	return newTarget(f, found), nil
}

// lookUpField returns the binding of a field, the zero one when it is yet to be made.
func (b *binder) lookUpField(f Field) (state.Binding, error) {
	found, err := b.findField(f)
	if err != nil || found.ID == "" {
		return found, err
	}
	if first, twice := b.mapped[found.ID]; twice {
		return found, &SetupError{Code: "field_mapped_twice",
			Message: fmt.Sprintf("two [[field]]s mean one custom field: %q and %q are both %q (name %s)", first, f.CustomField, found.Label, found.Name),
			Hint:    "map one column to each custom field"}
	}
	if b.mapped == nil {
		b.mapped = make(map[string]string)
	}
	b.mapped[found.ID] = f.CustomField
	return found, nil
}

func (b *binder) findField(f Field) (state.Binding, error) {
	if known, ok := b.find(state.CustomField, f.CustomField); ok {
		return b.followField(f, known)
	}
	var matches []ccapi.CustomField
	for _, a := range b.accountFields {
		if strings.EqualFold(a.Name, f.CustomField) || strings.EqualFold(a.Label, f.CustomField) {
			matches = append(matches, a)
		}
	}
	switch {
	case len(matches) == 1:
		return fieldBinding(f, matches[0]), nil
	case len(matches) > 1:
		return state.Binding{}, &SetupError{Code: "field_ambiguous",
			Message: fmt.Sprintf("two custom fields match %q: %q (name %s) and %q (name %s)", f.CustomField,
				matches[0].Label, matches[0].Name, matches[1].Label, matches[1].Name),
			Hint: "name the one that is meant by its name, or rename one of them in Constant Contact"}
	case f.Create:
		return state.Binding{}, nil
	}
	return state.Binding{}, &SetupError{Code: "field_missing",
		Message: fmt.Sprintf("the account has no custom field %q", f.CustomField),
		Hint:    "correct custom_field (`ccsyncd account` lists what there is), or set create = true in its [[field]]"}
}

func fieldBinding(f Field, a ccapi.CustomField) state.Binding {
	kind := a.Type
	if kind == kindDate && a.Version == 1 {
		kind = kindDateText
	}
	return bindingOf(&target{Field: f, id: a.ID, name: a.Name, label: a.Label, kind: kind, choices: a.Choices})
}

// bindingOf is what is kept of a custom field.
func bindingOf(t *target) state.Binding {
	b := state.Binding{Kind: state.CustomField, Wanted: strings.ToLower(t.CustomField), ID: t.id, Name: t.name, Label: t.label, Type: t.kind}
	if len(t.choices) > 0 {
		choices, _ := json.Marshal(t.choices) // texts only: no error
		b.Choices = string(choices)
	}
	return b
}

// followField looks a bound field up by its id.
func (b *binder) followField(f Field, known state.Binding) (state.Binding, error) {
	for _, a := range b.accountFields {
		if a.ID != known.ID {
			continue
		}
		now := fieldBinding(f, a)
		if now.Type != known.Type {
			return known, &SetupError{Code: "field_retyped",
				Message: fmt.Sprintf("the custom field %q is of type %s now and was %s", f.CustomField, now.Type, known.Type),
				Hint:    "map a field of the old type; naming another custom_field binds anew"}
		}
		if now.Label != known.Label || now.Name != known.Name {
			b.notes = append(b.notes, fmt.Sprintf("the custom field %q was renamed to %q (name %s) and is followed", f.CustomField, now.Label, now.Name))
		}
		return now, nil
	}
	return known, &SetupError{Code: "field_gone",
		Message: fmt.Sprintf("the custom field %q (id %s) is gone from the account", f.CustomField, known.ID),
		Hint:    "it is not made again by itself; name another custom_field, or one of this name under another spelling, to bind anew"}
}

func (b *binder) bindList(wanted string) (state.Binding, error) {
	known, bound := b.find(state.List, wanted)
	var matches []state.Binding
	for _, a := range b.accountLists {
		now := state.Binding{Kind: state.List, Wanted: strings.ToLower(wanted), ID: a.ID, Name: a.Name}
		switch {
		case bound && a.ID == known.ID:
			if a.Name != known.Name {
				b.notes = append(b.notes, fmt.Sprintf("the list %q was renamed to %q and is followed", wanted, a.Name))
			}
			return now, nil
		case strings.EqualFold(a.Name, wanted) || strings.EqualFold(a.ID, wanted):
			matches = append(matches, now)
		}
	}
	switch {
	case bound:
		return known, &SetupError{Code: "list_gone", Message: fmt.Sprintf("the list %q (id %s) is gone from the account", wanted, known.ID),
			Hint: "name another list in [contacts] lists"}
	case len(matches) == 0:
		return state.Binding{}, &SetupError{Code: "list_missing", Message: fmt.Sprintf("the account has no list %q", wanted),
			Hint: "correct [contacts] lists (`ccsyncd account` prints the lists there are), or make the list in Constant Contact"}
	case len(matches) > 1:
		return state.Binding{}, &SetupError{Code: "list_ambiguous",
			Message: fmt.Sprintf("two lists match %q: ids %s and %s", wanted, matches[0].ID, matches[1].ID), Hint: "give the id of the one that is meant"}
	}
	return matches[0], nil
}

// createFields makes the custom fields that are missing and binds them. The mirror stays good: a field that
// was just made is empty everywhere.
func (r *run) createFields(ctx context.Context) error {
	made := false
	for i := range r.mapping.targets {
		t := &r.mapping.targets[i]
		if !t.missing() {
			continue
		}
		a, err := r.createField(ctx, t.CustomField)
		if err != nil {
			return err
		}
		*t = newTarget(t.Field, fieldBinding(t.Field, a))
		made = true
	}
	if !made {
		return nil
	}
	return r.keepMapping(ctx)
}

// createField makes one custom field. When the answer was lost or another program was first, the account tells.
func (r *run) createField(ctx context.Context, label string) (ccapi.CustomField, error) {
	a, err := r.Write.CreateCustomField(ctx, label, kindText)
	if err == nil {
		r.Log.InfoContext(ctx, "custom field created", "run", r.id, "label", a.Label, "name", a.Name)
		return a, nil
	}
	if errors.Is(err, ccapi.ErrBadRequest) {
		return a, &SetupError{Code: "field_not_made", Message: fmt.Sprintf("Constant Contact does not make the custom field %q: %v", label, err),
			Hint: "shorten custom_field to 50 characters at most; an account has 100 custom fields at most"}
	}
	all, listErr := r.Read.CustomFields(ctx)
	if listErr != nil {
		return a, fmt.Errorf("create custom field %q: %w", label, err)
	}
	for _, there := range all {
		if strings.EqualFold(there.Label, label) {
			return there, nil
		}
	}
	return a, fmt.Errorf("create custom field %q: %w", label, err)
}

// keepMapping stores the bindings of the mapping and names it in the mirror.
func (r *run) keepMapping(ctx context.Context) error {
	var made []state.Binding
	for i := range r.mapping.targets {
		if t := &r.mapping.targets[i]; t.Property == "" {
			made = append(made, bindingOf(t))
		}
	}
	if err := r.State.SetBindings(ctx, append(made, r.mapping.lists...)); err != nil {
		return err
	}
	return r.State.SetMapping(ctx, r.mapping.key())
}
