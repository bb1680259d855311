// Package daemon is the program without a command: one loop over the schedule, over the requests of
// others (POST /run, and `ccsyncd push` of another process) and over signals. It serves the status
// page and tells the notifier and the service manager how it fares.
package daemon

import (
	"context"
	"errors"
	"math"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/systemd"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// daemon is the program without a command: one loop over the schedule, the requests of others, and
// signals. Runs happen in the loop, so that they cannot overlap.
type daemon struct {
	*shell.Shell
	app    atomic.Pointer[app.App] // replaced by a reload
	hangUp <-chan os.Signal        // asks for a reload
	asks   *asks                   // of the status page and the backend
	// a run for all users, asked for over HTTP, waits or is under way
	busy     atomic.Bool
	progress progress
	dry      dryRuns
	site     *site // nil: no status page
	schedule schedule
	refused  *loginMark // the login that the last run was refused with; nil: it was not
	earlier  int64      // the last request that was left before this daemon started
	system   systemd.Manager
	woke     atomic.Int64 // when the loop last looked around, in Unix seconds

	// What follows is told of runs and idle ticks, in the loop.
	ran  []func(context.Context, *ccsync.Report)
	idle []func(context.Context)
}

// endWithin is how long the daemon takes to end at most: what is under way then is found in the
// journal by its next start.
const endWithin = 9 * time.Second

// Run runs on the schedule until ctx ends. Its error is that of a start that failed, or
// state.ErrReplaced.
func Run(ctx context.Context, sh *shell.Shell) error {
	sh.Unwatched = true
	hangUp, stop := catchSignals()
	defer stop()
	a, err := app.OpenAll(ctx, sh)
	if err != nil {
		return err
	}
	held, release, err := a.LockRun(ctx)
	if err != nil {
		return errors.Join(err, a.Close())
	}
	held, end := context.WithCancel(held)
	defer end()
	d := &daemon{Shell: sh, asks: newAsks(), hangUp: hangUp}
	d.app.Store(a)
	stopServing, err := d.listen()
	if err != nil {
		release()
		return errors.Join(err, a.Close())
	}
	stopTelling := d.tellOthers(held)
	ended := make(chan struct{})
	var lost error
	go func() { defer close(ended); lost = d.loop(held) }()
	select {
	case <-ended:
	case <-after(ctx, endWithin):
		a.Log.Warn("stopped during a step; the next start continues it")
		return nil
	}
	end() // for the loop may have ended by itself
	d.asks.stop()
	stopServing()
	d.dry.stop()
	stopTelling()
	release()
	return errors.Join(lost, d.app.Load().Close())
}

// catchSignals is called before anything is opened: a SIGHUP at any time is a reload, and one who
// stops reading what the daemon prints does not end it.
func catchSignals() (hangUp <-chan os.Signal, stop func()) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP)
	signal.Ignore(syscall.SIGPIPE)
	return caught, func() { signal.Stop(caught) }
}

// after gives a channel that is closed some time after the end of ctx.
func after(ctx context.Context, d time.Duration) <-chan struct{} {
	late := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(d, func() { close(late) }) })
	return late
}

// loop is the daemon's life. It wakes each second and compares wall clocks: a long timer would be
// late by every suspend of the machine and every step of its clock. It ends with ctx, or with
// state.ErrReplaced: what a daemon wrote into a file that is gone would be lost, and another daemon
// may have begun on the one in its place.
func (d *daemon) loop(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	d.start(ctx)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-d.hangUp:
			d.reload(ctx)
		case <-d.asks.woken:
			d.serveAsks(ctx)
		case <-tick.C:
			if lost := d.app.Load().State.Present(ctx); errors.Is(lost, state.ErrReplaced) {
				return lost
			}
			d.tick(ctx)
		}
	}
	d.app.Load().Log.Info("daemon stopped")
	return nil
}

func (d *daemon) start(ctx context.Context) {
	a := d.app.Load()
	if last, ran, err := ccsync.ReadLastWhole(ctx, a.State); err == nil && ran && last.Outcome == ccsync.Unauthorized {
		d.refused = &loginMark{}
	}
	d.planNext(ctx, a, false)
	a.Log.Info("daemon started", "version", d.Version, "config", a.Config.Path, "cron", a.Config.Schedule.Cron.Spec, "next", d.schedule.next)
	var err error
	if d.earlier, err = a.State.Requeue(ctx); err != nil {
		d.earlier = math.MaxInt64
		a.Log.Warn("could not requeue the requests of the previous daemon", "error", err)
	}
	if a.Config.Schedule.RunOnStart {
		d.run(ctx, ccsync.Options{Trigger: "schedule"})
		d.planNext(ctx, a, false)
	}
}

// wallClock is the time that a person reads off the wall: comparing it with another one notices
// steps of the clock.
func wallClock() time.Time { return time.Now().Round(0) }

// tick looks once a second whether there is something to do. A clock that was set back brings the
// next run nearer.
func (d *daemon) tick(ctx context.Context) {
	a := d.app.Load()
	d.woke.Store(time.Now().Unix())
	d.notice(ctx, a)
	now := wallClock()
	if !now.Before(d.schedule.next) {
		d.serveAsks(ctx) // who waits when a run for all begins would wait for its end, too
		idle := d.scheduled(ctx, a)
		d.planNext(ctx, a, idle)
		return
	}
	if d.schedule.plan(a.Config.Schedule.Cron, now).Before(d.schedule.next) {
		d.planNext(ctx, a, false)
	}
}

// scheduled runs, unless there is certainly nothing to do.
func (d *daemon) scheduled(ctx context.Context, a *app.App) (idle bool) {
	began := time.Now()
	d.guarded(ctx, func() {
		if d.progress.now().Trouble != "" {
			return // what the last run did is not recorded
		}
		var err error
		if idle, err = a.Engine().Idle(ctx); err != nil && ctx.Err() == nil {
			a.Log.Debug("could not check whether anything changed, starting a run", "error", err)
		}
	})
	if !idle {
		d.run(ctx, ccsync.Options{Trigger: "schedule"})
		return false
	}
	a.Log.Debug("nothing to do", "seconds", time.Since(began).Seconds())
	d.progress.idled()
	for _, tell := range d.idle {
		tell(ctx)
	}
	return true
}

// notice looks what other processes have left in the state file: requests for a run, and a
// login.
func (d *daemon) notice(ctx context.Context, a *app.App) {
	changed, err := a.State.Changed(ctx)
	if err != nil {
		a.Log.Warn("state file does not answer", "error", err)
		return
	}
	if !changed {
		return
	}
	d.serveOthers(ctx, a)
	if d.refused == nil || ctx.Err() != nil {
		return
	}
	if mark, authorized := markOf(ctx, a); authorized && mark != *d.refused {
		a.Log.Info("new login found")
		d.run(ctx, ccsync.Options{Trigger: "schedule"})
		d.planNext(ctx, a, false)
	}
}

// loginMark is another one after each login, and after each refresh of its tokens.
type loginMark struct{ access, refresh time.Time }

func markOf(ctx context.Context, a *app.App) (m loginMark, authorized bool) {
	login, err := a.Auth.Status(ctx)
	return loginMark{login.Obtained, login.RefreshObtained}, err == nil && login.Authorized
}

// afterRun notes what the next ticks go by.
func (d *daemon) afterRun(ctx context.Context, a *app.App, report *ccsync.Report) {
	d.refused = nil
	if report.Outcome == ccsync.Unauthorized {
		mark, _ := markOf(ctx, a)
		d.refused = &mark
	}
	if report.Whole() && ctx.Err() == nil {
		d.schedule.ran(report, a.Config.Schedule.Cron, wallClock())
	}
}
