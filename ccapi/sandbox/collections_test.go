package sandbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/ccapi/sandbox"
)

type fieldsView struct {
	Fields []fieldView `json:"custom_fields"`
	Links  linksView   `json:"_links"`
}

type fieldView struct {
	ID      string `json:"custom_field_id"`
	Label   string `json:"label"`
	Name    string `json:"name"`
	Type    string `json:"type"`
	Version int    `json:"version"`
	Choices []struct {
		ID    int    `json:"choice_id"`
		Label string `json:"choice_label"`
	} `json:"choices"`
}

func TestCustomFieldsComeInPages(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Unlimited: true})
	for i := range 7 {
		s.AddCustomField(fmt.Sprintf("Field %d", i), "string")
	}
	var names []string
	for path := "/v3/contact_custom_fields?limit=3"; path != ""; {
		page := get[fieldsView](c, path)
		for _, f := range page.Fields {
			names = append(names, f.Name)
		}
		path = page.Links.Next.Href
	}
	if diff := cmp.Diff([]string{"field_0", "field_1", "field_2", "field_3", "field_4", "field_5", "field_6"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.call("GET", "/v3/contact_custom_fields?limit=101", nil, http.StatusBadRequest)
}

func TestTheLifeOfACustomField(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Unlimited: true})
	const path = "/v3/contact_custom_fields"
	f := decode[fieldView](t, c.call("POST", path, `{"label":"Customer ID","type":"string"}`, http.StatusCreated))
	if f.Name != "customer_id" || f.Label != "Customer ID" || f.Version != 1 {
		t.Errorf("got %+v, want the name in lower case with underscores", f)
	}
	c.call("POST", path, `{"label":"customer id","type":"string"}`, http.StatusConflict)
	f2 := decode[fieldView](t, c.call("PUT", path+"/"+f.ID, `{"label":"Client"}`, http.StatusOK))
	if f2.Label != "Client" || f2.Name != "client" {
		t.Errorf("renamed: got %+v, want another name", f2)
	}
	c.call("POST", path, `{"label":"Other","type":"string"}`, http.StatusCreated)
	c.call("PUT", path+"/"+f.ID, `{"label":"OTHER"}`, http.StatusBadRequest)
	s.Seed(sandbox.Contact{Address: "ann@example.com", Fields: map[string]string{"client": "7"}})
	c.call("DELETE", path+"/"+f.ID, nil, http.StatusNoContent)
	c.call("GET", path+"/"+f.ID, nil, http.StatusNotFound)
	s.Advance(10 * time.Minute)
	if got, _ := s.Contact("ann@example.com"); len(got.Fields) != 0 {
		t.Errorf("got %v, want the values gone", got.Fields)
	}
	s.SetSwitches(sandbox.Switches{FieldNamesKeepCase: true})
	if f := decode[fieldView](t, c.call("POST", path, `{"label":"Customer ID","type":"date","version":2}`, http.StatusCreated)); f.Name != "Customer_ID" || f.Version != 2 {
		t.Errorf("got %+v, want the label's capitals", f)
	}
	for name, body := range map[string]string{
		"no label": `{"type":"string"}`, "no type": `{"label":"x"}`, "an unknown type": `{"label":"x","type":"poem"}`,
		"a label too long": `{"label":"` + strings.Repeat("x", 51) + `","type":"string"}`, "a select without choices": `{"label":"x","type":"single_select"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.call("POST", path, body, http.StatusBadRequest)
		})
	}
}

func TestValuesFitTheTypeOfTheirField(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Unlimited: true})
	s.Seed(sandbox.Contact{Address: "ann@example.com"})
	who, _ := s.Contact("ann@example.com")
	tests := []struct {
		field, good, stored, bad string
	}{
		{`{"label":"d","type":"date","version":2}`, "7/4/2026", "2026-07-04", "summer"},
		{`{"label":"n","type":"number"}`, "12.5", "12.5", "many"},
		{`{"label":"b","type":"boolean"}`, "true", "true", "yes"},
		{`{"label":"t","type":"datetime"}`, "2026-07-04T12:00:00Z", "2026-07-04T12:00:00Z", "noon"},
		{`{"label":"s","type":"single_select","choices":[{"choice_label":"red","display_order":1},{"choice_label":"blue","display_order":2}]}`, "blue", "blue", "pink"},
		{`{"label":"m","type":"multi_select","choices":[{"choice_label":"red"},{"choice_label":"blue"}]}`, "red,blue", "red,blue", "red,pink"},
	}
	for _, tt := range tests {
		f := decode[fieldView](t, c.call("POST", "/v3/contact_custom_fields", tt.field, http.StatusCreated))
		body := `{"email_address":{"address":"ann@example.com"},"update_source":"Account","custom_fields":[{"custom_field_id":"` + f.ID + `","value":"%s"}]}`
		c.call("PUT", "/v3/contacts/"+who.ID, fmt.Sprintf(body, tt.good), http.StatusOK)
		if got, _ := s.Contact(who.ID); got.Fields[f.Name] != tt.stored {
			t.Errorf("%s: got %q, want %q", f.Type, got.Fields[f.Name], tt.stored)
		}
		c.call("PUT", "/v3/contacts/"+who.ID, fmt.Sprintf(body, tt.bad), http.StatusBadRequest)
	}
}

func TestListsAreOrderedByID(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Contacts: 60, Unlimited: true})
	for i := range 5 {
		s.AddList(fmt.Sprintf("L%d", i))
	}
	var ids []string
	for path := "/v3/contact_lists?limit=3&include_count=true&include_membership_count=all&status=active"; path != ""; {
		page := get[listsView](c, path)
		if page.Count == nil || *page.Count != 7 {
			t.Errorf("lists_count: got %v, want 7", page.Count)
		}
		for _, l := range page.Lists {
			ids = append(ids, l.ID)
			want := map[string]int{"App users": 60, "Newsletter": 20}[l.Name]
			if l.Members == nil || *l.Members != want {
				t.Errorf("%s: got %v members, want %d", l.Name, l.Members, want)
			}
		}
		path = page.Links.Next.Href
	}
	for i := range ids[1:] {
		if ids[i] >= ids[i+1] {
			t.Fatalf("got %v, want ascending ids", ids)
		}
	}
	if got := get[listsView](c, "/v3/contact_lists?name=app%20users&include_membership_count=active").Lists; len(got) != 1 || *got[0].Members != 57 {
		t.Errorf("by name, active members: got %+v, want one list with 57", got)
	}
}

func TestAListThatIsDeletedBetweenTwoPagesHidesNoOther(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Unlimited: true})
	for i := range 4 {
		s.AddList(fmt.Sprintf("L%d", i))
	}
	all := get[listsView](c, "/v3/contact_lists").Lists
	first := get[listsView](c, "/v3/contact_lists?limit=2")
	s.DeleteList(all[2].ID)
	if rest := get[listsView](c, first.Links.Next.Href).Lists; len(rest) != 1 || rest[0].ID != all[3].ID {
		t.Errorf("got %+v, want the list behind the deleted one", rest)
	}
}

func TestTheLifeOfAList(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant, Unlimited: true})
	const path = "/v3/contact_lists"
	type listView struct {
		ID   string `json:"list_id"`
		Name string `json:"name"`
	}
	l := decode[listView](t, c.call("POST", path, `{"name":"A","description":"about","favorite":true}`, http.StatusCreated))
	c.call("POST", path, `{"name":"a"}`, http.StatusConflict)
	c.call("POST", path, `{}`, http.StatusBadRequest)
	c.call("PUT", path+"/"+l.ID, `{"name":"B"}`, http.StatusOK)
	c.call("POST", path, `{"name":"C"}`, http.StatusCreated)
	c.call("PUT", path+"/"+l.ID, `{"name":"c"}`, http.StatusBadRequest)
	s.Seed(sandbox.Contact{Address: "ann@example.com", Lists: []string{"B"}})
	c.call("GET", path+"/"+l.ID+"?include_membership_count=all", nil, http.StatusOK)
	r := c.call("DELETE", path+"/"+l.ID, nil, http.StatusAccepted)
	c.finished(decode[activityView](t, r).ID)
	c.call("GET", path+"/"+l.ID, nil, http.StatusNotFound)
	if got, _ := s.Contact("ann@example.com"); len(got.Lists) != 0 {
		t.Errorf("got %v, want no membership", got.Lists)
	}
	if got := get[listsView](c, path+"?status=deleted").Lists; len(got) != 1 {
		t.Errorf("deleted lists: got %+v, want one", got)
	}
	c.call("GET", path+"?status=lost", nil, http.StatusBadRequest)
	c.call("GET", path+"?include_sms_membership_count=some", nil, http.StatusBadRequest)
}

func TestTheLifeOfATag(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant, Unlimited: true})
	const path = "/v3/contact_tags"
	type tagView struct {
		ID string `json:"tag_id"`
	}
	tag := decode[tagView](t, c.call("POST", path, `{"name":"vip","tag_source":"Contact"}`, http.StatusCreated))
	c.call("POST", path, `{"name":"VIP"}`, http.StatusConflict)
	c.call("POST", path, `{"name":""}`, http.StatusBadRequest)
	c.call("PUT", path+"/"+tag.ID, `{"name":"gold"}`, http.StatusOK)
	s.Seed(sandbox.Contact{Address: "ann@example.com", Tags: []string{"gold"}})
	if r := c.call("GET", path+"?include_count=true&limit=1", nil, http.StatusOK); !strings.Contains(r.body, `"contacts_count":1`) {
		t.Errorf("got %s, want one contact counted", r.body)
	}
	if got := get[contactsPage](c, "/v3/contacts?tags="+tag.ID).Contacts; len(got) != 1 {
		t.Errorf("by tag: got %+v", got)
	}
	c.call("GET", path+"/"+tag.ID, nil, http.StatusOK)
	c.finished(decode[activityView](t, c.call("DELETE", path+"/"+tag.ID, nil, http.StatusAccepted)).ID)
	c.call("GET", path+"/"+tag.ID, nil, http.StatusNotFound)
}

func TestTheAccount(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{})
	s.SetAccount("p07other", "Other Company")
	r := c.call("GET", "/v3/account/summary?extra_fields=physical_address", nil, http.StatusOK)
	for _, part := range []string{`"encoded_account_id":"p07other"`, `"organization_name":"Other Company"`, `"city":"Boston"`} {
		if !strings.Contains(r.body, part) {
			t.Errorf("%s is missing: %s", part, r.body)
		}
	}
	c.call("GET", "/v3/account/summary?extra_fields=secrets", nil, http.StatusBadRequest)
}

func TestAnUnknownPathIsAJSONError(t *testing.T) {
	t.Parallel()
	_, c := serve(t, sandbox.Options{})
	c.call("GET", "/v3/nothing", nil, http.StatusNotFound)
	c.token = "wrong"
	c.call("GET", "/v3/nothing", nil, http.StatusUnauthorized)
}
