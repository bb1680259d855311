package oauthdev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"ccsyncd/internal/kit"
)

const (
	requestTimeout = 30 * time.Second
	maxAnswer      = 1 << 20 // bytes; token answers have about 2,000
)

// body is the form of a request that remembers when it was first read: what was never read was
// never sent.
type body struct {
	form strings.Reader
	now  func() time.Time
	read atomic.Pointer[time.Time]
}

func (b *body) Read(p []byte) (int, error) {
	if b.read.Load() == nil {
		now := b.now().UTC().Round(0)
		b.read.CompareAndSwap(nil, &now)
	}
	return b.form.Read(p)
}

func (b *body) Close() error { return nil }

// sent is when the body was first read, zero when it was not.
func (b *body) sent() time.Time {
	if at := b.read.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// post sends one form, once: the body cannot be rewound, so no transport can repeat it.
func (c *Client) post(ctx context.Context, target string, form url.Values) *reply {
	if !visible(c.id) {
		return &reply{fate: unsent, err: errors.New("the client_id is empty, or has a space, a line break or another invalid character")}
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	text := form.Encode()
	b := &body{now: c.now, form: *strings.NewReader(text)}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, b)
	if err != nil {
		return &reply{fate: unsent, err: errors.New("the address of the authorization server is not valid")}
	}
	req.ContentLength = int64(len(text))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return broken(err, b)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return broken(err, b)
	}
	r := judge(resp, raw, form.Get("refresh_token"), form.Get("device_code"))
	r.sent = b.sent()
	return r
}

// tokenSpacing is the time between two token requests. The token endpoint takes one a second; the
// tenth more is for requests that travel at different speeds.
const tokenSpacing = 1100 * time.Millisecond

// keepPace waits until the token endpoint may be asked again, by this process, and after one that
// asked at that time.
func (c *Client) keepPace(ctx context.Context, asked time.Time) error {
	if own := time.Unix(0, c.asked.Load()); own.After(asked) {
		asked = own
	}
	return kit.Sleep(ctx, min(tokenSpacing, asked.Add(tokenSpacing).Sub(c.now())))
}

// askToken posts to the token endpoint. Success without a token is no answer: what it should have
// carried is lost.
func (c *Client) askToken(ctx context.Context, form url.Values) *reply {
	r := c.post(ctx, c.endpoint.TokenURL, form)
	if !r.sent.IsZero() {
		c.asked.Store(r.sent.UnixNano())
	}
	if r.fate == granted && r.answer.AccessToken == "" {
		r.fate, r.err = lost, &Error{Status: http.StatusOK, Description: "the answer has no token"}
	}
	return r
}

// broken describes a request without a whole answer.
func broken(err error, b *body) *reply {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	err = kit.OfConnection(err)
	if b.sent().IsZero() {
		return &reply{fate: unsent, err: fmt.Errorf("reach the authorization server: %w", err)}
	}
	text := "the connection broke before the answer was complete"
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		text = "the authorization server did not answer in time"
	}
	return &reply{fate: lost, sent: b.sent(), err: &brokenError{text: text, err: err}}
}
