package app

import (
	"context"

	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/shell"
)

// Reopen opens what a changed configuration names, over the same state database. What the old one
// opened stays open.
func (a *App) Reopen(ctx context.Context, sh *shell.Shell) (*App, error) {
	cfg, err := sh.LoadConfig(a.Config.Path)
	if err != nil {
		return nil, err
	}
	next := New(sh, cfg)
	next.State, next.Wire, next.observers = a.State, a.Wire, a.observers
	next.keepFixed(a.Config)
	if cfg.Auth.ClientID == a.Config.Auth.ClientID && cfg.Endpoints.Auth == a.Config.Endpoints.Auth {
		next.Auth = a.Auth // it may hold a token that the state database did not take yet
	}
	next.connect()
	if err := next.OpenSource(ctx); err != nil {
		return nil, err
	}
	return next, nil
}

// keepFixed keeps what takes a restart.
func (a *App) keepFixed(old *config.Config) {
	for _, fixed := range []struct {
		key     string
		changed bool
	}{
		{"[state] path", a.Config.State.Path != old.State.Path},
		{"[state] key", !a.Config.State.Key.Equal(old.State.Key)},
		{"[http] listen", a.Config.HTTP.Listen != old.HTTP.Listen},
	} {
		if fixed.changed {
			a.Log.Warn("change takes effect after a restart", "key", fixed.key)
		}
	}
	a.Config.State.Path, a.Config.State.Key, a.Config.HTTP.Listen = old.State.Path, old.State.Key, old.HTTP.Listen
}
