package sandbox_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ccsyncd/ccapi/sandbox"
)

// started are the automations without times and ids.
func started(s *sandbox.Server) []sandbox.Automation { return bare(s.Automations()) }

func bare(all []sandbox.Automation) []sandbox.Automation {
	for i := range all {
		all[i].Time, all[i].Contact = time.Time{}, ""
	}
	return all
}

func TestWhoeverJoinsAnAutomatedListStartsItsAutomation(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant, Unlimited: true})
	users, news := s.AddList("App users"), s.AddList("Newsletter")
	s.Seed(sandbox.Contact{Address: "ann@example.com"}, sandbox.Contact{Address: "in@example.com", Lists: []string{"App users"}},
		sandbox.Contact{Address: "out@example.com", Permission: sandbox.Unsubscribed}, sandbox.Contact{Address: "bob@example.com"})
	if !s.Automate("App users") || s.Automate("nothing") {
		t.Fatal("a list that is there, or one that is not")
	}
	c.importRows(users, `{"email":"ann@example.com"}`, `{"email":"in@example.com"}`, `{"email":"out@example.com"}`, `{"email":"new@example.com"}`)
	c.importRows(users, `{"email":"ann@example.com","first_name":"Ann"}`) // is on it already
	c.importRows(news, `{"email":"bob@example.com"}`)
	bob, _ := s.Contact("bob@example.com")
	c.call("PUT", "/v3/contacts/"+bob.ID, `{"email_address":{"address":"bob@example.com"},"update_source":"Account","list_memberships":["`+users+`"]}`, http.StatusOK)
	s.LeaveList("ann@example.com", "App users")
	s.JoinList("ann@example.com", "App users")
	want := []sandbox.Automation{
		{List: "App users", Address: "ann@example.com", Cause: "contacts_json_import"},
		{List: "App users", Address: "new@example.com", Cause: "contacts_json_import"},
		{List: "App users", Address: "bob@example.com", Cause: "PUT /v3/contacts/{contact_id}"},
		{List: "App users", Address: "ann@example.com", Cause: "a person"},
	}
	if diff := cmp.Diff(want, started(s)); diff != "" {
		t.Errorf("automations (-want +got):\n%s", diff)
	}
	if mails := s.Mails(); len(mails) != 4 || mails[0].Kind != sandbox.MailAutomation || mails[0].Address != "ann@example.com" || mails[0].List != "App users" {
		t.Errorf("mails %+v", mails)
	}
	s.ForgetMails()
	if len(s.Automations())+len(s.Mails()) != 0 {
		t.Error("they were not forgotten")
	}
}

func TestWhoMayNotBeMailedGetsNoMail(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant, Unlimited: true})
	users := s.AddList("App users")
	s.Automate(users)
	s.Seed(sandbox.Contact{Address: "hold@example.com", Permission: sandbox.TempHold}, sandbox.Contact{Address: "unset@example.com", Permission: sandbox.NotSet})
	c.importRows(users, `{"email":"hold@example.com"}`, `{"email":"unset@example.com"}`)
	if mails := s.Mails(); len(s.Automations()) != 2 || len(mails) != 1 || mails[0].Address != "unset@example.com" {
		t.Errorf("automations %+v, mails %+v", s.Automations(), mails)
	}
}

func TestWelcomeEmails(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant, Unlimited: true})
	list := s.AddList("L")
	c.importRows(list, `{"email":"import@example.com"}`)
	create := func(address, source string) {
		c.call("POST", "/v3/contacts", `{"email_address":{"address":"`+address+`"},"create_source":"`+source+`"}`, http.StatusCreated)
	}
	create("account@example.com", "Account")
	create("contact@example.com", "Contact")
	// the second time it is an update
	for _, status := range []int{http.StatusCreated, http.StatusOK} {
		c.call("POST", "/v3/contacts/sign_up_form", `{"email_address":"form@example.com","list_memberships":["`+list+`"]}`, status)
	}
	who, _ := s.Contact("import@example.com")
	// the first is the same address
	for _, address := range []string{"IMPORT@example.com", "moved@example.com"} {
		c.call("PUT", "/v3/contacts/"+who.ID, `{"email_address":{"address":"`+address+`"},"update_source":"Account"}`, http.StatusOK)
	}
	want := []sandbox.Mail{
		{Kind: sandbox.MailWelcome, Address: "contact@example.com", Cause: "POST /v3/contacts"},
		{Kind: sandbox.MailWelcome, Address: "form@example.com", Cause: "POST /v3/contacts/sign_up_form"},
		{Kind: sandbox.MailWelcome, Address: "moved@example.com", Cause: "PUT /v3/contacts/{contact_id}"},
	}
	if diff := cmp.Diff(want, s.Mails(), cmpopts.IgnoreFields(sandbox.Mail{}, "Time", "Contact")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAutomationsAndMailsAreToldByControlEndpointAndPage(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant, Unlimited: true})
	list := s.AddList("App users")
	c.call("POST", "/_sandbox/automations", `{"list":"App users"}`, http.StatusOK)
	c.call("POST", "/_sandbox/automations", `{"list":"nothing"}`, http.StatusNotFound)
	c.importRows(list, `{"email":"ann@example.com"}`)
	type told struct {
		Lists   []string             `json:"lists"`
		Started []sandbox.Automation `json:"started"`
	}
	got := get[told](c, "/_sandbox/automations")
	want := told{[]string{"App users"}, []sandbox.Automation{{List: "App users", Address: "ann@example.com", Cause: "contacts_json_import"}}}
	if got.Started = bare(got.Started); cmp.Diff(want, got) != "" {
		t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
	}
	if mails := get[[]sandbox.Mail](c, "/_sandbox/mails"); len(mails) != 1 || mails[0].Kind != sandbox.MailAutomation {
		t.Errorf("mails %+v", mails)
	}
	if got := s.Status(); got.Automations != 1 || got.Mails != 1 {
		t.Errorf("status %+v", got)
	}
	if r := c.call("GET", "/mails", nil, http.StatusOK); strings.Count(r.body, "ann@example.com") != 2 || !strings.Contains(r.body, "App users") {
		t.Errorf("the page: %s", r.body)
	}
	if r := c.call("GET", "/", nil, http.StatusOK); !strings.Contains(r.body, "automations started") {
		t.Error("the first page does not tell")
	}
	c.call("DELETE", "/_sandbox/mails", nil, http.StatusNoContent)
	if got := get[told](c, "/_sandbox/automations"); len(got.Started) != 0 || len(got.Lists) != 1 {
		t.Errorf("forgotten: %+v", got)
	}
	snapshot := s.Snapshot()
	again, _ := serve(t, sandbox.Options{})
	if err := again.Restore(snapshot); err != nil {
		t.Fatal(err)
	}
	again.AddContact(sandbox.Contact{Address: "bob@example.com"})
	again.JoinList("bob@example.com", "App users")
	if len(again.Automations()) != 1 {
		t.Error("a snapshot forgets on which lists an automation waits")
	}
}
