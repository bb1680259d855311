package oauthdev_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"ccsyncd/oauthdev"
)

func TestNothingIsSentThatWasNotRecorded(t *testing.T) {
	inWorld(t, func(w *world) {
		w.login()
		w.store.failing(1, 100)
		if _, err := w.client.Token(w.t.Context()); !errors.Is(err, errDisk) {
			w.t.Errorf("got %v, want the error of the store", err)
		}
		if n := w.server.requests(); n != 0 {
			w.t.Errorf("%d requests were sent", n)
		}
		w.store.failing(0, 0)
		w.token(w.client)
	})
}

func TestALoginThatCannotBeStoredIsToldAtOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		w.store.failing(1, 100)
		if d, err := w.client.Start(w.t.Context()); !errors.Is(err, errDisk) || d != nil {
			w.t.Errorf("Start: %v, %v", d, err)
		}
		if err := w.client.Accept(w.t.Context(), w.server.issue()); !errors.Is(err, errDisk) {
			w.t.Errorf("Accept: %v", err)
		}
		if err := w.client.Forget(w.t.Context()); !errors.Is(err, errDisk) {
			w.t.Errorf("Forget: %v", err)
		}
		held, err := w.store.Lock(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		defer held()
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
		defer cancel()
		if err := w.client.Forget(ctx); !errors.Is(err, context.DeadlineExceeded) {
			w.t.Errorf("Forget while another process has the lock: %v", err)
		}
	})
}

func TestNewTokenThatCannotBeStored(t *testing.T) {
	t.Parallel()
	t.Run("a store that fails twice gets it at the third try", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			w.store.failing(2, 3)
			w.token(w.client)
			w.token(w.newClient())
		})
	})
	t.Run("row 17: nobody gets it, and the next call stores it", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			w.store.failing(2, 5)
			for range 2 { // the commit, then the first try of the next call
				if _, err := w.client.Token(w.t.Context()); !errors.Is(err, errDisk) {
					w.t.Fatalf("got %v, want the error of the store", err)
				}
			}
			w.token(w.client)
			w.token(w.newClient())
			if n := w.server.requests(); n != 1 {
				w.t.Errorf("%d refreshes, want 1", n)
			}
		})
	})
	t.Run("row 17: it revives a login that another process found dead meanwhile", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			w.store.failing(2, 4)
			if _, err := w.client.Token(w.t.Context()); !errors.Is(err, errDisk) {
				w.t.Fatal(err)
			}
			_, err := w.newClient().Token(w.t.Context())
			if reason := deadReason(w.t, err); !strings.Contains(reason, "lost") {
				w.t.Fatal(reason)
			}
			w.token(w.client)
			w.token(w.newClient())
		})
	})
	t.Run("row 17: it gives way to the token of another process", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.server.grace = time.Minute
			w.login()
			w.store.failing(2, 4)
			if _, err := w.client.Token(w.t.Context()); !errors.Is(err, errDisk) {
				w.t.Fatal(err)
			}
			theirs := w.token(w.newClient())
			if mine := w.token(w.client); mine.AccessToken != theirs.AccessToken {
				w.t.Error("an older token came back")
			}
		})
	})
	t.Run("row 17: it gives way to a new login and to a logout", func(t *testing.T) {
		inWorld(t, func(w *world) {
			for _, cure := range []func(){w.login, func() { w.forget() }} {
				w.login()
				w.store.failing(2, 4)
				if _, err := w.client.Token(w.t.Context()); !errors.Is(err, errDisk) {
					w.t.Fatal(err)
				}
				cure()
				if _, err := w.client.Token(w.t.Context()); err == nil {
					w.token(w.client)
				} else {
					deadReason(w.t, err)
				}
			}
		})
	})
}

func (w *world) forget() {
	w.t.Helper()
	if err := w.client.Forget(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// TestMarksOfDeadProcesses has the rows 13 to 16.
func TestMarksOfDeadProcesses(t *testing.T) {
	t.Parallel()
	t.Run("row 13: a good token is used without a request", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			w.token(w.client)
			time.Sleep(86_400*time.Second - 61*time.Second)
			w.token(w.newClient())
			if n := w.server.requests(); n != 1 {
				w.t.Errorf("%d refreshes, want 1", n)
			}
			time.Sleep(2 * time.Second)
			w.token(w.newClient())
			if n := w.server.requests(); n != 2 {
				w.t.Errorf("%d refreshes a minute before the expiry, want 2", n)
			}
		})
	})
	t.Run("row 14: a token that was under way is tried at once, within grace", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.server.grace = time.Minute
			w.login()
			w.crash(2) // between answer and commit
			w.token(w.newClient())
		})
	})
	t.Run("row 14: without grace the login is dead and the crash is named", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			w.crash(2)
			_, err := w.newClient().Token(w.t.Context())
			if reason := deadReason(w.t, err); !strings.Contains(reason, "in a crash or on the network") {
				w.t.Error(reason)
			}
		})
	})
	t.Run("row 14: a token whose renewal was under way is tried although it has not expired", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.server.grace = time.Minute
			w.login()
			good := w.token(w.client)
			dying := w.dyingClient(2)
			if _, err := dying.Renew(w.t.Context(), good); err == nil {
				w.t.Fatal("a dead process got a token")
			}
			w.token(w.newClient())
		})
	})
	t.Run("row 15: after two crashes the token is not sent again before its time", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.server.grace = time.Minute
			w.login()
			w.crash(2)
			w.crash(2)
			e := w.doubt(w.newClient())
			if n := w.server.requests(); n != 2 {
				w.t.Errorf("the token was sent %d times", n)
			}
			time.Sleep(time.Until(e.Next))
			_, err := w.newClient().Token(w.t.Context())
			if reason := deadReason(w.t, err); !strings.Contains(reason, "in a crash or on the network") {
				w.t.Error(reason)
			}
		})
	})
	t.Run("a process that takes over keeps the pace of the one that died", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			w.server.next(badClient)
			if _, err := w.dyingClient(2).Token(w.t.Context()); err == nil {
				w.t.Fatal("a dead process got a token")
			}
			w.token(w.newClient())
			if got := w.server.times[1].Sub(w.server.times[0]); got != 1100*time.Millisecond {
				w.t.Errorf("asked again after %v, want 1.1 s", got)
			}
		})
	})
	t.Run("a crash before the mark is stored costs nothing", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			w.crash(1)
			w.token(w.newClient())
			if n := w.server.requests(); n != 1 {
				w.t.Errorf("%d refreshes, want 1", n)
			}
		})
	})
	t.Run("row 16: a dead login is not tried again, and a new login cures it", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			w.server.issue()
			for range 3 {
				_, err := w.newClient().Token(w.t.Context())
				deadReason(w.t, err)
				_, err = w.client.Renew(w.t.Context(), &oauth2.Token{AccessToken: "access-1"})
				deadReason(w.t, err)
			}
			if n := w.server.requests(); n != 1 {
				w.t.Errorf("%d refreshes, want 1", n)
			}
			w.login()
			w.token(w.client)
		})
	})
}

var errDied = errors.New("the process died")

// mortal is the store as a process sees it that dies at its n-th Save: nothing it does from then on
// reaches the store.
type mortal struct {
	*store
	mu    sync.Mutex
	until int
}

func (m *mortal) Save(ctx context.Context, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.until--; m.until <= 0 {
		return errDied
	}
	return m.store.Save(ctx, data)
}

func (w *world) dyingClient(save int) *oauthdev.Client {
	return oauthdev.New(oauthdev.Config{
		ClientID: "app-1", AuthURL: "http://authz.test/oauth2/default/v1", HTTP: w.httpClient(),
	}, &mortal{store: w.store, until: save})
}

// crash has a process die at the n-th Save of a refresh: 1 is the mark, 2 the commit.
func (w *world) crash(save int) {
	w.t.Helper()
	if _, err := w.dyingClient(save).Token(w.t.Context()); !errors.Is(err, errDied) {
		w.t.Fatalf("got %v, want the death", err)
	}
}

func TestManyProcessesRefreshOnce(t *testing.T) {
	t.Parallel()
	t.Run("goroutines and processes that need a token at once share one refresh", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			w.together(8, 5, w.usesToken)
			if n := w.server.requests(); n != 1 {
				w.t.Errorf("%d refreshes, want 1", n)
			}
		})
	})
	t.Run("those whose token was refused share one, too", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			old := w.token(w.client)
			w.together(4, 5, func(c *oauthdev.Client) {
				got, err := c.Renew(w.t.Context(), old)
				if err != nil || got.AccessToken == old.AccessToken || !w.server.takes(got.AccessToken) {
					w.t.Errorf("Renew: %v", err)
				}
			})
			if n := w.server.requests(); n != 2 {
				w.t.Errorf("%d refreshes, want 2", n)
			}
		})
	})
	t.Run("four processes with tokens of two seconds need no refresh a call", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.server.life, w.server.strict = 2, true
			w.login()
			w.together(4, 1, func(c *oauthdev.Client) {
				for range 80 {
					w.usesToken(c)
					time.Sleep(250 * time.Millisecond)
				}
			})
			if n := w.server.requests(); n < 10 || n > 14 {
				w.t.Errorf("%d refreshes in 20 seconds, want one every 1.5", n)
			}
			if w.server.tooEarly > 0 {
				w.t.Error("two token requests came within a second")
			}
		})
	})
	t.Run("processes that renew one after the other keep the pace, though the transport delays one", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.login()
			w.door.delays = []time.Duration{900 * time.Millisecond, 0, 900 * time.Millisecond}
			for range 4 {
				c := w.newClient()
				if _, err := c.Renew(w.t.Context(), w.token(c)); err != nil {
					w.t.Fatal(err)
				}
			}
			if w.server.tooEarly > 0 {
				w.t.Error("two token requests came within a second")
			}
		})
	})
}

// usesToken is token for goroutines.
func (w *world) usesToken(c *oauthdev.Client) {
	if t, err := c.Token(w.t.Context()); err != nil || !w.server.takes(t.AccessToken) {
		w.t.Errorf("Token: %v", err)
	}
}

// together runs work in so many goroutines of so many processes.
func (w *world) together(processes, goroutines int, work func(*oauthdev.Client)) {
	var all sync.WaitGroup
	for range processes {
		c := w.newClient()
		for range goroutines {
			all.Go(func() { work(c) })
		}
	}
	all.Wait()
}
