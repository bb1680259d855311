package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
)

func (c *cli) authCommand() *cobra.Command {
	auth := &cobra.Command{Use: "auth", Short: "Manage the login at Constant Contact", GroupID: groupSetUp, Args: cobra.NoArgs}
	auth.AddCommand(c.loginCommand(), c.authStatusCommand(), c.logoutCommand(), c.rekeyCommand())
	return auth
}

func (c *cli) authStatusCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "status", Short: "Show account, scopes and token lifetimes", Args: cobra.NoArgs,
		Long: "Show whether this installation is authorized. It reads the state file alone.\n\nExit codes: 0 authorized, 4 not.",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := shell.CheckOutput(cmd, output); err != nil {
				return err
			}
			a, err := app.Open(cmd.Context(), c.Shell)
			if err != nil {
				return err
			}
			defer shell.AtExit(&err, "close", a.Close)
			return c.authStatus(cmd.Context(), a, output)
		},
	}
	shell.AddOutput(cmd, &output)
	return cmd
}

func (c *cli) authStatus(ctx context.Context, a *app.App, output string) error {
	s, err := a.LoginStatus(ctx)
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
	c.printAuth(s, a.State.Now())
	return exit.With(code)
}

func (c *cli) printAuth(s app.LoginStatus, now time.Time) {
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
		c.Out.Printf("access token   obtained %s, expires %s, refreshed before that\n", term.Age(s.Access.ObtainedAt, now), term.Age(s.Access.ExpiresAt, now))
		c.Out.Printf("refresh token  %s, obtained %s, expires on %s if not used\n", kindOf(s.LongLived), term.Age(s.Refresh.ObtainedAt, now), s.Refresh.ExpiresAt.Format(time.DateOnly))
	}
	if s.InDoubt {
		c.Out.Printf("in doubt       for %s: a token refresh got no answer; next try %s\n", doubtFor(s.DoubtSince, now), nextTry(s.NextTry, now))
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
