package ccapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// loginError is an error of Tokens.
type loginError struct{ dead bool }

func (e *loginError) Error() string      { return "the login is dead" }
func (e *loginError) Unauthorized() bool { return e.dead }

// doubtError is an error of Tokens.
type doubtError struct{ doubt bool }

func (e *doubtError) Error() string { return "the refresh token waits" }
func (e *doubtError) InDoubt() bool { return e.doubt }

// bearer is a handler that takes one access token only.
func bearer(good string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+good {
			reply(w, 401, `{"error_key":"unauthorized","error_message":"Unauthorized"}`)
			return
		}
		if r.Method == http.MethodPost {
			reply(w, 201, activityJSON)
			return
		}
		reply(w, 200, accountJSON)
	}
}

func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	const noToken = "read account: obtain an access token: "
	tests := []struct {
		name   string
		good   string
		tokens tokens
		hits   int64
		is     error  // ErrUnauthorized or ErrTokenInDoubt
		text   string // of the error; "" for success
	}{
		{name: "the first token is good", good: "tok-1", hits: 1},
		{name: "the renewed token is good", good: "tok-2", hits: 2},
		{name: "the renewed token is refused too", good: "tok-3", hits: 2, is: ErrUnauthorized,
			text: "read account: HTTP 401 Unauthorized (unauthorized): Unauthorized"},
		{name: "no token yet", tokens: tokens{err: &loginError{dead: true}}, is: ErrUnauthorized, text: "read account: the login is dead"},
		{name: "a token in doubt", tokens: tokens{err: &doubtError{doubt: true}}, is: ErrTokenInDoubt, text: "read account: the refresh token waits"},
		{name: "a doubt that is none", tokens: tokens{err: &doubtError{}}, text: noToken + "the refresh token waits"},
		{name: "no token to be had just now", tokens: tokens{err: errors.New("authorization server is down")}, text: noToken + "authorization server is down"},
		{name: "login error that passes", tokens: tokens{err: &loginError{}}, text: noToken + "the login is dead"},
		{name: "renewal finds the login dead", good: "tok-2", tokens: tokens{renewErr: &loginError{dead: true}}, hits: 1, is: ErrUnauthorized,
			text: "read account: the login is dead"},
		{name: "renewal fails for a while", good: "tok-2", tokens: tokens{renewErr: errors.New("server is down")}, hits: 1, text: noToken + "server is down"},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, bearer(tt.good))
				_, err := s.readerWith(&tt.tokens).Account(t.Context())
				if (err == nil) != (tt.text == "") || err != nil && err.Error() != tt.text {
					t.Errorf("error = %v, want %s", err, tt.text)
				}
				for _, is := range []error{ErrUnauthorized, ErrTokenInDoubt} {
					if errors.Is(err, is) != (is == tt.is) {
						t.Errorf("error = %v, want that it is %v: %t", err, is, is == tt.is)
					}
				}
				for _, cause := range []error{tt.tokens.err, tt.tokens.renewErr} {
					if cause != nil && !errors.Is(err, cause) {
						t.Errorf("error = %v hides %v", err, cause)
					}
				}
				if s.hits.Load() != tt.hits {
					t.Errorf("server saw %d requests, want %d", s.hits.Load(), tt.hits)
				}
			})
		})
	}
}

func TestAWriteWhoseTokenIsRefusedTwiceHasAKnownOutcome(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, bearer("tok-9"))
		_, err := NewWriter(s.reader()).Import(t.Context(), oneRow())
		if !errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrUnknownOutcome) || s.hits.Load() != 2 {
			t.Errorf("error = %v after %d requests", err, s.hits.Load())
		}
	})
}

func TestOneCallRenewsOnceEvenIfItFailsOtherwiseInBetween(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var s *server
		s = serve(t, func(w http.ResponseWriter, r *http.Request) {
			if s.hits.Load() == 2 {
				reply(w, 503, ``)
				return
			}
			reply(w, 401, ``)
		})
		if _, err := s.reader().Account(t.Context()); !errors.Is(err, ErrUnauthorized) || s.hits.Load() != 3 {
			t.Errorf("error = %v after %d requests, want not authorized after 3", err, s.hits.Load())
		}
	})
}

// brief hands out tokens that live for a while only.
type brief struct {
	life    time.Duration
	current *oauth2.Token
	n       int
}

func (b *brief) Token(ctx context.Context) (*oauth2.Token, error) {
	if b.current == nil || expired(b.current) {
		return b.Renew(ctx, b.current)
	}
	return b.current, nil
}

func (b *brief) Renew(context.Context, *oauth2.Token) (*oauth2.Token, error) {
	b.n++
	b.current = &oauth2.Token{AccessToken: fmt.Sprint("brief-", b.n), Expiry: time.Now().Add(b.life)}
	return b.current, nil
}

func TestATokenThatRunsOutAtTheDoorWasNotRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &brief{life: 2 * time.Second}
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if expired(b.current) {
				reply(w, 401, ``)
				return
			}
			reply(w, 200, accountJSON)
		})
		waits := []time.Duration{3 * time.Second, 3 * time.Second, 0}
		q := &ledger{reserve: func(_ context.Context, n int64) (time.Time, error) { return time.Now().Add(waits[n-1]), nil }}
		r := NewReader("http://api.test/v3", &http.Client{Transport: &Transport{Base: s.base, Quota: q}}, b)
		if _, err := r.Account(t.Context()); err != nil || s.hits.Load() != 3 {
			t.Errorf("error = %v after %d requests, want success with the third", err, s.hits.Load())
		}
	})
}

func TestTokensThatRunOutForEverEndTheCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, status(401, ``))
		_, err := s.readerWith(&brief{}).Account(t.Context())
		if !errors.Is(err, ErrUnauthorized) || s.hits.Load() != 4 {
			t.Errorf("error = %v after %d requests, want not authorized after 4", err, s.hits.Load())
		}
	})
}

func TestNoErrorShowsATokenOrAnAddress(t *testing.T) {
	const secret = "secret-access-token"
	echo := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			auth := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			reply(w, code, fmt.Sprintf(`{"error_key":"key %s","error_message":"refused token %s"}`, auth, auth))
		}
	}
	bad := map[string]http.HandlerFunc{
		"echo 400": echo(400), "echo 401": echo(401), "echo 500": echo(500), "dropped": drop, "hanging": hang, "garbage": raw("x"),
		"garbage with what was sent": func(w http.ResponseWriter, r *http.Request) {
			raw("HTTP/1.1 200 OK\r\n"+r.Header.Get("Authorization")+" ann@example.com \x1b[31m\r\n\r\n")(w, r)
		},
		"redirect": status(302, ``, "Location", "https://evil.example/"+secret+"?email=ann@example.com"),
		"link":     status(200, `{"contacts":[],"_links":{"next":{"href":"https://evil.example/?ann@example.com"}}}`),
	}
	for name, h := range bad {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, h)
				k := &brief{current: &oauth2.Token{AccessToken: secret}}
				k.life = time.Hour
				for _, err := range s.readerWith(k).Contacts(t.Context(), ContactsQuery{Email: "ann@example.com"}) {
					if err == nil {
						t.Fatal("no error")
					}
					for _, private := range []string{secret, "brief-", "ann", "email="} {
						if strings.Contains(err.Error(), private) {
							t.Errorf("error %q shows %q", err, private)
						}
					}
				}
			})
		})
	}
}

// A token that no header can carry ends the call at once, with a word on what is wrong with it.
func TestATokenWithALineBreakIsRefusedAtOnce(t *testing.T) {
	for _, access := range []string{"tok-1\n", "tok\r\nX-Evil: 1", "tok 1", "tok-\x7f", "tök"} {
		t.Run(access, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, func(w http.ResponseWriter, r *http.Request) { reply(w, 200, `{}`) })
				began := time.Now()
				_, err := s.readerWith(stuck{access}).Account(t.Context())
				if !errors.Is(err, errToken) || strings.Contains(err.Error(), access) {
					t.Errorf("error = %v, want %v", err, errToken)
				}
				if s.hits.Load() > 0 || time.Since(began) > 0 {
					t.Errorf("%d requests in %v", s.hits.Load(), time.Since(began))
				}
			})
		})
	}
}

// RFC 6750 has more signs in a token than letters and digits.
func TestATokenMayHaveAnySignOfASCII(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const access = "!tok-._~+/=~"
		s := serve(t, bearer(access))
		if _, err := s.readerWith(stuck{access}).Account(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// stuck always gives the same token.
type stuck struct{ access string }

func (k stuck) Token(context.Context) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: k.access}, nil
}

func (k stuck) Renew(ctx context.Context, _ *oauth2.Token) (*oauth2.Token, error) {
	return k.Token(ctx)
}
