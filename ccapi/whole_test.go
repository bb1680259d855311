package ccapi

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wholeContact has every kind of member that a contact may come with.
const wholeContact = `{"contact_id":"c1","email_address":{"address":"a@b.example","permission_to_send":"implicit","created_at":"2026-01-01",
    "opt_in_date":"2026-01-01"},"first_name":"Ann","last_name":"","job_title":null,"birthday_month":4,"update_source":"Contact",
  "updated_at":"2026-01-01","custom_fields":[{"custom_field_id":"f1","value":"K1"},{"custom_field_id":"f2","value":7},
    {"custom_field_id":"f3","choice_ids":["1","2"]},{"custom_field_id":"f4","value":"","choice_ids":["3"]},
    {"custom_field_id":"f5","value":null}],
  "list_memberships":["l1","l2"],"taggings":["t1"],
  "notes":[{"note_id":"n1","created_at":"2026-01-01","opt_in_date":"x","update_source":"y","content":"calls","custom_field_id":"f1"}],
  "phone_numbers":[]}`

// TestAWholeContactIsAllButItsTimes: what the canary compares before and after a first import.
func TestAWholeContactIsAllButItsTimes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			const include = "custom_fields%2Clist_memberships%2Cphone_numbers%2Cstreet_addresses%2Ctaggings%2Cnotes"
			if got := r.URL.String(); got != "/v3/contacts/c1?include="+include {
				t.Errorf("asked for %s", got)
			}
			reply(w, 200, wholeContact)
		})
		contact, whole, err := s.reader().Whole(t.Context(), "c1")
		if err != nil || contact.ID != "c1" || contact.Address != "a@b.example" || len(contact.CustomFields) != 5 {
			t.Fatalf("Whole = %+v, %v", contact, err)
		}
		want := Whole{
			"contact_id": "c1", "email_address.address": "a@b.example", "email_address.permission_to_send": "implicit",
			"first_name": "Ann", "birthday_month": "4", "custom_fields.f1": "K1", "custom_fields.f2": "7",
			"custom_fields.f3": `["1","2"]`, "custom_fields.f4": `["3"]`, "custom_fields.f5": "null",
			"list_memberships.l1": "yes", "list_memberships.l2": "yes", "taggings.t1": "yes",
			`notes.{"content":"calls","custom_field_id":"f1","note_id":"n1"}`: "yes",
		}
		if diff := cmp.Diff(want, whole); diff != "" {
			t.Errorf("whole (-want +got):\n%s", diff)
		}
	})
}

func TestAWholeContactThatIsNoneIsAnError(t *testing.T) {
	for _, body := range []string{`{}`, `[]`, `{"contact_id":7}`, `{"first_name":"Ann"}`} {
		t.Run(body, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, status(200, body))
				if contact, whole, err := s.reader().Whole(t.Context(), "c1"); err == nil || contact.ID != "" || whole != nil {
					t.Errorf("Whole = %+v, %v, %v, want an error alone", contact, whole, err)
				}
			})
		})
	}
}

func TestDifferencesAreWhatChangedCameOrWent(t *testing.T) {
	t.Parallel()
	before := Whole{"a": "same", "b": "old", "c": "gone", "z": "old"}
	after := Whole{"a": "same", "b": "new", "d": "came", "z": "new"}
	want := []Difference{{"b", "old", "new"}, {"c", "gone", ""}, {"d", "", "came"}, {"z", "old", "new"}}
	if diff := cmp.Diff(want, before.Differences(after)); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	if got := before.Differences(before); got != nil {
		t.Errorf("differences to itself: %v", got)
	}
}
