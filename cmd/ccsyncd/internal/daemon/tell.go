package daemon

import (
	"context"
	"sync"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/notify"
	"ccsyncd/cmd/ccsyncd/internal/systemd"
	ccsync "ccsyncd/sync"
)

// tellOthers lets webhook, heartbeat and service manager know how the daemon fares, until ctx ends;
// stop waits for that. It comes before the loop.
func (d *daemon) tellOthers(ctx context.Context) (stop func()) {
	n := notify.New(d.app.Load, d.well)
	d.ran, d.idle = append(d.ran, n.Ran, d.status), append(d.idle, n.Idle)
	d.system = systemd.New(d.Getenv)
	var told sync.WaitGroup
	told.Go(func() { n.Deliver(ctx) })
	told.Go(func() { d.system.KeepAlive(ctx, d.works) })
	told.Go(func() { <-ctx.Done(); d.heard(d.system.Stopping()) })
	d.woke.Store(time.Now().Unix())
	d.heard(d.system.Ready("started"))
	return told.Wait
}

// status shows the last whole run's outcome in `systemctl status`.
func (d *daemon) status(_ context.Context, r *ccsync.Report) {
	if !r.Whole() {
		return
	}
	d.heard(d.system.Status("last run for all users: " + string(r.Outcome)))
}

// heard takes an error of the service manager for what it is: nothing that anybody can do something
// about.
func (d *daemon) heard(err error) {
	if err != nil {
		d.app.Load().Log.Debug("systemd notification failed", "error", err)
	}
}

// stillFor is how long nothing may move before the watchdog is left to bite: longer than an import
// may stand still, and than the source may take to be read.
const stillFor = 15 * time.Minute

// works tells whether the loop looked around, or its run got any further, not long ago.
func (d *daemon) works() bool {
	return time.Since(time.Unix(d.woke.Load(), 0)) < stillFor || time.Since(d.progress.now().MovedAt) < stillFor
}
