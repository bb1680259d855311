package oauthdev_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"ccsyncd/oauthdev"
)

func TestRecordIsOneVersionedObject(t *testing.T) {
	inWorld(t, func(w *world) {
		w.login()
		w.token(w.client)
		w.start()
		var got struct {
			Version           int
			Current, Previous struct{ Refresh, Obtained string }
			Pending           struct{ Expires time.Time }
			Spending, Dead    *struct{}
		}
		if err := json.Unmarshal(w.store.data, &got); err != nil {
			w.t.Fatal(err)
		}
		if got.Version != 1 || got.Current.Refresh != "refresh-2" || got.Previous.Refresh != "refresh-1" ||
			got.Current.Obtained == "" || got.Previous.Obtained == "" || got.Pending.Expires.IsZero() ||
			got.Spending != nil || got.Dead != nil {
			w.t.Errorf("the record is %+v", got)
		}
	})
}

func TestRecordsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, record string
		want         string
		login        bool // it is a LoginError
	}{
		{"none yet", "", "nobody is logged in", true},
		{"an empty one", `{"version":1}`, "nobody is logged in", true},
		{"of another application", `{"version":1,"current":{"client":"app-2","access":"access-1"}}`, "another client_id", true},
		{"damaged", `{"version":1,"current":`, "damaged", true},
		{"of a newer program", `{"version":2}`, "newer ccsyncd", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.store.data = []byte(test.record)
				_, err := w.client.Token(w.t.Context())
				var e *oauthdev.LoginError
				if err == nil || errors.As(err, &e) != test.login || !strings.Contains(err.Error(), test.want) {
					w.t.Errorf("Token: %v, want %q", err, test.want)
				}
				if test.login {
					if s := w.status(); s.Authorized || !strings.Contains(s.Reason, test.want) {
						w.t.Errorf("the status is %+v", s)
					}
					w.login()
				} else {
					w.readsNothing(test.want)
					w.forget()
					w.login()
				}
				w.token(w.client)
			})
		})
	}
}

// readsNothing expects that what cannot be read is neither used nor replaced.
func (w *world) readsNothing(want string) {
	w.t.Helper()
	before := string(w.store.data)
	_, statusErr := w.client.Status(w.t.Context())
	_, startErr := w.client.Start(w.t.Context())
	_, pendingErr := w.client.Pending(w.t.Context())
	acceptErr := w.client.Accept(w.t.Context(), w.server.issue())
	for _, err := range []error{statusErr, startErr, pendingErr, acceptErr} {
		if err == nil || !strings.Contains(err.Error(), want) {
			w.t.Errorf("got %v, want %q", err, want)
		}
	}
	if len(w.server.forms) > 0 || string(w.store.data) != before {
		w.t.Error("something was sent or replaced")
	}
}

func TestAcceptNeedsARefreshToken(t *testing.T) {
	inWorld(t, func(w *world) {
		err := w.client.Accept(w.t.Context(), &oauth2.Token{AccessToken: "access-1"})
		if !errors.Is(err, oauthdev.ErrNoRefreshToken) || w.store.data != nil {
			w.t.Errorf("got %v", err)
		}
	})
}

func TestForgetDropsEverything(t *testing.T) {
	inWorld(t, func(w *world) {
		w.login()
		w.token(w.client)
		w.start()
		w.forget()
		if strings.Contains(string(w.store.data), "-") {
			w.t.Errorf("what is left: %s", w.store.data)
		}
		_, err := w.client.Token(w.t.Context())
		deadReason(w.t, err)
	})
}

func TestStatusShowsWhenTheRefreshTokenExpires(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	t.Run("a rotating one 180 days after its making", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			time.Sleep(10 * day)
			w.token(w.client)
			if s := w.status(); s.LongLived || time.Until(s.RefreshLapses) != 180*day {
				w.t.Errorf("status %+v", s)
			}
		})
	})
	t.Run("a long-lived one 180 days after its last use", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.server.longLived = true
			w.login()
			made := w.status().RefreshObtained
			time.Sleep(10 * day)
			w.token(w.client)
			time.Sleep(day / 2)
			s := w.status()
			if !s.LongLived || time.Until(s.RefreshLapses) != 180*day-day/2 || !s.RefreshObtained.Equal(made) {
				w.t.Errorf("status %+v", s)
			}
		})
	})
}

func TestServerTimeDecides(t *testing.T) {
	inWorld(t, func(w *world) {
		ahead := oauthdev.New(oauthdev.Config{
			ClientID: "app-1", AuthURL: "http://authz.test/oauth2/default/v1", HTTP: w.httpClient(),
			Now: func() time.Time { return time.Now().Add(time.Hour) },
		}, w.store)
		w.login()
		w.token(ahead)
		if s := w.status(); time.Until(s.Expires) != 25*time.Hour {
			w.t.Errorf("the token expires in %v of local time, want 25 h", time.Until(s.Expires))
		}
	})
}
