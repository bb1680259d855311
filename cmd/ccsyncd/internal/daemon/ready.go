package daemon

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/config"
	ccsync "ccsyncd/sync"
)

// NotReady asks the daemon beside this process, where it has a status page, what keeps it from
// being ready: "" for nothing, and where it does not answer. A full disk keeps the daemon from
// writing down anything that could be read here.
func NotReady(ctx context.Context, a *app.App) string {
	listen := a.Config.HTTP.Listen
	if listen == "" || a.Wire != nil {
		return ""
	}
	const patience = 2 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialDaemon(ctx, listen)
	}}}
	question, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/readyz", nil)
	if err != nil {
		return ""
	}
	answer, err := client.Do(question)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	const most = 2000 // bytes
	text, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil || answer.StatusCode != http.StatusServiceUnavailable {
		return ""
	}
	return strings.TrimSpace(string(text))
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
