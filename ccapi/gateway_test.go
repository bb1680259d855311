package ccapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Whatever stands in front of the API answers in its own forms. Each is told by its text, and none
// is taken for the API's word.
func TestGateways(t *testing.T) {
	page := func(title string) string {
		return "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>" + strings.Repeat("<p>more</p>", 500) + "</body>\r\n</html>"
	}
	tests := []struct {
		status int
		kind   string // Content-Type
		body   string
		text   string
	}{
		{403, "application/json", `{"message":"Missing Authentication Token"}`, "Missing Authentication Token"},
		{403, "application/json", `{"Message":"User is not authorized to access this resource"}`, "User is not authorized to access this resource"},
		{403, "text/html", page("ERROR: The request could not be satisfied"), "an HTML page titled ERROR: The request could not be satisfied"},
		{404, "application/json", `{"message":"Not Found"}`, "Not Found"},
		{413, "application/json", `{"message":"Request Too Long"}`, "Request Too Long"},
		{413, "text/html", page("413 Request Entity Too Large"), "an HTML page titled 413 Request Entity Too Large"},
		{429, "application/json", `{"message":"Too Many Requests"}`, "Too Many Requests"},
		{429, "text/html", page("429"), "an HTML page titled 429"},
		{502, "application/json", `{"message": "Internal server error"}`, "Internal server error"},
		{502, "text/html; charset=utf-8", page("502 Bad Gateway"), "an HTML page titled 502 Bad Gateway"},
		{504, "application/json", `{"message": "Endpoint request timed out"}`, "Endpoint request timed out"},
		{504, "text/html", page("504 Gateway Time-out"), "an HTML page titled 504 Gateway Time-out"},
		{504, "application/xhtml+xml; charset=utf-8", page("504"), "an HTML page titled 504"},
		{504, "text/plain", "upstream request timeout", "upstream request timeout"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status, " ", tt.text), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("X-Amzn-Requestid", "5a4dbc00-1")
					w.Header().Set("X-Eig-Tracking-Id", "b7-2")
					w.Header().Set("Content-Type", tt.kind)
					w.WriteHeader(tt.status)
					fmt.Fprint(w, tt.body)
				})
				w := NewWriter(s.reader())
				_, err := w.r.Account(t.Context())
				var e *Error
				if !errors.As(err, &e) || !e.Gateway {
					t.Fatalf("read: %v", err)
				}
				want := fmt.Sprintf("read account: HTTP %d %s from a gateway, not from the API: %s [x-eig-tracking-id b7-2, x-amzn-requestid 5a4dbc00-1]",
					tt.status, http.StatusText(tt.status), tt.text)
				if err.Error() != want {
					t.Errorf("got  %v\nwant %s", err, want)
				}
				for _, target := range []error{ErrForbidden, ErrNotFound} {
					if errors.Is(err, target) {
						t.Errorf("%v was taken for %v", err, target)
					}
				}
				again := s.hits.Load() > 1
				if passes := tt.status == 429 || tt.status >= 500; again != passes {
					t.Errorf("read again: %t, want %t", again, passes)
				}
				before := s.hits.Load()
				_, err = w.Import(t.Context(), oneRow())
				if unknown := tt.status >= 500; errors.Is(err, ErrUnknownOutcome) != unknown || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("import: %v, want an unknown outcome: %t", err, unknown)
				}
				if n := s.hits.Load() - before; tt.status >= 500 && n != 1 {
					t.Errorf("an import was sent %d times", n)
				}
			})
		})
	}
}

// The API's own refusals keep their meaning, and tell under which names support finds the request.
func TestARefusalOfTheAPINamesItsRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, status(403, `[{"error_key":"contacts.api.forbidden","error_message":"no"}]`,
			"X-Eig-Tracking-Id", "b7-2 tok-1 tok-1 "+strings.Repeat("x", 1000)))
		_, err := s.reader().Account(t.Context())
		if !errors.Is(err, ErrForbidden) || !strings.Contains(err.Error(), "(contacts.api.forbidden): no [x-eig-tracking-id b7-2") {
			t.Errorf("error = %v", err)
		}
		if len(err.Error()) > 300 || strings.Contains(err.Error(), "tok-1") {
			t.Errorf("what the header said was not cleaned: %v", err)
		}
	})
}
