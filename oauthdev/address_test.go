package oauthdev_test

import (
	"strings"
	"testing"
	"time"

	"ccsyncd/oauthdev"
)

// TestAddressesThatAPersonIsAskedToOpen has what a server may answer as verification_uri, and the
// same with its code in it.
func TestAddressesThatAPersonIsAskedToOpen(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		address  string
		wrong    string // part of the error; "" when it is taken
		stranger string // host to be warned of
	}{
		"Constant Contact's":         {"https://identity.constantcontact.com/activate", "", ""},
		"its domain":                 {"https://ConstantContact.com/activate", "", ""},
		"the endpoint's":             {"https://authz.test/activate", "", ""},
		"the endpoint's, other port": {"https://AUTHZ.test:8443/activate", "", ""},
		"a sandbox's":                {"http://127.0.0.1:8585/activate", "", "127.0.0.1:8585"},
		"a sandbox's by name":        {"http://localhost:8585/activate", "", "localhost:8585"},
		"a sandbox's, IPv6":          {"http://[::1]:8585/activate", "", "[::1]:8585"},
		"elsewhere":                  {"https://evil.example/activate", "", "evil.example"},
		"one that ends alike":        {"https://evilconstantcontact.com/activate", "", "evilconstantcontact.com"},
		"one that begins alike":      {"https://constantcontact.com.evil.example/", "", "constantcontact.com.evil.example"},
		"signs at the ends of ASCII": {"https://constantcontact.com/!~activate", "", ""},
		"plain http":                 {"http://identity.constantcontact.com/activate", "not an https address", ""},
		"plain http to a name":       {"http://localhost.evil.example/", "not an https address", ""},
		"a user name":                {"https://constantcontact.com@evil.example/", "user name", ""},
		"a script":                   {"javascript:alert(1)", "not a web address", ""},
		"a file":                     {"file:///etc/passwd", "not a web address", ""},
		"no scheme":                  {"identity.constantcontact.com/activate", "not a web address", ""},
		"a line break":               {"https://constantcontact.com/\nactivate", "not a web address", ""},
		"letters that look alike":    {"https://cоnstantcontact.com/activate", "not a web address", ""},
		"no end":                     {"https://constantcontact.com/" + strings.Repeat("a", 173), "more than 200", ""},
		"the longest":                {"https://constantcontact.com/" + strings.Repeat("a", 172), "", ""},
		"no host":                    {"https:/activate", "not a web address", ""},
	}
	for name, tt := range tests {
		for _, complete := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				inWorld(t, func(w *world) {
					if complete {
						w.server.complete = tt.address
					} else {
						w.server.address = tt.address
					}
					d, err := w.client.Start(w.t.Context())
					switch {
					case tt.wrong == "" && err != nil:
						w.t.Errorf("Start: %v", err)
					case tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong)):
						w.t.Errorf("Start: %v, want %q", err, tt.wrong)
					case err == nil && (d.Stranger != tt.stranger || w.pending().Stranger != tt.stranger):
						w.t.Errorf("warned of %q, want %q", d.Stranger, tt.stranger)
					}
				})
			})
		}
	}
}

func TestAPendingLoginWithAWrongAddressIsNotGoneOnWith(t *testing.T) {
	inWorld(t, func(w *world) {
		w.start()
		w.store.data = []byte(strings.Replace(string(w.store.data), "https://id.constantcontact.com/activate", "http://id.example/activate", 1))
		if d := w.pending(); d != nil {
			w.t.Errorf("it is shown: %+v", d)
		}
	})
}

func TestALineBreakIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	t.Run("in the client id", func(t *testing.T) {
		inWorld(t, func(w *world) {
			c := oauthdev.New(oauthdev.Config{ClientID: "app-1\n", AuthURL: "http://authz.test/oauth2/default/v1", HTTP: w.httpClient()}, w.store)
			_, err := c.Start(w.t.Context())
			if err == nil || !strings.Contains(err.Error(), "client_id is empty, or has a space, a line break") || len(w.server.forms) > 0 {
				w.t.Errorf("Start: %v after %d requests", err, len(w.server.forms))
			}
		})
	})
	t.Run("in the token of a login", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.server.next(brokenToken)
			d, began := w.start(), time.Now()
			w.server.next(brokenToken)
			_, err := w.client.Wait(w.t.Context(), d)
			if err == nil || !strings.Contains(err.Error(), "line break") || time.Since(began) > 6*time.Second {
				w.t.Errorf("Wait: %v after %v", err, time.Since(began))
			}
		})
	})
	t.Run("in a refreshed token: the refresh token is kept", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			w.server.next(brokenToken)
			if got, err := w.client.Token(w.t.Context()); err != nil || !strings.Contains(got.AccessToken, "\n") {
				w.t.Fatalf("Token: %v", err)
			}
			w.token(w.client)
		})
	})
}
