package sandbox_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/ccapi/sandbox"
)

func TestTheControlEndpointDoesWhatTheInProcessAPIDoes(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{})
	r := c.call("POST", "/_sandbox/seed", `{"lists":["L"],"custom_fields":[{"label":"Short code"}],
		"contacts":[{"address":"ann@example.com","fields":{"short_code":"K7"},"lists":["L"]},{"address":"bob@example.com"}]}`, http.StatusOK)
	if !strings.Contains(r.body, `"contacts":2`) {
		t.Errorf("seed: got %s", r.body)
	}
	edits := `[{"action":"set_field","contact":"ann@example.com","field":"short_code","value":"M9"},
		{"action":"set_property","contact":"ann@example.com","field":"first_name","value":"Ann"},
		{"action":"leave_list","contact":"ann@example.com","list":"L"},
		{"action":"join_list","contact":"bob@example.com","list":"L"},
		{"action":"opt_out","contact":"bob@example.com"},
		{"action":"change_address","contact":"ann@example.com","address":"anna@example.com"},
		{"action":"add","new":{"address":"cid@example.com"}},
		{"action":"refuse","contact":"cid@example.com","for":"48h"},
		{"action":"delete","contact":"cid@example.com"},
		{"action":"delete","contact":"nobody@example.com"}]`
	r = c.call("POST", "/_sandbox/edits", edits, http.StatusOK)
	if strings.TrimSpace(r.body) != `{"changed":[true,true,true,true,true,true,true,true,true,false]}` {
		t.Errorf("edits: got %s", r.body)
	}
	want := []sandbox.Contact{
		{Address: "anna@example.com", Permission: "implicit", FirstName: "Ann", Fields: map[string]string{"short_code": "M9"}},
		{Address: "bob@example.com", Permission: "unsubscribed", Fields: map[string]string{}, Lists: []string{"L"}},
		{Address: "cid@example.com", Permission: "implicit", Fields: map[string]string{}, Deleted: true},
	}
	if diff := cmp.Diff(want, s.Contacts(), unchanged); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.call("GET", "/_sandbox/contacts/anna@example.com", nil, http.StatusOK)
	c.call("GET", "/_sandbox/contacts/nobody@example.com", nil, http.StatusNotFound)
	c.call("POST", "/_sandbox/edits", `{"action":"hug"}`, http.StatusBadRequest)
	c.call("POST", "/_sandbox/seed", `{"people":[]}`, http.StatusBadRequest)
	c.call("POST", "/_sandbox/reset", nil, http.StatusNoContent)
	if got := len(s.Contacts()); got != 0 {
		t.Errorf("after a reset: got %d contacts", got)
	}
}

func TestTheControlEndpointListsItself(t *testing.T) {
	t.Parallel()
	_, c := serve(t, sandbox.Options{})
	all := get[[]struct{ Method, Path, Does string }](c, "/_sandbox/")
	if len(all) < 20 {
		t.Errorf("got %d endpoints", len(all))
	}
	for _, e := range all {
		if e.Method == "" || e.Path == "" || e.Does == "" {
			t.Errorf("%+v", e)
		}
	}
}

func TestControlRequestsAreNeitherLoggedNorLimited(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{PerDay: 2})
	for range 10 {
		c.call("GET", "/_sandbox/status", nil, http.StatusOK)
	}
	c.call("GET", "/v3/contacts", nil, http.StatusOK)
	c.call("GET", "/v3/contacts?limit=1", nil, http.StatusOK)
	got := get[[]sandbox.Request](c, "/_sandbox/requests?since=2")
	if len(got) != 1 || got[0].Query != "limit=1" || got[0].Status != 200 || got[0].Bytes == 0 {
		t.Errorf("got %+v", got)
	}
	if st := get[sandbox.Status](c, "/_sandbox/status"); st.UsedToday != 2 || st.Requests != 2 {
		t.Errorf("got %+v", st)
	}
	c.call("DELETE", "/_sandbox/requests", nil, http.StatusNoContent)
	if len(s.Requests()) != 0 {
		t.Error("the log is not empty")
	}
	c.call("GET", "/_sandbox/requests?since=x", nil, http.StatusBadRequest)
}

func TestFaultsSwitchesAndClockOverTheControlEndpoint(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Unlimited: true})
	c.broken = true
	c.call("POST", "/_sandbox/faults", `{"kind":"status","status":503,"path":"/v3/contacts"}`, http.StatusOK)
	c.call("GET", "/v3/contacts", nil, http.StatusServiceUnavailable)
	if got := get[[]sandbox.Fault](c, "/_sandbox/faults"); len(got) != 1 || got[0].Status != 503 {
		t.Errorf("got %+v", got)
	}
	c.call("DELETE", "/_sandbox/faults", nil, http.StatusNoContent)
	c.call("GET", "/v3/contacts", nil, http.StatusOK)
	c.call("POST", "/_sandbox/faults", `{"kind":"x"}`, http.StatusBadRequest)

	c.call("PATCH", "/_sandbox/switches", `{"blank_clears":true}`, http.StatusOK)
	c.call("PATCH", "/_sandbox/switches", `{"lower_case_addresses":true}`, http.StatusOK)
	if got := s.Switches(); got != (sandbox.Switches{BlankClears: true, LowerCaseAddresses: true}) {
		t.Errorf("got %+v", got)
	}
	c.call("PATCH", "/_sandbox/switches", `{"magic":true}`, http.StatusBadRequest)

	before := s.Now()
	c.call("POST", "/_sandbox/clock", `{"advance":"48h"}`, http.StatusOK)
	if moved := s.Now().Sub(before); moved < 48*time.Hour || moved > 49*time.Hour {
		t.Errorf("moved %v, want 48 hours", moved)
	}
	c.call("POST", "/_sandbox/clock", `{"advance":"soon"}`, http.StatusBadRequest)
}

func TestSettingsOverTheControlEndpoint(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{})
	c.call("PATCH", "/_sandbox/settings", `{"per_day":12,"grace":"30s","access_lifetime":"2s","approve":true}`, http.StatusOK)
	if got := get[map[string]any](c, "/_sandbox/settings"); got["per_day"] != 12.0 || got["per_second"] != 4.0 || got["grace"] != "30s" {
		t.Errorf("got %v", got)
	}
	if got := c.poll(c.startDevice(allScopes)); got.Expires != 2 {
		t.Errorf("got %+v, want an access token of 2 seconds", got)
	}
	if got := s.Status().PerDay; got != 12 {
		t.Errorf("got %d a day, want 12", got)
	}
	for _, body := range []string{`{"grace":"x"}`, `{"grace":"-1s"}`, `{"per_day":-1}`, `{"colour":"red"}`} {
		c.call("PATCH", "/_sandbox/settings", body, http.StatusBadRequest)
	}
}

func TestDevicesAndTokensOverTheControlEndpoint(t *testing.T) {
	t.Parallel()
	_, c := serve(t, sandbox.Options{Unlimited: true})
	d := c.startDevice(allScopes)
	if got := get[[]sandbox.PendingDevice](c, "/_sandbox/devices"); len(got) != 1 || got[0].UserCode != d.UserCode {
		t.Errorf("got %+v", got)
	}
	c.call("POST", "/_sandbox/devices/"+d.UserCode+"/praise", nil, http.StatusNotFound)
	c.call("POST", "/_sandbox/devices/"+d.UserCode+"/approve", nil, http.StatusNoContent)
	c.call("POST", "/_sandbox/devices/"+d.UserCode+"/approve", nil, http.StatusNotFound)
	if c.poll(d).Access == "" {
		t.Error("the device was not approved")
	}
	issued := decode[tokenView](t, c.call("POST", "/_sandbox/tokens", nil, http.StatusOK))
	c.refresh(issued.Refresh)
	if got := get[map[string]int](c, "/_sandbox/tokens"); got[issued.Refresh] != 1 {
		t.Errorf("spends: got %v", got)
	}
	c.token = issued.Access
	c.call("GET", "/v3/contacts", nil, http.StatusOK)
	c.call("DELETE", "/_sandbox/tokens", nil, http.StatusNoContent)
	c.call("GET", "/v3/contacts", nil, http.StatusUnauthorized)
}

func TestAnAccountCanBePutBack(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Contacts: 50, Unlimited: true, ImportTime: instant})
	want := s.Contacts()
	snapshot := c.call("GET", "/_sandbox/snapshot", nil, http.StatusOK).body
	s.Delete(want[0].Address)
	s.SetField(want[1].Address, "short_code", "other")
	c.importRows(c.lists()["App users"], `{"email":"new@example.com"}`)
	c.call("PUT", "/_sandbox/snapshot", snapshot, http.StatusNoContent)
	if diff := cmp.Diff(want, s.Contacts()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.call("GET", "/v3/contacts/"+want[0].ID, nil, http.StatusOK) // tokens stay
	for name, text := range map[string]string{
		"no JSON": `x`, "no account": `{"version":1}`, "another version": `{"version":9,"account":{}}`,
		"twins by id": `{"version":1,"account":{"contacts":[{"id":"a"},{"id":"a"}]}}`, "a hole": `{"version":1,"account":{"lists":[null]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.call("PUT", "/_sandbox/snapshot", text, http.StatusBadRequest)
		})
	}
}

func TestPagesOfOtherSitesCannotSteerTheSandbox(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Contacts: 1})
	for _, path := range []string{"/_sandbox/reset", "/activate", "/contacts/x/delete"} {
		req, err := http.NewRequest("POST", c.base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", "https://example.org")
		if r, err := c.send(req); err != nil || r.status != http.StatusForbidden {
			t.Errorf("%s: got %d, %v, want 403", path, r.status, err)
		}
	}
	if len(s.Contacts()) != 1 {
		t.Error("the account was reset")
	}
}
