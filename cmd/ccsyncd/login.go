package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/oauth2"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/oauthdev"
)

const loginHelp = `Authorize this installation with the OAuth device flow: print a URL and a code
for a person to open and enter on any phone or computer. Then wait for the
approval. The login is tested with a real request before it is stored. After
that, ccsyncd renews it automatically.

Approve only a code that you requested yourself. Give ccsyncd its own
application (API key): programs with the same key share its limits. "Long lived
refresh tokens" in the application's settings are more robust, because a copy of
the state file or a restored backup cannot use up the token.

With --no-wait, the command prints the code and exits; the next auth login
continues with it.`

// loginFlags are those of auth login.
type loginFlags struct {
	noWait, switchAccount bool
}

func (c *cli) loginCommand() *cobra.Command {
	var f loginFlags
	cmd := &cobra.Command{
		Use: "login", Short: "Authorize this installation, on any phone", Long: loginHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			a, err := app.Open(cmd.Context(), c.Shell)
			if err != nil {
				return err
			}
			defer shell.AtExit(&err, "close", a.Close)
			return c.login(cmd.Context(), a, f)
		},
	}
	cmd.Flags().BoolVar(&f.noWait, "no-wait", false, "print the code and exit; the next auth login continues with it")
	cmd.Flags().BoolVar(&f.switchAccount, "switch-account", false, "accept a different account, and delete the local copy of the old account")
	return cmd
}

func (c *cli) login(ctx context.Context, a *app.App, f loginFlags) error {
	if f.switchAccount { // a run under way would mix the contacts of both
		held, release, err := a.LockRun(ctx)
		if err != nil {
			return err
		}
		defer release()
		ctx = held
	}
	device, resumed, err := a.StartLogin(ctx)
	if err != nil {
		return err
	}
	if resumed {
		c.Err.Printf("continuing with the code of an earlier auth login\n")
	}
	c.showCode(device)
	if f.noWait {
		c.Next("ccsyncd auth login, before %s, to wait for the approval and store the login", device.ExpiresAt.Local().Format("15:04"))
		return nil
	}
	token, err := c.await(ctx, a, device)
	if err != nil {
		return err
	}
	who, err := a.Login(ctx, token, f.switchAccount)
	if err != nil {
		return err
	}
	c.welcome(who)
	return nil
}

// showCode prints address and code in a box, and a QR code on a terminal.
func (c *cli) showCode(d *oauthdev.Device) {
	c.Out.Box(
		c.Out.Text("open   ")+c.Out.Paint(term.Strong, d.VerificationURI),
		c.Out.Text("enter  ")+c.Out.Paint(term.Strong, d.UserCode),
	)
	if c.Err.QR(d.VerificationURIComplete) {
		c.Err.Printf("or scan this with a phone; ")
	}
	c.Err.Printf("approve it only if you requested it yourself\n")
	if d.Stranger != "" {
		c.Err.Print(c.Err.Paint(term.Caution, "warning") + c.Err.Text(": this URL is on %s, which is neither Constant Contact nor [endpoints] auth; open it only if you know this host", d.Stranger))
	}
}

// await waits for the person, with the time left counting down on a terminal.
func (c *cli) await(ctx context.Context, a *app.App, d *oauthdev.Device) (*oauth2.Token, error) {
	waiting, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { c.countDown(waiting, a, d); close(ended) }()
	token, err := a.Auth.Wait(ctx, d)
	stop()
	<-ended
	if ctx.Err() != nil && err != nil {
		return nil, fmt.Errorf("interrupted; the code is valid until %s, `ccsyncd auth login` continues with it", d.ExpiresAt.Local().Format("15:04"))
	}
	return token, err
}

func (c *cli) countDown(ctx context.Context, a *app.App, d *oauthdev.Device) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		left := max(d.ExpiresAt.Sub(a.State.Now()).Truncate(time.Second), 0)
		c.Err.Live(c.Err.Text("waiting for approval, %s left", term.Duration(left)))
		select {
		case <-tick.C:
		case <-ctx.Done():
			c.Err.EndLive()
			return
		}
	}
}

func (c *cli) welcome(who app.Account) {
	name := who.String()
	if name == "" {
		name = "an account whose name is not available (scope account_read)"
	}
	c.Out.Print(c.Out.Paint(term.Good, "authorized") + c.Out.Text(" for %s", name))
	c.Next("ccsyncd check")
}
