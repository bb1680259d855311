package ccapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// debora is a contact as the contract's examples show one.
const debora = `{"contact_id":"c1",
  "email_address":{"address":"DLang@example.com","permission_to_send":"unsubscribed",
    "created_at":"2016-03-03T15:53:04.000+00:00","updated_at":"2016-03-03T10:56:29-05:00","confirm_status":"off"},
  "first_name":"Debora","last_name":"Lang","job_title":"Musician","company_name":"Acme Corp.",
  "birthday_month":11,"birthday_day":24,"anniversary":"2006-11-15",
  "create_source":"Account","created_at":"2016-01-23T13:48:44.108Z","updated_at":"2016-01-23T13:48:44.108Z",
  "deleted_at":"2016-07-08",
  "custom_fields":[{"custom_field_id":"f1","value":"Tesla \"S\""},{"custom_field_id":"f2","value":7},
    {"custom_field_id":"f3","choice_ids":["000001",2]},{"custom_field_id":"f4","value":null}],
  "list_memberships":["l1","l2"]}`

var deboraRead = Contact{
	ID: "c1", Address: "DLang@example.com", Permission: "unsubscribed",
	FirstName: "Debora", LastName: "Lang", JobTitle: "Musician", CompanyName: "Acme Corp.",
	CustomFields: []CustomFieldValue{{ID: "f1", Value: `Tesla "S"`}, {ID: "f2", Value: "7"},
		{ID: "f3", Choices: []string{"000001", "2"}}, {ID: "f4"}},
	Lists:     []string{"l1", "l2"},
	UpdatedAt: time.Date(2016, 3, 3, 15, 56, 29, 0, time.UTC),
	Deleted:   true,
}

// readAll reads every page of a query.
func readAll(t *testing.T, r *Reader, q ContactsQuery) (pages []Page, err error) {
	t.Helper()
	for p, e := range r.Contacts(t.Context(), q) {
		if e != nil {
			return pages, e
		}
		pages = append(pages, p)
	}
	return pages, nil
}

func TestContactsAreReadPageByPage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var asked []string
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.URL.Query().Encode())
			w.Header().Set("Date", "Fri, 24 Nov 2000 12:00:00 GMT")
			switch r.URL.Query().Get("cursor") {
			case "":
				reply(w, 200, `{"contacts":[`+debora+`],"contacts_count":2,"_links":{"next":{"href":"/v3/contacts?cursor=bGltaXQ9NTAw"}}}`)
			default:
				reply(w, 200, `{"contacts":[{"contact_id":"c2"}],"_links":{}}`)
			}
		})
		got, err := readAll(t, s.reader(), ContactsQuery{UpdatedAfter: time.Date(2026, 11, 24, 13, 0, 0, 5e8, time.FixedZone("", 3600)), Email: "a+b@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		noon := time.Date(2000, 11, 24, 12, 0, 0, 0, time.UTC)
		want := []Page{
			{Contacts: []Contact{deboraRead}, Count: 2, ServedAt: noon, Next: "/v3/contacts?cursor=bGltaXQ9NTAw"},
			{Contacts: []Contact{{ID: "c2"}}, Count: -1, ServedAt: noon},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages (-want +got):\n%s", diff)
		}
		wantAsked := []string{
			"email=a%2Bb%40example.com&include=custom_fields%2Clist_memberships&include_count=true&limit=500&status=all&updated_after=2026-11-24T12%3A00%3A00Z",
			"cursor=bGltaXQ9NTAw",
		}
		if diff := cmp.Diff(wantAsked, asked); diff != "" {
			t.Errorf("queries (-want +got):\n%s", diff)
		}
	})
}

func TestDeletedContactsCanBeReadAloneAndOnSmallerPages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.URL.Query(); !cmp.Equal(got["status"], []string{"deleted"}) || !cmp.Equal(got["limit"], []string{"7"}) {
				t.Errorf("query = %q, want 7 deleted ones a page", got)
			}
			reply(w, 200, `{"contacts":[]}`)
		})
		if _, err := readAll(t, s.reader(), ContactsQuery{Deleted: true, Limit: 7}); err != nil {
			t.Error(err)
		}
	})
}

func TestReadingResumesBehindAPage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.URL.String(); got != "/v3/contacts?cursor=x%3D&y" {
				t.Errorf("asked for %s", got)
			}
			reply(w, 200, `{"contacts":[]}`)
		})
		if _, err := readAll(t, s.reader(), ContactsQuery{Next: "/v3/contacts?cursor=x%3D&y"}); err != nil {
			t.Error(err)
		}
	})
}

func TestReadingStopsWhereItsCallerStops(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, status(200, `{"contacts":[],"_links":{"next":{"href":"/v3/contacts?cursor=1"}}}`))
		for range s.reader().Contacts(t.Context(), ContactsQuery{}) {
			break
		}
		if s.hits.Load() != 1 {
			t.Errorf("%d requests, want 1", s.hits.Load())
		}
	})
}

func TestAPageWithoutContactsIsAPage(t *testing.T) {
	tests := []struct {
		name, body string
		count      int
	}{
		{"an empty array", `{"contacts":[]}`, -1},
		{"null and a count", `{"contacts":null,"contacts_count":0}`, 0},
		{"null and links", `{"contacts":null,"_links":{}}`, -1},
		{"a null link", `{"contacts":[],"_links":{"next":null}}`, -1},
		{"an empty link", `{"contacts":[],"_links":{"next":{"href":""}}}`, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, status(200, tt.body))
				pages, err := readAll(t, s.reader(), ContactsQuery{})
				if err != nil || len(pages) != 1 || pages[0].Count != tt.count || len(pages[0].Contacts) != 0 {
					t.Errorf("pages = %+v, %v", pages, err)
				}
			})
		})
	}
}

func TestAnAnswerThatIsNoPageIsNeverTakenForAnEmptyOne(t *testing.T) {
	for _, body := range []string{`{}`, `[]`, `null`, `{"error_key":"x"}`, `{"contacts":[{"first_name":"no id"}]}`, `{"contacts":[]} trailing`} {
		t.Run(body, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, status(200, body))
				if pages, err := readAll(t, s.reader(), ContactsQuery{}); err == nil {
					t.Errorf("pages = %+v, want an error", pages)
				}
			})
		})
	}
}

func TestOtherCollectionsMayBeEmptyToo(t *testing.T) {
	bodies := map[string]map[string]bool{ // whether they are a page
		"custom fields": {`{"custom_fields":[]}`: true, `{"custom_fields":null,"_links":{}}`: true, `{"custom_fields":null}`: false, `{}`: false},
		"lists":         {`{"lists":[]}`: true, `{"lists":null,"_links":{}}`: true, `{"lists":null,"lists_count":0}`: true, `{"lists":null}`: false, `{}`: false},
		"activities":    {`{"activities":[]}`: true, `{"activities":null,"_links":{}}`: true, `{"activities":null}`: false, `{}`: false},
	}
	for name, pages := range bodies {
		for body, ok := range pages {
			t.Run(name+" "+body, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					s := serve(t, status(200, body))
					if err := readers[name].read(t.Context(), s.reader()); (err == nil) != ok || !ok && !errors.Is(err, errIncomplete) {
						t.Errorf("error = %v, want success: %t", err, ok)
					}
				})
			})
		}
	}
}

func TestAPageThatFailsEndsTheSequenceAfterThosePagesThatCame(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("cursor") {
				reply(w, 400, `[{"error_key":"contacts.api.validation.error"}]`)
				return
			}
			reply(w, 200, `{"contacts":[],"_links":{"next":{"href":"/v3/contacts?cursor=1"}}}`)
		})
		pages, err := readAll(t, s.reader(), ContactsQuery{})
		if len(pages) != 1 || !errors.Is(err, ErrBadRequest) {
			t.Errorf("%d pages, %v, want 1 and %v", len(pages), err, ErrBadRequest)
		}
	})
}

func TestPagesThatLinkRoundAreNotReadForEver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := 0
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			n++
			cursor := n % 3
			if strings.Contains(r.URL.Path, "contact_lists") {
				cursor = n
			}
			fields := `"contacts":[],"lists":[]`
			reply(w, 200, fmt.Sprintf(`{%s,"_links":{"next":{"href":"%s?cursor=%d"}}}`, fields, r.URL.Path, cursor))
		})
		r := s.reader()
		if pages, err := readAll(t, r, ContactsQuery{}); !errors.Is(err, ErrEndlessPages) || len(pages) != 4 {
			t.Errorf("%d pages, %v, want 4 and %v", len(pages), err, ErrEndlessPages)
		}
		if _, err := r.Lists(t.Context()); !errors.Is(err, ErrEndlessPages) || r.Requests() > 30 {
			t.Errorf("lists: %v after %d requests, want %v", err, r.Requests(), ErrEndlessPages)
		}
	})
}

func TestOneContactIsReadByItsId(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.URL.String(); got != "/v3/contacts/c1?include=custom_fields%2Clist_memberships" {
				t.Errorf("asked for %s", got)
			}
			reply(w, 200, debora)
		})
		got, err := s.reader().Contact(t.Context(), "c1")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(deboraRead, got); diff != "" {
			t.Errorf("contact (-want +got):\n%s", diff)
		}
	})
}

func TestDatesComeInTheDocumentedForms(t *testing.T) {
	t.Parallel()
	tests := map[string]time.Time{
		"2016-01-23T13:48:44.108Z":      time.Date(2016, 1, 23, 13, 48, 44, 108e6, time.UTC),
		"2016-03-03T15:53:04.000+00:00": time.Date(2016, 3, 3, 15, 53, 4, 0, time.UTC),
		"2016-03-03T10:56:29-05:00":     time.Date(2016, 3, 3, 15, 56, 29, 0, time.UTC),
		"2016-03-03T10:56:29.5-0500":    time.Date(2016, 3, 3, 15, 56, 29, 5e8, time.UTC),
		"2026-11-24T12:00:00Z":          time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC),
		"2016-07-08":                    time.Date(2016, 7, 8, 0, 0, 0, 0, time.UTC),
		"":                              {},
		"yesterday":                     {},
		"2016-13-45T99:00:00Z":          {},
	}
	for in, want := range tests {
		if got := parseDate(in); !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("parseDate(%q) = %v, want %v", in, got, want)
		}
	}
}

func TestTheServersClockIsKnownFromItsAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ahead := 90 * time.Second
		dated := true
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Date"] = nil
			if dated {
				w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
			}
			reply(w, 200, `{"contacts":[]}`)
		})
		r := s.reader()
		if skew, ok := r.Clock(); ok {
			t.Errorf("skew of %v before any answer", skew)
		}
		for _, dated = range []bool{true, false} {
			pages, err := readAll(t, r, ContactsQuery{})
			if err != nil {
				t.Fatal(err)
			}
			if skew, ok := r.Clock(); !ok || (skew-ahead).Abs() > time.Second {
				t.Errorf("skew = %v, %v, want %v", skew, ok, ahead)
			}
			if off := time.Until(pages[0].ServedAt) - ahead; off.Abs() > time.Second {
				t.Errorf("served %v off", off)
			}
		}
	})
}

// One answer that is dated to the year 9999 would put the end of every window of time and every
// token's age centuries off.
func TestADateThatIsYearsOffIsIgnored(t *testing.T) {
	bubble(t, func(t *testing.T) {
		date := ""
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", date)
			reply(w, 200, `{"contacts":[]}`)
		})
		r := s.reader()
		for _, date = range []string{"Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"} {
			pages, err := readAll(t, r, ContactsQuery{})
			if err != nil {
				t.Fatal(err)
			}
			if skew, ok := r.Clock(); ok {
				t.Errorf("%s: skew = %v", date, skew)
			}
			if off := time.Until(pages[0].ServedAt); off.Abs() > time.Second {
				t.Errorf("%s: served %v off", date, off)
			}
		}
	})
}

// A clock that is up to a year off is believed: the machine's may be the wrong one.
func TestADateIsBelievedUpToAYearOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const day = 24 * time.Hour
		var off time.Duration
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
			reply(w, 200, accountJSON)
		})
		for _, off = range []time.Duration{365 * day, -365 * day, 365*day + time.Second, -365*day - time.Second} {
			r := s.reader()
			if _, err := r.Account(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, ok := r.Clock(); ok != (off.Abs() <= 365*day) {
				t.Errorf("%v off: believed: %t", off, ok)
			}
		}
	})
}

func BenchmarkPage(b *testing.B) {
	var page strings.Builder
	page.WriteString(`{"contacts":[`)
	for i := range ContactsPerPage {
		if i > 0 {
			page.WriteByte(',')
		}
		fmt.Fprintf(&page, `{"contact_id":"04fe9a97-a579-43c5-bb1a-%012d","email_address":{"address":"user%d@example.com","permission_to_send":"implicit",`+
			`"created_at":"2026-03-03T15:53:04Z","updated_at":"2026-03-03T15:53:04Z","opt_in_source":"Account","opt_in_date":"2026-03-03T15:53:04Z","confirm_status":"off"},`+
			`"first_name":"Debora","last_name":"Lang","create_source":"Account","update_source":"Account","created_at":"2026-01-23T13:48:44Z","updated_at":"2026-01-23T13:48:44Z",`+
			`"custom_fields":[{"custom_field_id":"1618ae62-4752-11e9-9c8a-fa163e6b01c1","value":"K7Q2M9"}],"list_memberships":["07936f78-662a-11eb-af0a-fa163e56c9b0"]}`, i, i)
	}
	page.WriteString(`],"contacts_count":500,"_links":{}}`)
	body := []byte(page.String())
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		doc := new(contactsPage)
		if err := json.Unmarshal(body, doc); err != nil || !doc.complete() {
			b.Fatal(err)
		}
		if p := doc.public(); len(p.Contacts) != ContactsPerPage {
			b.Fatalf("%d contacts", len(p.Contacts))
		}
	}
}
