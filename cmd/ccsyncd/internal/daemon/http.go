package daemon

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/cmd/ccsyncd/internal/web"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// site is the status page of a daemon. Its pages are made again when the configuration is reloaded.
type site struct {
	daemon  *daemon
	metrics *web.Metrics
	pages   atomic.Pointer[http.Handler]
}

// listen begins to serve the status page, if there is to be one. stop ends that.
func (d *daemon) listen() (stop func(), err error) {
	a := d.app.Load()
	if a.Config.HTTP.Listen == "" {
		return func() {}, nil
	}
	listener, err := listenAt(a.Config.HTTP.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for the status page: %w", err)
	}
	if err := d.openSite(a); err != nil {
		return nil, err
	}
	server := web.NewServer(d.site, a.Log)
	go func() { _ = server.Serve(listener) }() // ends with the server
	address := "http://" + listener.Addr().String()
	if listener.Addr().Network() == "unix" {
		address = a.Config.HTTP.Listen
	}
	a.Log.Info("status page", "address", address)
	return func() { shutDown(server) }, nil
}

// openSite makes the status page.
func (d *daemon) openSite(a *app.App) error {
	d.site = &site{daemon: d}
	d.site.metrics = web.NewMetrics(web.MetricsOptions{Health: d.health(), Usage: facts{&d.app}.usage, Log: a.Log, Version: d.Version})
	a.Observe(d.site.metrics.Observe)
	if err := d.site.renew(a); err != nil {
		return fmt.Errorf("status page: %w", err)
	}
	return nil
}

// shutDown lets requests under way end, for a moment.
func shutDown(server *http.Server) {
	ending, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if server.Shutdown(ending) != nil {
		_ = server.Close() // the process ends anyway
	}
}

// ServeHTTP answers with the pages of the present configuration.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) { (*s.pages.Load()).ServeHTTP(w, r) }

// renew makes the pages of a configuration.
func (s *site) renew(a *app.App) error {
	d := s.daemon
	pages, err := web.New(web.Options{
		Health: d.health(), Quota: a.Quota, Gatherer: s.metrics, Log: a.Log, Version: d.Version,
		Listen: a.Config.HTTP.Listen, Hosts: a.Config.HTTP.Hosts, Token: a.Config.HTTP.Token.Reveal(),
		Run: d.askRun, Explain: facts{&d.app}.explain, DryRun: d.dryRun,
		Mask: term.Mask, MaskAddress: term.MaskAddress,
	})
	if err == nil {
		s.pages.Store(&pages)
	}
	return err
}

// health is what tells whether codes arrive.
func (d *daemon) health() web.Health {
	f := facts{&d.app}
	return web.Health{State: d.app.Load().State, Next: f.nextAfter, Authorization: f.authorization, Progress: d.progress.now}
}

// well tells whether codes arrive, and notes it for the metrics.
func (d *daemon) well(ctx context.Context) bool {
	reason, err := d.health().Unready(ctx)
	if err != nil {
		d.app.Load().Log.Warn("could not check whether values arrive", "error", err)
	}
	if err != nil || reason != "" {
		return false
	}
	d.progress.good()
	return true
}

// facts tells the pages what the present configuration knows.
type facts struct{ app *atomic.Pointer[app.App] }

// nextAfter is the first scheduled time after another.
func (f facts) nextAfter(t time.Time) time.Time { return f.app.Load().Config.Schedule.Cron.Next(t) }

// usage is what is used of the day, under the limits of the present configuration.
func (f facts) usage(ctx context.Context) (state.Usage, error) {
	return f.app.Load().Quota.Usage(ctx)
}

// authorization tells the pages about the login. One that cannot be read is no error: everything
// else can still be shown.
func (f facts) authorization(ctx context.Context) (web.Authorization, error) {
	s, err := f.app.Load().LoginStatus(ctx)
	if err != nil && ctx.Err() == nil {
		code, hint := ccsync.Diagnose(err)
		return web.Authorization{Trouble: fmt.Sprintf("the stored login cannot be read (%s): %s", code, hint)}, nil
	}
	return web.Authorization{Authorized: s.Authorized, Reason: s.Reason, Account: s.Account.Name, LapsesAt: s.Refresh.ExpiresAt,
		DoubtSince: s.DoubtSince, NextTry: s.NextTry}, err
}

func (f facts) explain(ctx context.Context, who string) (*ccsync.Explanation, error) {
	return f.app.Load().Engine().Explain(ctx, who)
}
