package sandbox_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"ccsyncd/ccapi/sandbox"
)

func (c *client) refresh(token string) tokenView {
	c.t.Helper()
	return decode[tokenView](c.t, c.form("/token", "client_id", "app", "grant_type", "refresh_token", "refresh_token", token))
}

func TestARotatingRefreshTokenIsSpentByItsUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{})
		_, first := s.Authorize()
		second := c.refresh(first)
		if second.Refresh == "" || second.Refresh == first || second.Expires != 86400 {
			t.Fatalf("got %+v, want another refresh token", second)
		}
		time.Sleep(time.Second)
		if got := c.refresh(first); got.Error != "invalid_grant" {
			t.Errorf("the spent token: got %+v, want invalid_grant", got)
		}
		time.Sleep(time.Second)
		if got := c.refresh(second.Refresh); got.Refresh == "" {
			t.Errorf("the next token: got %+v, want success", got)
		}
		if got := s.TokenSpends(); got[first] != 2 || got[second.Refresh] != 1 {
			t.Errorf("spends: got %v", got)
		}
	})
}

func TestWithinTheGracePeriodASpentTokenIsAcceptedAgain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		grace time.Duration
		after time.Duration
		want  string
	}{
		{"no grace", 0, time.Second, "invalid_grant"},
		{"30 seconds, in time", 30 * time.Second, 29 * time.Second, ""},
		{"30 seconds, too late", 30 * time.Second, 31 * time.Second, "invalid_grant"},
		{"60 seconds, in time", time.Minute, 59 * time.Second, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, c := pipe(t, sandbox.Options{Grace: tt.grace})
				_, first := s.Authorize()
				c.refresh(first) // its answer is lost
				time.Sleep(tt.after)
				if got := c.refresh(first); got.Error != tt.want {
					t.Errorf("got %+v, want error %q", got, tt.want)
				}
			})
		})
	}
}

func TestUsingATokenMakesEveryEarlierOneInvalid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{Grace: time.Minute})
		_, first := s.Authorize()
		second := c.refresh(first).Refresh
		time.Sleep(time.Second)
		c.refresh(second)
		time.Sleep(time.Second)
		if got := c.refresh(first); got.Error != "invalid_grant" {
			t.Errorf("got %+v, want invalid_grant although the grace period is not over", got)
		}
	})
}

func TestALongLivedRefreshTokenKeepsItsValue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{LongLived: true})
		_, token := s.Authorize()
		for range 3 {
			time.Sleep(179 * 24 * time.Hour) // it expires from its last use
			if got := c.refresh(token); got.Refresh != token {
				t.Fatalf("got %+v, want the same refresh token", got)
			}
		}
		s.SetSwitches(sandbox.Switches{RefreshTokenAbsent: true})
		time.Sleep(time.Second)
		if got := c.refresh(token); got.Refresh != "" || got.Access == "" {
			t.Errorf("got %+v, want an access token alone", got)
		}
	})
}

func TestRefreshTokensLapseAfter180Days(t *testing.T) {
	t.Parallel()
	for name, longLived := range map[string]bool{"rotating": false, "long-lived": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, c := pipe(t, sandbox.Options{LongLived: longLived})
				_, token := s.Authorize()
				time.Sleep(180 * 24 * time.Hour)
				if got := c.refresh(token); got.Error != "invalid_grant" {
					t.Errorf("got %+v, want invalid_grant", got)
				}
			})
		})
	}
}

func TestTheTokenEndpointTakesOneRequestASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{})
		_, token := s.Authorize()
		next := c.refresh(token).Refresh
		r := c.form("/token", "client_id", "app", "grant_type", "refresh_token", "refresh_token", next)
		if r.status != http.StatusTooManyRequests {
			t.Errorf("got %d, want 429", r.status)
		}
		time.Sleep(time.Second)
		if got := c.refresh(next); got.Error != "" {
			t.Errorf("the refused request spent the token: %+v", got)
		}
	})
}

func TestAccessTokensEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{})
		time.Sleep(24*time.Hour - time.Second)
		c.call("GET", "/v3/contacts", nil, http.StatusOK)
		time.Sleep(time.Second)
		r := c.call("GET", "/v3/contacts", nil, http.StatusUnauthorized)
		if got := decode[errorView](t, r); got.Key != "unauthorized" {
			t.Errorf("got %+v, want a bare object with unauthorized", got)
		}
		c.token, _ = s.Authorize()
		s.RevokeAccess()
		c.call("GET", "/v3/contacts", nil, http.StatusUnauthorized)
	})
}

func TestAMissingScopeOrPrivilegeIsForbidden(t *testing.T) {
	t.Parallel()
	_, c := serve(t, sandbox.Options{Approve: true, Unlimited: true, Privileges: []string{"contacts:read"}})
	c.token = c.poll(c.startDevice("contact_data")).Access
	c.call("GET", "/v3/account/summary", nil, http.StatusForbidden)
	c.call("POST", "/v3/activities/contacts_json_import", "{}", http.StatusForbidden)
	c.call("GET", "/v3/contacts", nil, http.StatusOK)
	c.call("GET", "/v3/account/user/privileges", nil, http.StatusOK)
}
