package ccapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

// attempt sends a call once and takes in the answer.
func (r *Reader) attempt(ctx context.Context, c *call, tok *oauth2.Token) *failure {
	w := newWatch(ctx, c.timeout)
	req, err := c.request(w.ctx, tok)
	if err != nil {
		w.stop()
		return c.settle(&failure{err: err, clean: true}, tok)
	}
	resp, err := r.hc.Do(req)
	if !turnedAway(err) {
		r.requests.Add(1)
	}
	if err != nil {
		defer w.stop()
		return c.settle(w.failed(ctx, err), tok)
	}
	r.setClock(resp)
	c.servedAt = r.servedAt(resp)
	if c.out == nil && resp.StatusCode == http.StatusOK && !isHTML(resp) {
		c.file = newFile(resp.Body, w)
		return nil
	}
	defer w.stop()
	defer resp.Body.Close()
	w.restart(bodyTimeout)
	f := c.judge(resp)
	if f != nil && ctx.Err() == nil && w.ctx.Err() != nil {
		f.err = fmt.Errorf("%w: %w", context.Cause(w.ctx), f.err)
	}
	return c.settle(f, tok)
}

// servedAt is the moment of an answer by the server's clock.
func (r *Reader) servedAt(resp *http.Response) time.Time {
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		return date.UTC()
	}
	skew, _ := r.Clock()
	return time.Now().Add(skew).UTC()
}

// settle finishes a failure: names the operation, and for a write that may have been done, says so
// and forbids to repeat it.
func (c *call) settle(f *failure, tok *oauth2.Token) *failure {
	if f == nil {
		return nil
	}
	var api *Error
	switch {
	case errors.As(f.err, &api):
		api.Op = c.op
		api.Message = withoutToken(api.Message, tok)
		api.Key = withoutToken(api.Key, tok)
	default:
		f.err = fmt.Errorf("%s: %w", c.op, f.err)
	}
	if c.unsafe && !f.clean {
		f.err = fmt.Errorf("%w: %w", ErrUnknownOutcome, f.err)
		f.again = false
	}
	return f
}

// withoutToken takes the access token out of a text that a server may have made of the request.
func withoutToken(s string, tok *oauth2.Token) string {
	if tok.AccessToken == "" {
		return s
	}
	return strings.ReplaceAll(s, tok.AccessToken, "redacted")
}

// watch limits one attempt in time. Its clock starts when a connection is asked for, which is after
// the wait for the request's turn.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	asked  atomic.Bool // a connection was asked for
	stood  atomic.Bool // there was one, so something may have been sent
}

// errTimeout ends an attempt that takes too long.
var errTimeout = errors.New("no answer in time")

// newWatch makes a watch over an attempt under ctx.
func newWatch(ctx context.Context, limit time.Duration) *watch {
	if limit == 0 {
		limit = readTimeout
	}
	w := &watch{}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(limit, func() { w.cancel(errTimeout) })
	w.timer.Stop()
	w.ctx = httptrace.WithClientTrace(w.ctx, &httptrace.ClientTrace{
		GetConn: func(string) { w.asked.Store(true); w.restart(limit) },
		GotConn: func(httptrace.GotConnInfo) { w.stood.Store(true) },
	})
	return w
}

// restart gives the attempt d from now on.
func (w *watch) restart(d time.Duration) { w.timer.Reset(d) }

// stop ends the attempt.
func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(context.Canceled)
}

// failed judges an attempt that got no answer. Without a connection nothing was sent; a transport
// that does not tell is taken to have sent. ctx is the caller's.
func (w *watch) failed(ctx context.Context, err error) *failure {
	// The URL in a *url.Error can hold an address.
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	if door := (*doorError)(nil); errors.As(err, &door) {
		return &failure{err: err, clean: true}
	}
	f := &failure{err: err, clean: w.asked.Load() && !w.stood.Load(), again: true}
	if cause := context.Cause(ctx); cause != nil {
		f.again = false
		f.err = cause
		return f
	}
	if w.ctx.Err() != nil {
		f.err = context.Cause(w.ctx)
	}
	if bad := (*tls.CertificateVerificationError)(nil); errors.As(err, &bad) {
		f.again = false
	}
	return f
}
