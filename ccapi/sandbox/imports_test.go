package sandbox_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ccsyncd/ccapi/sandbox"
)

// importRows sends rows, given as JSON, into one list and waits for the end.
func (c *client) importRows(list string, rows ...string) activityView {
	c.t.Helper()
	return c.finished(c.sendRows(list, rows...).ID)
}

func (c *client) sendRows(list string, rows ...string) activityView {
	c.t.Helper()
	body := fmt.Sprintf(`{"import_data":[%s],"list_ids":[%q]}`, strings.Join(rows, ","), list)
	return decode[activityView](c.t, c.call("POST", "/v3/activities/contacts_json_import", body, http.StatusCreated))
}

func TestAnImportIsAnActivityThatTakesItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{Contacts: 10, ImportTime: func(int) time.Duration { return 10 * time.Second }})
		list := c.lists()["App users"]
		a := c.sendRows(list, `{"email":"user000001@example.com","cf:short_code":"NEW"}`)
		if a.State != "initialized" || a.Percent != 1 || a.Status["items_total_count"] != 2 || a.Status["person_count"] != 0 {
			t.Errorf("at first: got %+v", a)
		}
		time.Sleep(5 * time.Second)
		a = get[activityView](c, "/v3/activities/"+a.ID)
		if a.State != "processing" || a.Percent < 40 || a.Percent > 60 {
			t.Errorf("half way: got %+v", a)
		}
		if got, _ := s.Contact("user000001@example.com"); got.Fields["short_code"] == "NEW" {
			t.Error("the import took effect before its end")
		}
		time.Sleep(5 * time.Second)
		a = get[activityView](c, "/v3/activities/"+a.ID)
		if a.State != "completed" || a.Percent != 100 || a.Status["person_count"] != 1 {
			t.Errorf("at the end: got %+v", a)
		}
		if got, _ := s.Contact("user000001@example.com"); got.Fields["short_code"] != "NEW" || !got.UpdatedAt.Equal(time.Now()) {
			t.Errorf("after the end: got %+v", got)
		}
	})
}

// unchanged ignores what every contact has of its own.
var unchanged = cmpopts.IgnoreFields(sandbox.Contact{}, "ID", "CreatedAt", "UpdatedAt")

func TestWhatAnImportDoesToContacts(t *testing.T) {
	t.Parallel()
	code := func(v string) map[string]string { return map[string]string{"code": v} }
	tests := []struct {
		name     string
		switches sandbox.Switches
		seed     sandbox.Contact
		rows     []string
		want     sandbox.Contact
		counts   map[string]int // those that are not 0, without the total
	}{
		{name: "a new contact is implicit",
			rows:   []string{`{"email":"Ann@example.com","first_name":"Ann","cf:code":"1"}`},
			want:   sandbox.Contact{Address: "Ann@example.com", Permission: "implicit", FirstName: "Ann", Fields: code("1"), Lists: []string{"L"}},
			counts: map[string]int{"person_count": 1}},
		{name: "an existing one keeps its permission and what was not sent",
			seed:   sandbox.Contact{Address: "ann@example.com", Permission: "explicit", LastName: "Lee", Fields: code("1"), Lists: []string{"Other"}},
			rows:   []string{`{"email":"ANN@example.com","cf:code":"2"}`},
			want:   sandbox.Contact{Address: "ann@example.com", Permission: "explicit", LastName: "Lee", Fields: code("2"), Lists: []string{"Other", "L"}},
			counts: map[string]int{"person_count": 1}},
		{name: "who opted out gets the fields and no list",
			seed:   sandbox.Contact{Address: "ann@example.com", Permission: "unsubscribed"},
			rows:   []string{`{"email":"ann@example.com","cf:code":"2"}`},
			want:   sandbox.Contact{Address: "ann@example.com", Permission: "unsubscribed", Fields: code("2")},
			counts: map[string]int{"person_count": 1, "cannot_add_to_list_count": 1}},
		{name: "who opted out gets nothing", switches: sandbox.Switches{UnsubscribedFieldsIgnored: true},
			seed:   sandbox.Contact{Address: "ann@example.com", Permission: "unsubscribed"},
			rows:   []string{`{"email":"ann@example.com","cf:code":"2"}`},
			want:   sandbox.Contact{Address: "ann@example.com", Permission: "unsubscribed", Fields: map[string]string{}},
			counts: map[string]int{"person_count": 1, "cannot_add_to_list_count": 1}},
		{name: "a deleted contact comes back",
			seed:   sandbox.Contact{Address: "ann@example.com", Deleted: true},
			rows:   []string{`{"email":"ann@example.com"}`},
			want:   sandbox.Contact{Address: "ann@example.com", Permission: "implicit", Fields: map[string]string{}, Lists: []string{"L"}},
			counts: map[string]int{"person_count": 1}},
		{name: "an unknown field and one of another case are ignored",
			rows:   []string{`{"email":"ann@example.com","cf:nothing":"1","cf:CODE":"2","custom_fields":[{"custom_field_id":"x"}],"note":{}}`},
			want:   sandbox.Contact{Address: "ann@example.com", Permission: "implicit", Fields: map[string]string{}, Lists: []string{"L"}},
			counts: map[string]int{"person_count": 1}},
		{name: "a field of another case is matched", switches: sandbox.Switches{ImportFieldNamesFold: true},
			rows:   []string{`{"email":"ann@example.com","cf:CODE":"2"}`},
			want:   sandbox.Contact{Address: "ann@example.com", Permission: "implicit", Fields: code("2"), Lists: []string{"L"}},
			counts: map[string]int{"person_count": 1}},
		{name: "a blank is ignored",
			seed:   sandbox.Contact{Address: "ann@example.com", FirstName: "Ann", Fields: code("1")},
			rows:   []string{`{"email":"ann@example.com","cf:code":"","first_name":null}`},
			want:   sandbox.Contact{Address: "ann@example.com", Permission: "implicit", FirstName: "Ann", Fields: code("1"), Lists: []string{"L"}},
			counts: map[string]int{"person_count": 1}},
		{name: "a blank clears", switches: sandbox.Switches{BlankClears: true},
			seed:   sandbox.Contact{Address: "ann@example.com", FirstName: "Ann", Fields: code("1")},
			rows:   []string{`{"email":"ann@example.com","cf:code":"","first_name":null}`},
			want:   sandbox.Contact{Address: "ann@example.com", Permission: "implicit", Fields: map[string]string{}, Lists: []string{"L"}},
			counts: map[string]int{"person_count": 1}},
		{name: "the last of two equal addresses wins",
			rows:   []string{`{"email":"ann@example.com","cf:code":"1"}`, `{"email":"ANN@example.com","cf:code":"2"}`},
			want:   sandbox.Contact{Address: "ANN@example.com", Permission: "implicit", Fields: code("2"), Lists: []string{"L"}},
			counts: map[string]int{"person_count": 2}},
		{name: "the first of two equal addresses wins", switches: sandbox.Switches{FirstDuplicateWins: true},
			rows:   []string{`{"email":"ann@example.com","cf:code":"1"}`, `{"email":"ANN@example.com","cf:code":"2"}`},
			want:   sandbox.Contact{Address: "ann@example.com", Permission: "implicit", Fields: code("1"), Lists: []string{"L"}},
			counts: map[string]int{"person_count": 2}},
		{name: "addresses are stored in lower case", switches: sandbox.Switches{LowerCaseAddresses: true},
			rows:   []string{`{"email":"Ann@Example.com"}`},
			want:   sandbox.Contact{Address: "ann@example.com", Permission: "implicit", Fields: map[string]string{}, Lists: []string{"L"}},
			counts: map[string]int{"person_count": 1}},
		{name: "numbers count as their text",
			rows:   []string{`{"email":"ann@example.com","cf:code":12,"birthday_month":5,"birthday_day":3}`},
			want:   sandbox.Contact{Address: "ann@example.com", Permission: "implicit", Fields: code("12"), Lists: []string{"L"}},
			counts: map[string]int{"person_count": 1}},
		{name: "rows that cannot be taken are counted",
			seed: sandbox.Contact{Address: "ann@example.com"},
			rows: []string{`{"email":"ann@example"}`, `{"first_name":"Bob"}`, `{"email":"ann@example.com","cf:code":"` + strings.Repeat("x", 256) + `"}`,
				`{"email":"bob@example.com","birthday_month":13,"birthday_day":1}`,
				`{"email":"` + strings.Repeat("a", 64) + `@` + strings.Repeat("b", 20) + `.example"}`},
			want:   sandbox.Contact{Address: "ann@example.com", Permission: "implicit", Fields: map[string]string{}},
			counts: map[string]int{"correctable_count": 4, "error_count": 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, c := serve(t, sandbox.Options{ImportTime: instant, Switches: tt.switches, Unlimited: true})
			list := s.AddList("L")
			s.AddCustomField("code", "string")
			if tt.seed.Address != "" {
				s.Seed(tt.seed)
			}
			a := c.importRows(list, tt.rows...)
			got, _ := s.Contact("ann@example.com")
			if diff := cmp.Diff(tt.want, got, unchanged); diff != "" {
				t.Errorf("contact (-want +got):\n%s", diff)
			}
			counts := map[string]int{}
			for name, n := range a.Status {
				if n != 0 && name != "items_total_count" {
					counts[name] = n
				}
			}
			if diff := cmp.Diff(tt.counts, counts); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			if a.State != "completed" || len(a.Errors) != 0 {
				t.Errorf("got %+v, want completed and no word about contacts", a)
			}
		})
	}
}

func TestAStreetWithoutAKindIsHomeAndAPhoneIsOther(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant, Unlimited: true})
	c.importRows(s.AddList("L"), `{"email":"ann@example.com","street":"1 Main St","city":"Boston","phone":"555","work_phone":"556"}`)
	r := c.call("GET", "/v3/contacts?include=street_addresses,phone_numbers", nil, http.StatusOK)
	for _, part := range []string{`"kind":"home","street":"1 Main St","city":"Boston"`, `"phone_number":"555","kind":"other"`, `"phone_number":"556","kind":"work"`} {
		if !strings.Contains(r.body, part) {
			t.Errorf("%s is missing: %s", part, r.body)
		}
	}
}

func TestImportsThatAreRefused(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Unlimited: true})
	list := s.AddList("L")
	const path = "/v3/activities/contacts_json_import"
	tests := []struct {
		name, body, want string
	}{
		{"no JSON", `{"import_data":`, "contacts.api.json.error"},
		{"nothing", `{}`, "contacts.api.validation.error"},
		{"no rows", `{"import_data":[],"list_ids":["` + list + `"]}`, "contacts.api.validation.error"},
		{"no lists", `{"import_data":[{"email":"a@example.com"}],"list_ids":[]}`, "contacts.api.validation.error"},
		{"an unknown list", `{"import_data":[{"email":"a@example.com"}],"list_ids":["8874d922-2cf0-4c0b-8af7-d9dad192f15c"]}`, "contacts.api.validation.error"},
		{"too many lists", `{"import_data":[{"email":"a@example.com"}],"list_ids":[` + strings.Repeat(`"x",`, 50) + `"x"]}`, "contacts.api.validation.error"},
		{"an email object", `{"import_data":[{"email":{"address":"a@example.com"}}],"list_ids":["` + list + `"]}`, "contacts.api.validation.error"},
		{"rows that are none", `{"import_data":["a@example.com"],"list_ids":["` + list + `"]}`, "contacts.api.validation.error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := c.call("POST", path, tt.body, http.StatusBadRequest)
			if got := decode[[]errorView](t, r)[0].Key; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	r := c.call("POST", path, `{}`, http.StatusBadRequest)
	if got := decode[[]errorView](t, r); len(got) != 1 || got[0].Message != "import_data is missing, list_ids is missing" {
		t.Errorf("got %+v, want one element with the messages joined", got)
	}
	req, err := http.NewRequest("POST", c.base+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "text/plain")
	if r, err := c.send(req); err != nil || r.status != http.StatusUnsupportedMediaType {
		t.Errorf("text/plain: got %d, %v, want 415", r.status, err)
	}
}

func TestWhatIsBeyond4MBIsDroppedWithoutAWord(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant, Unlimited: true})
	list := s.AddList("L")
	filler := strings.Repeat("x", 9_000) // in a member that an import ignores
	var rows []string
	for i := range 500 {
		rows = append(rows, fmt.Sprintf(`{"email":"u%05d@example.com","note":"%s"}`, i, filler))
	}
	a := c.importRows(list, rows...)
	kept := 4_000_000 / (len(rows[0]) + 1)
	if got := a.Status["person_count"]; a.State != "completed" || got > kept || got < kept-2 {
		t.Errorf("got %d contacts, want about %d and no error", got, kept)
	}
	if got := s.Requests()[0].Contacts; got != a.Status["person_count"] {
		t.Errorf("log: got %d contacts", got)
	}
}

func TestAProgressiveImportTakesEffectRowByRow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{ImportTime: func(int) time.Duration { return 10 * time.Second }, Switches: sandbox.Switches{ImportsProgressive: true}})
		list := s.AddList("L")
		var rows []string
		for i := range 10 {
			rows = append(rows, fmt.Sprintf(`{"email":"u%d@example.com"}`, i))
		}
		c.sendRows(list, rows...)
		time.Sleep(6 * time.Second)
		if got := len(s.Contacts()); got < 4 || got > 7 {
			t.Errorf("half way: got %d contacts, want about half", got)
		}
		time.Sleep(4 * time.Second)
		if got := len(s.Contacts()); got != 10 {
			t.Errorf("at the end: got %d contacts, want 10", got)
		}
	})
}

func TestAnImportMayBeReadableLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{Contacts: 1, ImportTime: instant, Switches: sandbox.Switches{ImportsReadLate: true}})
		list := c.lists()["App users"]
		a := c.importRows(list, `{"email":"user000001@example.com","cf:short_code":"NEW"}`, `{"email":"new@example.com"}`)
		if a.State != "completed" {
			t.Fatalf("got %+v", a)
		}
		time.Sleep(29 * time.Second)
		page := get[contactsPage](c, "/v3/contacts?include=custom_fields&include_count=true")
		if *page.Count != 1 || page.Contacts[0].Fields[0].Value == "NEW" {
			t.Errorf("too soon: got %+v", page)
		}
		time.Sleep(time.Second)
		page = get[contactsPage](c, "/v3/contacts?include=custom_fields&include_count=true&email=USER000001@example.com")
		if *page.Count != 1 || page.Contacts[0].Fields[0].Value != "NEW" {
			t.Errorf("in time: got %+v", page)
		}
		if got := len(s.Contacts()); got != 2 {
			t.Errorf("got %d contacts, want 2", got)
		}
	})
}

func TestActivityErrorsMayNameLines(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant, Switches: sandbox.Switches{ActivityErrorLines: true}})
	a := c.importRows(s.AddList("L"), `{"email":"a@example.com"}`, `{"email":"nonsense"}`)
	if diff := cmp.Diff([]string{"Line 3: The email address is invalid."}, a.Errors); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAddressesCanBeRefusedForATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{ImportTime: instant, Tokens: sandbox.Lifetimes{Access: 100 * time.Hour}, Switches: sandbox.Switches{BusyAddressesRefused: true}})
		list := s.AddList("L")
		for i := range 6 {
			c.importRows(list, fmt.Sprintf(`{"email":"ann@example.com","first_name":"A%d"}`, i))
			time.Sleep(time.Second)
		}
		a := c.importRows(list, `{"email":"ann@example.com","first_name":"B"}`)
		if got, _ := s.Contact("ann@example.com"); a.Status["error_count"] != 1 || got.FirstName != "A5" {
			t.Errorf("after more than 5 changes: got %+v, %+v", a, got)
		}
		time.Sleep(48 * time.Hour)
		c.importRows(list, `{"email":"ann@example.com","first_name":"B"}`)
		if got, _ := s.Contact("ann@example.com"); got.FirstName != "B" {
			t.Errorf("after 48 hours: got %+v", got)
		}
		s.Refuse("ann@example.com", time.Now().Add(time.Hour))
		if a := c.importRows(list, `{"email":"ann@example.com"}`); a.Status["error_count"] != 1 {
			t.Errorf("refused on demand: got %+v", a)
		}
	})
}

func TestImportsRemembersWhatWasSent(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant})
	list := s.AddList("L")
	a := c.sendRows(list, `{"email":"a@example.com","cf:x":"1"}`)
	c.call("POST", "/v3/activities/contacts_json_import", `{"import_data":[{"email":"b@example.com"}],"list_ids":[]}`, http.StatusBadRequest)
	want := []sandbox.Import{
		{ActivityID: a.ID, Accepted: true, Lists: []string{list}, Rows: []sandbox.ImportRow{{Address: "a@example.com", Members: map[string]string{"cf:x": "1"}}}},
		{Rows: []sandbox.ImportRow{{Address: "b@example.com", Members: map[string]string{}}}},
	}
	if diff := cmp.Diff(want, s.Imports(), cmpopts.IgnoreFields(sandbox.Import{}, "Bytes"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// postFile sends a CSV file.
func (c *client) postFile(name, text, lists string) reply {
	c.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("file", name)
	if err != nil {
		c.t.Fatal(err)
	}
	_, _ = part.Write([]byte(text)) // into memory
	_ = w.WriteField("list_ids", lists)
	_ = w.Close()
	req, err := http.NewRequest("POST", c.base+"/v3/activities/contacts_file_import", &body)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", w.FormDataContentType())
	r, err := c.send(req)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func TestAFileImport(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{ImportTime: instant, Unlimited: true})
	list := s.AddList("L")
	s.AddCustomField("Short code", "string")
	r := c.postFile("users.csv", "\ufeffEmail,first_name,cf:short_code\nann@example.com,Ann,K7\n\"bob@example.com\",\"Bob, the 2nd\",\n", list)
	if r.status != http.StatusCreated {
		t.Fatalf("got %d %s, want 201", r.status, r.body)
	}
	a := c.finished(decode[activityView](t, r).ID)
	if a.Status["items_total_count"] != 3 || a.Status["person_count"] != 2 {
		t.Errorf("got %+v", a)
	}
	if got, _ := s.Contact("ann@example.com"); got.Fields["short_code"] != "K7" || got.FirstName != "Ann" {
		t.Errorf("got %+v", got)
	}
	if got, _ := s.Contact("bob@example.com"); got.FirstName != "Bob, the 2nd" {
		t.Errorf("got %+v", got)
	}
	for name, tt := range map[string]struct {
		file, text, lists string
		status            int
	}{
		"another kind of file": {"users.xls", "email\na@example.com\n", list, 415},
		"no known column":      {"users.csv", "name\nAnn\n", list, 400},
		"no list":              {"users.csv", "email\na@example.com\n", "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := c.postFile(tt.file, tt.text, tt.lists); r.status != tt.status {
				t.Errorf("got %d %s, want %d", r.status, r.body, tt.status)
			}
		})
	}
}
