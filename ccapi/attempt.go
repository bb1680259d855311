package ccapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
	if at, ok := dated(resp); ok {
		return at
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
		api.Message = c.withoutRequest(api.Message, tok)
		api.Key = c.withoutRequest(api.Key, tok)
		api.IDs = withoutToken(api.IDs, tok.AccessToken)
	default:
		f.err = fmt.Errorf("%s: %w", c.op, c.cleaned(f.err, tok))
	}
	if c.unsafe && !f.clean {
		f.err = fmt.Errorf("%w: %w", ErrUnknownOutcome, f.err)
		f.again = false
	}
	return f
}
