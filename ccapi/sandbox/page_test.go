package sandbox_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"ccsyncd/ccapi/sandbox"
)

// submit posts a form of a page, as a browser does, and follows where it leads.
func (c *client) submit(path string, form url.Values) reply {
	c.t.Helper()
	req, err := http.NewRequest("POST", c.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", c.base)
	r, err := c.send(req)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func TestAPersonApprovesADeviceOnThePage(t *testing.T) {
	t.Parallel()
	_, c := serve(t, sandbox.Options{Unlimited: true})
	d := c.startDevice(allScopes)
	if r := c.call("GET", "/", nil, 200); !strings.Contains(r.body, d.UserCode) {
		t.Error("the first page does not show the code that waits")
	}
	if r := c.call("GET", "/activate?user_code="+d.UserCode, nil, 200); !strings.Contains(r.body, "offline_access") {
		t.Error("the page does not say what the application wants")
	}
	if r := c.submit("/activate", url.Values{"user_code": {d.UserCode}, "decision": {"approve"}}); !strings.Contains(r.body, "authorized") {
		t.Errorf("got %s", r.body)
	}
	if c.poll(d).Access == "" {
		t.Error("the device was not approved")
	}
	if r := c.submit("/activate", url.Values{"user_code": {"NOTHING"}, "decision": {"approve"}}); !strings.Contains(r.body, "No such code") {
		t.Errorf("got %s", r.body)
	}
}

func TestAPersonEditsContactsOnThePage(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Contacts: 120})
	if r := c.call("GET", "/contacts?page=2", nil, 200); !strings.Contains(r.body, "user000051@example.com") || !strings.Contains(r.body, "page=3") {
		t.Error("the second page is not there")
	}
	r := c.call("GET", "/contacts?q=USER000007", nil, 200)
	who, _ := s.Contact("user000007@example.com")
	if !strings.Contains(r.body, "/contacts/"+who.ID) || strings.Contains(r.body, "user000008") {
		t.Error("the search found something else")
	}
	c.call("GET", "/contacts/"+who.ID, nil, 200)
	c.submit("/contacts/"+who.ID, url.Values{"first_name": {"Ann"}, "field:short_code": {"K7"}, "lists": {"all"}, "list": {c.lists()["Newsletter"]}})
	got, _ := s.Contact(who.ID)
	if got.FirstName != "Ann" || got.LastName != "000007" || got.Fields["short_code"] != "K7" || strings.Join(got.Lists, ",") != "Newsletter" {
		t.Errorf("got %+v", got)
	}
	c.submit("/contacts/"+who.ID+"/optout", nil)
	c.submit("/contacts/"+who.ID+"/delete", nil)
	if got, _ = s.Contact(who.ID); got.Permission != "unsubscribed" || !got.Deleted {
		t.Errorf("got %+v", got)
	}
	if r := c.submit("/contacts", url.Values{"address": {"new@example.com"}}); !strings.Contains(r.body, "new@example.com") {
		t.Errorf("got %s", r.body)
	}
	for _, address := range []string{"new@example.com", "nonsense"} {
		if r := c.submit("/contacts", url.Values{"address": {address}}); !strings.Contains(r.body, "Not added") {
			t.Errorf("%s: got %s", address, r.body)
		}
	}
	c.call("GET", "/contacts/nobody", nil, http.StatusNotFound)
}

func TestAPersonSetsFaultsAndSwitchesOnThePage(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{})
	c.submit("/settings/faults", url.Values{"kind": {"status"}, "status": {"503"}, "at": {"1, 3"}, "probability": {"0.5"}, "delay": {"2s"}})
	if got := s.Faults(); len(got) != 1 || got[0].Status != 503 || len(got[0].At) != 2 {
		t.Errorf("got %+v", got)
	}
	for _, form := range []url.Values{{"kind": {"status"}}, {"kind": {"slow"}, "delay": {"soon"}}, {"kind": {"slow"}, "at": {"x"}}} {
		if r := c.submit("/settings/faults", form); !strings.Contains(r.body, "Fault not set") {
			t.Errorf("%v: got %s", form, r.body)
		}
	}
	c.submit("/settings/faults/clear", nil)
	if len(s.Faults()) != 0 {
		t.Error("the faults are still set")
	}
	c.submit("/settings/switches", url.Values{"blank_clears": {"on"}})
	if got := s.Switches(); got != (sandbox.Switches{BlankClears: true}) {
		t.Errorf("got %+v", got)
	}
}

func TestEveryPageIsSafeAndPlain(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Contacts: 3, ImportTime: instant})
	s.Seed(sandbox.Contact{Address: "evil@example.com", FirstName: "<script>alert(1)</script>"})
	c.importRows(c.lists()["App users"], `{"email":"a@example.com"}`, `{"email":"bad"}`)
	for _, path := range []string{"/", "/?watch", "/contacts", "/activities", "/requests", "/settings", "/mails", "/activate", "/activate?user_code=%3Cscript%3E"} {
		r := c.call("GET", path, nil, 200)
		if strings.Contains(r.body, "<script") || !strings.Contains(r.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: a script, or no policy", path)
		}
		if !strings.Contains(r.body, "</html>") {
			t.Errorf("%s: the page is cut", path)
		}
	}
	if r := c.call("GET", "/style.css", nil, 200); !strings.Contains(r.body, "prefers-color-scheme: dark") {
		t.Error("there is no dark look")
	}
}
