package daemon

import (
	"context"
	"fmt"
	"strings"

	"ccsyncd/cmd/ccsyncd/internal/app"
)

// reload takes a changed configuration, in the loop and so between runs. A broken one changes
// nothing.
func (d *daemon) reload(ctx context.Context) {
	d.heard(d.system.Reloading())
	defer func() { d.heard(d.system.Ready("configuration read")) }()
	old := d.app.Load()
	next, kept, err := d.reopen(ctx, old)
	if err != nil {
		old.Log.Error("reload failed, keeping the current configuration", "error", err)
		return
	}
	d.app.Store(next)
	d.planNext(ctx, next, false)
	if err := old.Release(); err != nil {
		next.Log.Warn("could not close the files of the old configuration", "error", err)
	}
	attrs := []any{"config", next.Config.Path, "cron", next.Config.Schedule.Cron.Spec, "next", d.schedule.next}
	if len(kept) > 0 {
		next.Log.Warn("configuration reloaded, except for changes that need a restart of the daemon", append(attrs, "settings", strings.Join(kept, ", "))...)
		return
	}
	next.Log.Info("configuration reloaded", attrs...)
}

// reopen opens what a changed configuration names, and makes its pages. kept are the changed
// settings that take a restart.
func (d *daemon) reopen(ctx context.Context, old *app.App) (next *app.App, kept []string, err error) {
	next, kept, err = old.Reopen(ctx, d.Shell)
	if err != nil {
		return nil, nil, err
	}
	if d.site != nil {
		if err := d.site.renew(next); err != nil {
			return nil, nil, fmt.Errorf("status page: %w", err)
		}
	}
	return next, kept, nil
}
