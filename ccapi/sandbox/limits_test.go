package sandbox_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"ccsyncd/ccapi/sandbox"
)

func TestMoreThanFourRequestsInASecondAreThrottled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{})
		for range 4 {
			c.call("GET", "/v3/contacts", nil, http.StatusOK)
		}
		r := c.call("GET", "/v3/contacts", nil, http.StatusTooManyRequests)
		if got := decode[errorView](t, r); got != (errorView{"throttled", "Too Many Requests"}) {
			t.Errorf("got %+v", got)
		}
		time.Sleep(time.Second)
		for range 8 {
			c.call("GET", "/v3/contacts", nil, http.StatusOK)
			time.Sleep(250 * time.Millisecond)
		}
		if got := s.MaxPerSecond(); got != 5 {
			t.Errorf("most requests in a second: got %d, want 5", got)
		}
	})
}

func TestTheDaysQuotaTurnsAtMidnightUTC(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := pipe(t, sandbox.Options{PerDay: 3, Tokens: sandbox.Lifetimes{Access: 72 * time.Hour}})
		time.Sleep(23 * time.Hour) // a bubble begins at midnight UTC
		for range 3 {
			c.call("GET", "/v3/contacts", nil, http.StatusOK)
		}
		time.Sleep(time.Second)
		r := c.call("GET", "/v3/contacts", nil, http.StatusTooManyRequests)
		if got := decode[errorView](t, r); got != (errorView{"quota_exceeded", "Limit Exceeded"}) {
			t.Errorf("got %+v", got)
		}
		if got := s.Used(); got != 3 {
			t.Errorf("used: got %d, want 3", got)
		}
		time.Sleep(time.Hour)
		c.call("GET", "/v3/contacts", nil, http.StatusOK)
	})
}

func TestAdvanceMovesTheClockOfTheServer(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{PerDay: 1})
	c.call("GET", "/v3/contacts", nil, http.StatusOK)
	s.Advance(24 * time.Hour)
	c.token, _ = s.Authorize()
	r := c.call("GET", "/v3/contacts", nil, http.StatusOK)
	date, err := http.ParseTime(r.header.Get("Date"))
	if err != nil || time.Until(date) < 23*time.Hour {
		t.Errorf("Date: got %v, %v, want tomorrow", date, err)
	}
}

func TestAuthorizationRequestsMayCountToo(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Switches: sandbox.Switches{AuthorizationCounts: true}})
	c.startDevice(allScopes)
	if got := s.Used(); got != 1 {
		t.Errorf("used: got %d, want 1", got)
	}
}
