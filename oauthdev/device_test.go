package oauthdev_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/oauthdev"
)

func (w *world) start() *oauthdev.Device {
	w.t.Helper()
	d, err := w.client.Start(w.t.Context())
	if err != nil {
		w.t.Fatalf("Start: %v", err)
	}
	return d
}

func (w *world) pending() *oauthdev.Device {
	w.t.Helper()
	d, err := w.newClient().Pending(w.t.Context())
	if err != nil {
		w.t.Fatalf("Pending: %v", err)
	}
	return d
}

func TestLogin(t *testing.T) {
	inWorld(t, func(w *world) {
		w.server.poll = []string{"authorization_pending", "authorization_pending"}
		d := w.start()
		got, err := w.client.Wait(w.t.Context(), d)
		if err != nil {
			w.t.Fatal(err)
		}
		if w.status().Authorized {
			w.t.Error("the token was stored before it was accepted")
		}
		if err := w.client.Accept(w.t.Context(), got); err != nil {
			w.t.Fatal(err)
		}

		w.token(w.newClient())
		want := []url.Values{
			{"client_id": {"app-1"}, "scope": {"contact_data offline_access"}},
			{"client_id": {"app-1"}, "device_code": {"device-1"}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}},
		}
		if diff := cmp.Diff(want, w.server.forms[:2]); diff != "" {
			w.t.Errorf("the forms sent (-want +got):\n%s", diff)
		}
		if w.pending() != nil {
			w.t.Error("a login is still pending")
		}
		s, now := w.status(), time.Now().UTC()
		wantStatus := oauthdev.Status{
			Authorized: true, Scopes: []string{"contact_data", "offline_access"},
			Obtained: now, Expires: now.Add(24 * time.Hour), RefreshObtained: now, RefreshLapses: now.AddDate(0, 0, 180),
		}
		if diff := cmp.Diff(wantStatus, s); diff != "" {
			w.t.Errorf("the status (-want +got):\n%s", diff)
		}
	})
}

func TestStart(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		faults []fault
		want   string // part of the error, "" when it succeeds
	}{
		{"trouble that passes is survived", []fault{unavailable, resetBefore, throttled}, ""},
		{"trouble without end is reported", []fault{unavailable, unavailable, unavailable, unavailable}, "503 temporarily_unavailable"},
		{"a wrong address is named", []fault{wrongPath, wrongPath, wrongPath, wrongPath}, "not JSON but text/html"},
		{"a refusal is reported at once", []fault{badClient}, "401 invalid_client: this is invalid_client"},
		{"an answer without a code is no success", []fault{noNew}, "lacks the code or the address"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.server.next(test.faults...)
				_, err := w.client.Start(w.t.Context())
				if test.want == "" && err == nil {
					return
				}
				if err == nil || test.want == "" || !strings.Contains(err.Error(), test.want) {
					w.t.Errorf("got %v, want %q", err, test.want)
				}
				if w.pending() != nil {
					w.t.Error("a login is pending")
				}
			})
		})
	}
}

func TestPendingLogin(t *testing.T) {
	t.Parallel()
	t.Run("it keeps its moment of expiry, and the login in use", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			d := w.start()
			time.Sleep(9 * time.Minute)
			again := w.pending()
			if again == nil || !again.ExpiresAt.Equal(d.ExpiresAt) || time.Until(again.ExpiresAt) != time.Minute {
				w.t.Fatalf("got %+v, want what %+v says", again, d)
			}
			if s := w.status(); !s.Authorized || !s.PendingUntil.Equal(d.ExpiresAt) {
				w.t.Errorf("status %+v", s)
			}
			w.token(w.client)
			time.Sleep(time.Minute)
			if w.pending() != nil || !w.status().PendingUntil.IsZero() {
				w.t.Error("it is pending after its expiry")
			}
		})
	})
	t.Run("another process goes on with it at once", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.start()
			time.Sleep(time.Minute)
			began := time.Now()
			if _, err := w.newClient().Wait(w.t.Context(), w.pending()); err != nil {
				w.t.Fatal(err)
			}
			if d := time.Since(began); d != 0 {
				w.t.Errorf("the first poll waited for %v", d)
			}
		})
	})
	t.Run("a wait that was given up leaves it", func(t *testing.T) {
		inWorld(t, func(w *world) {
			ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
			defer cancel()
			if _, err := w.client.Wait(ctx, w.start()); !errors.Is(err, context.DeadlineExceeded) {
				w.t.Errorf("got %v, want the deadline", err)
			}
			if w.pending() == nil {
				w.t.Error("it is gone")
			}
		})
	})
	t.Run("one of another application does not count", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.start()
			other := oauthdev.New(oauthdev.Config{ClientID: "app-2"}, w.store)
			if d, err := other.Pending(w.t.Context()); d != nil || err != nil {
				w.t.Errorf("got %v, %v", d, err)
			}
		})
	})
}

func TestWait(t *testing.T) {
	t.Parallel()
	at := func(s ...int) []int { return s }
	tests := []struct {
		name   string
		poll   []string
		faults []fault
		polls  []int // seconds after the start
		want   error // by errors.Is; nil: success, or text
		text   string
	}{
		{name: "it polls every interval", poll: []string{"authorization_pending", "authorization_pending"}, polls: at(5, 10, 15)},
		{name: "each slow_down adds five seconds for good", poll: []string{"slow_down", "authorization_pending", "slow_down"},
			polls: at(5, 15, 25, 40)},
		{name: "declined", poll: []string{"access_denied"}, polls: at(5), want: oauthdev.ErrDenied},
		{name: "expired by the server", poll: []string{"expired_token"}, polls: at(5), want: oauthdev.ErrExpired},
		{name: "a code that was used up", poll: []string{"invalid_grant"}, polls: at(5), want: oauthdev.ErrExpired},
		{name: "no refresh token", faults: []fault{noNew}, polls: at(5), want: oauthdev.ErrNoRefreshToken},
		{name: "an error that no waiting cures", faults: []fault{badClient}, polls: at(5), text: "401 invalid_client"},
		{name: "failures are survived, with longer pauses each time", faults: []fault{unavailable, resetBefore, throttled, page},
			poll: []string{"authorization_pending"}, polls: at(5, 15, 35, 65, 95, 100)},
		{name: "a time-out is survived", faults: []fault{hangBefore}, polls: at(5, 45)},
		{name: "a cut answer is survived", faults: []fault{cutAfter}, poll: []string{"authorization_pending"}, polls: at(5, 15)},
		{name: "pages that are not in a row are survived", faults: []fault{page, unavailable, page, page}, polls: at(5, 15, 35, 65, 95)},
		{name: "pages with an answer in between are survived", faults: []fault{page, page, none, page, page},
			poll: []string{"authorization_pending"}, polls: at(5, 15, 35, 40, 50, 70)},
		{name: "pages without end are named", faults: []fault{wrongPath, wrongPath, wrongPath}, polls: at(5, 15, 35),
			text: "404: not JSON but text/html"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				d, began := w.start(), time.Now()
				w.server.poll = test.poll
				w.server.next(test.faults...)

				_, err := w.client.Wait(w.t.Context(), d)

				if test.want != nil && !errors.Is(err, test.want) || (err == nil) != (test.want == nil && test.text == "") ||
					err != nil && !strings.Contains(err.Error(), test.text) {
					w.t.Errorf("got %v, want %v %s", err, test.want, test.text)
				}
				var got []int
				for _, at := range w.server.times {
					got = append(got, int(at.Sub(began)/time.Second))
				}
				if diff := cmp.Diff(test.polls, got); diff != "" {
					w.t.Errorf("polls (-want +got):\n%s", diff)
				}
				if decided := err == nil || test.want != nil; decided != (w.pending() == nil) {
					w.t.Errorf("decided: %t, but pending: %t", decided, w.pending() != nil)
				}
			})
		})
	}
}

func TestWaitUntilTheCodeExpires(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, want string
		fault      fault
	}{
		{"nobody came", "the code has expired", none},
		{"the server was away", "the code has expired; the last poll failed: the authorization server answered 503", unavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				d, began := w.start(), time.Now()
				w.server.poll = slices.Repeat([]string{"authorization_pending"}, 200)
				w.server.next(slices.Repeat([]fault{test.fault}, 200)...)
				_, err := w.client.Wait(w.t.Context(), d)
				if !errors.Is(err, oauthdev.ErrExpired) || !strings.HasPrefix(err.Error(), test.want) {
					w.t.Errorf("got %v, want %s", err, test.want)
				}
				if took := time.Since(began); took != 10*time.Minute {
					w.t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// TestNoSecretIsEverShown has the secrets of the test server in every place from where they could
// get into a text.
func TestNoSecretIsEverShown(t *testing.T) {
	inWorld(t, func(w *world) {
		var shown []string
		show := func(v ...any) {
			for _, v := range v {
				shown = append(shown, fmt.Sprintf("%v %+v %#v %s %q", v, v, v, v, v))
			}
		}
		d := w.start()
		show(d, *d, w.client)
		for _, f := range []fault{echo, garbage, cutAfter, huge, badClient, resetAfter} {
			w.login()
			w.server.next(f, f, f)
			_, err := w.client.Token(w.t.Context())
			show(err, w.status())
			w.server.next()
			d := w.start()
			w.server.next(f, f, f)
			_, err = w.client.Wait(w.t.Context(), d)
			show(err)
		}
		w.login()
		w.server.issue()
		_, err := w.client.Token(w.t.Context())
		show(err, w.status())
		for _, text := range shown {
			for _, secret := range []string{"refresh-", "access-", "device-"} {
				if strings.Contains(text, secret) {
					w.t.Errorf("%s shows a secret", text)
				}
			}
			if strings.ContainsRune(text, '\x1b') {
				w.t.Errorf("%q has a control character", text)
			}
		}
	})
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	inWorld(t, func(w *world) {
		w.login()
		followed := false
		hc := w.httpClient()
		hc.CheckRedirect = func(*http.Request, []*http.Request) error { followed = true; return nil }
		c := oauthdev.New(oauthdev.Config{ClientID: "app-1", AuthURL: "http://authz.test/oauth2/default/v1", HTTP: hc}, w.store)
		for _, f := range []fault{redirect, seeOther} {
			w.login()
			w.server.next(f)
			w.token(c)
			if followed {
				w.t.Errorf("a redirect %s was followed", f)
			}
		}
	})
}

func TestStaticTokens(t *testing.T) {
	t.Parallel()
	inner := newServer().issue()
	s := oauthdev.Static(inner)
	if got, err := s.Token(t.Context()); got != inner || err != nil {
		t.Errorf("Token: %v, %v", got, err)
	}
	_, err := s.Renew(t.Context(), inner)
	if !strings.Contains(deadReason(t, err), "refuses the new token") {
		t.Error(err)
	}
	var e interface{ Unauthorized() bool }
	if !errors.As(err, &e) || !e.Unauthorized() {
		t.Error("other packages cannot tell that the login is missing")
	}
}

// TestAConnectionClosedInTheTLSHandshakeEndsNoLogin has a server that is restarted while somebody
// reads the code.
func TestAConnectionClosedInTheTLSHandshakeEndsNoLogin(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"closed":        "",
		"closed midway": "\x16\x03\x03",
		"an alert":      "\x15\x03\x03\x00\x02\x02\x50",
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				d := w.start()
				w.door.refuse = []error{handshake(w.t, answer), handshake(w.t, answer), handshake(w.t, answer)}
				if _, err := w.client.Wait(w.t.Context(), d); err != nil {
					w.t.Errorf("Wait: %v", err)
				}
				if len(w.door.refuse) > 0 {
					w.t.Error("no handshake was tried")
				}
			})
		})
	}
}

// handshake is the error of a TLS handshake that a server answers so, and then closes.
func handshake(t *testing.T, answer string) error {
	t.Helper()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			_, _ = there.Read(make([]byte, 4096)) // the client's hello
			_, _ = io.WriteString(there, answer)
			there.Close()
		}()
		return here, nil
	}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://authz.test/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
		t.Fatal("the handshake succeeded")
	}
	return err
}
