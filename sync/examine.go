package sync

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"ccsyncd/source"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// Examination is what a run would make of the rows of the source by themselves, before it looks at
// any contact.
type Examination struct {
	Source  users.Source
	Skipped []users.Skipped // at most 10,000
	Reasons map[string]int  // all skipped rows, by reason
	// Formulas counts the rows with a value that a spreadsheet would take for a formula.
	Formulas int
}

// Count is how many rows would be skipped.
func (x *Examination) Count() int {
	n := 0
	for _, rows := range x.Reasons {
		n += rows
	}
	return n
}

// Examine reads the source and judges every row by the rules of a run. Types of custom fields count
// as far as they are known. It asks Constant Contact nothing and writes nothing.
func (e *Engine) Examine(ctx context.Context, known []state.Binding) (*Examination, error) {
	m := e.mappingOf(known)
	x := &Examination{}
	users, err := users.Read(ctx, x.look(e.Users(ctx, m.Dates()...).Rows()), m, e.Scratch, nil)
	if err != nil {
		return nil, err
	}
	defer users.Close()
	seen := plan.NewListing()
	for _, s := range users.Skips {
		seen.Skip(s)
	}
	seen.SkipMore(contact.InvalidEmail, users.More)
	for u, err := range users.Each() {
		if err != nil {
			return nil, err
		}
		if u.Skip != "" {
			u.Skipped(seen.Skip)
			seen.SkipMore(u.Skip, u.More)
		}
	}
	x.Source, x.Skipped, x.Reasons = users.Count, seen.Skipped, seen.Reasons
	return x, nil
}

// look counts formulas among rows that pass by.
func (x *Examination) look(rows iter.Seq2[source.Row, error]) iter.Seq2[source.Row, error] {
	return func(yield func(source.Row, error) bool) {
		for row, err := range rows {
			if err == nil && slices.ContainsFunc(row.Values, isFormula) {
				x.Formulas++
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// isFormula tells whether a spreadsheet would take a value for a formula. Numbers, dates and
// telephone numbers it takes for such.
func isFormula(value string) bool {
	return value != "" && strings.Contains("=+-@\t\r", value[:1]) && strings.Trim(value, "+-0123456789 .,:/()") != ""
}

// Bound is what a name of the configuration means in the account.
type Bound struct {
	Kind   string // state.CustomField or state.List
	Wanted string // as configured
	Found  state.Binding
	Create bool  // the field does not exist and a run would create it
	Err    error // a *SetupError: it is missing, gone, or not the only one
	// Unproven tells that nobody has seen yet how Constant Contact takes values of this type.
	Unproven bool
}

// Bind looks up every configured custom field and list, and keeps nothing.
func (e *Engine) Bind(ctx context.Context) ([]Bound, error) {
	known, err := e.State.Bindings(ctx)
	if err != nil {
		return nil, err
	}
	b := &contact.Binder{Known: known, Fields: e.Policy.Fields, Lists: e.Policy.Lists}
	if err := readAccount(ctx, e.Read, b); err != nil {
		return nil, fmt.Errorf("look up fields and lists: %w", err)
	}
	var all []Bound
	for _, f := range e.Policy.Fields {
		if f.Property != "" {
			continue
		}
		found, err := b.LookUpField(f)
		all = append(all, Bound{Kind: state.CustomField, Wanted: f.CustomField, Found: found, Create: err == nil && found.ID == "", Err: err,
			Unproven: contact.Unproven(found.Type)})
	}
	for _, name := range e.Policy.Lists {
		found, err := b.BindList(name)
		all = append(all, Bound{Kind: state.List, Wanted: name, Found: found, Err: err})
	}
	return all, nil
}
