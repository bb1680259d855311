package daemon

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/web"
	ccsync "ccsyncd/sync"
)

// Standing is what a daemon knows of itself. A full disk keeps it from recording anything that
// could be read in the state file.
type Standing struct {
	NotReady string // what keeps it from being ready; "" for nothing
	Run      int64  // the number of the run under way; 0 for none, -1 if it does not tell
}

// Ask asks the daemon beside this process, where it has a status page. One that does not answer
// tells nothing.
func Ask(ctx context.Context, a *app.App) Standing {
	unknown := Standing{Run: -1}
	listen := a.Config.HTTP.Listen
	if listen == "" || a.Wire != nil {
		return unknown
	}
	const patience = 2 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialDaemon(ctx, listen)
	}}}
	question, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/readyz", nil)
	if err != nil {
		return unknown
	}
	answer, err := client.Do(question)
	if err != nil {
		return unknown
	}
	defer answer.Body.Close()
	const most = 2000 // bytes
	text, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return unknown
	}
	is := unknown
	if run, err := strconv.ParseInt(answer.Header.Get(web.RunHeader), 10, 64); err == nil {
		is.Run = run
	}
	if answer.StatusCode == http.StatusServiceUnavailable {
		is.NotReady = strings.TrimSpace(string(text))
	}
	return is
}

// dialDaemon reaches what a daemon of this machine listens on.
func dialDaemon(ctx context.Context, listen string) (net.Conn, error) {
	var d net.Dialer
	if path, socket := strings.CutPrefix(listen, config.UnixSocket); socket {
		return d.DialContext(ctx, "unix", path)
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return d.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
}

// NextRun is when the daemon that holds the lock will look for something to do, by the local clock.
// A time that an earlier one left says nothing of it.
func NextRun(ctx context.Context, a *app.App, pid int) (time.Time, error) {
	now, cron := wallClock(), a.Config.Schedule.Cron
	next, ok, err := ccsync.ReadNext(ctx, a.State)
	if err != nil || !ok || next.PID != pid || next.Schedule != cron.Spec {
		return cron.Next(now), err
	}
	return next.After(now, cron.Next), nil
}
