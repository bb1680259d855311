package oauthdev_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"ccsyncd/oauthdev"
)

// world is an installation beside an authorization server, on a false clock.
type world struct {
	t      *testing.T
	server *server
	store  *store
	door   *door
	client *oauthdev.Client
}

// inWorld runs test in a synctest bubble.
func inWorld(t *testing.T, test func(*world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(newWorld(t)) })
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, server: newServer(), store: newStore()}
	w.door = &door{RoundTripper: listen(t, w.server)}
	w.client = w.newClient()
	return w
}

// newClient is another process of the same installation.
func (w *world) newClient() *oauthdev.Client {
	return oauthdev.New(oauthdev.Config{
		ClientID: "app-1",
		Scopes:   []string{"contact_data", "offline_access"},
		AuthURL:  "http://authz.test/oauth2/default/v1/",
		HTTP:     w.httpClient(),
	}, w.store)
}

func (w *world) httpClient() *http.Client { return &http.Client{Transport: w.door} }

// login stores a login whose access token has expired, as one that has to be refreshed.
func (w *world) login() {
	w.t.Helper()
	t := w.server.issue()
	t.Expiry, t.ExpiresIn = time.Now(), 86_400
	if err := w.client.Accept(w.t.Context(), t); err != nil {
		w.t.Fatal(err)
	}
}

// token expects that c has a token which the API takes.
func (w *world) token(c *oauthdev.Client) *oauth2.Token {
	w.t.Helper()
	t, err := c.Token(w.t.Context())
	if err != nil {
		w.t.Fatalf("Token: %v", err)
	}
	if !w.server.takes(t.AccessToken) {
		w.t.Fatal("Token returned one that the API does not take")
	}
	return t
}

func (w *world) status() oauthdev.Status {
	w.t.Helper()
	s, err := w.client.Status(w.t.Context())
	if err != nil {
		w.t.Fatalf("Status: %v", err)
	}
	return s
}

// deadReason expects a LoginError.
func deadReason(t *testing.T, err error) string {
	t.Helper()
	var e *oauthdev.LoginError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a LoginError", err)
	}
	return e.Reason
}

// store is a Store in memory.
type store struct {
	sem chan struct{}

	mu   sync.Mutex
	data []byte
	// fail, if set, decides on the n-th Save from now on; n counts from 1.
	fail  func(n int) error
	saves int
}

func newStore() *store { return &store{sem: make(chan struct{}, 1)} }

func (s *store) Lock(ctx context.Context) (func(), error) {
	select {
	case s.sem <- struct{}{}:
		return func() { <-s.sem }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *store) Load(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data, nil
}

func (s *store) Save(ctx context.Context, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saves++
	if s.fail != nil {
		if err := s.fail(s.saves); err != nil {
			return err
		}
	}
	s.data = data
	return ctx.Err()
}

// failing makes the Saves from..to fail, counted from now on.
func (s *store) failing(from, to int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saves = 0
	s.fail = func(n int) error {
		if n >= from && n <= to {
			return errDisk
		}
		return nil
	}
}

var (
	errDisk  = errors.New("disk is full")
	errQuota = errors.New("the day's quota is used up")
)

// door is the transport of a client: it refuses or delays requests before anything is sent.
type door struct {
	http.RoundTripper
	mu     sync.Mutex
	refuse []error
	delays []time.Duration
}

func (d *door) RoundTrip(r *http.Request) (*http.Response, error) {
	d.mu.Lock()
	var err error
	if len(d.refuse) > 0 {
		err, d.refuse = d.refuse[0], d.refuse[1:]
	}
	var delay time.Duration
	if len(d.delays) > 0 {
		delay, d.delays = d.delays[0], d.delays[1:]
	}
	d.mu.Unlock()
	time.Sleep(delay)
	if err != nil {
		r.Body.Close()
		return nil, err
	}
	return d.RoundTripper.RoundTrip(r)
}

// listen serves h over pipes until the test ends.
func listen(t *testing.T, h http.Handler) http.RoundTripper {
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: h}
	go srv.Serve(l)
	transport := &http.Transport{DialContext: l.dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.Close()
	})
	return transport
}

type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func writeJSON(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, text)
}

func oauthError(w http.ResponseWriter, status int, code string) {
	writeJSON(w, status, fmt.Sprintf(`{"error":%q,"error_description":"this is %s"}`, code, code))
}
