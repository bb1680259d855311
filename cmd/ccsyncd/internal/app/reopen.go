package app

import (
	"context"

	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/shell"
)

// Reopen opens what a changed configuration names, over the same state file. What the old one
// opened stays open. kept are the changed settings that take a restart.
func (a *App) Reopen(ctx context.Context, sh *shell.Shell) (next *App, kept []string, err error) {
	cfg, err := sh.LoadConfig(a.Config.Path)
	if err != nil {
		return nil, nil, err
	}
	next = New(sh, cfg)
	next.State, next.Wire, next.observers = a.State, a.Wire, a.observers
	kept = keepFixed(cfg, a.Config)
	if cfg.Auth.ClientID == a.Config.Auth.ClientID && cfg.Endpoints.Auth == a.Config.Endpoints.Auth {
		next.Auth = a.Auth // it may hold a token that the state file did not take yet
	}
	next.connect()
	if err := next.OpenSource(ctx); err != nil {
		return nil, nil, err
	}
	return next, kept, nil
}

// keepFixed keeps what takes a restart, and names what would change.
func keepFixed(cfg, old *config.Config) (kept []string) {
	if cfg.State.Path != old.State.Path {
		kept = append(kept, "[state] path")
	}
	if !cfg.State.Key.Equal(old.State.Key) {
		kept = append(kept, "[state] key")
	}
	if cfg.HTTP.Listen != old.HTTP.Listen {
		kept = append(kept, "[http] listen")
	}
	cfg.State.Path, cfg.State.Key, cfg.HTTP.Listen = old.State.Path, old.State.Key, old.HTTP.Listen
	return kept
}
