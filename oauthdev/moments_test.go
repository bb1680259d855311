package oauthdev_test

import (
	"fmt"
	"testing"
	"time"
)

// TestALostAnswerIsAskedForAgainAtOnce has a server whose grace is barely longer than the pace of
// its token endpoint.
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

// TestPausesAfterAPassingError has a busy server: 1, 2, 4 and 8 seconds, each half as long or
// longer.
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

// TestWhatTheServerDoesNotTell has the defaults of RFC 8628 section 3.2 and of Constant Contact's
// documents.
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

// TestTheLifeOfAnAccessToken has what a server may write as expires_in.
func TestTheLifeOfAnAccessToken(t *testing.T) {
	t.Parallel()
	for odd, want := range map[string]time.Duration{
		`1`: time.Second, `3600`: time.Hour, `"3600"`: time.Hour, `90.5`: 90500 * time.Millisecond, `999999999`: 999_999_999 * time.Second,
		`1e9`: 24 * time.Hour,
		`0`:   24 * time.Hour, `-5`: 24 * time.Hour, `1e12`: 24 * time.Hour, `"soon"`: 24 * time.Hour, `null`: 24 * time.Hour, `{}`: 24 * time.Hour,
	} {
		t.Run(odd, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.server.odd = odd
				w.login()
				w.server.next(oddExpiry)
				w.token(w.client)
				if life := time.Until(w.status().Expires); life != want {
					w.t.Errorf("%v, want %v", life, want)
				}
			})
		})
	}
}

// TestAServersWaitIsHonoured has Retry-After in seconds. Other forms are left to the usual pauses,
// of at most 1.5 s the first time.
func TestAServersWaitIsHonoured(t *testing.T) {
	t.Parallel()
	for retry, want := range map[string]time.Duration{
		"3": 3 * time.Second, "60": time.Minute, "0": 0, "-7": 0, "86401": 0, "soon": 0, "Fri, 31 Dec 1999 23:59:59 GMT": 0,
	} {
		t.Run(retry, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.server.retry = retry
				w.login()
				w.server.next(throttled)
				w.token(w.client)
				got := w.server.times[1].Sub(w.server.times[0])
				if want > 0 && got != want || got > max(want, 1500*time.Millisecond) {
					w.t.Errorf("asked again after %v, want %v", got, want)
				}
			})
		})
	}
	for _, retry := range []string{"61", "86400"} {
		t.Run("longer than a minute, the next call asks again: "+retry, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.server.retry = retry
				w.login()
				w.server.next(throttled)
				began := time.Now()
				if _, err := w.client.Token(w.t.Context()); err == nil || time.Since(began) > time.Second {
					w.t.Errorf("%v after %v", err, time.Since(began))
				}
				w.token(w.client)
			})
		})
	}
}

// TestALoginWaitsNoLongerThanAPersonWould has the Retry-After that a login honours: half a minute
// before there is a code, a minute while it is polled for.
func TestALoginWaitsNoLongerThanAPersonWould(t *testing.T) {
	t.Parallel()
	for retry, want := range map[string]struct{ start, poll time.Duration }{
		"20":  {20 * time.Second, 20 * time.Second},
		"50":  {30 * time.Second, 50 * time.Second},
		"500": {30 * time.Second, 60 * time.Second},
	} {
		t.Run(retry, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.server.retry = retry
				w.server.next(throttled)
				began := time.Now()
				d := w.start()
				if took := time.Since(began); took != want.start {
					w.t.Errorf("the code came after %v, want %v", took, want.start)
				}
				w.server.next(throttled)
				if _, err := w.client.Wait(w.t.Context(), d); err != nil {
					w.t.Fatal(err)
				}
				if got := w.server.times[1].Sub(w.server.times[0]); got != want.poll {
					w.t.Errorf("polled again after %v, want %v", got, want.poll)
				}
			})
		})
	}
}

// TestAnAccessTokenIsRefreshedBeforeItEnds has how long before: a quarter of its life, a minute at
// most.
func TestAnAccessTokenIsRefreshedBeforeItEnds(t *testing.T) {
	t.Parallel()
	for life, before := range map[int]time.Duration{4: time.Second, 40: 10 * time.Second, 240: time.Minute, 86_400: time.Minute} {
		t.Run(fmt.Sprint(life), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.server.life = life
				w.login()
				old := w.token(w.client)
				time.Sleep(time.Until(old.Expiry) - before - 1)
				if w.token(w.client).AccessToken != old.AccessToken {
					w.t.Errorf("it was refreshed earlier than %v before its end", before)
				}
				time.Sleep(time.Nanosecond)
				if w.token(w.client).AccessToken == old.AccessToken {
					w.t.Errorf("it was not refreshed %v before its end", before)
				}
			})
		})
	}
}

// TestAStoreThatFailsIsAskedAgain has the pauses between the tries to save a new token.
func TestAStoreThatFailsIsAskedAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		w.login()
		w.store.failing(2, 3)
		began := time.Now()
		w.token(w.client)
		if took := time.Since(began); took != 1250*time.Millisecond {
			w.t.Errorf("saved after %v, want 1.25 s", took)
		}
	})
}

// TestAPollKeepsThePaceOfARefresh has a process that refreshes a token and then continues with a
// pending login.
func TestAPollKeepsThePaceOfARefresh(t *testing.T) {
	inWorld(t, func(w *world) {
		d := w.start()
		time.Sleep(time.Minute)
		w.login()
		w.token(w.client)
		if _, err := w.client.Wait(w.t.Context(), d); err != nil {
			w.t.Fatal(err)
		}
		if got := w.server.times[1].Sub(w.server.times[0]); got != 1100*time.Millisecond {
			w.t.Errorf("polled %v after the refresh, want 1.1 s", got)
		}
	})
}

// TestALoginIsAskedForAgainAfterAPause has a server that is away at first.
func TestALoginIsAskedForAgainAfterAPause(t *testing.T) {
	inWorld(t, func(w *world) {
		w.server.next(unavailable, unavailable, unavailable)
		began := time.Now()
		w.start()
		if took := time.Since(began); took != 7*time.Second {
			w.t.Errorf("it took %v, want 1 + 2 + 4 s", took)
		}
	})
}

// TestALoginThatLacksSomethingIsNone has an answer without what a person or a poll needs.
func TestALoginThatLacksSomethingIsNone(t *testing.T) {
	t.Parallel()
	for _, member := range []string{"device_code", "user_code", "verification_uri"} {
		t.Run(member, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.server.lacks = member
				if d, err := w.client.Start(w.t.Context()); err == nil {
					w.t.Errorf("got %+v", d)
				}
			})
		})
	}
}
