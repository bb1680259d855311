package ccapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"ccsyncd/internal/kit"
)

// Quota is the day's budget of requests, shared by all processes of an installation. Its methods
// are called concurrently.
type Quota interface {
	// Reserve charges one request to the day and returns when it may be sent. If it returns an
	// error, nothing is sent or retried, and the caller gets the error, wrapped.
	Reserve(ctx context.Context) (sendAt time.Time, err error)
	// Throttled is called when the server found the pace too high.
	Throttled(ctx context.Context) error
	// Exhausted is called when the server refuses every request before until.
	Exhausted(ctx context.Context, until time.Time) error
}

// Transport is the only way to the network. Every attempt waits here for its turn and is charged to
// the quota before it is sent. A Transport adds no token, follows no redirect and repeats nothing:
// one RoundTrip sends at most one request.
//
// A Transport must not be copied or changed after its first use. It is safe for concurrent use.
type Transport struct {
	// Base sends; nil means HTTP/1.1 with TLS 1.2 or newer and the proxy of the environment. One
	// that speaks HTTP/2 sends an empty DATA frame with each GET.
	Base http.RoundTripper
	// Quota is charged with every request; nil means that nothing is counted.
	Quota Quota
	// PerSecond is the most requests in any second; 0 means 4, the limit of an API key.
	PerSecond int
	// Observe, if set, sees every request that was sent, with its answer or error. It must neither
	// read nor close the body. It is called concurrently.
	Observe func(*http.Request, *http.Response, error)

	once   sync.Once
	pace   *pace
	base   http.RoundTripper
	waited atomic.Int64 // nanoseconds
}

// RoundTrip waits for the turn of the request, sends it once, and checks whether the answer means
// "too much".
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.once.Do(t.open)
	if err := t.enter(r.Context()); err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, &doorError{err: err}
	}
	resp, err := t.base.RoundTrip(t.unrepeatable(r))
	if t.Observe != nil {
		t.Observe(r, resp, err)
	}
	if err != nil || resp.StatusCode != http.StatusTooManyRequests {
		return resp, err
	}
	if err := t.tooMany(r.Context(), resp); err != nil {
		resp.Body.Close()
		return nil, &doorError{err: err, sent: true}
	}
	return resp, nil
}

// Waited returns the total time that requests have waited for their turn so far.
func (t *Transport) Waited() time.Duration { return time.Duration(t.waited.Load()) }

// CloseIdleConnections lets http.Client.CloseIdleConnections reach Base.
func (t *Transport) CloseIdleConnections() {
	t.once.Do(t.open)
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// open fills in what was left out.
func (t *Transport) open() {
	t.pace = newPace(t.PerSecond)
	t.base = t.Base
	if t.base == nil {
		t.base = plainTransport()
	}
}

// plainTransport speaks HTTP/1.1 only: at a few requests a second HTTP/2 gains nothing, and a
// request that cannot be repeated would carry an empty DATA frame there.
func plainTransport() *http.Transport {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.Protocols = new(http.Protocols)
	base.Protocols.SetHTTP1(true)
	base.ForceAttemptHTTP2 = false
	base.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	return base
}

// enter returns when a request may be sent. The quota comes first, since its answer may take a
// while, and the pace last, so that requests leave evenly whatever came before. Whoever waits holds
// the turn, hence requests leave in the order in which they came.
func (t *Transport) enter(ctx context.Context) error {
	start := time.Now()
	defer func() { t.waited.Add(int64(time.Since(start))) }()
	if err := t.pace.lock(ctx); err != nil {
		return fmt.Errorf("wait for a turn: %w", err)
	}
	defer t.pace.unlock()
	if t.Quota != nil {
		sendAt, err := t.Quota.Reserve(ctx)
		if err != nil {
			return err // it names the operation
		}
		if err := kit.Sleep(ctx, time.Until(sendAt)); err != nil {
			return fmt.Errorf("wait for a turn: %w", err)
		}
	}
	if err := t.pace.wait(ctx); err != nil {
		return fmt.Errorf("wait for a turn: %w", err)
	}
	return nil
}

// unrepeatable keeps http.Transport from repeating a request automatically, which it does where a
// reused connection breaks before the answer: that attempt would be neither paced nor counted. It
// repeats a request only if the body is absent or can be rewound, so this one has a body, be it
// empty, and cannot. On the wire nothing changes. The pace is counted from the moment at which the
// request is written: a new connection, or a machine short of time, may make that late.
func (t *Transport) unrepeatable(r *http.Request) *http.Request {
	trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { t.pace.restart(time.Now()) }}
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
	r.GetBody = nil
	if r.Body == nil || r.Body == http.NoBody {
		r.Body = io.NopCloser(bytes.NewReader(nil))
	}
	return r
}

// doorError is an error of the door itself: the request was not sent, or what the server said about
// it could not be recorded.
type doorError struct {
	err  error
	sent bool
}

func (e *doorError) Error() string { return e.err.Error() }
func (e *doorError) Unwrap() error { return e.err }

// turnedAway reports an attempt that the door did not let pass.
func turnedAway(err error) bool {
	var door *doorError
	return errors.As(err, &door) && !door.sent
}
