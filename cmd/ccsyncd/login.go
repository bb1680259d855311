package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/oauth2"

	"ccsyncd/ccapi"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/oauthdev"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

const loginHelp = `Authorizes this installation by the OAuth device flow: prints an address and a
code, which a person opens and enters on any phone or computer, and waits until
it is approved. The login is proven by a real call before it is stored. From
then on ccsyncd keeps itself authorized.

Approve only a code that you have started yourself. Give ccsyncd an application
(API key) of its own, since all programs with one key share its limits. "Long
lived refresh tokens" in the application's settings make it more robust: a copy
of the state file, or a backup put back, cannot spend the token of the other.

With --no-wait the code is printed and the command ends; the next auth login
goes on with it.`

// loginFlags are those of auth login.
type loginFlags struct {
	noWait, switchAccount bool
}

func (c *cli) loginCommand() *cobra.Command {
	var f loginFlags
	cmd := &cobra.Command{
		Use: "login", Short: "Authorize this installation, on any phone", Long: loginHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			a, err := c.open(cmd.Context())
			if err != nil {
				return err
			}
			defer shell.AtExit(&err, "close", a.close)
			return c.login(cmd.Context(), a, f)
		},
	}
	cmd.Flags().BoolVar(&f.noWait, "no-wait", false, "print the code and leave; the next auth login goes on with it")
	cmd.Flags().BoolVar(&f.switchAccount, "switch-account", false, "accept another account than before, and forget the old one's contacts")
	return cmd
}

func (c *cli) login(ctx context.Context, a *app, f loginFlags) error {
	if f.switchAccount { // a run under way would mix the contacts of both
		held, release, err := a.lockRun(ctx)
		if err != nil {
			return err
		}
		defer release()
		ctx = held
	}
	if err := a.home().LoggedIn(ctx, a.state, false); err != nil {
		return err
	}
	device, err := a.auth.Pending(ctx)
	if err != nil {
		return err
	}
	if device == nil {
		if device, err = a.auth.Start(ctx); err != nil {
			return err
		}
	} else {
		c.Err.Printf("going on with the code of an earlier auth login\n")
	}
	c.showCode(device)
	if f.noWait {
		c.Next("ccsyncd auth login, before %s: it waits for the approval and stores the login", device.ExpiresAt.Local().Format("15:04"))
		return nil
	}
	token, err := c.await(ctx, a, device)
	if err != nil {
		return err
	}
	who, err := c.prove(ctx, a, token)
	if err != nil {
		return err
	}
	if err := a.accept(ctx, token, who, f.switchAccount); err != nil {
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
		c.Err.Printf("or point the camera of a phone at this; ")
	}
	c.Err.Printf("approve it only if you have started this yourself\n")
	if d.Stranger != "" {
		c.Err.Print(c.Err.Paint(term.Caution, "warning") + c.Err.Text(": this address is on %s, which is neither Constant Contact's nor that of [endpoints] auth; open it only if you know it", d.Stranger))
	}
}

// await waits for the person, with the time left counting down on a terminal.
func (c *cli) await(ctx context.Context, a *app, d *oauthdev.Device) (*oauth2.Token, error) {
	waiting, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { c.countDown(waiting, a, d); close(ended) }()
	token, err := a.auth.Wait(ctx, d)
	stop()
	<-ended
	if ctx.Err() != nil && err != nil {
		return nil, fmt.Errorf("interrupted; the code stays good until %s and `ccsyncd auth login` goes on with it", d.ExpiresAt.Local().Format("15:04"))
	}
	return token, err
}

func (c *cli) countDown(ctx context.Context, a *app, d *oauthdev.Device) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		left := max(d.ExpiresAt.Sub(a.state.Now()).Truncate(time.Second), 0)
		c.Err.Live(c.Err.Text("waiting for the approval, %s left", term.Duration(left)))
		select {
		case <-tick.C:
		case <-ctx.Done():
			c.Err.EndLive()
			return
		}
	}
}

// prove makes a real call with the token, before it is stored: somebody who approved with a portal login that belongs to no
// account gets a token that looks like any other. An account that does not tell its name is proven by its contacts.
func (c *cli) prove(ctx context.Context, a *app, t *oauth2.Token) (account, error) {
	reader := ccapi.NewReader(a.cfg.Endpoints.API, &http.Client{Transport: a.door}, oauthdev.Static(t))
	who, err := reader.Account(ctx)
	if err == nil {
		return account{ID: who.ID, Name: who.Name}, nil
	}
	if !errors.As(err, new(*ccapi.Error)) || errors.Is(err, ccapi.ErrUnauthorized) {
		return account{}, notProven(err)
	}
	for _, err := range reader.Contacts(ctx, ccapi.ContactsQuery{}) {
		if err != nil {
			return account{}, notProven(err)
		}
		break
	}
	return account{}, nil
}

func notProven(err error) error {
	switch {
	case errors.Is(err, ccapi.ErrUnauthorized):
		return fmt.Errorf("the login was approved, and Constant Contact refuses it: who approved belongs to no account (a portal login alone is none); "+
			"sign out in that browser and approve again as a user of the account; nothing was stored: %w", err)
	case errors.Is(err, ccapi.ErrForbidden):
		return fmt.Errorf("the login was approved, and may not read contacts: the scope contact_data or the user's right to contacts is missing; nothing was stored: %w", err)
	default:
		return fmt.Errorf("the login could not be proven by a real call, so that nothing was stored: %w", err)
	}
}

// accept stores a proven login, if it is for the account that this state database belongs to. For another one the run lock
// must be held.
func (a *app) accept(ctx context.Context, t *oauth2.Token, who account, switchAccount bool) error {
	was, err := a.account(ctx)
	if err != nil {
		return err
	}
	if was.ID != "" && was.ID != who.ID {
		if !switchAccount {
			return otherAccount(was, who)
		}
		if err := a.forgetAccount(ctx); err != nil {
			return err
		}
	}
	if err := a.home().LoggedIn(ctx, a.state, true); err != nil { // before the tokens are kept that may be sent there alone
		return err
	}
	if err := a.auth.Accept(ctx, t); err != nil {
		return err
	}
	return a.state.SetFacts(ctx, map[string]string{factAccountID: who.ID, factAccountName: who.Name})
}

// forgetAccount drops what belongs to the old account: its contacts, and the ids of its fields and lists. It waits for a dry run that
// is reading contacts.
func (a *app) forgetAccount(ctx context.Context) error {
	held, release, err := a.state.Lock(ctx, state.MirrorLock)
	for errors.As(err, new(*state.HeldError)) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		held, release, err = a.state.Lock(ctx, state.MirrorLock)
	}
	if err != nil {
		return err
	}
	defer release()
	return ccsync.ForgetAccount(held, a.state)
}

func otherAccount(was, is account) error {
	if is.ID == "" {
		return &exit.ConfigError{
			Message: fmt.Sprintf("this login does not tell which account it is for, and the state database belongs to %s; nothing was stored", was),
			Hint:    "keep account_read in [auth] scopes and log in again",
		}
	}
	return &exit.ConfigError{
		Message: fmt.Sprintf("this login is for the account %s, and the state database belongs to %s; nothing was stored", is, was),
		Hint:    "log in as a user of that account, give the other one a state database of its own, or drop the old one's contacts with `ccsyncd auth login --switch-account`",
	}
}

func (c *cli) welcome(who account) {
	name := who.String()
	if name == "" {
		name = "an account that does not tell its name (scope account_read)"
	}
	c.Out.Print(c.Out.Paint(term.Good, "authorized") + c.Out.Text(" for %s", name))
	c.Next("ccsyncd check")
}
