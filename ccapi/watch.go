package ccapi

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"ccsyncd/internal/kit"
)

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
var errTimeout error = &kit.NetworkError{Err: errors.New("the server did not answer in time")}

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
		err = kit.OfConnection(u.Err)
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
	if bad := (*tls.CertificateVerificationError)(nil); errors.As(err, &bad) {
		f.again = false
	}
	return f
}
