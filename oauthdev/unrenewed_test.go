package oauthdev_test

import (
	"errors"
	"testing"
	"time"

	"ccsyncd/oauthdev"
)

// Whoever may only look gets the access token while it lasts, and spends nothing.
func TestUnrenewedTokensAreNeverRenewed(t *testing.T) {
	inWorld(t, func(w *world) {
		if _, ok := w.client.Unrenewed(w.t.Context()); ok {
			w.t.Error("there is a token though nobody has logged in")
		}
		w.store.data = []byte("damaged")
		if _, ok := w.client.Unrenewed(w.t.Context()); ok {
			w.t.Error("there is a token in a damaged record")
		}
		w.store.data = nil
		w.login()
		if _, ok := w.client.Unrenewed(w.t.Context()); ok {
			w.t.Error("an expired token can be used")
		}
		fresh, before := w.token(w.client), w.server.requests()
		look, ok := w.client.Unrenewed(w.t.Context())
		if !ok {
			w.t.Fatal("there is no token")
		}
		got, err := look.Token(w.t.Context())
		if err != nil || got.AccessToken != fresh.AccessToken {
			w.t.Errorf("the token is %+v (%v), want %q", got, err, fresh.AccessToken)
		}
		var needed *oauthdev.LoginError
		if _, err := look.Renew(w.t.Context(), got); !errors.As(err, &needed) {
			w.t.Errorf("Renew: %v, want a LoginError", err)
		}
		time.Sleep(48 * time.Hour)
		if _, ok := w.client.Unrenewed(w.t.Context()); ok {
			w.t.Error("a token that has expired since can be used")
		}
		if n := w.server.requests(); n != before {
			w.t.Errorf("%d requests were sent", n-before)
		}
	})
}
