package main

import (
	"context"
	"fmt"

	"ccsyncd/cmd/ccsyncd/internal/config"
)

// reload takes a changed configuration, in the loop and so between runs. A broken one changes nothing.
func (d *daemon) reload(ctx context.Context) {
	d.heard(d.system.reloading())
	defer func() { d.heard(d.system.ready("configuration read")) }()
	old := d.app.Load()
	next, err := d.reopen(ctx, old)
	if err != nil {
		old.log.Error("the configuration is kept as it was, the changed one is not right", "error", err)
		return
	}
	d.app.Store(next)
	d.planNext(ctx, next, false)
	if err := old.release(); err != nil {
		next.log.Warn("close what the old configuration had opened", "error", err)
	}
	next.log.Info("configuration reloaded", "config", next.cfg.Path, "cron", next.cfg.Schedule.Cron.Spec, "next", d.schedule.next)
}

// reopen opens what a changed configuration names, over the same state database.
func (d *daemon) reopen(ctx context.Context, old *app) (*app, error) {
	cfg, err := d.LoadConfig(old.cfg.Path)
	if err != nil {
		return nil, err
	}
	next := &app{cfg: cfg, log: d.Logger(cfg.Log), version: d.Version, state: old.state, wire: old.wire, observers: old.observers}
	next.keepFixed(old.cfg)
	if cfg.Auth.ClientID == old.cfg.Auth.ClientID && cfg.Endpoints.Auth == old.cfg.Endpoints.Auth {
		next.auth = old.auth // it may hold a token that the state database did not take yet
	}
	next.connect()
	if err := next.openSource(ctx); err != nil {
		return nil, err
	}
	if d.site != nil {
		if err := d.site.renew(next); err != nil {
			return nil, fmt.Errorf("status page: %w", err)
		}
	}
	return next, nil
}

// keepFixed keeps what takes a restart.
func (a *app) keepFixed(old *config.Config) {
	for _, fixed := range []struct {
		key     string
		changed bool
	}{
		{"[state] path", a.cfg.State.Path != old.State.Path},
		{"[state] key", !a.cfg.State.Key.Equal(old.State.Key)},
		{"[http] listen", a.cfg.HTTP.Listen != old.HTTP.Listen},
	} {
		if fixed.changed {
			a.log.Warn("this takes effect at the next start", "key", fixed.key)
		}
	}
	a.cfg.State.Path, a.cfg.State.Key, a.cfg.HTTP.Listen = old.State.Path, old.State.Key, old.HTTP.Listen
}
