package sync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

// bind turns the configuration's names into the account's ids. Names are looked up once; from then
// on the id counts, renames are followed, and what is gone is an error. It asks the API only when
// something is not bound yet, or when fresh is set.
func (r *run) bind(ctx context.Context, fresh bool) error {
	known, err := r.State.Bindings(ctx)
	if err != nil {
		return err
	}
	knows, err := r.knowsWhoLeft(ctx)
	if err != nil {
		return err
	}
	noJoins := !knows && !r.opts.Force
	b := r.binder(known)
	if !fresh && b.Complete() && !b.Selects() {
		m := b.FromKnown()
		m.NoJoins = noJoins
		r.use(m)
		return nil
	}
	if err := readAccount(ctx, r.Read, b); err != nil {
		return err
	}
	if b.AccountLists != nil {
		if err := NameLists(ctx, r.State, b.AccountLists); err != nil {
			return err
		}
	}
	m, err := b.Bind()
	if err != nil {
		return err
	}
	m.NoJoins = noJoins
	r.use(m)
	r.bound = true
	for _, note := range b.Notes {
		r.report.note(note)
	}
	r.report.Setup = nil
	for _, name := range m.Missing() {
		r.report.Setup = append(r.report.Setup, Setup{Create: state.CustomField, Name: name})
	}
	return r.State.SetBindings(ctx, r.bindings(b))
}

func (e *Engine) binder(known []state.Binding) *contact.Binder {
	return &contact.Binder{Known: known, Fields: e.Policy.Fields, Lists: e.Policy.Lists}
}

// mappingOf is the mapping as far as it is known without asking Constant Contact.
func (e *Engine) mappingOf(known []state.Binding) *contact.Mapping {
	return e.binder(known).FromKnown()
}

// readAccount reads the fields and lists of the account, as far as binding needs them.
func readAccount(ctx context.Context, api *ccapi.Reader, b *contact.Binder) (err error) {
	if slices.ContainsFunc(b.Fields, func(f contact.Field) bool { return f.Property == "" }) {
		if b.AccountFields, err = api.CustomFields(ctx); err != nil {
			return err
		}
	}
	if len(b.Lists) > 0 {
		b.AccountLists, err = api.Lists(ctx)
	}
	return err
}

// bindings are those to keep. A run forgets names that the configuration does not have any more, so
// that naming one again binds again; a dry run, maybe one of another configuration, forgets
// nothing.
func (e *Engine) bindings(b *contact.Binder) []state.Binding {
	if e.Write != nil {
		return b.Made
	}
	all := b.Made
	for _, k := range b.Known {
		if !contact.HasName(b.Made, k) {
			all = append(all, k)
		}
	}
	return all
}

// createFields makes the custom fields that are missing and binds them.
func (r *run) createFields(ctx context.Context) error {
	made := contact.Mapping{Targets: slices.Clone(r.mapping.Targets), Lists: r.mapping.Lists}
	for i := range made.Targets {
		t := &made.Targets[i]
		if !t.Missing() {
			continue
		}
		a, err := r.createField(ctx, t.CustomField, r.Log.With("run", r.id))
		if err != nil {
			return err
		}
		*t = contact.NewTarget(t.Field, contact.FieldBinding(t.Field, a))
	}
	if made.Key() == r.mapping.Key() {
		return nil
	}
	r.use(&made)
	r.plan = r.plan.Renamed(r.mapping)
	if err := r.keepBindings(ctx, r.mapping); err != nil {
		return err
	}
	return r.mirror.Rename(ctx, r.mapping) // it stays good: the new fields are empty everywhere
}

// createField makes one custom field. When the answer was lost or another program was first, the
// account tells.
func (e *Engine) createField(ctx context.Context, label string, log *slog.Logger) (ccapi.CustomField, error) {
	a, err := e.Write.CreateCustomField(ctx, label, contact.KindText)
	if err == nil {
		log.InfoContext(ctx, "custom field created", "label", a.Label, "name", a.Name)
		return a, nil
	}
	if errors.Is(err, ccapi.ErrBadRequest) {
		return a, &contact.SetupError{Code: "field_not_made", Message: fmt.Sprintf("Constant Contact refuses to create the custom field %q: %v", label, err),
			Hint: "a name has at most 50 characters, and an account at most 100 custom fields"}
	}
	all, listErr := e.Read.CustomFields(ctx)
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

// keepBindings stores the bindings of a mapping.
func (e *Engine) keepBindings(ctx context.Context, m *contact.Mapping) error {
	var made []state.Binding
	for i := range m.Targets {
		if t := &m.Targets[i]; t.Property == "" {
			made = append(made, contact.BindingOf(t))
		}
	}
	return e.State.SetBindings(ctx, append(made, m.Lists...))
}
