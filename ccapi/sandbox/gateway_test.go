package sandbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"ccsyncd/ccapi/sandbox"
)

func TestAGatewayAnswersInItsOwnForms(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"":          `{"message":"%s"}`,
		"message":   `{"message":"%s"}`,
		"Message":   `{"Message":"%s"}`,
		"errorCode": `"errorSummary":"%s"`,
		"html":      "<title>",
	} {
		for status, text := range map[int]string{403: "Forbidden", 413: "Request Too Long", 429: "Too Many Requests",
			502: "Internal server error", 504: "Endpoint request timed out"} {
			t.Run(fmt.Sprint(body, status), func(t *testing.T) {
				t.Parallel()
				s, c := serve(t, sandbox.Options{})
				c.broken = true
				s.Fault(sandbox.Fault{Kind: sandbox.FaultGateway, Status: status, Body: body})
				r := c.call("POST", "/v3/contact_lists", `{"name":"A"}`, status)
				if want := strings.ReplaceAll(want, "%s", text); !strings.Contains(r.body, want) {
					t.Errorf("got %s, want %s", r.body, want)
				}
				if html := strings.HasPrefix(r.header.Get("Content-Type"), "text/html"); html != (body == "html") {
					t.Errorf("the type is %s", r.header.Get("Content-Type"))
				}
				s.ClearFaults()
				if len(c.lists()) != 0 {
					t.Error("the work was done")
				}
			})
		}
	}
}

func TestAGatewayMayGiveUpOnWorkThatIsDone(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant})
	c.broken = true
	s.Fault(sandbox.Fault{Kind: sandbox.FaultGatewayAfter, Method: "POST", Path: "/v3/activities/contacts_json_import"})
	list := s.AddList("L")
	r := c.call("POST", "/v3/activities/contacts_json_import", `{"import_data":[{"email":"ann@example.com"}],"list_ids":["`+list+`"]}`, http.StatusGatewayTimeout)
	if r.body != `{"message":"Endpoint request timed out"}`+"\n" || len(s.Contacts()) != 1 {
		t.Errorf("got %s, and %d contacts, want 1", r.body, len(s.Contacts()))
	}
}

func TestEveryAnswerOfTheAPICanBeTraced(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{})
	seen := map[string]bool{}
	for range 2 {
		r := c.call("GET", "/v3/contacts", nil, http.StatusOK)
		seen[r.header.Get("X-Amzn-Requestid")] = true
		seen[r.header.Get("X-Eig-Tracking-Id")] = true
	}
	s.Fault(sandbox.Fault{Kind: sandbox.FaultGateway})
	c.broken = true
	seen[c.call("GET", "/v3/contacts", nil, http.StatusBadGateway).header.Get("X-Amzn-Requestid")] = true
	if len(seen) != 3 || seen[""] {
		t.Errorf("got the ids %v, want one for each request", seen)
	}
}

func TestTheTokenHostMayAnswerWhatIsNoToken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault  sandbox.Fault
		status int
		want   string
	}{
		"a page":        {sandbox.Fault{Kind: sandbox.FaultHTML, Status: 200}, 200, "<html>"},
		"a page of 404": {sandbox.Fault{Kind: sandbox.FaultHTML, Status: 404}, 404, "<html>"},
		"a code":        {sandbox.Fault{Kind: sandbox.FaultGateway, Status: 403, Body: "errorCode"}, 403, `"errorCode":"E0000006"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := serve(t, sandbox.Options{LongLived: true, Unlimited: true})
			_, token := s.Authorize()
			tt.fault.Path = "/oauth2/default/v1/token"
			s.Fault(tt.fault)
			ask := []string{"client_id", "app", "grant_type", "refresh_token", "refresh_token", token}
			if r := c.form("/token", ask...); r.status != tt.status || !strings.Contains(r.body, tt.want) {
				t.Errorf("got %d %s", r.status, r.body)
			}
			c.call("GET", "/v3/contacts", nil, http.StatusOK) // another path is not concerned
			s.ClearFaults()
			if got := c.refresh(token); got.Refresh != token {
				t.Errorf("then got %+v", got)
			}
		})
	}
}

func TestRefreshTokensMayLapseAtOnce(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Unlimited: true})
	_, first := s.Authorize()
	_, other := s.Authorize()
	s.Fault(sandbox.Fault{Kind: sandbox.FaultRefreshLapsed, Times: 1})
	for _, token := range []string{first, first, other} {
		if got := c.refresh(token); got.Error != "invalid_grant" {
			t.Errorf("got %+v", got)
		}
	}
	c.call("GET", "/v3/contacts", nil, http.StatusOK) // access tokens live on
}

func TestAFieldMayBeRenamedOrDeletedBetweenTwoRequests(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Unlimited: true})
	s.AddCustomField("Short code", "string")
	s.Fault(sandbox.Fault{Kind: sandbox.FaultFieldRenamed, Path: "/v3/contact_custom_fields", At: []int{2}, Field: "short_code", To: "App code"})
	s.Fault(sandbox.Fault{Kind: sandbox.FaultFieldDeleted, Path: "/v3/contact_custom_fields", At: []int{3}, Field: "app_code"})
	var seen []string
	for range 3 {
		seen = append(seen, fmt.Sprint(len(get[fieldsView](c, "/v3/contact_custom_fields").Fields)))
		if fields := get[fieldsView](c, "/v3/contact_custom_fields?limit=100").Fields; len(fields) > 0 {
			seen = append(seen, fields[0].Name)
		}
	}
	if got := strings.Join(seen, " "); got != "1 app_code 0 0" {
		t.Errorf("got %s", got)
	}
	if log := s.Requests(); log[1].Fault != "field_renamed" || log[2].Fault != "field_deleted" || log[2].Status != 200 {
		t.Errorf("got %+v and %+v", log[1], log[2])
	}
}
