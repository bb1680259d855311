package app

import (
	"context"

	"golang.org/x/oauth2"

	"ccsyncd/ccapi"
)

// boundTokens gives out the tokens of a login only while the state file belongs to the configured
// endpoints, whatever command asks: they are sent nowhere else, and no refresh token is spent
// elsewhere.
type boundTokens struct {
	ccapi.Tokens
	app *App
}

// belongs is a *sync.SetupError when the state file belongs to other endpoints.
func (t *boundTokens) belongs(ctx context.Context) error {
	return t.app.home().LoggedIn(ctx, t.app.State, false)
}

// Token implements ccapi.Tokens.
func (t *boundTokens) Token(ctx context.Context) (*oauth2.Token, error) {
	if err := t.belongs(ctx); err != nil {
		return nil, err
	}
	return t.Tokens.Token(ctx)
}

// Renew implements ccapi.Tokens.
func (t *boundTokens) Renew(ctx context.Context, refused *oauth2.Token) (*oauth2.Token, error) {
	if err := t.belongs(ctx); err != nil {
		return nil, err
	}
	return t.Tokens.Renew(ctx, refused)
}
