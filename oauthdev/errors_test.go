package oauthdev_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/oauthdev"
)

// TestErrorsSayWhatHappened has the text of each error, as logs and alerts show it.
func TestErrorsSayWhatHappened(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)
	const doubt = "the refresh token has been in doubt since 2026-11-24T12:00:00Z, because answers from the authorization server were lost; " +
		"the next try is due at 2026-11-24T12:01:00Z"
	for want, err := range map[string]error{
		"not authorized: nobody is logged in":               &oauthdev.LoginError{Reason: "nobody is logged in"},
		"the authorization server answered 503":             &oauthdev.Error{Status: 503},
		"the authorization server answered 400 slow_down":   &oauthdev.Error{Status: 400, Code: "slow_down"},
		"the authorization server answered 404: no such":    &oauthdev.Error{Status: 404, Description: "no such"},
		"the authorization server answered 401 code: words": &oauthdev.Error{Status: 401, Code: "code", Description: "words"},
		doubt:                   &oauthdev.DoubtError{Since: since, Next: since.Add(time.Minute)},
		doubt + ": unreachable": &oauthdev.DoubtError{Since: since, Next: since.Add(time.Minute), Err: errors.New("unreachable")},
	} {
		if err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
	}
}

// TestNetworkTroubleIsKnownAsSuch has what is wrong with a network: packages that do not know this
// one look for it in the error.
func TestNetworkTroubleIsKnownAsSuch(t *testing.T) {
	t.Parallel()
	network := func(err error) bool { return errors.As(err, new(net.Error)) }
	for name, tt := range map[string]struct {
		fault fault
		door  error
		want  string
		is    func(error) bool
	}{
		"no answer":  {fault: hangBefore, want: "the authorization server did not answer in time", is: network},
		"a reset":    {fault: resetBefore, want: "the connection broke before the answer was complete", is: func(err error) bool { return errors.Is(err, io.EOF) }},
		"no network": {door: dialError, want: "reach the authorization server: dial tcp: connection refused", is: network},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				for range 4 {
					w.server.faults = append(w.server.faults, tt.fault)
					if tt.door != nil {
						w.door.refuse = append(w.door.refuse, tt.door)
					}
				}
				_, err := w.client.Start(w.t.Context())
				if err == nil || err.Error() != "ask for a device code: "+tt.want || !tt.is(err) {
					w.t.Errorf("Start: %v, want %s", err, tt.want)
				}
			})
		})
	}
	t.Run("an answer lost twice", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			w.server.next(hangBefore, hangBefore)
			if e := w.doubt(w.client); !network(e) {
				w.t.Errorf("it is not in %v", e)
			}
		})
	})
}

// TestAWrongAddressIsNamedWithWhereToLook has what a server sends that is no authorization server,
// and the other host that may be it.
func TestAWrongAddressIsNamedWithWhereToLook(t *testing.T) {
	t.Parallel()
	const look = "; check [endpoints] auth"
	for _, tt := range []struct {
		fault      fault
		host, want string
	}{
		{page, "authz.test", "200: not JSON but text/html" + look + ", or try identity.constantcontact.com there"},
		{page, "identity.constantcontact.com", "200: not JSON but text/html" + look},
		{redirect, "identity.constantcontact.com", "307: not JSON but a redirect, which ccsyncd does not follow" + look},
		{bareAnswer, "identity.constantcontact.com", "418: not JSON but a body without a content type" + look},
		{xhtmlPage, "identity.constantcontact.com", "200: not JSON but application/xhtml+xml" + look},
	} {
		t.Run(string(tt.fault)+" of "+tt.host, func(t *testing.T) {
			inWorld(t, func(w *world) {
				c := oauthdev.New(oauthdev.Config{ClientID: "app-1", AuthURL: "http://" + tt.host + "/oauth2/default/v1", HTTP: w.httpClient()}, w.store)
				w.server.next(slices.Repeat([]fault{tt.fault}, 4)...)
				if _, err := c.Start(w.t.Context()); err == nil || !strings.HasSuffix(err.Error(), " answered "+tt.want) {
					w.t.Errorf("Start: %v, want %s", err, tt.want)
				}
			})
		})
	}
}

// TestAServersWordsAreShownUpTo200Characters, and no further.
func TestAServersWordsAreShownUpTo200Characters(t *testing.T) {
	inWorld(t, func(w *world) {
		w.server.next(longWords)
		_, err := w.client.Start(w.t.Context())
		if want := "ask for a device code: the authorization server answered 400 invalid_request: " + strings.Repeat("é", 200); err == nil || err.Error() != want {
			w.t.Errorf("Start: %v, want %s", err, want)
		}
	})
}

// TestAStoreThatHangsIsGivenUp has a disk that answers no more: ten seconds a try.
func TestAStoreThatHangsIsGivenUp(t *testing.T) {
	inWorld(t, func(w *world) {
		c := oauthdev.New(oauthdev.Config{ClientID: "app-1", AuthURL: "http://authz.test/oauth2/default/v1", HTTP: w.httpClient()}, hungStore{w.store})
		began := time.Now()
		err := c.Accept(w.t.Context(), w.server.issue())
		if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "store the login: ") || time.Since(began) != 10*time.Second {
			w.t.Errorf("Accept: %v after %v", err, time.Since(began))
		}
	})
}

type hungStore struct{ *store }

func (hungStore) Save(ctx context.Context, _ []byte) error {
	<-ctx.Done()
	return ctx.Err()
}
