package daemon

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	ccsync "ccsyncd/sync"
)

// A daemon whose disk is full can write down nothing that status could read: it says so itself.
func TestStatusAsksTheDaemonWhatKeepsItFromBeingReady(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		network string
		status  int
		run     string
		want    Standing
	}{
		"not ready":       {"tcp", http.StatusServiceUnavailable, "0", Standing{"state_full: the disk is full", 0}},
		"on a socket":     {"unix", http.StatusServiceUnavailable, "0", Standing{"state_full: the disk is full", 0}},
		"ready":           {"tcp", http.StatusOK, "17", Standing{"", 17}},
		"another program": {"tcp", http.StatusOK, "", Standing{"", -1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := "127.0.0.1:0"
			if c.network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			listener, err := net.Listen(c.network, address)
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/readyz" {
					w.Header().Set("Ccsync-Run", c.run)
					w.WriteHeader(c.status)
					w.Write([]byte("state_full: the disk is full\n"))
				}
			})}
			go server.Serve(listener)
			t.Cleanup(func() { server.Close() })
			cfg := config.Default()
			if cfg.HTTP.Listen = listener.Addr().String(); c.network == "unix" {
				cfg.HTTP.Listen = config.UnixSocket + address
			}
			a := app.New(&shell.Shell{Terminal: term.New(term.Options{Stdout: io.Discard, Stderr: io.Discard})}, &cfg)
			if got := Ask(t.Context(), a); got != c.want {
				t.Errorf("it says %+v, want %+v", got, c.want)
			}
			if _, port, err := net.SplitHostPort(listener.Addr().String()); err == nil {
				for _, host := range []string{"", "0.0.0.0", "[::]", "localhost"} {
					cfg.HTTP.Listen = host + ":" + port
					if got := Ask(t.Context(), a); got != c.want {
						t.Errorf("at %s it says %+v, want %+v", cfg.HTTP.Listen, got, c.want)
					}
				}
			}
			server.Close()
			if got := Ask(t.Context(), a); got != (Standing{"", -1}) {
				t.Errorf("a daemon that does not answer says %+v", got)
			}
		})
	}
}

// What an earlier daemon planned, or one by another schedule, says nothing of the daemon that runs.
func TestTheNextRunIsThatOfTheDaemonThatRuns(t *testing.T) {
	t.Parallel()
	inBubble(t, 0, func(b *bubble) {
		const pid = 12
		a, at := b.d.app.Load(), time.Now().Add(time.Hour).UTC()
		bySchedule := b.cfg.Schedule.Cron.Next(time.Now())
		for name, tt := range map[string]struct {
			written ccsync.Next
			want    time.Time
		}{
			"its own":              {ccsync.Next{At: at, Schedule: b.cfg.Schedule.Cron.Spec, PID: pid}, at},
			"an earlier daemon's":  {ccsync.Next{At: at, Schedule: b.cfg.Schedule.Cron.Spec, PID: pid + 1}, bySchedule},
			"by another schedule":  {ccsync.Next{At: at, Schedule: "@hourly", PID: pid}, bySchedule},
			"none that is written": {ccsync.Next{}, bySchedule},
		} {
			b.must(ccsync.SetNext(b.ctx, a.State, tt.written))
			if got, err := NextRun(b.ctx, a, pid); err != nil || !got.Equal(tt.want) {
				t.Errorf("%s: %s (%v), want %s", name, got, err, tt.want)
			}
		}
	})
}
