package oauthdev

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"ccsyncd/internal/kit"

	"github.com/cenkalti/backoff/v5"
)

const (
	// after which a refresh that meets passing errors is left to the next call
	patience = time.Minute
	rounds   = 5 // sendings that a refresh makes at most
	leeway   = 5 * time.Second
)

// savePauses are the pauses before the tries to store a new token. They are worth the wait: until
// it is stored, no other process knows it.
var savePauses = []time.Duration{0, 250 * time.Millisecond, time.Second}

// refresh gets a new token for r, whose lock is held. Its rows are those of the package comment.
func (c *Client) refresh(ctx context.Context, r *record) error {
	began := time.Now()
	pause := newPauses(c.random)
	for round := 1; ; round++ {
		rep, err := c.spend(ctx, r)
		if err != nil {
			return err
		}
		switch {
		case rep.fate == granted:
			return c.commit(ctx, r, rep)
		case rep.code() == "invalid_grant" && rep.fate == refused:
			return c.bury(ctx, r, r.cause(c.now()))
		}
		if rep.fate == lost && r.doubtful(c.now()) {
			return c.leave(ctx, r, r.doubt(rep.err))
		}
		d := pause(rep, r)
		if !rep.passing() || round == rounds || time.Since(began)+d > patience {
			return c.leave(ctx, r, rep.err)
		}
		if err := kit.Sleep(ctx, d); err != nil {
			return c.leave(ctx, r, fmt.Errorf("%w; %w", err, rep.err))
		}
	}
}

// spend marks the refresh token and sends it once. An answer that proves it unspent takes the mark
// back in r alone: the next round saves it again, or leave does.
func (c *Client) spend(ctx context.Context, r *record) (*reply, error) {
	if err := c.keepPace(ctx, r.Asked); err != nil {
		return nil, c.leave(ctx, r, err)
	}
	r.mark(c.now().UTC().Round(0))
	if err := c.save(ctx, r); err != nil {
		return nil, fmt.Errorf("refresh the token: %w", err)
	}
	patient, cancel := outlast(ctx)
	defer cancel()
	rep := c.askToken(patient, url.Values{
		"client_id":     {c.id},
		"grant_type":    {"refresh_token"},
		"refresh_token": {r.Current.Refresh},
	})
	r.unmark(rep)
	return rep, nil
}

// outlast returns a context that ends a few seconds after ctx does: an answer on its way is waited
// for.
func outlast(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		_ = kit.Sleep(out, leeway)
		cancel()
	})
	return out, func() { stop(); cancel() }
}

// commit stores the new token before anybody gets it. One that cannot be stored is kept for the
// next call.
func (c *Client) commit(ctx context.Context, r *record, rep *reply) error {
	r.replace(r.Current.renewed(rep))
	var err error
	for _, d := range savePauses {
		_ = kit.Sleep(context.WithoutCancel(ctx), d)
		if err = c.save(ctx, r); err == nil {
			return nil
		}
	}
	c.unsaved.Store(r)
	return fmt.Errorf("the token was refreshed, but %w", err)
}

// leave gives up for now. A mark that proved needless is taken back in the store; one that stays
// there when that fails only makes the next process more careful.
func (c *Client) leave(ctx context.Context, r *record, cause error) error {
	if s := r.Spending; s != nil {
		if s.Sends == 0 && !s.Doubted {
			r.Spending = nil
		}
		_ = c.save(ctx, r)
	}
	return fmt.Errorf("refresh the token: %w", cause)
}

// bury remembers that the refresh token is not to be sent again. If that cannot be stored, the next
// process asks the server again, which harms nothing: the token is dead there.
func (c *Client) bury(ctx context.Context, r *record, reason string) error {
	r.Dead, r.Spending = &death{At: c.now().UTC().Round(0), Reason: reason}, nil
	_ = c.save(ctx, r)
	return &LoginError{Reason: reason}
}

// settle saves a token that an earlier call could not save, if it still is the newest. c's turn and
// the store's lock are held.
func (c *Client) settle(ctx context.Context, stored *record) error {
	r := c.unsaved.Load()
	if r == nil {
		return nil
	}
	if r.follows(stored) {
		stored.replace(r.Current)
		if err := c.save(ctx, stored); err != nil {
			return fmt.Errorf("the token was refreshed, but %w", err)
		}
	}
	c.unsaved.Store(nil)
	return nil
}

// newPauses returns what says how long to wait after a reply: nothing after an answer that was
// lost, since the server takes the token again for seconds only; else longer each time, and at
// least what the server asked for.
func newPauses(random func() float64) func(*reply, *record) time.Duration {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.Multiplier, b.RandomizationFactor = time.Second, 2, 0
	return func(rep *reply, r *record) time.Duration {
		if rep.fate == lost && !r.Current.LongLived {
			return 0
		}
		pause := time.Duration(float64(b.NextBackOff()) * (0.5 + random()))
		return max(pause, rep.retryAfter())
	}
}
