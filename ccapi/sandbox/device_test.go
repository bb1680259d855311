package sandbox_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ccsyncd/ccapi/sandbox"
)

const (
	deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"
	allScopes   = "contact_data account_read offline_access"
)

func (c *client) startDevice(scope string) deviceView {
	c.t.Helper()
	r := c.form("/device/authorize", "client_id", "app", "scope", scope)
	if r.status != http.StatusOK {
		c.t.Fatalf("device authorization: got %d %s, want 200", r.status, r.body)
	}
	return decode[deviceView](c.t, r)
}

func (c *client) poll(d deviceView) tokenView {
	c.t.Helper()
	return decode[tokenView](c.t, c.form("/token", "client_id", "app", "grant_type", deviceGrant, "device_code", d.Code))
}

func TestDeviceFlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{})
		d := c.startDevice(allScopes)
		if d.Expires != 600 || d.Interval != 5 || len(d.UserCode) != 8 || strings.ToUpper(d.UserCode) != d.UserCode {
			t.Errorf("got %+v, want 600 seconds, 5 between polls, 8 capitals", d)
		}
		time.Sleep(5 * time.Second)
		if got := c.poll(d).Error; got != "authorization_pending" {
			t.Errorf("before the approval: got %q, want authorization_pending", got)
		}
		time.Sleep(2 * time.Second)
		if got := c.poll(d).Error; got != "slow_down" {
			t.Errorf("too early: got %q, want slow_down", got)
		}
		time.Sleep(7 * time.Second)
		if got := c.poll(d).Error; got != "slow_down" {
			t.Errorf("after slow_down the interval is longer: got %q, want slow_down", got)
		}
		if !s.Approve(strings.ToLower(d.UserCode[:4]) + "-" + d.UserCode[4:]) {
			t.Error("a code typed in small letters with a dash was not taken")
		}
		time.Sleep(15 * time.Second)
		got := c.poll(d)
		if got.Error != "" || got.Refresh == "" || got.Expires != 86400 || got.Scope != allScopes {
			t.Errorf("after the approval: got %+v", got)
		}
		if n := len(got.Access); n < 1000 || n > 1200 || strings.Count(got.Access, ".") != 2 {
			t.Errorf("access token: got %d characters, want a JWT of 1,000 to 1,200", n)
		}
		c.token = got.Access
		c.call("GET", "/v3/account/summary", nil, http.StatusOK)
		time.Sleep(15 * time.Second)
		if got := c.poll(d).Error; got != "invalid_grant" {
			t.Errorf("a device code used twice: got %q, want invalid_grant", got)
		}
	})
}

func TestDeviceCodesThatLeadNowhere(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		act  func(*sandbox.Server, deviceView)
		want string
	}{
		{"denied", func(s *sandbox.Server, d deviceView) { s.Deny(d.UserCode) }, "access_denied"},
		{"expired", func(*sandbox.Server, deviceView) { time.Sleep(10 * time.Minute) }, "expired_token"},
		{"approved too late", func(s *sandbox.Server, d deviceView) {
			time.Sleep(10 * time.Minute)
			s.Approve(d.UserCode)
		}, "expired_token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, c := pipe(t, sandbox.Options{})
				d := c.startDevice(allScopes)
				tt.act(s, d)
				if got := c.poll(d).Error; got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestWithoutOfflineAccessThereIsNoRefreshTokenAndNoError(t *testing.T) {
	t.Parallel()
	_, c := serve(t, sandbox.Options{Approve: true})
	got := c.poll(c.startDevice("contact_data"))
	if got.Access == "" || got.Refresh != "" || got.Error != "" {
		t.Errorf("got %+v, want an access token alone", got)
	}
}

func TestALoginThatBelongsToNoAccountCanDoNothing(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{})
	d := c.startDevice(allScopes)
	s.ApproveUnassigned(d.UserCode)
	c.token = c.poll(d).Access
	c.call("GET", "/v3/contacts", nil, http.StatusUnauthorized)
}

func TestAuthorizationRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	_, c := serve(t, sandbox.Options{ClientID: "app", Unlimited: true})
	tests := []struct {
		name   string
		path   string
		form   []string
		status int
		want   string
	}{
		{"an unknown client", "/device/authorize", []string{"client_id", "other", "scope", "contact_data"}, 401, "invalid_client"},
		{"no client", "/device/authorize", []string{"scope", "contact_data"}, 401, "invalid_client"},
		{"an unknown scope", "/device/authorize", []string{"client_id", "app", "scope", "everything"}, 400, "invalid_scope"},
		{"no scope", "/device/authorize", []string{"client_id", "app"}, 400, "invalid_scope"},
		{"no grant", "/token", []string{"client_id", "app"}, 400, "invalid_request"},
		{"a grant of another kind", "/token", []string{"client_id", "app", "grant_type", "password"}, 400, "unsupported_grant_type"},
		{"an unknown device code", "/token", []string{"client_id", "app", "grant_type", deviceGrant, "device_code", "x"}, 400, "invalid_grant"},
		{"an unknown refresh token", "/token", []string{"client_id", "app", "grant_type", "refresh_token", "refresh_token", "x"}, 400, "invalid_grant"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := c.form(tt.path, tt.form...)
			if got := decode[tokenView](t, r).Error; r.status != tt.status || got != tt.want {
				t.Errorf("got %d %q, want %d %q", r.status, got, tt.status, tt.want)
			}
		})
	}
}

func TestTheAuthorizationServerHasNoOtherPaths(t *testing.T) {
	t.Parallel()
	_, c := serve(t, sandbox.Options{})
	r := c.call("GET", "/oauth2/default/v1/.well-known/openid-configuration", nil, http.StatusNotFound)
	if got := r.header.Get("Content-Type"); !strings.HasPrefix(got, "text/html") {
		t.Errorf("got %q, want an HTML page", got)
	}
}
