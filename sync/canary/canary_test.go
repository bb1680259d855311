package canary

import (
	"path/filepath"
	"slices"
	"testing"

	"ccsyncd/ccapi"
	"ccsyncd/sync/state"
)

func TestAnErasedAddressIsNotComparedAnyMore(t *testing.T) {
	t.Parallel()
	db, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "ccsync.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := Forget(t.Context(), db, "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	var kept record
	if ok, err := db.Record(t.Context(), Record, &kept); ok || err != nil {
		t.Errorf("a record was made: %+v (%v)", kept, err)
	}
	went := record{For: "code = 1", Passed: 2, Changed: []string{"x"}, Ahead: []ahead{{Norm: "ann@example.com"}, {Norm: "ben@example.com"}}}
	if err := keep(t.Context(), db, &went); err != nil {
		t.Fatal(err)
	}
	for _, norm := range []string{"zoe@example.com", "ann@example.com", "ann@example.com"} {
		if err := Forget(t.Context(), db, norm); err != nil {
			t.Fatal(err)
		}
	}
	_, err = db.Record(t.Context(), Record, &kept)
	if err != nil || len(kept.Ahead) != 1 || kept.Ahead[0].Norm != "ben@example.com" || kept.Passed != 2 || len(kept.Changed) != 1 || kept.For != went.For {
		t.Errorf("%+v (%v)", kept, err)
	}
	if err := Forget(t.Context(), db, "ben@example.com"); err != nil {
		t.Fatal(err)
	}
	kept = record{}
	if _, err = db.Record(t.Context(), Record, &kept); err != nil || len(kept.Ahead) > 0 || kept.Passed != 2 {
		t.Errorf("of the last one %+v is kept (%v)", kept, err)
	}
}

// What changed is shown where no value may be.
func TestADifferenceNamesThePlaceAndNoValue(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]ccapi.Difference{
		"permission_to_send changed from implicit to nothing": {Path: "email_address.permission_to_send", Before: "implicit"},
		"permission_to_send changed from nothing to explicit": {Path: "email_address.permission_to_send", After: "explicit"},
		"list l was added":       {Path: "list_memberships.l", After: "x"},
		"list l was removed":     {Path: "list_memberships.l", Before: "x"},
		"tag t was added":        {Path: "taggings.t", After: "x"},
		"first_name changed":     {Path: "first_name", Before: "Ann", After: "Anna"},
		"first_name was removed": {Path: "first_name", Before: "Ann"},
		"custom field 1 changed": {Path: "custom_fields.1", After: "x"},
		"phone_numbers changed":  {Path: `phone_numbers.{"phone_number":"555"}`, After: "x"},
	} {
		if got := differenceText(d); got != want {
			t.Errorf("%+v: %q, want %q", d, got, want)
		}
	}
}

func TestACreatedContactIsComparedWithAnEmptyOne(t *testing.T) {
	t.Parallel()
	after := ccapi.Whole{"contact_id": "c", "create_source": "Account", "email_address.address": "ann@example.com", "email_address.confirm_status": "off",
		"email_address.opt_in_source": "Account", "email_address.permission_to_send": "implicit", "first_name": "Ann"}
	var changed []string
	for _, d := range created(after).Differences(after) {
		changed = append(changed, d.Path)
	}
	if !slices.Equal(changed, []string{"first_name"}) {
		t.Errorf("more than was to be written: %v", changed)
	}
	after["email_address.permission_to_send"] = "explicit"
	if all := created(after).Differences(after); len(all) != 2 || all[0].Before != "implicit" {
		t.Errorf("with another permission: %+v", all)
	}
}
