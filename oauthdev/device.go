package oauthdev

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"ccsyncd/internal/kit"
)

// Device is a login that waits for a person. The person opens the address on any device and enters
// the code.
type Device struct {
	UserCode                string
	VerificationURI         string
	VerificationURIComplete string        // has the code in it already, for a QR code; may be empty
	ExpiresAt               time.Time     // UTC; an absolute moment, also when it was loaded again
	Interval                time.Duration // the least time between two polls
	// Stranger is the host of these addresses if it belongs neither to the authorization server nor
	// to Constant Contact. Show a warning.
	Stranger string

	issued time.Time
	code   *string // the device code; behind a pointer, so that no form of printing shows it
}

// What RFC 8628 section 3.2 and Constant Contact's description of the device flow say where an
// answer says nothing.
const (
	defaultInterval = 5 * time.Second
	defaultExpiry   = 10 * time.Minute
)

// startPauses are the pauses before the second and later tries of Start.
var startPauses = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}

// Start requests a device authorization (RFC 8628 section 3.1) and stores it as the pending login.
// It replaces an earlier pending login. The current login stays. Errors are an [*Error], a network
// error, or an error of the store.
func (c *Client) Start(ctx context.Context) (*Device, error) {
	if _, err := c.load(ctx); err != nil {
		return nil, err
	}
	r := c.startRequest(ctx)
	if r.err != nil {
		return nil, fmt.Errorf("ask for a device code: %w", r.err)
	}
	p, err := c.newPending(&r.answer)
	if err != nil {
		return nil, fmt.Errorf("ask for a device code: %w", err)
	}
	err = c.change(ctx, func(rec *record) bool { rec.Pending = p; return true })
	if err != nil {
		return nil, err
	}
	return p.device(c.endpoint.TokenURL), nil
}

// startRequest repeats a request that failed for a passing reason. An answer that got lost costs
// nothing: its code is never approved.
func (c *Client) startRequest(ctx context.Context) *reply {
	form := url.Values{"client_id": {c.id}, "scope": {strings.Join(c.scopes, " ")}}
	for _, pause := range startPauses {
		r := c.post(ctx, c.endpoint.DeviceAuthURL, form)
		if !r.passing() || kit.Sleep(ctx, max(pause, min(r.retryAfter(), requestTimeout))) != nil {
			return r
		}
	}
	return c.post(ctx, c.endpoint.DeviceAuthURL, form)
}

func (c *Client) newPending(a *answer) (*pending, error) {
	now := c.now().UTC().Round(0)
	p := &pending{
		Client: c.id, Device: a.DeviceCode,
		User: plain(a.UserCode), URI: a.VerificationURI, Complete: a.VerificationURIComplete,
		Issued: now, Expires: now.Add(a.ExpiresIn.or(defaultExpiry)), Interval: a.Interval.or(defaultInterval),
	}
	if p.Device == "" || p.User == "" || p.URI == "" {
		return nil, errors.New("the answer lacks the code or the address")
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p, nil
}

// check refuses a login whose addresses nobody should open.
func (p *pending) check() error {
	if err := checkAddress(p.URI); err != nil {
		return fmt.Errorf("ccsyncd refuses the address to open (verification_uri): %w", err)
	}
	if p.Complete == "" {
		return nil
	}
	if err := checkAddress(p.Complete); err != nil {
		return fmt.Errorf("ccsyncd refuses the address of the QR code (verification_uri_complete): %w", err)
	}
	return nil
}

// Pending returns the login that waits for a person, stored by a Start of this process or another.
// It returns nil if there is none, if it has expired, if it is for another client_id, or if its
// address must not be opened.
func (c *Client) Pending(ctx context.Context) (*Device, error) {
	r, err := c.load(ctx)
	if err != nil || r.Pending == nil {
		return nil, err
	}
	if r.Pending.Client != c.id || !c.now().Before(r.Pending.Expires) || r.Pending.check() != nil {
		return nil, nil
	}
	return r.Pending.device(c.endpoint.TokenURL), nil
}

// device is what a person is shown of a pending login; own is the token endpoint.
func (p *pending) device(own string) *Device {
	return &Device{
		Stranger: stranger(own, p.URI, p.Complete),
		UserCode: p.User, VerificationURI: p.URI, VerificationURIComplete: p.Complete,
		ExpiresAt: p.Expires, Interval: p.Interval, issued: p.Issued, code: &p.Device,
	}
}
