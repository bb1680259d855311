package daemon

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAUnixSocketIsForUserAndGroupAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "http.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false) // as a process that was killed
	if err := stale.Close(); err != nil {
		t.Fatal(err)
	}
	listener, err := listenAt("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("%v %v, want mode 0660", info.Mode(), err)
	}
	if second, err := listenAt("unix:" + path); err == nil || !strings.Contains(err.Error(), "another process is listening") {
		t.Errorf("a second listener: %v, %v", second, err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
	if err := os.WriteFile(path, []byte("somebody's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listenAt("unix:" + path); err == nil || !strings.Contains(err.Error(), "is not a socket") {
		t.Errorf("a file in its place: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "somebody's" {
		t.Errorf("the file was changed: %q %v", text, err)
	}
}

func TestTheStatusPageAnswersOnAUnixSocket(t *testing.T) {
	t.Parallel()
	d, _ := brokenDaemon(t)
	a := d.app.Load()
	path := filepath.Join(t.TempDir(), "http.sock")
	a.Config.HTTP.Listen = "unix:" + path
	stop, err := d.listen()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	defer client.CloseIdleConnections()
	for path, want := range map[string]int{"/healthz": 200, "/": 200, "/readyz": 503} {
		answer, err := client.Get("http://localhost" + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, answer.StatusCode, want)
		}
	}
}

// A request that is under way when the daemon stops is answered if that takes no longer than a
// second; a dead one does not hold up the end.
func TestTheEndWaitsASecondForRequestsUnderWay(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		takes, want time.Duration
		answered    bool
	}{"half a second": {500 * time.Millisecond, 500 * time.Millisecond, true}, "for ever": {time.Hour, time.Second, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				wire := newPipes()
				server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					select {
					case <-time.After(tt.takes):
					case <-r.Context().Done():
					}
				})}
				go server.Serve(wire)
				client := http.Client{Transport: &http.Transport{DialContext: wire.dial, DisableKeepAlives: true}}
				answered := make(chan error, 1)
				go func() {
					answer, err := client.Get("http://127.0.0.1:8484/")
					if err == nil {
						answer.Body.Close()
					}
					answered <- err
				}()
				synctest.Wait()
				began := time.Now()
				shutDown(server)
				if took := time.Since(began); took < tt.want || took > tt.want+500*time.Millisecond {
					t.Errorf("it took %s, want about %s", took, tt.want)
				}
				if err := <-answered; (err == nil) != tt.answered {
					t.Errorf("the request ended with %v", err)
				}
			})
		})
	}
}
