package daemon

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// installation is a folder with a configuration. Nobody has logged in, so its runs end at once and
// ask nobody anything.
type installation struct {
	t      *testing.T
	dir    string
	log    logBuffer
	notify *net.UnixConn // where the service manager listens
}

func newInstallation(t *testing.T) *installation {
	t.Helper()
	i := &installation{t: t, dir: t.TempDir()}
	i.configure(i.path("http.sock"))
	var err error
	if i.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: i.path("notify"), Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.notify.Close() })
	return i
}

func (i *installation) path(name string) string { return filepath.Join(i.dir, name) }

// configure writes the configuration, with the socket of the status page at this path.
func (i *installation) configure(socket string) {
	i.t.Helper()
	text := strings.Replace(bubbleConfig, `"127.0.0.1:8484"`, `"unix:`+socket+`"`, 1)
	if err := os.WriteFile(i.path("ccsync.toml"), []byte(text), 0o600); err != nil {
		i.t.Fatal(err)
	}
}

// shell is one call of the program.
func (i *installation) shell() *shell.Shell {
	env := map[string]string{"NOTIFY_SOCKET": i.path("notify"), "WATCHDOG_USEC": "150000"}
	return &shell.Shell{ConfigPath: i.path("ccsync.toml"), Getenv: func(name string) string { return env[name] },
		Terminal: term.New(term.Options{Stdout: io.Discard, Stderr: &i.log})}
}

// hear waits for what the service manager is to be told.
func (i *installation) hear(want string) {
	i.t.Helper()
	if err := i.notify.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		i.t.Fatal(err)
	}
	for buffer := make([]byte, 1000); ; {
		n, err := i.notify.Read(buffer)
		if err != nil {
			i.t.Fatalf("the service manager was not told %q: %v; log: %s", want, err, i.log.String())
		}
		if string(buffer[:n]) == want {
			return
		}
	}
}

// lockFree fails the test if the run lock is held.
func (i *installation) lockFree() {
	i.t.Helper()
	a, err := app.Open(i.t.Context(), i.shell())
	if err != nil {
		i.t.Fatal(err)
	}
	defer a.Close()
	_, release, err := a.LockRun(i.t.Context())
	if err != nil {
		i.t.Fatal(err)
	}
	release()
}

// The test is alone in the process: signals are for all of it.
func TestADaemonFromItsStartToItsEnd(t *testing.T) {
	i := newInstallation(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, i.shell()) }()
	i.hear("READY=1\nSTATUS=started")
	i.hear("STATUS=last run for all users: unauthorized")
	i.hear("WATCHDOG=1")
	if err := Run(ctx, i.shell()); !errors.As(err, new(*state.HeldError)) {
		t.Errorf("a second daemon: %v", err)
	}
	push := &Request{Only: []string{"ann@example.com"}, Wait: true}
	if report, err := Push(t.Context(), i.shell(), push); err != nil || report.Trigger != "push" || report.Only != 1 || report.Outcome != ccsync.Unauthorized {
		t.Errorf("a push beside it: %+v, %v", report, err)
	}
	if !signal.Ignored(syscall.SIGPIPE) {
		t.Error("a reader of its output that goes away would end it")
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	i.hear("RELOADING=1")
	i.hear("READY=1\nSTATUS=configuration read")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", i.path("http.sock"))
	}}}
	answer, err := client.Get("http://localhost/healthz")
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	answer.Body.Close()
	stop()
	i.hear("STOPPING=1")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, want := range []string{`"daemon started"`, `"address":"unix:` + i.path("http.sock") + `"`, `"configuration reloaded"`, `"daemon stopped"`} {
		if !strings.Contains(i.log.String(), want) {
			t.Errorf("the log lacks %s: %s", want, i.log.String())
		}
	}
	if _, err := os.Lstat(i.path("http.sock")); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
	i.lockFree()
	if report, err := Push(t.Context(), i.shell(), push); err != nil || report.Outcome != ccsync.Unauthorized {
		t.Errorf("a push without a daemon: %+v, %v", report, err)
	}
	i.lockFree()
}

func TestADaemonThatCannotStartSaysWhyAndHoldsNothing(t *testing.T) {
	i := newInstallation(t)
	i.configure(i.path("ccsync.toml"))
	if err := Run(t.Context(), i.shell()); err == nil || !strings.Contains(err.Error(), "listen for the status page") {
		t.Errorf("a file in place of its socket: %v", err)
	}
	i.lockFree()
	if err := os.Remove(i.path("ccsync.toml")); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), i.shell()); !errors.As(err, new(*config.Error)) {
		t.Errorf("without a configuration: %v", err)
	}
	if _, err := Push(t.Context(), i.shell(), new(Request)); !errors.As(err, new(*config.Error)) {
		t.Errorf("a push without a configuration: %v", err)
	}
}

// A step that does not notice the end is left; the next start takes it up.
func TestADaemonIsGivenNineSecondsToEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		late := after(ctx, endWithin)
		time.Sleep(time.Hour)
		stop()
		stopped := time.Now()
		<-late
		if took := time.Since(stopped); took != 9*time.Second {
			t.Errorf("it was given %s", took)
		}
	})
}

// What it wrote into a file that is gone would be lost, and another daemon may have begun.
func TestADaemonWhoseStateFileIsReplacedEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d, _ := brokenDaemonIn(t, dir)
		began := time.Now()
		time.AfterFunc(30*time.Second, func() {
			if err := os.Remove(filepath.Join(dir, "state.db")); err != nil {
				t.Error(err)
			}
		})
		if err := d.loop(t.Context()); !errors.Is(err, state.ErrReplaced) {
			t.Errorf("it ended with %v", err)
		}
		if took := time.Since(began); took > 31*time.Second {
			t.Errorf("it noticed after %s", took)
		}
	})
}
