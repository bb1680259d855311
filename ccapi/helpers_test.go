package ccapi

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"golang.org/x/oauth2"
)

// pipeListener connects a client to a server within a synctest bubble.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// server is an HTTP server on pipes and a client for it.
type server struct {
	hits   atomic.Int64 // requests that reached the handler
	dials  atomic.Int64
	refuse atomic.Int64 // dials that are still refused
	base   *http.Transport
}

// serve starts a server for h that ends with the test. Call it within a bubble.
func serve(t *testing.T, h http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	hs := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		h(w, r)
	})}
	go hs.Serve(l)
	s.base = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		s.dials.Add(1)
		if s.refuse.Add(-1) >= 0 {
			return nil, errors.New("connection refused")
		}
		client, srv := net.Pipe()
		select {
		case l.conns <- srv:
			return client, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	t.Cleanup(func() {
		s.base.CloseIdleConnections()
		hs.Close()
	})
	return s
}

// bubble runs f in a synctest bubble.
func bubble(t *testing.T, f func(*testing.T)) {
	t.Parallel()
	synctest.Test(t, f)
}

// tokens hands out the access tokens tok-1, tok-2 ... one more with each renewal.
type tokens struct {
	mu       sync.Mutex
	n        int
	err      error
	renewErr error
}

func (k *tokens) Token(context.Context) (*oauth2.Token, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return nil, k.err
	}
	return k.token(), nil
}

func (k *tokens) Renew(context.Context, *oauth2.Token) (*oauth2.Token, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.renewErr != nil {
		return nil, k.renewErr
	}
	k.n++
	return k.token(), nil
}

func (k *tokens) token() *oauth2.Token {
	return &oauth2.Token{AccessToken: "tok-" + string(rune('1'+k.n))}
}

// reader is a Reader of the server, through the door.
func (s *server) reader() *Reader { return s.readerWith(&tokens{}) }

func (s *server) readerWith(k Tokens) *Reader {
	return NewReader("http://api.test/v3", &http.Client{Transport: &Transport{Base: s.base}}, k)
}

// reply answers with a status and a JSON body.
func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, body)
}
