package oauthdev

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"
)

// An answer of any content is judged without a panic, and shows neither control characters nor what
// was sent.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"a","expires_in":"86400","refresh_token":"r"}`, `{"access_token":1,"expires_in":1e999}`, `{"error":"authorization_pending"}`,
		`{"error":"x","error_description":"a-refresh-token-of-ours \u001b[2J"}`, `[]`, `null`, "<html>", "", `{"expires_in":{}}`, strings.Repeat("[", 20000),
	} {
		f.Add([]byte(seed), 200)
		f.Add([]byte(seed), 400)
	}
	const secret = "a-refresh-token-of-ours"
	asked := &http.Request{URL: &url.URL{Host: "authz.test"}}
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		r := judge(&http.Response{StatusCode: status, Header: http.Header{}, Request: asked}, body, secret)
		if r.fate == granted && r.err != nil || r.fate != granted && r.err == nil {
			t.Fatalf("%q gives fate %d and %v", body, r.fate, r.err)
		}
		if r.err == nil {
			return
		}
		if text := r.err.Error(); strings.Contains(text, secret) || strings.ContainsFunc(text, unicode.IsControl) {
			t.Fatalf("%q gives %q", body, text)
		}
	})
}
