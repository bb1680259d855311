package sandbox_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/ccapi/sandbox"
)

func TestPutReplacesPropertiesAndKeepsSubresources(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Unlimited: true})
	s.Seed(sandbox.Contact{Address: "ann@example.com", Permission: sandbox.Explicit, FirstName: "Ann", LastName: "Lee", JobTitle: "Cook",
		Fields: map[string]string{"a": "1", "b": "2"}, Lists: []string{"L"}, Tags: []string{"vip"}})
	before, _ := s.Contact("ann@example.com")
	field := s.AddCustomField("c", "string")
	path := "/v3/contacts/" + before.ID

	c.call("PUT", path, `{"email_address":{"address":"ann@example.com"},"first_name":"Anna","update_source":"Account"}`, http.StatusOK)
	got, _ := s.Contact(before.ID)
	want := sandbox.Contact{Address: "ann@example.com", Permission: sandbox.Explicit, FirstName: "Anna",
		Fields: map[string]string{"a": "1", "b": "2"}, Lists: []string{"L"}, Tags: []string{"vip"}}
	if diff := cmp.Diff(want, got, unchanged); diff != "" {
		t.Errorf("subresources left out (-want +got):\n%s", diff)
	}

	c.call("PUT", path, `{"email_address":{"address":"ann@example.com"},"update_source":"Account","custom_fields":[{"custom_field_id":"`+field+`","value":"3"}],"list_memberships":[]}`, http.StatusOK)
	got, _ = s.Contact(before.ID)
	want = sandbox.Contact{Address: "ann@example.com", Permission: sandbox.Explicit, Fields: map[string]string{"c": "3"}, Tags: []string{"vip"}}
	if diff := cmp.Diff(want, got, unchanged); diff != "" {
		t.Errorf("subresources sent (-want +got):\n%s", diff)
	}
}

func TestPutWithoutAPermissionMayResetIt(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Contacts: 1, Switches: sandbox.Switches{PutSetsPermission: sandbox.NotSet}})
	who, _ := s.Contact("user000001@example.com")
	c.call("PUT", "/v3/contacts/"+who.ID, `{"email_address":{"address":"user000001@example.com"},"update_source":"Account"}`, http.StatusOK)
	if got, _ := s.Contact(who.ID); got.Permission != sandbox.NotSet {
		t.Errorf("got %s, want not_set", got.Permission)
	}
}

func TestPutRevivesADeletedContact(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Contacts: 1})
	who, _ := s.Contact("user000001@example.com")
	c.call("DELETE", "/v3/contacts/"+who.ID, nil, http.StatusNoContent)
	c.call("GET", "/v3/contacts/"+who.ID, nil, http.StatusOK)
	if got, _ := s.Contact(who.ID); !got.Deleted || len(got.Lists) != 0 {
		t.Errorf("deleted: got %+v, want hidden and on no list", got)
	}
	r := c.call("PUT", "/v3/contacts/"+who.ID, `{"email_address":{"address":"user000001@example.com"},"update_source":"Account"}`, http.StatusOK)
	if strings.Contains(r.body, "deleted_at") || strings.Contains(r.body, "opt_out") {
		t.Errorf("got %s", r.body)
	}
}

func TestDeletedContactsShowTheDay(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Contacts: 1})
	s.Delete("user000001@example.com")
	got := get[contactsPage](c, "/v3/contacts?status=deleted").Contacts[0]
	if len(got.Deleted) != len("2016-07-08") || got.Email.OptOut == "" {
		t.Errorf("got %+v, want a date, and the address opted out", got)
	}
}

func TestPostMakesAContact(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Unlimited: true})
	list := s.AddList("L")
	field := s.AddCustomField("code", "string")
	r := c.call("POST", "/v3/contacts", `{"email_address":{"address":"Ann@example.com","permission_to_send":"explicit"},"first_name":"Ann",
		"create_source":"Account","birthday_month":5,"birthday_day":3,"anniversary":"11/15/2006","list_memberships":["`+list+`"],
		"custom_fields":[{"custom_field_id":"`+field+`","value":"K7"}],"phone_numbers":[{"phone_number":"555","kind":"home"}],
		"street_addresses":[{"kind":"work","city":"Boston"}],"notes":[{"content":"hello"}],
		"sms_channel":{"full_sms_address":"17815551212","sms_channel_consents":[{"sms_consent_permission":"explicit","consent_type":"promotional_sms"}]}}`, http.StatusCreated)
	for _, part := range []string{`"anniversary":"2006-11-15"`, `"birthday_month":5`, `"phone_number":"555"`, `"city":"Boston"`, `"content":"hello"`, `"sms_address":"7815551212"`} {
		if !strings.Contains(r.body, part) {
			t.Errorf("%s is missing: %s", part, r.body)
		}
	}
	want := sandbox.Contact{Address: "Ann@example.com", Permission: "explicit", FirstName: "Ann", Fields: map[string]string{"code": "K7"}, Lists: []string{"L"}}
	got, _ := s.Contact("ann@example.com")
	if diff := cmp.Diff(want, got, unchanged); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.Delete("ann@example.com")
	r = c.call("POST", "/v3/contacts", `{"email_address":{"address":"ann@example.com"},"create_source":"Account"}`, http.StatusConflict)
	if e := decode[[]errorView](t, r)[0]; e != (errorView{"contacts.api.conflict", "Validation failed: Email already exists for contact " + got.ID}) {
		t.Errorf("a deleted contact's address: got %+v", e)
	}
	if got := len(get[contactsPage](c, "/v3/contacts?sms_status=explicit&status=all").Contacts); got != 1 {
		t.Errorf("by SMS status: got %d, want 1", got)
	}
}

func TestWrongContactsAreRefusedWithTheirMessagesJoined(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Unlimited: true})
	s.AddCustomField("when", "datetime")
	tests := []struct {
		name, body, want string
	}{
		{"nothing", `{}`, "create_source is missing, create_source does not have a valid value, one of email_address, first_name, last_name or sms_channel is required"},
		{"an unknown source", `{"first_name":"A","create_source":"Me"}`, "create_source does not have a valid value"},
		{"an address that is none", `{"email_address":{"address":"ann"},"create_source":"Account"}`, "email_address.address is not a valid email address"},
		{"an address too long", `{"email_address":{"address":"` + strings.Repeat("a", 81) + `"},"create_source":"Account"}`, "email_address.address size must be between 1 and 80"},
		{"a name too long", `{"first_name":"` + strings.Repeat("ä", 51) + `","create_source":"Account"}`, "first_name size must be between 0 and 50"},
		{"an unknown permission", `{"email_address":{"address":"a@example.com","permission_to_send":"yes"},"create_source":"Account"}`, "permission_to_send does not have a valid value"},
		{"half a birthday", `{"first_name":"A","birthday_month":3,"create_source":"Account"}`, "birthday_month must be between 1 and 12 and used with birthday_day"},
		{"a city too long, and a kind that is none", `{"first_name":"A","street_addresses":[{"kind":"beach","city":"` + strings.Repeat("c", 51) + `"}],"create_source":"Account"}`,
			"street_addresses kind does not have a valid value, city size must be between 0 and 50"},
		{"an unknown custom field", `{"first_name":"A","custom_fields":[{"custom_field_id":"x","value":"1"}],"create_source":"Account"}`, "custom_field_id does not exist"},
		{"an unknown list", `{"first_name":"A","list_memberships":["x"],"create_source":"Account"}`, "list_memberships has a list_id that does not exist"},
		{"an unknown tag", `{"first_name":"A","taggings":["x"],"create_source":"Account"}`, "taggings has a tag_id that does not exist"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := c.call("POST", "/v3/contacts", tt.body, http.StatusBadRequest)
			want := []errorView{{"contacts.api.validation.error", tt.want}}
			if diff := cmp.Diff(want, decode[[]errorView](t, r)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPutNeedsAFreeAddressAndASource(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Contacts: 2})
	a, _ := s.Contact("user000001@example.com")
	path := "/v3/contacts/" + a.ID
	c.call("PUT", path, `{"email_address":{"address":"user000002@example.com"},"update_source":"Account"}`, http.StatusConflict)
	c.call("PUT", path, `{"first_name":"A"}`, http.StatusBadRequest)
	c.call("PUT", path, `{"first_name":1}`, http.StatusBadRequest)
	c.call("PUT", "/v3/contacts/8874d922-2cf0-4c0b-8af7-d9dad192f15c", `{"update_source":"Account"}`, http.StatusNotFound)
}

func TestASignUpIsAPartialUpdateThatDeclaresExplicitPermission(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Unlimited: true})
	list := s.AddList("L")
	s.Seed(sandbox.Contact{Address: "ann@example.com", FirstName: "Ann", LastName: "Lee", Permission: sandbox.Unsubscribed, Fields: map[string]string{"a": "1"}, Lists: []string{"Other"}})
	r := c.call("POST", "/v3/contacts/sign_up_form", `{"email_address":"ann@example.com","first_name":"Anna","list_memberships":["`+list+`"]}`, http.StatusOK)
	if !strings.Contains(r.body, `"action":"updated"`) {
		t.Errorf("got %s", r.body)
	}
	want := sandbox.Contact{Address: "ann@example.com", Permission: "explicit", FirstName: "Anna", LastName: "Lee", Fields: map[string]string{"a": "1"}, Lists: []string{"Other", "L"}}
	got, _ := s.Contact("ann@example.com")
	if diff := cmp.Diff(want, got, unchanged); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	r = c.call("POST", "/v3/contacts/sign_up_form", `{"email_address":"new@example.com","phone_number":"555","anniversary":"2006-11-15","list_memberships":["`+list+`"],"street_address":{"kind":"home","city":"Boston"}}`, http.StatusCreated)
	if !strings.Contains(r.body, `"action":"created"`) {
		t.Errorf("got %s", r.body)
	}
	c.call("POST", "/v3/contacts/sign_up_form", `{"email_address":"new@example.com"}`, http.StatusBadRequest)
	c.call("POST", "/v3/contacts/sign_up_form", `{"list_memberships":["`+list+`"]}`, http.StatusBadRequest)
}
