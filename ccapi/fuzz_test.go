package ccapi

import (
	"bytes"
	"io"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"
)

// A page of any content is read or refused, its contacts have ids, and its link stays on the host.
func FuzzPage(f *testing.F) {
	f.Add([]byte(`{"contacts":[` + debora + `],"contacts_count":3249,"_links":{"next":{"href":"/v3/contacts?cursor=bGltaXQ9NTAmbmV4dD0y"}}}`))
	f.Add([]byte(`{"contacts":null,"contacts_count":0,"_links":{"next":null}}`))
	f.Add([]byte(`{"contacts":[],"_links":{"next":{"href":"//evil.example/v3"}}}`))
	f.Add([]byte(`{"contacts":[],"_links":{"next":{"href":"/v3/x\u0000\\@evil.example"}}}`))
	f.Add([]byte(`{"contacts":[{"contact_id":"c","email_address":null,"custom_fields":[{"value":{}}],"updated_at":"9999-99-99"}]}`))
	f.Add([]byte(`{"contacts":[{"contact_id":1e999}]}`))
	f.Add([]byte(strings.Repeat("[", 20000)))
	r := NewReader("https://api.test/v3", &http.Client{}, &tokens{})
	f.Fuzz(func(t *testing.T, body []byte) {
		doc := new(contactsPage)
		resp := &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body))}
		if (&call{method: http.MethodGet, out: doc}).judge(resp) != nil {
			return
		}
		p := doc.public()
		for _, c := range p.Contacts {
			if c.ID == "" {
				t.Fatalf("a contact without an id from %q", body)
			}
		}
		if p.Next == "" {
			return
		}
		u, err := r.resolve(p.Next)
		if err == nil && (u.Scheme != "https" || !strings.EqualFold(u.Hostname(), "api.test") || port(u) != "443" || path.Clean(u.Path) != "/v3" && !strings.HasPrefix(path.Clean(u.Path), "/v3/")) {
			t.Fatalf("link %q leads to %v", p.Next, u)
		}
	})
}

// A link of any content leads to the configured scheme, host, port and path, or nowhere.
func FuzzLink(f *testing.F) {
	for _, seed := range []string{"/v3/contacts?cursor=bGltaXQ9NTA", "//evil.example", "http://api.test/", "https:x", "\\\\evil.example", "https://api.test@evil.example", "?cursor=1", "%", "/\x00", "/v3/../x", "/v3/%2e%2e/x", "/v3%2f..%2fx"} {
		f.Add(seed)
	}
	r := NewReader("https://api.test/v3", &http.Client{}, &tokens{})
	f.Fuzz(func(t *testing.T, href string) {
		u, err := r.resolve(href)
		if err != nil {
			return
		}
		req, err := http.NewRequest(http.MethodGet, u.String(), nil)
		if err != nil {
			t.Fatalf("link %q gives %v, which is no address: %v", href, u, err)
		}
		if got := req.URL; got.Scheme != "https" || !strings.EqualFold(got.Hostname(), "api.test") || port(got) != "443" || got.User != nil {
			t.Fatalf("link %q leads to %v", href, got)
		}
		if at := path.Clean(req.URL.Path); at != "/v3" && !strings.HasPrefix(at, "/v3/") {
			t.Fatalf("link %q leads to the path %q", href, req.URL.Path)
		}
	})
}

// A date of any content is a moment in UTC or none.
func FuzzDate(f *testing.F) {
	for _, seed := range []string{"2016-01-23T13:48:44.108Z", "2016-03-03T15:53:04.000+00:00", "2016-07-08", "2016-03-03T10:56:29-0500", "24:00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := parseDate(s)
		if d.Location() != time.UTC {
			t.Fatalf("%q is not in UTC: %v", s, d)
		}
		if again := parseDate(d.Format(time.RFC3339Nano)); !d.IsZero() && d.Year() >= 0 && d.Year() < 10000 && !again.Equal(d) {
			t.Fatalf("%q reads as %v and then as %v", s, d, again)
		}
	})
}
