package sandbox_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/ccapi/sandbox"
)

// pages follows the links of a collection and returns every page.
func (c *client) pages(path string) []contactsPage {
	c.t.Helper()
	var all []contactsPage
	for path != "" {
		p := get[contactsPage](c, path)
		all = append(all, p)
		path = p.Links.Next.Href
	}
	return all
}

func TestPagesCarryTheFiltersAndHaveEveryContactOnce(t *testing.T) {
	t.Parallel()
	_, c := serve(t, sandbox.Options{Contacts: 1100, Unlimited: true})
	pages := c.pages("/v3/contacts?limit=500&status=all&include=custom_fields,list_memberships&include_count=true")
	if len(pages) != 3 {
		t.Fatalf("got %d pages, want 3", len(pages))
	}
	next, err := url.Parse(pages[0].Links.Next.Href)
	if err != nil {
		t.Fatal(err)
	}
	cursor, err := base64.StdEncoding.DecodeString(next.Query().Get("cursor"))
	if err != nil || string(cursor) != "limit=500&next=2" || next.Host != "" || next.Query().Get("status") != "all" {
		t.Errorf("next page: got %s with cursor %q, %v", next, cursor, err)
	}
	seen := map[string]bool{}
	var ids, addresses, updated []string
	for _, p := range pages {
		if p.Count == nil || *p.Count != 1100 {
			t.Errorf("contacts_count: got %v, want 1100 on every page", p.Count)
		}
		for _, contact := range p.Contacts {
			seen[contact.ID] = true
			ids, addresses, updated = append(ids, contact.ID), append(addresses, contact.Email.Address), append(updated, contact.Updated)
			if contact.Fields == nil || contact.Lists == nil {
				t.Fatalf("subresources that were asked for are missing: %+v", contact)
			}
		}
	}
	if len(seen) != 1100 {
		t.Errorf("got %d distinct contacts, want 1100", len(seen))
	}
	if slices.IsSorted(ids) || slices.IsSorted(addresses) || slices.IsSorted(updated) {
		t.Error("the order is one that a client could use")
	}
}

func TestContactsThatComeAndGoMoveTheOthersBetweenPages(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Contacts: 100, Unlimited: true})
	path := "/v3/contacts?limit=50"
	page := get[contactsPage](c, path)
	s.Delete(page.Contacts[0].ID)
	rest := get[contactsPage](c, page.Links.Next.Href)
	if got := len(rest.Contacts); got != 49 {
		t.Errorf("after a deletion the second page has %d contacts, want 49: one was skipped", got)
	}
	for i := range 60 {
		s.AddContact(sandbox.Contact{Address: fmt.Sprintf("new%d@example.com", i)})
	}
	again := get[contactsPage](c, page.Links.Next.Href)
	if again.Contacts[0].ID == rest.Contacts[0].ID {
		t.Error("new contacts moved nothing")
	}
}

func TestContactsWithoutAValueLackTheKey(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{})
	s.Seed(sandbox.Contact{Address: "ann@example.com"}, sandbox.Contact{FirstName: "Nobody"})
	body := c.call("GET", "/v3/contacts", nil, http.StatusOK).body
	for _, key := range []string{"last_name", "job_title", "opt_out_date", "opt_out_source", "deleted_at", "custom_fields", "birthday_month", "next", "contacts_count"} {
		if strings.Contains(body, `"`+key+`"`) {
			t.Errorf("%s is there without a value: %s", key, body)
		}
	}
	if n := strings.Count(body, `"email_address"`); n != 1 {
		t.Errorf("got %d email addresses, want 1: contacts without one exist", n)
	}
}

func TestFiltersOfContacts(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Unlimited: true})
	day := time.Date(2020, 5, 1, 12, 0, 0, 0, time.UTC)
	s.Seed(
		sandbox.Contact{Address: "Active@example.com", Lists: []string{"A"}, Tags: []string{"vip"}, CreatedAt: day, UpdatedAt: day},
		sandbox.Contact{Address: "explicit@example.com", Permission: sandbox.Explicit, Lists: []string{"B"}, UpdatedAt: day.Add(time.Hour)},
		sandbox.Contact{Address: "out@example.com", Permission: sandbox.Unsubscribed, UpdatedAt: day},
		sandbox.Contact{Address: "pending@example.com", Permission: sandbox.PendingConfirmation, UpdatedAt: day},
		sandbox.Contact{Address: "hold@example.com", Permission: sandbox.TempHold, UpdatedAt: day},
		sandbox.Contact{Address: "unset@example.com", Permission: sandbox.NotSet, UpdatedAt: day},
		sandbox.Contact{Address: "gone@example.com", Deleted: true, UpdatedAt: day},
	)
	ids := c.lists()
	tests := []struct {
		name  string
		query string
		want  []string
	}{
		{"without a status all but the deleted", "", []string{"active", "explicit", "hold", "out", "pending", "unset"}},
		{"all", "status=all", []string{"active", "explicit", "gone", "hold", "out", "pending", "unset"}},
		{"active", "status=active", []string{"active", "explicit"}},
		{"several", "status=deleted,temp_hold", []string{"gone", "hold"}},
		{"unsubscribed", "status=unsubscribed", []string{"out"}},
		{"an address without regard to case", "email=ACTIVE@Example.com", []string{"active"}},
		{"updated after", "updated_after=2020-05-01T12:00:00Z", []string{"explicit"}},
		{"updated after, with an offset", "updated_after=2020-05-01T15:00:00%2B03:00&status=all", []string{"explicit"}},
		{"updated between", "updated_after=2020-05-01T11:59:59Z&updated_before=2020-05-01T12:30:00.000Z&status=active", []string{"active"}},
		{"created before", "created_before=2020-05-02&status=active&created_after=2020-04-01T00:00:00", []string{"active"}},
		{"opted out after", "optout_after=2020-01-01T00:00:00Z", []string{"out"}},
		{"nobody", "optout_before=2020-01-01T00:00:00Z", nil},
		{"members of either list", "lists=" + ids["A"] + "," + ids["B"], []string{"active", "explicit"}},
		{"members of one list", "lists=" + ids["B"], []string{"explicit"}},
		{"no SMS", "sms_status=all", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, contact := range get[contactsPage](c, "/v3/contacts?"+tt.query).Contacts {
				name, _, _ := strings.Cut(strings.ToLower(contact.Email.Address), "@")
				got = append(got, name)
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// lists are the ids of all lists by their names.
func (c *client) lists() map[string]string {
	c.t.Helper()
	ids := map[string]string{}
	for _, l := range get[listsView](c, "/v3/contact_lists?limit=500").Lists {
		ids[l.Name] = l.ID
	}
	return ids
}

func TestQueriesOfContactsThatAreRefused(t *testing.T) {
	t.Parallel()
	_, c := serve(t, sandbox.Options{Contacts: 3, Unlimited: true})
	for name, query := range map[string]string{
		"an unknown status":      "status=happy",
		"a limit of nothing":     "limit=0",
		"a limit too high":       "limit=501",
		"a limit in words":       "limit=many",
		"an unknown subresource": "include=custom_fields,pets",
		"a date that is none":    "updated_after=yesterday",
		"a flag that is none":    "include_count=maybe",
		"a list that is no id":   "lists=users",
		"too many lists":         "lists=" + strings.Repeat("8874d922-2cf0-4c0b-8af7-d9dad192f15c,", 26),
		"a cursor that is none":  "cursor=xyz",
		"a cursor with page 0":   "cursor=" + base64.StdEncoding.EncodeToString([]byte("limit=50&next=0")),
		"a segment with more":    "segment_id=1&status=all",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := c.call("GET", "/v3/contacts?"+query, nil, http.StatusBadRequest)
			if got := decode[[]errorView](t, r); got[0].Key != "contacts.api.validation.error" {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestAContactThatDoesNotExist(t *testing.T) {
	t.Parallel()
	_, c := serve(t, sandbox.Options{})
	r := c.call("GET", "/v3/contacts/12", nil, http.StatusNotFound)
	if got := decode[[]errorView](t, r)[0]; got != (errorView{"contacts.api.not_found", "contact_id is in an invalid format."}) {
		t.Errorf("got %+v", got)
	}
	c.call("GET", "/v3/contacts/8874d922-2cf0-4c0b-8af7-d9dad192f15c", nil, http.StatusNotFound)
}

func TestWhatMovesUpdatedAt(t *testing.T) {
	t.Parallel()
	edits := []struct {
		name string
		edit func(*sandbox.Server) bool
		off  bool // moves with all switches off
		on   bool // moves with all switches on
	}{
		{"an opt-out never does", func(s *sandbox.Server) bool { return s.OptOut("ann@example.com") }, false, false},
		{"a deletion", func(s *sandbox.Server) bool { return s.Delete("ann@example.com") }, false, true},
		{"a list left", func(s *sandbox.Server) bool { return s.LeaveList("ann@example.com", "A") }, false, true},
		{"a list joined always does", func(s *sandbox.Server) bool { return s.JoinList("ann@example.com", "B") }, true, true},
		{"a custom field", func(s *sandbox.Server) bool { return s.SetField("ann@example.com", "code", "new") }, false, true},
		{"a property always does", func(s *sandbox.Server) bool { return s.SetProperty("ann@example.com", "first_name", "Ann") }, true, true},
		{"an address always does", func(s *sandbox.Server) bool { return s.ChangeAddress("ann@example.com", "anna@example.com") }, true, true},
	}
	on := sandbox.Switches{DeletionMovesUpdatedAt: true, ListExitMovesUpdatedAt: true, TagMovesUpdatedAt: true, FieldEditMovesUpdatedAt: true}
	for _, tt := range edits {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, switches := range []sandbox.Switches{{}, on} {
				s := sandbox.New(sandbox.Options{Switches: switches})
				s.AddList("B")
				s.Seed(sandbox.Contact{Address: "ann@example.com", Fields: map[string]string{"code": "old"}, Lists: []string{"A"}})
				before, _ := s.Contact("ann@example.com")
				if !tt.edit(s) {
					t.Fatal("the edit changed nothing")
				}
				after, _ := s.Contact(before.ID)
				want := tt.off
				if switches == on {
					want = tt.on
				}
				if got := after.UpdatedAt.After(before.UpdatedAt); got != want {
					t.Errorf("switches %+v: moved %v, want %v", switches, got, want)
				}
			}
		})
	}
}

func TestAnOptOutMovesOnlyTheTimeOfTheAddress(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Contacts: 1})
	s.OptOut("user000001@example.com")
	got := get[contactsPage](c, "/v3/contacts?status=unsubscribed").Contacts[0]
	if got.Email.Permission != "unsubscribed" || got.Email.OptOut == "" || got.Email.Updated != got.Email.OptOut || got.Updated >= got.Email.Updated {
		t.Errorf("got %+v", got)
	}
}

func TestCountsTellTotals(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{})
	s.Seed(sandbox.Contact{Address: "a@example.com"}, sandbox.Contact{Address: "b@example.com", Permission: sandbox.Explicit},
		sandbox.Contact{Address: "c@example.com", Permission: sandbox.Unsubscribed}, sandbox.Contact{Address: "d@example.com", Deleted: true})
	s.AddContact(sandbox.Contact{Address: "e@example.com"})
	want := map[string]int{"total": 4, "explicit": 1, "implicit": 2, "pending": 0, "unsubscribed": 1, "new_subscriber": 1}
	if diff := cmp.Diff(want, get[map[string]int](c, "/v3/contacts/counts?include=new_subscriber")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.call("GET", "/v3/contacts/counts?include=new_subscribers", nil, http.StatusOK)
	c.call("GET", "/v3/contacts/counts?include=all", nil, http.StatusBadRequest)
}

func TestUpdatedAfterMayBeInclusive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{})
		s.AddContact(sandbox.Contact{Address: "ann@example.com"})
		path := "/v3/contacts?updated_after=" + time.Now().UTC().Format(time.RFC3339)
		if got := len(get[contactsPage](c, path).Contacts); got != 0 {
			t.Errorf("exclusive: got %d contacts, want none", got)
		}
		s.SetSwitches(sandbox.Switches{UpdatedAfterInclusive: true})
		if got := len(get[contactsPage](c, path).Contacts); got != 1 {
			t.Errorf("inclusive: got %d contacts, want 1", got)
		}
	})
}
