package ccapi

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestErrorBodiesComeInManyForms(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body, key, message string
	}{
		{"array", `[{"error_key":"contacts.api.validation.error","error_message":"create_source is missing, create_source does not have a valid value"}]`,
			"contacts.api.validation.error", "create_source is missing, create_source does not have a valid value"},
		{"array of two", `[{"error_key":"a","error_message":"one"},{"error_key":"b","error_message":"two"}]`, "a", "one; two"},
		{"empty array", `[]`, "", ""},
		{"array of something else", `["a"]`, "", ""},
		{"bare object", `{"error_key":"unauthorized","error_message":"Unauthorized"}`, "unauthorized", "Unauthorized"},
		{"white space around", " \r\n{\"error_key\":\"throttled\"}\n", "throttled", ""},
		{"authorization server", `{"error":"invalid_grant","error_description":"gone"}`, "invalid_grant", "gone"},
		{"page with a title", `<!DOCTYPE html><HTML><head><TITLE>502 &amp; more</TITLE></head></html>`, "", "an HTML page titled 502 & more"},
		{"page without a title", `<html><head><style>p {}</style></head><body><h1>403</h1> <!-- a > b --><p>no &amp; no</p><script>x()</script>`, "",
			"an HTML page: 403 no & no"},
		{"page with an empty title", `<html><title> </title><body>no</body>`, "", "an HTML page: no"},
		{"page without a text", `<html><head><script>x()</script></head></html>`, "", "an HTML page, probably from a gateway in between"},
		{"page with a long text", `<html><p>` + strings.Repeat("x", 1000), "", "an HTML page: " + strings.Repeat("x", 100) + "..."},
		{"page whose title has no end", `<html><title>oops`, "", "an HTML page: oops"},
		{"gateway", `{"message":"Forbidden"}`, "", "Forbidden"},
		{"gateway's authorizer", `{"Message":"User is not authorized"}`, "", "User is not authorized"},
		{"authorization server's own", `{"errorCode":"E0000047","errorSummary":"API call exceeded rate limit","errorLink":"E0000047","errorCauses":[]}`,
			"E0000047", "API call exceeded rate limit"},
		{"page with letters that change length", "<html>İİİİİİİİİİİİ<title>a</title>", "", "an HTML page titled"},
		{"cut", `{"error_key":"thr`, "", ""},
		{"wrong types", `{"error_key":7}`, "", ""},
		{"text", "upstream\nrequest timeout", "", "upstream request timeout"},
		{"nothing", ``, "", ""},
		{"control characters", `{"error_key":"a\u0000b","error_message":"\u001b[31mred\r\nnext\tline \u202eflipped"}`, "a b", "[31mred next line flipped"},
		{"no UTF-8", "{\"error_key\":\"\xff\xfe\"}", "\uFFFD\uFFFD", ""},
		{"endless message", `{"error_message":"` + strings.Repeat("x", 1000) + `"}`, "", strings.Repeat("x", maxMessage) + "..."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := parseErrorBody([]byte(tt.body))
			key, message := got.key, got.message
			if key != tt.key || !strings.HasPrefix(message, tt.message) || tt.message == "" && message != "" {
				t.Errorf("got %q, %q, want %q, %q", key, message, tt.key, tt.message)
			}
		})
	}
}

func TestAnErrorNamesOperationStatusKeyAndMessage(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]*Error{
		"read contact: HTTP 404 Not Found (contacts.api.not_found): contact_id is in an invalid format.": {Op: "read contact", Status: 404, Key: "contacts.api.not_found", Message: "contact_id is in an invalid format."},
		"read lists: HTTP 503 Service Unavailable":                                                       {Op: "read lists", Status: 503},
		"read lists: HTTP 529 (busy)":                                                                    {Op: "read lists", Status: 529, Key: "busy"},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func FuzzErrorBody(f *testing.F) {
	for _, seed := range []string{`[{"error_key":"a","error_message":"b"}]`, `{"error_key":"quota_exceeded"}`, `{"error":"x","error_description":"y"}`,
		"<html><title>x</title>", "<title>İ</title>", "[[[[", `{"error_message":"\u001b[2J\u202e"}`, "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got := parseErrorBody(body)
		for _, s := range []string{got.key, got.message} {
			if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxMessage+len("an HTML page titled ...") {
				t.Fatalf("not fit to be shown: %q", s)
			}
			for _, r := range s {
				if r != ' ' && !unicode.IsPrint(r) {
					t.Fatalf("%U is not fit to be shown: %q", r, s)
				}
			}
		}
	})
}
