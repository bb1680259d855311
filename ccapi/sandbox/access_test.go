package sandbox_test

import (
	"net/http"
	"strings"
	"testing"

	"ccsyncd/ccapi/sandbox"
)

// everywhere are a path of each kind that the sandbox serves.
var everywhere = []struct{ method, path string }{
	{"GET", "/"}, {"GET", "/contacts"}, {"POST", "/settings/faults/clear"}, {"GET", "/style.css"},
	{"GET", "/_sandbox/"}, {"GET", "/_sandbox/contacts"}, {"POST", "/_sandbox/reset"}, {"POST", "/_sandbox/tokens"},
	{"GET", "/v3/contacts"}, {"POST", "/v3/contact_lists"}, {"POST", "/oauth2/default/v1/device/authorize"}, {"GET", "/nowhere"},
}

// asked is what a request with a host and headers is answered.
func (c *client) asked(method, path, host string, headers ...string) int {
	c.t.Helper()
	req, err := http.NewRequest(method, c.base+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Host = host
	req.Header.Set("Authorization", "Bearer "+c.token)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.http.Transport.RoundTrip(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// A name that somebody else points to this machine opens nothing: neither control endpoint, nor
// pages, nor API.
func TestTheSandboxAnswersItsOwnNamesAlone(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Contacts: 1, Unlimited: true, Hosts: []string{"box.example.com", "other.example.com:8585"}})
	at := strings.TrimPrefix(c.base, "http://")
	port := at[strings.LastIndexByte(at, ':'):]
	for _, host := range []string{at, "localhost", "LocalHost." + port, "[::1]" + port, "127.0.0.9", "box.example.com", "BOX.example.com:1", "other.example.com"} {
		for _, e := range everywhere {
			if got := c.asked(e.method, e.path, host); got == http.StatusForbidden {
				t.Errorf("%s %s by the name %s: got 403", e.method, e.path, host)
			}
		}
	}
	s.Seed(sandbox.Contact{Address: "kept@example.com"})
	before := len(s.Requests())
	for _, host := range []string{"evil.example", "evil.example" + port, "localhost.evil.example", "127.0.0.1.evil.example", "10.1.2.3", "[::2]",
		"user@localhost", "localhost/x", "0.0.0.0", "box.example.com.evil.example"} {
		for _, e := range everywhere {
			if got := c.asked(e.method, e.path, host); got != http.StatusForbidden && got != http.StatusBadRequest {
				t.Errorf("%s %s by the name %s: got %d, want 403", e.method, e.path, host, got)
			}
		}
	}
	if _, kept := s.Contact("kept@example.com"); !kept || len(s.Requests()) != before {
		t.Error("a foreign name did something")
	}
}

func TestThePagesOfOthersReachNothing(t *testing.T) {
	t.Parallel()
	_, c := serve(t, sandbox.Options{Contacts: 1, Unlimited: true})
	at := strings.TrimPrefix(c.base, "http://")
	for _, e := range everywhere {
		for _, headers := range [][]string{{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Origin", "http://localhost:1"}, {"Origin", "http://" + at + ".evil.example"},
			{"Origin", "null", "Sec-Fetch-Site", "cross-site"}} {
			if got := c.asked(e.method, e.path, at, headers...); got != http.StatusForbidden {
				t.Errorf("%s %s with %v: got %d, want 403", e.method, e.path, headers, got)
			}
		}
		if got := c.asked(e.method, e.path, at, "Origin", c.base, "Sec-Fetch-Site", "same-origin"); got == http.StatusForbidden {
			t.Errorf("%s %s from its own page: got 403", e.method, e.path)
		}
		if got := c.asked(e.method, e.path, at, "Sec-Fetch-Site", "cross-site"); got == http.StatusForbidden != (e.method == "POST") {
			t.Errorf("%s %s by a link of another site: got %d", e.method, e.path, got)
		}
	}
}

// Who is turned away learns why, in the form of what he asked for.
func TestWhoIsTurnedAwayLearnsWhy(t *testing.T) {
	t.Parallel()
	_, c := serve(t, sandbox.Options{})
	for path, start := range map[string]string{"/v3/contacts": `{"error_key":`, "/oauth2/default/v1/token": `{"error":"access_denied"`, "/_sandbox/status": `{"error":`} {
		req, err := http.NewRequest("GET", c.base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "sandbox:8585"
		r, err := c.send(req)
		if err != nil || r.status != http.StatusForbidden || !strings.HasPrefix(r.body, start) || !strings.Contains(r.body, "--host NAME") {
			t.Errorf("%s: got %d %s, %v", path, r.status, r.body, err)
		}
	}
}
