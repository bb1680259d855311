package oauthdev_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ccsyncd/oauthdev"
)

var dialError = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}

// TestRefreshAnswers has the rows 1 to 12 of the package comment.
func TestRefreshAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		grace    time.Duration
		door     []error // refusals of the transport, before anything is sent
		faults   []fault
		longLive bool // the token has proven to be long-lived before

		requests int    // that reach the token endpoint
		dead     string // part of the reason; "" when it lives
		failed   string // part of a plain error; "" when Token returns a token
		doubt    bool   // a mark stays
	}{
		{name: "row 1: new tokens are committed", requests: 1},
		{name: "row 1: new tokens under a wrong type are not thrown away", faults: []fault{textPlain}, requests: 1},
		{name: "row 1: new tokens without a life-time are not thrown away", faults: []fault{noExpiry}, requests: 1},
		{name: "row 1: a life-time in quotes is read", faults: []fault{quotedExpiry}, requests: 1},
		{name: "row 2: no refresh token in the answer keeps the old one", faults: []fault{noNew}, requests: 1},
		{name: "row 2: the same refresh token in the answer keeps the old one", faults: []fault{sameAgain}, requests: 1},
		{name: "row 4: another OAuth error is reported and not repeated", faults: []fault{badClient}, requests: 1, failed: "401 invalid_client"},
		{name: "row 4: an error with status 200 is reported, too", faults: []fault{errorWith200}, requests: 1, failed: "200 invalid_client: this is"},
		{name: "row 6: 500 without a word is repeated", faults: []fault{plain500, plain500}, requests: 3},
		{name: "row 5: 429 is repeated", faults: []fault{throttled, throttled, throttled}, requests: 4},
		{name: "row 5: 429 without end is reported", faults: []fault{throttled, throttled, throttled, throttled, throttled, throttled},
			requests: 5, failed: "429 throttled"},
		{name: "row 6: 503 is repeated", faults: []fault{unavailable, unavailable, unavailable, unavailable}, requests: 5},
		{name: "row 6: 503 without end is reported", faults: []fault{unavailable, unavailable, unavailable, unavailable, unavailable},
			requests: 5, failed: "503", doubt: true},
		{name: "row 6: an invalid_grant after a 502 is put down to a lost answer", faults: []fault{failedAfter},
			requests: 2, dead: "answer to an earlier token refresh was lost"},
		{name: "row 7: a page with 200 is repeated", faults: []fault{page}, requests: 2},
		{name: "row 7: a page with 404 is named", faults: []fault{wrongPath, wrongPath, wrongPath, wrongPath, wrongPath},
			requests: 5, failed: "not JSON but text/html"},
		{name: "row 7: a page names another host to try", faults: []fault{page, page, page, page, page},
			requests: 5, failed: "text/html; check [endpoints] auth, or try identity.constantcontact.com there"},
		{name: "row 7: a gateway that turned it away is repeated", faults: []fault{gateway}, requests: 2},
		{name: "row 7: a gateway that always does is named", faults: []fault{gateway, gateway, gateway, gateway, gateway},
			requests: 5, failed: "403: Missing Authentication Token"},
		{name: "row 5: 429 in the server's own form is repeated", faults: []fault{okta, okta}, requests: 3},
		{name: "row 4: an error in the server's own form is told", faults: []fault{oktaClient}, requests: 1,
			failed: "401 invalid_client: Invalid value for 'client_id' parameter."},
		{name: "row 7: a redirect is not followed", faults: []fault{redirect, redirect, redirect, redirect, redirect},
			requests: 5, failed: "redirect"},
		{name: "row 8: no connection is repeated and costs no try", door: []error{dialError, dialError, dialError},
			faults: []fault{resetBefore}, requests: 2},
		{name: "row 8: no connection without end is reported", door: []error{dialError, dialError, dialError, dialError, dialError},
			failed: "connection refused"},
		{name: "row 9: what the transport refuses is reported at once", door: []error{errQuota}, failed: errQuota.Error()},
		{name: "row 10: a reset before the server looked", faults: []fault{resetBefore}, requests: 2},
		{name: "row 10: a time-out before the server looked", faults: []fault{hangBefore}, requests: 2},
		{name: "row 10: a reset after the spending, within grace", grace: time.Minute, faults: []fault{resetAfter}, requests: 2},
		{name: "row 10: a cut answer, within grace", grace: time.Minute, faults: []fault{cutAfter}, requests: 2},
		{name: "row 10: an empty answer, within grace", grace: time.Minute, faults: []fault{emptyAfter}, requests: 2},
		{name: "row 10: a time-out after the spending, within grace", grace: time.Minute, faults: []fault{hangAfter}, requests: 2},
		{name: "row 10: success without a token, within grace", grace: time.Minute, faults: []fault{noToken}, requests: 2},
		{name: "row 10: success without a token, without grace", faults: []fault{noToken}, requests: 2, dead: "answer to an earlier token refresh was lost"},
		{name: "row 4: a long description is shortened", faults: []fault{longWords}, requests: 1, failed: "invalid_request: " + strings.Repeat("é", 200)},
		{name: "row 10: an answer of more than 1 MiB", faults: []fault{huge}, requests: 2},
		{name: "row 10: an answer that is no HTTP, within grace", grace: time.Minute, faults: []fault{garbage}, requests: 2},
		{name: "row 10: a reset after the spending, without grace, is named", faults: []fault{resetAfter},
			requests: 2, dead: "answer to an earlier token refresh was lost"},
		{name: "row 10: a 503 to the second sending does not use it up", grace: time.Minute,
			faults: []fault{resetAfter, unavailable, throttled}, requests: 4},
		{name: "row 11: two lost answers leave it in doubt", faults: []fault{resetBefore, hangBefore}, requests: 2,
			failed: "in doubt", doubt: true},
		{name: "row 12: lost answers of a long-lived token are repeated", longLive: true,
			faults: []fault{resetBefore, cutAfter, hangBefore}, requests: 4},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.login()
				if w.server.longLived = test.longLive; test.longLive {
					w.token(w.client)
					time.Sleep(25 * time.Hour)
				}
				w.server.grace, w.door.refuse = test.grace, test.door
				w.server.next(test.faults...)
				before := w.server.requests()

				got, err := w.client.Token(w.t.Context())

				if n := w.server.requests() - before; n != test.requests {
					w.t.Errorf("%d requests came, want %d", n, test.requests)
				}
				if s := w.status(); s.InDoubt != test.doubt {
					w.t.Errorf("in doubt: %t, want %t", s.InDoubt, test.doubt)
				}
				if err == nil && !w.server.takes(got.AccessToken) {
					w.t.Error("the API does not take the token")
				}
				w.expect(test.dead, test.failed, err)
				if w.server.tooEarly > 0 {
					w.t.Error("two token requests came within a second")
				}
			})
		})
	}
}

// expect judges the error of a Token call, and that of the next one in another process.
func (w *world) expect(dead, failed string, err error) {
	w.t.Helper()
	sent := w.server.requests()
	switch {
	case dead != "":
		if reason := deadReason(w.t, err); !strings.Contains(reason, dead) {
			w.t.Errorf("dead because %q, want %q", reason, dead)
		}
		_, err := w.newClient().Token(w.t.Context())
		if deadReason(w.t, err); w.server.requests() != sent {
			w.t.Error("a dead token was sent again")
		}
	case failed != "":
		var e *oauthdev.LoginError
		if err == nil || errors.As(err, &e) || !strings.Contains(err.Error(), failed) || len(err.Error()) > 600 {
			w.t.Errorf("got %v, want a plain error with %q", err, failed)
		}
		w.server.next()
		time.Sleep(time.Until(w.status().NextTry))
		w.token(w.newClient()) // it lives
	default:
		if err != nil {
			w.t.Fatalf("Token: %v", err)
		}
		w.token(w.newClient())
		if w.server.requests() != sent {
			w.t.Error("the next process refreshed again")
		}
	}
}

// TestRefusedRefreshToken has row 3: the likeliest cause is named.
func TestRefusedRefreshToken(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		use  func(*world)
		want string
	}{
		{"a token that was sent for the first time was spent by a copy", func(w *world) {}, "copy of this state file"},
		{"a token of 201 days has lapsed", func(w *world) { time.Sleep(200 * 24 * time.Hour) }, "expired after 180 days without use: it was 201 days old"},
		{"a token of 180 days has lapsed", func(w *world) { time.Sleep(179 * 24 * time.Hour) }, "expired after 180 days without use: it was 180 days old"},
		{"one of a second less has not", func(w *world) { time.Sleep(179*24*time.Hour - time.Second) }, "copy of this state file"},
		{"a long-lived token was revoked", func(w *world) {
			w.server.next(sameAgain)
			w.token(w.client)
			time.Sleep(100 * 24 * time.Hour)
		}, "revoked"},
		{"a 500 before it may have spent it", func(w *world) { w.server.next(plain500) }, "answer to an earlier token refresh was lost"},
		{"a 429 in between changes nothing", func(w *world) { w.server.next(throttled) }, "copy of this state file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.login()
				test.use(w)
				faults := w.server.faults
				w.server.issue() // somebody else has got the next one
				w.server.next(faults...)

				_, err := w.client.Token(w.t.Context())

				if reason := deadReason(w.t, err); !strings.Contains(reason, test.want) {
					w.t.Errorf("the reason is %q, want %q", reason, test.want)
				}
				s := w.status()
				if s.Authorized || s.DeadSince.IsZero() || !strings.Contains(s.Reason, test.want) {
					w.t.Errorf("the status is %+v", s)
				}
				w.login() // a person has to solve it
				w.token(w.client)
			})
		})
	}
}

func TestContextEndsWaitingButNotTheAnswer(t *testing.T) {
	t.Parallel()
	t.Run("a caller who gives up while the answer is under way does not lose it", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			w.server.next(hangBefore)
			ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			_, err := w.client.Token(ctx)
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 6*time.Second {
				w.t.Errorf("ended after %v with %v, want the deadline and five seconds more", time.Since(began), err)
			}
			if !w.status().InDoubt {
				w.t.Error("the mark is gone")
			}
			w.token(w.client) // the one further try
		})
	})
	t.Run("a caller who gives up during a pause leaves no mark", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			w.server.next(throttled)
			ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
			defer cancel()
			_, err := w.client.Token(ctx)
			if !errors.Is(err, context.DeadlineExceeded) || w.status().InDoubt {
				w.t.Errorf("got %v, status %+v", err, w.status())
			}
		})
	})
	t.Run("a caller who gives up while another refreshes is let go", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			unlock, err := w.store.Lock(w.t.Context())
			if err != nil {
				w.t.Fatal(err)
			}
			defer unlock()
			ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
			defer cancel()
			if _, err := w.client.Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
				w.t.Errorf("got %v, want the deadline", err)
			}
			if _, err := w.client.Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
				w.t.Errorf("got %v, want the deadline again", err)
			}
		})
	})
	t.Run("a caller who gives up while his own process refreshes is let go", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			w.server.next(hangBefore)
			go w.client.Token(w.t.Context())
			synctest.Wait()
			ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			if _, err := w.client.Token(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
				w.t.Errorf("ended after %v with %v, want the deadline", time.Since(began), err)
			}
			w.token(w.client)
		})
	})
	t.Run("a good token waits for nobody", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			w.token(w.client)
			unlock, err := w.store.Lock(w.t.Context())
			if err != nil {
				w.t.Fatal(err)
			}
			defer unlock()
			w.token(w.client)
			w.token(w.newClient())
		})
	})
}
