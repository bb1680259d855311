package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/oauthdev"
	"ccsyncd/sync/state"
)

func (c *cli) authCommand() *cobra.Command {
	auth := &cobra.Command{Use: "auth", Short: "The login at Constant Contact", GroupID: groupSetUp, Args: cobra.NoArgs}
	auth.AddCommand(c.loginCommand(), c.authStatusCommand(), c.logoutCommand(), c.rekeyCommand())
	return auth
}

func (c *cli) authStatusCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "status", Short: "Account, scopes, and how long the tokens last", Args: cobra.NoArgs,
		Long: "Tells whether this installation is authorized, without asking Constant Contact.\n\nExit codes: 0 authorized, 4 not.",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := shell.CheckOutput(cmd, output); err != nil {
				return err
			}
			a, err := c.open(cmd.Context())
			if err != nil {
				return err
			}
			defer shell.AtExit(&err, "close", a.close)
			return c.authStatus(cmd.Context(), a, output)
		},
	}
	shell.AddOutput(cmd, &output)
	return cmd
}

// authStatus is what `auth status` tells; the JSON form is this struct.
type authStatus struct {
	Authorized bool      `json:"authorized"`
	Reason     string    `json:"reason,omitempty"`
	Account    account   `json:"account"`
	Scopes     []string  `json:"scopes"`
	Access     lifetime  `json:"access_token"`
	Refresh    lifetime  `json:"refresh_token"`
	LongLived  bool      `json:"long_lived"`
	InDoubt    bool      `json:"in_doubt,omitempty"`
	DoubtSince time.Time `json:"in_doubt_since,omitzero"`
	NextTry    time.Time `json:"next_try,omitzero"`
	DeadSince  time.Time `json:"dead_since,omitzero"`
	Pending    time.Time `json:"pending_until,omitzero"`
}

type account struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

type lifetime struct {
	ObtainedAt time.Time `json:"obtained_at,omitzero"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
}

func (a *app) authStatus(ctx context.Context) (authStatus, error) {
	s, err := a.auth.Status(ctx)
	if err != nil {
		return authStatus{}, err
	}
	who, err := a.account(ctx)
	return authStatus{
		Authorized: s.Authorized, Reason: s.Reason, Account: who, Scopes: append([]string{}, s.Scopes...),
		Access: lifetime{s.Obtained, s.Expires}, Refresh: lifetime{s.RefreshObtained, s.RefreshLapses},
		LongLived: s.LongLived, InDoubt: s.InDoubt, DoubtSince: s.DoubtSince, NextTry: s.NextTry,
		DeadSince: s.DeadSince, Pending: s.PendingUntil,
	}, err
}

// Names under which the state database keeps the account that it belongs to.
const (
	factAccountID   = "account_id"
	factAccountName = "account_name"
)

// account is the account that this state database belongs to, as far as a login has told.
func (a *app) account(ctx context.Context) (who account, err error) {
	if who.ID, err = a.state.Fact(ctx, factAccountID); err != nil {
		return who, err
	}
	who.Name, err = a.state.Fact(ctx, factAccountName)
	return who, err
}

func (c *cli) authStatus(ctx context.Context, a *app, output string) error {
	s, err := a.authStatus(ctx)
	if err != nil {
		return err
	}
	code := exit.Done
	if !s.Authorized {
		code = exit.Unauthorized
	}
	if output == shell.OutputJSON {
		if err := c.Out.JSON(s); err != nil {
			return err
		}
		return exit.With(code)
	}
	c.printAuth(s, a.state.Now())
	return exit.With(code)
}

func (c *cli) printAuth(s authStatus, now time.Time) {
	if s.Authorized {
		c.Out.Print(c.Out.Paint(term.Good, "authorized"))
	} else {
		c.Out.Print(c.Out.Paint(term.Bad, "not authorized") + c.Out.Text(": %s", s.Reason))
	}
	if s.Account.Name+s.Account.ID != "" {
		c.Out.Printf("account        %s\n", s.Account)
	}
	if len(s.Scopes) > 0 {
		c.Out.Printf("scopes         %s\n", strings.Join(s.Scopes, " "))
	}
	if !s.Access.ExpiresAt.IsZero() {
		c.Out.Printf("access token   obtained %s, refreshed by itself before it expires %s\n", term.Age(s.Access.ObtainedAt, now), term.Age(s.Access.ExpiresAt, now))
		c.Out.Printf("refresh token  %s, obtained %s, would lapse on %s if nobody used it\n", kindOf(s.LongLived), term.Age(s.Refresh.ObtainedAt, now), s.Refresh.ExpiresAt.Format(time.DateOnly))
	}
	if s.InDoubt {
		c.Out.Printf("in doubt       for %s: an answer to a refresh was lost; next try %s\n", doubtFor(s.DoubtSince, now), nextTry(s.NextTry, now))
	}
	if s.Pending.After(now) {
		c.Out.Printf("pending        a code waits for approval until %s\n", s.Pending.Format("15:04 MST"))
	}
	if s.Authorized {
		c.Next("ccsyncd check")
		return
	}
	c.Next("ccsyncd auth login")
}

// String names the account for people.
func (a account) String() string {
	switch {
	case a.Name == "":
		return a.ID
	case a.ID == "":
		return a.Name
	default:
		return a.Name + " (" + a.ID + ")"
	}
}

func doubtFor(since, now time.Time) string {
	return term.Duration(max(now.Sub(since), 0).Truncate(time.Second))
}

func nextTry(at, now time.Time) string {
	if !at.After(now) {
		return "with the next request"
	}
	return term.Age(at, now)
}

func kindOf(longLived bool) string {
	if longLived {
		return "long-lived"
	}
	return "rotating"
}

func (c *cli) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "Forget the tokens", Args: cobra.NoArgs,
		Long: "Forgets the tokens, also those that a lost state key sealed. The mirror\nand the history stay.",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cfg, err := c.Config()
			if err != nil {
				return err
			}
			db, err := state.OpenSealed(cmd.Context(), cfg.State.Path)
			if err != nil {
				return err
			}
			defer shell.AtExit(&err, "close", db.Close)
			if err := oauthdev.New(oauthdev.Config{ClientID: cfg.Auth.ClientID}, db.Vault(loginVault)).Forget(cmd.Context()); err != nil {
				return fmt.Errorf("forget the tokens: %w", err)
			}
			if err := db.Wipe(cmd.Context()); err != nil {
				return fmt.Errorf("the tokens are forgotten: %w", err)
			}
			c.Out.Printf("the tokens are forgotten; Constant Contact documents no way to revoke them, so that they lapse by themselves\n")
			c.Next("ccsyncd auth login")
			return nil
		},
	}
}
