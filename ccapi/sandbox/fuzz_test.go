package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"ccsyncd/ccapi/sandbox"
)

// ask sends a request without a network.
func ask(s *sandbox.Server, token, method, path, body string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	return w
}

func FuzzCursors(f *testing.F) {
	s := sandbox.New(sandbox.Options{Contacts: 20, Unlimited: true})
	token, _ := s.Authorize()
	for _, seed := range []string{"", "bGltaXQ9NTAmbmV4dD0y", "bGltaXQ9NTAmbmV4dD0tMQ==", "bGltaXQ9MSZuZXh0PTk5OTk5OTk5OTk5", "%%%", "bGltaXQ9"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		for _, path := range []string{"/v3/contacts", "/v3/contact_lists", "/v3/contact_tags", "/v3/activities", "/v3/contact_custom_fields"} {
			w := ask(s, token, "GET", path+"?cursor="+url.QueryEscape(cursor), "")
			if w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
				t.Errorf("%s: got %d", path, w.Code)
			}
		}
	})
}

func FuzzQueries(f *testing.F) {
	s := sandbox.New(sandbox.Options{Contacts: 20, Unlimited: true})
	token, _ := s.Authorize()
	for _, seed := range []string{"limit=500&status=all", "updated_after=2026-01-01T00:00:00Z", "include=taggings,notes", "segment_id=1", "lists=,,", "limit=+1", "status=;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		u := url.URL{Path: "/v3/contacts", RawQuery: query}
		if _, err := url.ParseRequestURI(u.String()); err != nil {
			t.Skip()
		}
		req := httptest.NewRequest("GET", "/v3/contacts", nil)
		req.URL.RawQuery = query
		req.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		if w.Code != 200 && w.Code != 400 && w.Code != 404 {
			t.Errorf("%q: got %d %s", query, w.Code, w.Body)
		}
	})
}

// FuzzBodies sends anything to everything that takes a body: nothing panics,
// nothing is answered with an error of the server, and what was accepted can be
// carried out and read.
func FuzzBodies(f *testing.F) {
	for _, seed := range []string{
		`{"import_data":[{"email":"a@example.com","cf:short_code":"1","birthday_month":"x"}],"list_ids":["LIST"]}`,
		`{"import_data":[{"email":"user000001@example.com","home_street":"1","phone":"2","sms_number":"5081231235","sms_consent_date":"1/2/2026"}],"list_ids":["LIST"]}`,
		`{"import_data":[null],"list_ids":null}`, `[]`, `{"email_address":null,"create_source":"Account","update_source":"Account","first_name":"A"}`,
		`{"update_source":"Account","custom_fields":[{"custom_field_id":null}],"list_memberships":["LIST",null],"notes":[{}],"taggings":[]}`,
		`{"source":{"all_active_contacts":true},"list_ids":["LIST"],"exclude":null}`, `{"label":"x","type":"multi_select","choices":[{}]}`,
		`{"name":"x","label":"y","type":"date","version":2}`, `{"status":"all","fields":["email_address"]}`, `{"contact_ids":[]}`, `{"a":{"b":[1,2,{}]}}`, "\xff", `{"import_data":[{"email":1e400}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s := sandbox.New(sandbox.Options{Contacts: 3, Unlimited: true, ImportTime: instant, Switches: sandbox.Switches{BlankClears: true, ActivityErrorLines: true}})
		token, _ := s.Authorize()
		list := s.AddList("L")
		who, _ := s.Contact("user000001@example.com")
		body = strings.ReplaceAll(body, "LIST", list)
		for _, op := range [][2]string{
			{"POST", "/v3/activities/contacts_json_import"}, {"POST", "/v3/contacts"}, {"PUT", "/v3/contacts/" + who.ID},
			{"POST", "/v3/contacts/sign_up_form"}, {"POST", "/v3/contact_custom_fields"}, {"POST", "/v3/contact_lists"}, {"POST", "/v3/contact_tags"},
			{"POST", "/v3/activities/contact_exports"}, {"POST", "/v3/activities/add_list_memberships"}, {"POST", "/v3/activities/contacts_taggings_add"},
			{"POST", "/v3/activities/contact_delete"}, {"POST", "/v3/activities/list_delete"}, {"POST", "/v3/activities/contacts_file_import"},
			{"POST", "/_sandbox/seed"}, {"POST", "/_sandbox/faults"}, {"POST", "/_sandbox/edits"}, {"PATCH", "/_sandbox/switches"},
		} {
			if w := ask(s, token, op[0], op[1], body); w.Code >= 500 {
				t.Errorf("%s %s: got %d %s", op[0], op[1], w.Code, w.Body)
			}
			s.ClearFaults()
		}
		if w := ask(s, token, "GET", "/v3/contacts?status=all&include=custom_fields,list_memberships,taggings,notes,phone_numbers,street_addresses", ""); w.Code != 200 {
			t.Errorf("contacts: got %d %s", w.Code, w.Body)
		}
		if w := ask(s, token, "PUT", "/_sandbox/snapshot", string(s.Snapshot())); w.Code != 204 {
			t.Errorf("its own snapshot: got %d %s", w.Code, w.Body)
		}
	})
}

func FuzzSnapshots(f *testing.F) {
	s := sandbox.New(sandbox.Options{Contacts: 1})
	f.Add(s.Snapshot())
	f.Add([]byte(`{"version":1,"account":{"activities":[{"settled":false,"job":{"contacts":["a"]},"kind":"x"}]}}`))
	f.Fuzz(func(t *testing.T, snapshot []byte) {
		s := sandbox.New(sandbox.Options{Unlimited: true})
		if s.Restore(snapshot) != nil {
			return
		}
		token, _ := s.Authorize()
		if w := ask(s, token, "GET", "/v3/contacts?status=all&include=custom_fields,list_memberships", ""); w.Code != 200 {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}

func FuzzSeedCSV(f *testing.F) {
	f.Add("email,lists\na@example.com,\"A, B\"\n")
	f.Add("Email address,Email status,Created At\na@example.com,Deleted,2020-09-25 16:45:13 -0400\n")
	f.Fuzz(func(t *testing.T, text string) {
		s := sandbox.New(sandbox.Options{})
		n, err := s.SeedCSV(strings.NewReader(text))
		if got := len(s.Contacts()); err == nil && got != n || err != nil && got != 0 {
			t.Errorf("got %d contacts, want %d, %v", got, n, err)
		}
	})
}
