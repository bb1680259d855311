package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
)

func (d *demo) constantContact(context.Context) error {
	d.tell("This demo runs on this machine alone. Its files are in %s.", d.dir)
	d.heading("A simulated Constant Contact")
	d.tell("A sandbox with %s contacts runs at %s.", kit.Count(demoContacts), d.endpoint)
	d.tell("It has the real limit of 4 requests a second.")
	d.tell("Its account has the custom field %q. Most contacts have a code in it.", "Short code")
	return nil
}

func (d *demo) appDatabase(ctx context.Context) error {
	d.heading("The app's database")
	d.tell("The backend gives each of its %s users a short code, in this table:", kit.Count(demoUsers))
	d.show(demoTable)
	return d.fillApp(ctx)
}

func (d *demo) configuration(context.Context) error {
	d.heading("The configuration")
	d.tell("ccsyncd reads its settings from ccsync.toml, which `ccsyncd init` can write:")
	d.show(demoConfig)
	return d.writeConfig()
}

func (d *demo) logIn(ctx context.Context) error {
	d.heading("The login, once")
	d.tell("A server has no browser, so a person opens an address on a phone and enters a code.")
	d.tell("The demo plays this person and approves the code after two seconds.")
	pressing, stop := context.WithCancel(ctx)
	pressed := make(chan struct{})
	go func() { defer close(pressed); d.approve(pressing) }()
	err := d.command(ctx, "auth", "login")
	stop()
	<-pressed
	return err
}

func (d *demo) preview(ctx context.Context) error {
	d.heading("A look before the first push")
	d.tell("A dry run reads all contacts and shows what would change. It writes nothing, and masks the codes.")
	return d.command(ctx, "--dry-run")
}

func (d *demo) push(ctx context.Context) error {
	d.heading("The first push")
	d.tell("Now ccsyncd sends the differences in bulk imports and reads them back.")
	d.tell("The first push sends five contacts before all others and compares them as a whole:")
	d.tell("only their codes may have changed.")
	return d.command(ctx, "--once")
}

func (d *demo) lookAtOne(ctx context.Context) error {
	d.heading("One user")
	d.tell("A user says that their code does not work. This command shows what ccsyncd knows about it:")
	return d.command(ctx, "explain", demoAddress(107))
}

// liveChange is the daemon's daily work: a row changes, and a moment later the contact carries the
// new code.
func (d *demo) liveChange(ctx context.Context) (err error) {
	d.heading("The daemon")
	d.tell("From now on, the daemon checks every two seconds whether the table has changed.")
	a, err := d.look(ctx)
	if err != nil {
		return err
	}
	defer shell.AtExit(&err, "close", a.Close)
	before, _, err := ccsync.ReadLastWhole(ctx, a.State)
	if err != nil {
		return err
	}
	d.show("$ ccsyncd")
	living, end := context.WithCancel(ctx)
	daemon := d.inBackground(living)
	defer func() { end(); err = errors.Join(err, daemon.wait()) }()
	first, err := d.awaitRun(ctx, a, daemon, func(l *ccsync.LastWhole) bool { return l.Run > before.Run })
	if err != nil {
		return err
	}
	if err := d.visitPage(ctx); err != nil {
		return err
	}
	d.tell("The backend gives three users new codes:")
	if err := d.changeRows(ctx); err != nil {
		return err
	}
	changed := time.Now()
	run, err := d.awaitRun(ctx, a, daemon, func(l *ccsync.LastWhole) bool { return l.Run > first.Run && l.Verified > 0 })
	if err != nil {
		return err
	}
	d.Out.Print(d.Out.Paint(term.Good, fmt.Sprintf("%s later %s seen carrying their new codes", term.Duration(time.Since(changed)), kit.Plural(run.Verified, "contact was", "contacts were"))) +
		d.Out.Text(" (run %d, %s).", run.Run, kit.Plural(run.Requests, "request", "requests")))
	return d.ending(ctx, run, daemon)
}

// background is the daemon beside the story.
type background struct {
	ended chan struct{}
	err   error // to be read after ended is closed
}

func (d *demo) inBackground(ctx context.Context) *background {
	b := &background{ended: make(chan struct{})}
	go func() { b.err = d.execute(ctx); close(b.ended) }()
	return b
}

func (b *background) wait() error { <-b.ended; return b.err }

// visitPage asks the status page for the current status.
func (d *demo) visitPage(ctx context.Context) error {
	d.tell("Its status page is at http://%s. Monitoring asks /readyz:", d.page)
	d.show("$ curl http://" + d.page + "/readyz")
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.page+"/readyz", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	const most = 1 << 10
	text, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return err
	}
	d.tell("%s", strings.TrimSpace(string(text)))
	return nil
}

// changed are the users who get a new code.
var changed = []int{11, 12, 13}

func (d *demo) changeRows(ctx context.Context) error {
	for _, n := range changed {
		d.show(fmt.Sprintf("UPDATE users SET short_code = '%s' WHERE id = %d", term.Mask(demoCode(n, 2)), n))
		if _, err := d.app.ExecContext(ctx, "UPDATE users SET short_code = ? WHERE id = ?", demoCode(n, 2), n); err != nil {
			return err
		}
	}
	return nil
}

// look opens the installation beside the daemon, as `ccsyncd status` does.
func (d *demo) look(ctx context.Context) (*app.App, error) {
	beside := &shell.Shell{Terminal: d.Terminal, Getenv: d.environment, ConfigPath: d.path("ccsync.toml"), LogLevel: d.LogLevel, Version: d.Version}
	return app.Open(ctx, beside)
}

// awaitRun waits until the last whole run of the daemon is the one wanted.
func (d *demo) awaitRun(ctx context.Context, a *app.App, daemon *background, wanted func(*ccsync.LastWhole) bool) (*ccsync.LastWhole, error) {
	const patience = time.Minute
	late := time.After(patience)
	for {
		select {
		case <-daemon.ended:
			return nil, errors.New("the daemon stopped too early")
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-late:
			return nil, errors.New("the daemon did not finish the expected run within a minute")
		case <-time.After(50 * time.Millisecond):
		}
		last, ran, err := ccsync.ReadLastWhole(ctx, a.State)
		if err != nil {
			return nil, err
		}
		if ran && wanted(&last) {
			return &last, nil
		}
	}
}

// ending sums up, and keeps all running if that was asked for.
func (d *demo) ending(ctx context.Context, last *ccsync.LastWhole, daemon *background) error {
	s := d.remote.Status()
	d.heading("The end")
	c := last.Coverage
	d.tell("%s of %s users have their codes, %s are skipped. `ccsyncd --dry-run` shows why.", kit.Count(c.Verified), kit.Count(c.Users), kit.Count(c.Skipped))
	d.tell("The demo took %s and %s, at most %d in a second.", term.Duration(time.Since(d.began)), kit.Plural(s.Requests, "request", "requests"), s.MaxPerSecond)
	if !d.keep {
		d.tell("With --keep, the sandbox, the daemon and its status page keep running.")
		d.Next("ccsyncd init, for your own table")
		return nil
	}
	d.Out.Print("")
	d.tell("status page   http://%s (password: %s)", d.page, d.token)
	d.tell("sandbox       %s", d.endpoint)
	d.tell("app database  %s", d.path("app.db"))
	d.tell("commands      ccsyncd status --config %s", d.path("ccsync.toml"))
	d.tell("Everything keeps running until you press Ctrl-C.")
	select {
	case <-ctx.Done():
		return nil
	case <-daemon.ended:
		return nil // its error is told by who waits for it
	}
}
