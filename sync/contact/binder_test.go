package contact

import (
	"testing"

	"ccsyncd/ccapi"
	"ccsyncd/sync/state"
)

// The account is asked for its fields and lists while a name is not bound yet.
func TestNamesAreCompleteOnlyWhenAllAreBound(t *testing.T) {
	t.Parallel()
	known := []state.Binding{{Kind: state.CustomField, Wanted: "code", ID: "1", Type: KindText}, {Kind: state.List, Wanted: "app users", ID: "l"}}
	for name, c := range map[string]struct {
		fields []Field
		lists  []string
		want   bool
	}{
		"none":                    {nil, nil, true},
		"a field and a list":      {[]Field{{CustomField: "Code"}}, []string{"App Users"}, true},
		"a property":              {[]Field{{Property: "first_name"}}, nil, true},
		"another field":           {[]Field{{CustomField: "Code"}, {CustomField: "Plan"}}, nil, false},
		"another list":            {[]Field{{CustomField: "Code"}}, []string{"App users", "Newsletter"}, false},
		"a field named as one":    {[]Field{{CustomField: "App users"}}, nil, false},
		"a list named as a field": {nil, []string{"code"}, false},
	} {
		b := &Binder{Known: known, Fields: c.fields, Lists: c.lists}
		if got := b.Complete(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestOnlyFieldsWithChoicesAreReadForEachRun(t *testing.T) {
	t.Parallel()
	known := []state.Binding{{Kind: state.CustomField, Wanted: "plan", ID: "1", Type: kindSelect}, {Kind: state.CustomField, Wanted: "code", ID: "2", Type: KindText}}
	for field, want := range map[Field]bool{{CustomField: "Plan"}: true, {CustomField: "code"}: false, {Property: "first_name"}: false, {CustomField: "other"}: false} {
		if got := (&Binder{Known: known, Fields: []Field{field}}).Selects(); got != want {
			t.Errorf("%+v: %v, want %v", field, got, want)
		}
	}
	choices := []ccapi.Choice{{ID: "1", Label: "Gold"}}
	kept := FieldBinding(Field{CustomField: "Plan"}, ccapi.CustomField{ID: "7", Name: "plan", Label: "Plan", Type: kindSelect, Choices: choices})
	if back := NewTarget(Field{CustomField: "Plan"}, kept); len(back.choices) != 1 || back.choices[0] != choices[0] || back.ID != "7" || back.Kind != kindSelect {
		t.Errorf("%+v is read back as %+v", kept, back)
	}
	for version, want := range map[int]string{1: kindDateText, 2: kindDate} {
		if got := FieldBinding(Field{}, ccapi.CustomField{Type: kindDate, Version: version}).Type; got != want {
			t.Errorf("a date of version %d is a %s, want %s", version, got, want)
		}
	}
}
