package oauthdev

import (
	"context"

	"golang.org/x/oauth2"
)

// UnrenewedTokens has the stored access token and never renews it.
type UnrenewedTokens struct{ token *oauth2.Token }

// Unrenewed is for a caller that may read but must not use the refresh token, because the token may
// belong to another installation. ok is false if there is no access token, or if it can no longer
// be used.
func (c *Client) Unrenewed(ctx context.Context) (t UnrenewedTokens, ok bool) {
	r, err := c.load(ctx)
	if err != nil {
		return t, false
	}
	t.token, err = r.pick(c.id, "", c.now())
	return t, err == nil && t.token != nil
}

// Token returns the token.
func (u UnrenewedTokens) Token(context.Context) (*oauth2.Token, error) { return u.token, nil }

// Renew returns a *LoginError.
func (u UnrenewedTokens) Renew(context.Context, *oauth2.Token) (*oauth2.Token, error) {
	return nil, &LoginError{Reason: "the access token has expired or was refused, and ccsyncd does not renew it here; " +
		"renewing it would use up the refresh token of the installation that this state file was copied from"}
}
