package sandbox_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/routers"

	"ccsyncd/ccapi/sandbox"
)

const nobody = "00000000-0000-4000-8000-000000000000" // an id that nothing has

// operations are those of the API, with the id that their path needs.
var operations = []struct{ method, path string }{
	{"GET", "/v3/account/summary"}, {"GET", "/v3/account/user/privileges"},
	{"GET", "/v3/contacts"}, {"POST", "/v3/contacts"}, {"GET", "/v3/contacts/counts"}, {"POST", "/v3/contacts/sign_up_form"},
	{"GET", "/v3/contacts/{id}"}, {"PUT", "/v3/contacts/{id}"}, {"DELETE", "/v3/contacts/{id}"},
	{"GET", "/v3/contact_custom_fields"}, {"POST", "/v3/contact_custom_fields"},
	{"GET", "/v3/contact_custom_fields/{id}"}, {"PUT", "/v3/contact_custom_fields/{id}"}, {"DELETE", "/v3/contact_custom_fields/{id}"},
	{"GET", "/v3/contact_lists"}, {"POST", "/v3/contact_lists"},
	{"GET", "/v3/contact_lists/{id}"}, {"PUT", "/v3/contact_lists/{id}"}, {"DELETE", "/v3/contact_lists/{id}"},
	{"GET", "/v3/contact_tags"}, {"POST", "/v3/contact_tags"},
	{"GET", "/v3/contact_tags/{id}"}, {"PUT", "/v3/contact_tags/{id}"}, {"DELETE", "/v3/contact_tags/{id}"},
	{"GET", "/v3/activities"}, {"GET", "/v3/activities/{id}"}, {"GET", "/v3/contact_exports/{id}"},
	{"POST", "/v3/activities/contacts_json_import"}, {"POST", "/v3/activities/contacts_file_import"},
	{"POST", "/v3/activities/contact_exports"}, {"POST", "/v3/activities/contact_delete"},
	{"POST", "/v3/activities/add_list_memberships"}, {"POST", "/v3/activities/remove_list_memberships"},
	{"POST", "/v3/activities/contacts_taggings_add"}, {"POST", "/v3/activities/contacts_taggings_remove"},
	{"POST", "/v3/activities/list_delete"}, {"POST", "/v3/activities/contacts_tags_delete"}, {"POST", "/v3/activities/custom_fields_delete"},
}

// alwaysPossible are statuses that the API guide documents for every operation, whatever the
// contract lists.
var alwaysPossible = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusUnsupportedMediaType, http.StatusTooManyRequests}

// documented tells whether the contract knows a status of an operation.
func documented(t *testing.T, router routers.Router, method, path string, status int) bool {
	t.Helper()
	req, err := http.NewRequest(method, "http://sandbox"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	route, _, err := router.FindRoute(req)
	if err != nil {
		t.Errorf("%s %s is not in the contract: %v", method, path, err)
		return true
	}
	return slices.Contains(alwaysPossible, status) || route.Operation.Responses.Value(strconv.Itoa(status)) != nil
}

func TestEveryOperationRefusesWhatItMust(t *testing.T) {
	t.Parallel()
	router, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	s, c := serve(t, sandbox.Options{Contacts: 3, Unlimited: true, Approve: true, ImportTime: instant})
	poor := *c
	poor.token = c.login("campaign_data")
	stranger := *c
	stranger.token = "nobody's"
	before := s.Contacts()
	for _, op := range operations {
		path := strings.Replace(op.path, "{id}", nobody, 1)
		name := op.method + " " + op.path
		check := func(who *client, path, what, kind, body string, want ...int) {
			t.Helper()
			got := who.raw(op.method, path, kind, body)
			if !slices.Contains(want, got.status) {
				t.Errorf("%s with %s: got %d %s, want %v", name, what, got.status, got.body, want)
			}
			if router != nil && !documented(t, router, op.method, path, got.status) {
				t.Errorf("%s with %s: the contract has no %d", name, what, got.status)
			}
		}
		check(&stranger, path, "no token", "application/json", "{}", http.StatusUnauthorized)
		if op.path == "/v3/account/user/privileges" {
			check(&poor, path, "any scope", "", "", http.StatusOK)
		} else {
			check(&poor, path, "the wrong scope", "application/json", "{}", http.StatusForbidden)
		}
		if path != op.path {
			check(c, path, "an id that nothing has", "application/json", "{}", http.StatusNotFound)
			check(c, strings.Replace(op.path, "{id}", "12", 1), "what is no id", "application/json", "{}", http.StatusNotFound)
		}
		if op.method != "POST" {
			continue
		}
		check(c, path, "text", "text/plain", "{}", http.StatusUnsupportedMediaType)
		if strings.HasSuffix(path, "contacts_file_import") {
			check(c, path, "no parts", "multipart/form-data; boundary=x", "--x--\r\n", http.StatusBadRequest)
			continue
		}
		for _, body := range []string{"", "{", `{"a":}`, "[]", `"text"`, "{} {}", `{"email_address":7,"name":7,"label":7,"source":7,"list_ids":7,"contact_ids":7,"tag_ids":7,"custom_field_ids":7,"import_data":7}`} {
			check(c, path, "the body "+body, "application/json", body, http.StatusBadRequest)
		}
		if !strings.HasSuffix(path, "contact_exports") { // which may leave everything out
			check(c, path, "nothing in it", "application/json; charset=utf-8", "{}", http.StatusBadRequest)
		}
	}
	if after := s.Contacts(); len(after) != len(before) {
		t.Errorf("%d contacts, want %d: a refusal changed something", len(after), len(before))
	}
}

// login goes through the device flow of a sandbox that approves by itself.
func (c *client) login(scope string) (token string) {
	c.t.Helper()
	d := decode[deviceView](c.t, c.form("/device/authorize", "client_id", "app", "scope", scope))
	return decode[tokenView](c.t, c.form("/token", "client_id", "app", "device_code", d.Code, "grant_type", "urn:ietf:params:oauth:grant-type:device_code")).Access
}

// raw sends a body of any type.
func (c *client) raw(method, path, kind, body string) reply {
	c.t.Helper()
	req, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	r, err := c.send(req)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

func TestTheSchemeOfATokenIsReadWithoutRegardToCase(t *testing.T) {
	t.Parallel()
	_, c := serve(t, sandbox.Options{Unlimited: true})
	for header, want := range map[string]int{"bearer " + c.token: http.StatusOK, "BEARER " + c.token: http.StatusOK, "Basic " + c.token: http.StatusUnauthorized,
		c.token: http.StatusUnauthorized, "Bearer": http.StatusUnauthorized, "": http.StatusUnauthorized} {
		req, err := http.NewRequest("GET", c.base+"/v3/account/user/privileges", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", header)
		if r, err := c.send(req); err != nil || r.status != want {
			t.Errorf("%.10s...: got %d, %v, want %d", header, r.status, err, want)
		}
	}
}
