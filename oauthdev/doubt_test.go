package oauthdev_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"ccsyncd/oauthdev"
)

// doubt expects a DoubtError.
func (w *world) doubt(c *oauthdev.Client) *oauthdev.DoubtError {
	w.t.Helper()
	_, err := c.Token(w.t.Context())
	var e *oauthdev.DoubtError
	if !errors.As(err, &e) {
		w.t.Fatalf("Token: %v, want a DoubtError", err)
	}
	return e
}

// TestTwoLostAnswersLeaveTheTokenInDoubt has a network that resets two connections before the
// server has seen anything.
func TestTwoLostAnswersLeaveTheTokenInDoubt(t *testing.T) {
	inWorld(t, func(w *world) {
		w.login()
		w.server.next(resetBefore, resetBefore)
		began := time.Now()
		e := w.doubt(w.client)
		if !e.Since.Equal(began) || time.Until(e.Next).Round(time.Second) != time.Minute {
			w.t.Errorf("in doubt since %v, next try %v; it is %v", e.Since, e.Next, time.Now())
		}
		s := w.status()
		if !s.Authorized || !s.InDoubt || !s.DoubtSince.Equal(e.Since) || !s.NextTry.Equal(e.Next) || !s.DeadSince.IsZero() {
			w.t.Errorf("the status is %+v", s)
		}
		for _, want := range []string{"in doubt since", "next try is due at", "connection broke"} {
			if !strings.Contains(e.Error(), want) {
				w.t.Errorf("%q does not say %q", e, want)
			}
		}
		if !e.InDoubt() {
			w.t.Error("other packages cannot tell that the token waits")
		}
		time.Sleep(59 * time.Second)
		w.doubt(w.newClient())
		if n := w.server.requests(); n != 2 {
			w.t.Errorf("%d requests before the next try, want 2", n)
		}
		time.Sleep(2 * time.Second)
		w.token(w.newClient())
		if s := w.status(); s.InDoubt || !s.DoubtSince.IsZero() || !s.NextTry.IsZero() {
			w.t.Errorf("the status after the answer is %+v", s)
		}
	})
}

func TestPausesBetweenTriesGrowUpToAnHour(t *testing.T) {
	inWorld(t, func(w *world) {
		w.login()
		w.server.next(slices.Repeat([]fault{resetBefore}, 24)...)
		var pauses []time.Duration
		for range 12 {
			e := w.doubt(w.newClient())
			pause := time.Until(e.Next)
			pauses = append(pauses, pause.Round(time.Minute))
			time.Sleep(pause)
		}
		const m = time.Minute
		want := []time.Duration{m, 2 * m, 4 * m, 8 * m, 16 * m, 32 * m, 60 * m, 60 * m, 60 * m, 60 * m, 60 * m, 60 * m}
		if !slices.Equal(pauses, want) {
			w.t.Errorf("pauses %v, want %v", pauses, want)
		}
		if n := w.server.requests(); n != 24 {
			w.t.Errorf("%d requests, want two a try", n)
		}
		w.token(w.client)
	})
}

func TestATokenInDoubtIsDeadOnceTheServerSaysSo(t *testing.T) {
	inWorld(t, func(w *world) {
		w.login()
		w.server.next(resetAfter, resetBefore)
		e := w.doubt(w.client)
		time.Sleep(time.Until(e.Next))
		_, err := w.client.Token(w.t.Context())
		if reason := deadReason(w.t, err); !strings.Contains(reason, "answer to an earlier token refresh was lost") {
			w.t.Error(reason)
		}
	})
}

// TestOtherAnswersDoNotSettleADoubt has a server that is busy when the next try is due.
func TestOtherAnswersDoNotSettleADoubt(t *testing.T) {
	inWorld(t, func(w *world) {
		w.login()
		w.server.next(resetBefore, resetBefore)
		e := w.doubt(w.client)
		time.Sleep(time.Until(e.Next))
		w.server.next(throttled, throttled, throttled, throttled, throttled)
		if _, err := w.client.Token(w.t.Context()); err == nil || !strings.Contains(err.Error(), "429") {
			w.t.Errorf("got %v, want the 429", err)
		}
		if s := w.status(); !s.InDoubt || !s.DoubtSince.Equal(e.Since) {
			w.t.Errorf("the status is %+v", s)
		}
		w.token(w.client)
	})
}

// TestAGoodAccessTokenIsUsedWhileTheRefreshTokenIsInDoubt has a token that one request was refused
// with.
func TestAGoodAccessTokenIsUsedWhileTheRefreshTokenIsInDoubt(t *testing.T) {
	inWorld(t, func(w *world) {
		w.login()
		good := w.token(w.client)
		w.server.next(resetBefore, resetBefore)
		_, err := w.client.Renew(w.t.Context(), good)
		if !errors.As(err, new(*oauthdev.DoubtError)) {
			w.t.Fatalf("Renew: %v", err)
		}
		if got := w.token(w.newClient()); got.AccessToken != good.AccessToken {
			w.t.Error("it is another one")
		}
		if _, err := w.client.Renew(w.t.Context(), good); !errors.As(err, new(*oauthdev.DoubtError)) {
			w.t.Errorf("the refused token was not told apart: %v", err)
		}
	})
}

func TestAClockThatFellBackDoesNotPutOffTheNextTry(t *testing.T) {
	inWorld(t, func(w *world) {
		w.login()
		w.server.next(resetBefore, resetBefore)
		w.doubt(w.client)
		back := oauthdev.New(oauthdev.Config{
			ClientID: "app-1", AuthURL: "http://authz.test/oauth2/default/v1", HTTP: w.httpClient(),
			Now: func() time.Time { return time.Now().Add(-30 * 24 * time.Hour) },
		}, w.store)
		w.server.next()
		if _, err := back.Renew(w.t.Context(), &oauth2.Token{AccessToken: "access-1"}); err != nil {
			w.t.Errorf("Renew: %v", err)
		}
	})
}

// TestATimeYearsOffIsNotTaken has a server that once dated its answer to the year 9999.
func TestATimeYearsOffIsNotTaken(t *testing.T) {
	const day = 24 * time.Hour
	for name, off := range map[string]time.Duration{"ahead": 292 * 365 * day, "behind": -30 * 365 * day, "more than a year": 365*day + 1, "a year": 365 * day} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				c := oauthdev.New(oauthdev.Config{
					ClientID: "app-1", AuthURL: "http://authz.test/oauth2/default/v1", HTTP: w.httpClient(),
					Now: func() time.Time { return time.Now().Add(off) },
				}, w.store)
				w.login()
				w.token(c)
				wrong := time.Duration(0)
				if name == "a year" {
					wrong = off
				}
				if s := w.status(); time.Until(s.Expires)-wrong != day || time.Until(s.RefreshLapses)-wrong != 180*day {
					w.t.Errorf("the status is %+v", s)
				}
			})
		})
	}
}
