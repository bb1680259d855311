package sandbox_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/ccapi/sandbox"
)

// bulk runs a bulk activity to its end.
func (c *client) bulk(kind, body string) activityView {
	c.t.Helper()
	return c.finished(decode[activityView](c.t, c.call("POST", "/v3/activities/"+kind, body, http.StatusCreated)).ID)
}

func TestBulkActivities(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		kind string
		body string // %s: ann's id, list A's id, tag vip's id, in %[n]s form
		want sandbox.Contact
	}{
		{"delete by id", "contact_delete", `{"contact_ids":["%[1]s"]}`,
			sandbox.Contact{Deleted: true, Tags: []string{"vip"}}},
		{"delete by list", "contact_delete", `{"list_ids":["%[2]s"]}`,
			sandbox.Contact{Deleted: true, Tags: []string{"vip"}}},
		{"add to lists", "add_list_memberships", `{"source":{"contact_ids":["%[1]s"]},"list_ids":["%[2]s","%[4]s"]}`,
			sandbox.Contact{Lists: []string{"A", "B"}, Tags: []string{"vip"}}},
		{"add all active to lists", "add_list_memberships", `{"source":{"all_active_contacts":true},"list_ids":["%[4]s"]}`,
			sandbox.Contact{Lists: []string{"A", "B"}, Tags: []string{"vip"}}},
		{"add all active but one", "add_list_memberships", `{"source":{"all_active_contacts":true},"exclude":{"contact_ids":["%[1]s"]},"list_ids":["%[4]s"]}`,
			sandbox.Contact{Lists: []string{"A"}, Tags: []string{"vip"}}},
		{"remove from lists", "remove_list_memberships", `{"source":{"tag_ids":["%[3]s"]},"list_ids":["%[2]s"]}`,
			sandbox.Contact{Tags: []string{"vip"}}},
		{"remove tags", "contacts_taggings_remove", `{"source":{"list_ids":["%[2]s"]},"tag_ids":["%[3]s"]}`,
			sandbox.Contact{Lists: []string{"A"}}},
		{"add tags", "contacts_taggings_add", `{"source":{"list_ids":["%[2]s"]},"tag_ids":["%[5]s"]}`,
			sandbox.Contact{Lists: []string{"A"}, Tags: []string{"vip", "new"}}},
		{"delete lists", "list_delete", `{"list_ids":["%[2]s"]}`, sandbox.Contact{Tags: []string{"vip"}}},
		{"delete tags", "contacts_tags_delete", `{"tag_ids":["%[3]s"]}`, sandbox.Contact{Lists: []string{"A"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, c := serve(t, sandbox.Options{ImportTime: instant, Unlimited: true})
			s.Seed(sandbox.Contact{Address: "ann@example.com", Lists: []string{"A"}, Tags: []string{"vip"}},
				sandbox.Contact{Address: "bob@example.com", Lists: []string{"B"}, Tags: []string{"new"}})
			ann, _ := s.Contact("ann@example.com")
			lists, tags := c.lists(), c.tags()
			a := c.bulk(tt.kind, fmt.Sprintf(tt.body+"%[6]s", ann.ID, lists["A"], tags["vip"], lists["B"], tags["new"], ""))
			if a.State != "completed" || a.Percent != 100 {
				t.Errorf("got %+v, want completed", a)
			}
			tt.want.Address, tt.want.Permission, tt.want.Fields = "ann@example.com", "implicit", map[string]string{}
			got, _ := s.Contact(ann.ID)
			if diff := cmp.Diff(tt.want, got, unchanged); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func (c *client) tags() map[string]string {
	c.t.Helper()
	ids := map[string]string{}
	page := get[struct {
		Tags []struct {
			ID   string `json:"tag_id"`
			Name string `json:"name"`
		} `json:"tags"`
	}](c, "/v3/contact_tags?limit=500")
	for _, tag := range page.Tags {
		ids[tag.Name] = tag.ID
	}
	return ids
}

func TestAddingToAListRevivesAndNeverAddsWhoOptedOut(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant, Unlimited: true})
	list := s.AddList("L")
	s.Seed(sandbox.Contact{Address: "gone@example.com", Deleted: true}, sandbox.Contact{Address: "out@example.com", Permission: sandbox.Unsubscribed})
	gone, _ := s.Contact("gone@example.com")
	out, _ := s.Contact("out@example.com")
	c.bulk("add_list_memberships", fmt.Sprintf(`{"source":{"contact_ids":["%s","%s"]},"list_ids":["%s"]}`, gone.ID, out.ID, list))
	gone, _ = s.Contact(gone.ID)
	out, _ = s.Contact(out.ID)
	if gone.Deleted || !slices.Equal(gone.Lists, []string{"L"}) || len(out.Lists) != 0 {
		t.Errorf("got %+v and %+v", gone, out)
	}
}

func TestBulkActivitiesThatAreRefused(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Unlimited: true})
	list := s.AddList("L")
	id := `"8874d922-2cf0-4c0b-8af7-d9dad192f15c"`
	tests := []struct {
		name, kind, body string
	}{
		{"nothing to delete", "contact_delete", `{}`},
		{"deletion by tag", "contact_delete", `{"tag_ids":[` + id + `]}`},
		{"both ids and lists", "contact_delete", `{"contact_ids":[` + id + `],"list_ids":["` + list + `"]}`},
		{"too many contacts", "contact_delete", `{"contact_ids":[` + strings.Repeat(id+",", 500) + id + `]}`},
		{"no source", "add_list_memberships", `{"list_ids":["` + list + `"]}`},
		{"an empty source", "add_list_memberships", `{"source":{},"list_ids":["` + list + `"]}`},
		{"an unknown list", "remove_list_memberships", `{"source":{"contact_ids":[` + id + `]},"list_ids":[` + id + `]}`},
		{"an unknown tag", "contacts_taggings_add", `{"source":{"contact_ids":[` + id + `]},"tag_ids":[` + id + `]}`},
		{"no tags", "contacts_tags_delete", `{"tag_ids":[]}`},
		{"ids that are none", "custom_fields_delete", `{"custom_field_ids":["x"]}`},
		{"exports by two criteria", "contact_exports", `{"contact_ids":[` + id + `],"list_ids":["` + list + `"]}`},
		{"exports of an unknown status", "contact_exports", `{"status":"happy"}`},
		{"no JSON", "contact_exports", `all`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c.call("POST", "/v3/activities/"+tt.kind, tt.body, http.StatusBadRequest)
		})
	}
}

func TestCustomFieldsCanBeDeletedInBulk(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant})
	c.bulk("custom_fields_delete", `{"custom_field_ids":["`+s.AddCustomField("x", "string")+`"]}`)
	if got := get[fieldsView](c, "/v3/contact_custom_fields").Fields; len(got) != 0 {
		t.Errorf("got %+v, want none", got)
	}
}

// export runs an export and returns the lines of its file, sorted but for the
// header.
func (c *client) export(body string) [][]string {
	c.t.Helper()
	a := c.bulk("contact_exports", body)
	r := c.call("GET", a.Links.Results.Href, nil, http.StatusOK)
	lines, err := csv.NewReader(strings.NewReader(r.body)).ReadAll()
	if err != nil || r.header.Get("Content-Type") != "text/csv" {
		c.t.Fatalf("export: %v, %s", err, r.header.Get("Content-Type"))
	}
	slices.SortFunc(lines[1:], slices.Compare)
	return lines
}

func TestAnExportIsAFile(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant, Unlimited: true})
	when := time.Date(2020, 9, 25, 21, 45, 13, 0, time.UTC)
	s.Seed(
		sandbox.Contact{Address: "ann@example.com", FirstName: "Ann", Fields: map[string]string{"Short code": "K7"}, Lists: []string{"App users", "News"}, Tags: []string{"vip"}, CreatedAt: when, UpdatedAt: when},
		sandbox.Contact{Address: "gone@example.com", Deleted: true},
	)
	want := [][]string{
		{"Email address", "First name", "Last name", "Company", "Job title", "Email status", "Email permission status", "Email Lists", "Tags", "Created At", "Updated At", "Short code"},
		{"ann@example.com", "Ann", "", "", "", "Active", "Implicit", "App users, News", "vip", "2020-09-25 16:45:13 -0500", "2020-09-25 16:45:13 -0500", "K7"},
	}
	if diff := cmp.Diff(want, c.export(`{}`)); diff != "" {
		t.Errorf("everything (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"Email address", "Short code"}, {"gone@example.com", ""}}, c.export(`{"status":"deleted","fields":["email_address","short_code"]}`)); diff != "" {
		t.Errorf("two columns of the deleted (-want +got):\n%s", diff)
	}
	consent := c.export(`{"status":"active","fields":["email_address","email_optin_source","email_optout_date"]}`)
	if diff := cmp.Diff([][]string{{"Email address", "Email optin source", "Email optout date"}, {"ann@example.com", "Account", ""}}, consent); diff != "" {
		t.Errorf("consent (-want +got):\n%s", diff)
	}
	s.SetSwitches(sandbox.Switches{ExportByName: true})
	if got := c.export(`{}`)[0]; got[len(got)-1] != "short_code" {
		t.Errorf("by name: got %v", got)
	}
	s.SetSwitches(sandbox.Switches{ExportWithoutFields: true})
	if got := c.export(`{}`)[0]; got[len(got)-1] != "Updated At" {
		t.Errorf("without fields: got %v", got)
	}
}

func TestTheLinkOfAnExportStandsThereBeforeTheFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := pipe(t, sandbox.Options{Contacts: 3, ImportTime: func(int) time.Duration { return 10 * time.Second }})
		a := decode[activityView](t, c.call("POST", "/v3/activities/contact_exports", `{}`, http.StatusCreated))
		time.Sleep(5 * time.Second)
		a = get[activityView](c, "/v3/activities/"+a.ID)
		if a.Links.Results.Href == "" {
			t.Fatal("no link while processing")
		}
		c.call("GET", a.Links.Results.Href, nil, http.StatusNotFound)
		time.Sleep(5 * time.Second)
		c.call("GET", a.Links.Results.Href, nil, http.StatusOK)
	})
}

func TestActivitiesAreListedForTenDays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{Tokens: sandbox.Lifetimes{Access: 1000 * time.Hour}})
		list := s.AddList("L")
		var ids []string
		for i := range 3 {
			ids = append(ids, c.importRows(list, fmt.Sprintf(`{"email":"u%d@example.com"}`, i)).ID)
		}
		type page struct {
			Activities []activityView `json:"activities"`
			Links      linksView      `json:"_links"`
		}
		first := get[page](c, "/v3/activities?limit=2&state=completed")
		second := get[page](c, first.Links.Next.Href)
		got := []string{first.Activities[0].ID, first.Activities[1].ID, second.Activities[0].ID}
		slices.Reverse(got)
		if diff := cmp.Diff(ids, got); diff != "" {
			t.Errorf("newest first (-want +got):\n%s", diff)
		}
		if n := len(get[page](c, "/v3/activities?state=failed").Activities); n != 0 {
			t.Errorf("failed: got %d, want none", n)
		}
		time.Sleep(time.Second)
		c.call("GET", "/v3/activities?state=initialized", nil, http.StatusBadRequest)
		time.Sleep(10 * 24 * time.Hour)
		c.call("GET", "/v3/activities/"+ids[0], nil, http.StatusNotFound)
		if n := len(get[page](c, "/v3/activities").Activities); n != 0 {
			t.Errorf("after ten days: got %d, want none", n)
		}
	})
}

func TestMoreThanAThousandQueuedActivitiesAreRefused(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Unlimited: true, ImportTime: func(int) time.Duration { return time.Hour }})
	list := s.AddList("L")
	for range 1000 {
		c.sendRows(list, `{"email":"a@example.com"}`)
	}
	r := c.call("POST", "/v3/activities/contact_exports", `{}`, http.StatusTooManyRequests)
	if got := decode[[]errorView](t, r)[0].Key; got == "throttled" || got == "quota_exceeded" {
		t.Errorf("got %s: this 429 is another one", got)
	}
}
