package oauthdev

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// Token returns an access token that can be used now. If necessary, it refreshes. The token has no
// refresh token. Its Valid method is of no use for tokens with a short life, because it wants ten
// seconds more. Each call asks the store, so a login, logout or refresh of another process counts
// at once.
//
// The error is a [*LoginError] if a person has to log in. It is a [*DoubtError] while the refresh
// token waits for its next try. All errors but a *LoginError pass, and a later call may succeed.
func (c *Client) Token(ctx context.Context) (*oauth2.Token, error) { return c.token(ctx, "") }

// Renew is Token for a caller whose token the API refused (401). It returns a stored token that
// differs from the refused one, or refreshes.
func (c *Client) Renew(ctx context.Context, refused *oauth2.Token) (*oauth2.Token, error) {
	return c.token(ctx, refused.AccessToken)
}

func (c *Client) token(ctx context.Context, refused string) (*oauth2.Token, error) {
	if c.unsaved.Load() == nil {
		r, err := c.load(ctx)
		if err != nil {
			return nil, err
		}
		if t, err := r.pick(c.id, refused, c.now()); t != nil || err != nil {
			return t, err
		}
	}
	release, err := c.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	return c.tokenLocked(ctx, refused)
}

// tokenLocked looks again, now that nobody else can refresh, and refreshes.
func (c *Client) tokenLocked(ctx context.Context, refused string) (*oauth2.Token, error) {
	r, err := c.load(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.settle(ctx, r); err != nil {
		return nil, err
	}
	if t, err := r.pick(c.id, refused, c.now()); t != nil || err != nil {
		return t, err
	}
	if err := c.refresh(ctx, r); err != nil {
		return nil, err
	}
	return r.Current.token(), nil
}

// pick returns the record's token if it can be used; nothing if it has to be refreshed.
func (r *record) pick(id, refused string, now time.Time) (*oauth2.Token, error) {
	if err := r.missing(id); err != nil {
		return nil, err
	}
	switch {
	case r.usable(now, refused):
		return r.Current.token(), nil
	case r.doubtful(now):
		return nil, fmt.Errorf("refresh the token: %w", r.doubt(nil))
	}
	return nil, nil
}

// Accept stores a token from Wait, after a call has proven it. The token replaces an earlier login,
// dead or not. The pending login ends.
func (c *Client) Accept(ctx context.Context, t *oauth2.Token) error {
	if t.RefreshToken == "" {
		return ErrNoRefreshToken
	}
	obtained := t.Expiry.Add(-time.Duration(t.ExpiresIn) * time.Second)
	scope, _ := t.Extra("scope").(string)
	g := &grant{
		Client: c.id, Access: t.AccessToken, Type: t.TokenType, Refresh: t.RefreshToken,
		Scope: cmp.Or(scope, strings.Join(c.scopes, " ")), Obtained: obtained, Expires: t.Expiry, Made: obtained,
	}
	return c.change(ctx, func(r *record) bool {
		r.replace(g)
		r.Pending = nil
		return true
	})
}

// Forget deletes the login and the pending login, and also a record that cannot be read. It does
// not revoke tokens, because Constant Contact documents no way to do that.
func (c *Client) Forget(ctx context.Context) error {
	release, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	return c.save(ctx, &record{Version: recordVersion})
}

// StaticTokens has one token and cannot renew it.
type StaticTokens struct{ token *oauth2.Token }

// Static returns tokens for the call that proves a login before Accept.
func Static(t *oauth2.Token) StaticTokens { return StaticTokens{token: t} }

// Token returns the token.
func (s StaticTokens) Token(context.Context) (*oauth2.Token, error) { return s.token, nil }

// Renew returns a *LoginError: a new token that is refused belongs to a person without an account.
func (s StaticTokens) Renew(context.Context, *oauth2.Token) (*oauth2.Token, error) {
	return nil, &LoginError{Reason: "Constant Contact refuses the new token: " +
		"the person who approved the login has no account there or lacks the rights"}
}
