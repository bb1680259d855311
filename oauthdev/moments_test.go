package oauthdev_test

import (
	"testing"
	"time"
)

// TestALostAnswerIsAskedForAgainAtOnce has a server whose grace is barely longer than the pace of its token endpoint.
func TestALostAnswerIsAskedForAgainAtOnce(t *testing.T) {
	for _, f := range []fault{resetAfter, cutAfter, emptyAfter} {
		t.Run(string(f), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.server.grace = 1200 * time.Millisecond
				w.login()
				w.server.next(f)
				w.token(w.client)
			})
		})
	}
}

// TestTheTokenEndpointIsAskedOnceASecond has what was measured between two refreshes in a row.
func TestTheTokenEndpointIsAskedOnceASecond(t *testing.T) {
	inWorld(t, func(w *world) {
		w.login()
		first := w.token(w.client)
		if _, err := w.client.Renew(w.t.Context(), first); err != nil {
			w.t.Fatal(err)
		}
		if d := w.server.times[1].Sub(w.server.times[0]); d != 1100*time.Millisecond {
			w.t.Errorf("%v between two requests, want 1.1 s", d)
		}
	})
}

// TestPausesAfterAPassingError has a busy server: 1, 2, 4 and 8 seconds, each half as long or longer.
func TestPausesAfterAPassingError(t *testing.T) {
	inWorld(t, func(w *world) {
		w.login()
		w.server.next(unavailable, unavailable, unavailable, unavailable, unavailable)
		_, err := w.client.Token(w.t.Context())
		if err == nil || len(w.server.times) != 5 {
			w.t.Fatalf("%d requests, %v", len(w.server.times), err)
		}
		for i, pause := range []time.Duration{1, 2, 4, 8} {
			low, high := max(pause*time.Second/2, 1100*time.Millisecond), pause*time.Second*3/2
			if got := w.server.times[i+1].Sub(w.server.times[i]); got < low || got > high {
				w.t.Errorf("pause %d is %v, want %v to %v", i+1, got, low, high)
			}
		}
	})
}

// TestWhatTheServerDoesNotTell has the defaults of RFC 8628 section 3.2 and of Constant Contact's documents.
func TestWhatTheServerDoesNotTell(t *testing.T) {
	t.Parallel()
	t.Run("interval and expiry of a code", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.server.next(noExpiry)
			d, began := w.start(), time.Now()
			if d.Interval != 5*time.Second || d.ExpiresAt.Sub(began) != 10*time.Minute {
				w.t.Errorf("interval %v, expires after %v, want 5 s and 10 min", d.Interval, d.ExpiresAt.Sub(began))
			}
			if _, err := w.client.Wait(w.t.Context(), d); err != nil {
				w.t.Fatal(err)
			}
			if at := w.server.times[0].Sub(began); at != 5*time.Second {
				w.t.Errorf("polled after %v, want 5 s", at)
			}
		})
	})
	t.Run("life of an access token, at a login and at a refresh", func(t *testing.T) {
		inWorld(t, func(w *world) {
			d := w.start()
			w.server.next(noExpiry)
			got, err := w.client.Wait(w.t.Context(), d)
			if err != nil {
				w.t.Fatal(err)
			}
			if life := time.Until(got.Expiry); life != 24*time.Hour || got.ExpiresIn != 86_400 {
				w.t.Errorf("%v, %d s, want 24 h", life, got.ExpiresIn)
			}
			w.login()
			w.server.next(noExpiry)
			w.token(w.client)
			if life := time.Until(w.status().Expires); life != 24*time.Hour {
				w.t.Errorf("%v, want 24 h", life)
			}
		})
	})
}
