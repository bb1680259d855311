package ccapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

func TestLinksAreFollowedOnTheConfiguredPlaceOnly(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, base, href, want string // want "": refused
	}{
		{"path", "https://api.cc.email/v3", "/v3/contacts?cursor=bGltaXQ9NTA", "https://api.cc.email/v3/contacts?cursor=bGltaXQ9NTA"},
		{"path on loopback", "http://127.0.0.1:8585/v3", "/v3/contacts?cursor=a%3D", "http://127.0.0.1:8585/v3/contacts?cursor=a%3D"},
		{"query alone", "https://api.cc.email/v3", "?cursor=1", "https://api.cc.email/v3?cursor=1"},
		{"two dots in the query", "https://api.cc.email/v3", "/v3/x?cursor=../..", "https://api.cc.email/v3/x?cursor=../.."},
		{"two dots within a name", "https://api.cc.email/v3", "/v3/a..b/..c", "https://api.cc.email/v3/a..b/..c"},
		{"base without a path", "http://127.0.0.1:8585", "/v3/x", "http://127.0.0.1:8585/v3/x"},
		{"path that begins alike", "https://api.cc.email/v3", "/v3.1/x", ""},
		{"path outside the base's", "https://api.cc.email/v3", "/contacts-service/v3/contacts", ""},
		{"path above the base's", "https://api.cc.email/v3", "/", ""},
		{"full address outside the base's", "https://api.cc.email/v3", "https://api.cc.email/oauth2/token", ""},
		{"relative path", "https://api.cc.email/v3", "contacts?cursor=1", ""},
		{"two dots", "https://api.cc.email/v3", "/v3/../admin", ""},
		{"two dots that stay inside", "https://api.cc.email/v3", "/v3/x/../contacts", ""},
		{"two dots at the end", "https://api.cc.email/v3", "/v3/contacts/..", ""},
		{"two dots in a full address", "https://api.cc.email/v3", "https://api.cc.email/v3/../admin", ""},
		{"two dots that are escaped", "https://api.cc.email/v3", "/v3/%2e%2E/admin", ""},
		{"two dots of which one is escaped", "https://api.cc.email/v3", "/v3/.%2e/admin", ""},
		{"two dots between escaped slashes", "https://api.cc.email/v3", "/v3%2f..%2fadmin", ""},
		{"two dots between backslashes", "https://api.cc.email/v3", "/v3/..\\admin", ""},
		{"two dots, base without a path", "http://127.0.0.1:8585", "/v3/../x", ""},
		{"full address", "https://api.cc.email/v3", "https://api.cc.email/v3/contacts", "https://api.cc.email/v3/contacts"},
		{"other case of the host", "https://api.cc.email/v3", "HTTPS://API.CC.EMAIL/v3/x", "https://API.CC.EMAIL/v3/x"},
		{"the scheme's own port", "https://api.cc.email/v3", "https://api.cc.email:443/v3/x", "https://api.cc.email:443/v3/x"},
		{"the port of plain http", "http://api.test/v3", "http://api.test:80/v3/x", "http://api.test:80/v3/x"},
		{"the port of plain http, left out", "http://api.test:80/v3", "http://api.test/v3/x", "http://api.test/v3/x"},
		{"user, query and fragment of the base", "https://me@api.cc.email/v3?x#y", "https://api.cc.email/v3", "https://api.cc.email/v3"},
		{"the port of plain http on https", "https://api.cc.email/v3", "https://api.cc.email:80/v3", ""},
		{"host without scheme", "https://api.cc.email/v3", "//api.cc.email/v3/x", "https://api.cc.email/v3/x"},
		{"fragment", "https://api.cc.email/v3", "/v3/x#top", "https://api.cc.email/v3/x"},
		{"base with a slash", "https://api.cc.email/v3/", "/v3/x", "https://api.cc.email/v3/x"},
		{"other host", "https://api.cc.email/v3", "https://evil.example/v3/contacts", ""},
		{"other host without scheme", "https://api.cc.email/v3", "//evil.example/v3/contacts", ""},
		{"host that begins alike", "https://api.cc.email/v3", "https://api.cc.email.evil.example/v3", ""},
		{"host as user", "https://api.cc.email/v3", "https://api.cc.email@evil.example/v3", ""},
		{"user on the host", "https://api.cc.email/v3", "https://me@api.cc.email/v3", ""},
		{"other port", "http://127.0.0.1:8585/v3", "http://127.0.0.1:9999/v3", ""},
		{"no port", "http://127.0.0.1:8585/v3", "http://127.0.0.1/v3", ""},
		{"plain http", "https://api.cc.email/v3", "http://api.cc.email/v3/contacts", ""},
		{"plain http on the port of https", "https://api.cc.email/v3", "http://api.cc.email:443/v3/contacts", ""},
		{"other scheme", "https://api.cc.email/v3", "file:///etc/passwd", ""},
		{"scheme without host", "https://api.cc.email/v3", "https:/v3/contacts", ""},
		{"opaque", "https://api.cc.email/v3", "https:contacts", ""},
		{"script", "https://api.cc.email/v3", "javascript:alert(1)", ""},
		{"no URL", "https://api.cc.email/v3", "http://a b\x00", ""},
		{"control character", "https://api.cc.email/v3", "/v3/x\r\nHost: evil", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(tt.base, &http.Client{}, &tokens{})
			u, err := r.resolve(tt.href)
			switch {
			case tt.want == "" && !errors.Is(err, ErrForeignHost) && (err == nil || !strings.Contains(err.Error(), "not a URL")):
				t.Errorf("resolve(%q) = %v, %v, want %v", tt.href, u, err, ErrForeignHost)
			case tt.want != "" && (err != nil || u.String() != tt.want):
				t.Errorf("resolve(%q) = %v, %v, want %v", tt.href, u, err, tt.want)
			}
		})
	}
}

func TestABaseThatIsNoAddressFailsEveryCall(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "api.cc.email/v3", "ftp://api.cc.email", "https://", "https:///v3", "http://a b/", ":"} {
		r := NewReader(base, &http.Client{}, &tokens{})
		w := NewWriter(r)
		_, account := r.Account(t.Context())
		_, fields := r.CustomFields(t.Context())
		_, file := r.ExportFile(t.Context(), "/v3/contact_exports/1")
		_, export := w.Export(t.Context())
		errs := []error{account, fields, file, export}
		for _, err := range r.Contacts(t.Context(), ContactsQuery{}) {
			errs = append(errs, err)
		}
		if len(errs) != 5 {
			t.Errorf("base %q: reading contacts ends without an error, as an empty account does", base)
		}
		for _, err := range errs {
			if err == nil || !strings.Contains(err.Error(), "not a URL like https://api.cc.email/v3") {
				t.Errorf("base %q: error = %v", base, err)
			}
		}
		if r.Requests() != 0 {
			t.Errorf("base %q: %d requests", base, r.Requests())
		}
	}
}

func TestIdsStayOneSegmentOfThePath(t *testing.T) {
	t.Parallel()
	r := NewReader("https://me:pw@api.cc.email/v3?x=1#top", &http.Client{}, &tokens{})
	for id, want := range map[string]string{
		"04fe9a-a579": "https://api.cc.email/v3/contacts/04fe9a-a579",
		"a/../b?c#d%": "https://api.cc.email/v3/contacts/a%2F..%2Fb%3Fc%23d%25",
		"":            "", ".": "", "..": "",
	} {
		u, err := r.endpoint(nil, "contacts", id)
		if (err != nil) != (want == "") || err == nil && u.String() != want {
			t.Errorf("endpoint(%q) = %v, %v, want %q", id, u, err, want)
		}
	}
}

// The foreign server must not see a request, let alone a token.
func TestTheTokenNeverLeavesTheConfiguredHost(t *testing.T) {
	hosts := map[string]func(foreign string) http.HandlerFunc{
		"redirect of a page": func(to string) http.HandlerFunc { return status(302, ``, "Location", to) },
		"redirect within the host": func(string) http.HandlerFunc {
			return status(307, ``, "Location", "/v3/elsewhere")
		},
		"redirect without a place": func(string) http.HandlerFunc { return status(301, ``) },
		"multiple choices":         func(to string) http.HandlerFunc { return status(300, ``, "Location", to) },
		"next link": func(to string) http.HandlerFunc {
			return status(200, `{"contacts":[],"_links":{"next":{"href":"`+to+`"}}}`)
		},
	}
	for name, host := range hosts {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var leaked atomic.Int64
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if r.Host != "api.test" {
						leaked.Add(1)
					}
					host("http://evil.test/v3/contacts")(w, r)
				})
				for _, err := range s.reader().Contacts(t.Context(), ContactsQuery{}) {
					if !errors.Is(err, ErrForeignHost) && !errors.Is(err, ErrRedirect) {
						t.Errorf("error = %v, want %v or %v", err, ErrForeignHost, ErrRedirect)
					}
				}
				if leaked.Load() != 0 || s.hits.Load() != 1 {
					t.Errorf("%d requests, %d of them to the foreign host, want 1 and 0", s.hits.Load(), leaked.Load())
				}
			})
		})
	}
}

// A snapshot that resumes behind a wrong link must not look as if there were no more contacts.
func TestALinkToResumeByIsCheckedToo(t *testing.T) {
	t.Parallel()
	r := NewReader("https://api.cc.email/v3", &http.Client{}, &tokens{})
	pages, err := readAll(t, r, ContactsQuery{Next: "https://evil.test/v3/contacts?cursor=1"})
	if !errors.Is(err, ErrForeignHost) || len(pages) != 0 || r.Requests() != 0 {
		t.Errorf("%d pages, %v, %d requests, want %v alone", len(pages), err, r.Requests(), ErrForeignHost)
	}
}

func TestAnExportLinkToAnotherHostIsNotFollowed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(http.ResponseWriter, *http.Request) {})
		_, err := s.reader().ExportFile(t.Context(), "http://evil.test/v3/contact_exports/1")
		if !errors.Is(err, ErrForeignHost) || s.hits.Load() != 0 {
			t.Errorf("error = %v after %d requests, want %v after none", err, s.hits.Load(), ErrForeignHost)
		}
	})
}

// A server that redirects does not have the API at this address: it has done nothing, and a write
// is not looked for.
func TestARedirectIsARefusal(t *testing.T) {
	for code, to := range map[int]string{301: "https://api.test/v3/x", 302: "/v3/x", 303: "http://evil.test/", 307: "http://evil.test/x?email=ann@example.com", 308: ""} {
		t.Run(fmt.Sprint(code, " ", to), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, status(code, ``, "Location", to))
				w := NewWriter(s.reader())
				_, err := w.Import(t.Context(), oneRow())
				if !errors.Is(err, ErrRedirect) || errors.Is(err, ErrUnknownOutcome) || s.hits.Load() != 1 {
					t.Errorf("import: %v after %d requests", err, s.hits.Load())
				}
				place := map[int]string{301: "https://api.test", 302: "http://api.test", 308: "nowhere"}[code]
				if place == "" {
					place = "http://evil.test"
				}
				want := fmt.Sprintf("import contacts: HTTP %d: the server redirects to %s; ccsyncd follows no redirects", code, place)
				if err.Error() != want || errors.Is(err, ErrForeignHost) != (code != 302 && code != 308) {
					t.Errorf("import: %v, want %s", err, want)
				}
				if _, err := w.r.Account(t.Context()); !errors.Is(err, ErrRedirect) || s.hits.Load() != 2 {
					t.Errorf("read: %v after %d requests", err, s.hits.Load())
				}
			})
		})
	}
}
