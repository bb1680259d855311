package oauthdev

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"ccsyncd/internal/kit"

	"golang.org/x/oauth2"
)

const (
	slowDown = 5 * time.Second  // what slow_down adds to the interval, RFC 8628 section 3.5
	maxPause = 30 * time.Second // between polls while the network or the server is in trouble
	// pages instead of JSON, one after the other, before the poll gives up
	maxForeign = 3
)

// defaultLife is the life-time of an access token whose answer does not tell, as Constant Contact
// documents it.
const defaultLife = 24 * time.Hour

// Wait polls until the person has decided (RFC 8628 section 3.4). It continues after network
// errors, 429 and 5xx until the code expires. The returned token has its refresh token and is not
// stored yet. Prove it with a call, then store it with Accept.
//
// Errors are ErrDenied, ErrExpired, ErrNoRefreshToken, an [*Error] for an answer that waiting does
// not change, and the error of ctx.
func (c *Client) Wait(ctx context.Context, d *Device) (*oauth2.Token, error) {
	p := poller{interval: d.Interval, pause: min(d.Interval, d.issued.Add(d.Interval).Sub(c.now()))}
	form := url.Values{
		"client_id":   {c.id},
		"device_code": {*d.code},
		"grant_type":  {"urn:ietf:params:oauth:grant-type:device_code"},
	}
	for {
		if err := c.pauseOrExpire(ctx, &p, d.ExpiresAt); err != nil {
			return nil, c.end(ctx, d, err)
		}
		r := c.askToken(ctx, form)
		if r.fate == granted {
			return c.approved(ctx, d, r)
		}
		if err := p.next(r); err != nil {
			return nil, c.end(ctx, d, err)
		}
	}
}

// pauseOrExpire waits for the time of the next poll; ErrExpired when the code has expired by then.
func (c *Client) pauseOrExpire(ctx context.Context, p *poller, expires time.Time) error {
	if err := kit.Sleep(ctx, min(p.pause, expires.Sub(c.now()))); err != nil {
		return err
	}
	if !c.now().Before(expires) {
		return p.expired()
	}
	return c.keepPace(ctx, time.Time{})
}

// approved makes a token of the answer. The code is used up, so it is not pending any more,
// whatever becomes of the token; that is a convenience, and no reason to give up a login if it
// cannot be stored.
func (c *Client) approved(ctx context.Context, d *Device, r *reply) (*oauth2.Token, error) {
	if r.answer.RefreshToken == "" {
		return nil, c.end(ctx, d, ErrNoRefreshToken)
	}
	_ = c.clearPending(ctx, d)
	if !visible(r.answer.AccessToken) {
		return nil, errors.New("the login was approved, but its access token has a line break or another character that a header cannot contain")
	}
	life := r.answer.ExpiresIn.or(defaultLife)
	t := &oauth2.Token{
		AccessToken: r.answer.AccessToken, TokenType: r.answer.TokenType, RefreshToken: r.answer.RefreshToken,
		Expiry: r.sent.Add(life), ExpiresIn: int64(life / time.Second),
	}
	return t.WithExtra(map[string]any{"scope": r.answer.Scope}), nil
}

// end forgets a pending login that the server has decided on. One that ctx left stays, for the next
// command to go on with.
func (c *Client) end(ctx context.Context, d *Device, err error) error {
	decided := errors.Is(err, ErrDenied) || errors.Is(err, ErrExpired) || errors.Is(err, ErrNoRefreshToken)
	if !decided {
		return fmt.Errorf("wait for the approval: %w", err)
	}
	return errors.Join(err, c.clearPending(ctx, d))
}

func (c *Client) clearPending(ctx context.Context, d *Device) error {
	return c.change(ctx, func(r *record) bool {
		if r.Pending == nil || r.Pending.Device != *d.code {
			return false
		}
		r.Pending = nil
		return true
	})
}

// poller decides when to ask again.
type poller struct {
	interval time.Duration // between polls; grows with every slow_down
	pause    time.Duration // before the next poll
	foreign  int           // pages in a row
	trouble  error         // the last one, until an answer came
}

// next sets the pause before the next poll, or returns the error that ends the polling.
func (p *poller) next(r *reply) error {
	if r.passing() {
		return p.unanswered(r)
	}
	p.trouble, p.foreign = nil, 0
	switch r.code() {
	case "authorization_pending":
	case "slow_down":
		p.interval += slowDown
	case "access_denied":
		return ErrDenied
	case "expired_token":
		return ErrExpired
	case "invalid_grant":
		return fmt.Errorf("%w or was used: %w", ErrExpired, r.err)
	default:
		return r.err
	}
	p.pause = p.interval
	return nil
}

// unanswered doubles the pause each time, as RFC 8628 section 3.5 demands after time-outs.
func (p *poller) unanswered(r *reply) error {
	p.foreign++
	if r.fate != foreign {
		p.foreign = 0
	}
	if p.foreign >= maxForeign {
		return r.err
	}
	p.trouble = r.err
	p.pause = max(min(max(p.pause, p.interval)*2, maxPause), p.interval, min(r.retryAfter(), 2*maxPause))
	return nil
}

// expired is ErrExpired with the trouble that may have caused it.
func (p *poller) expired() error {
	if p.trouble == nil {
		return ErrExpired
	}
	return fmt.Errorf("%w; the last poll failed: %w", ErrExpired, p.trouble)
}
