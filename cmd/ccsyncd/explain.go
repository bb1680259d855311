package main

import (
	"context"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/report"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	ccsync "ccsyncd/sync"
)

const explainHelp = `Explain one user, named by address or by key: source row, contact, what a run
would do and why, past pushes, and a hint. It reads only the app's table and the
local copy of the contacts.

Values are masked unless --reveal is set. JSON has them in full.

Exit codes: 0; 1 if neither the table nor the local copy has the user.`

const explainExamples = `  ccsyncd explain ann@example.com
  ccsyncd explain key:4711 --reveal`

func (c *cli) explainCommand() *cobra.Command {
	var output string
	var reveal bool
	cmd := &cobra.Command{
		Use: "explain EMAIL", Short: "Explain one user: row, contact, decision, reason", Long: explainHelp, Example: explainExamples, GroupID: groupLook, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := shell.CheckOutput(cmd, output); err != nil {
				return err
			}
			a, err := app.OpenAll(cmd.Context(), c.Shell)
			if err != nil {
				return err
			}
			defer shell.AtExit(&err, "close", a.Close)
			return c.explain(cmd.Context(), a, args[0], output, reveal)
		},
	}
	shell.AddOutput(cmd, &output)
	cmd.Flags().BoolVar(&reveal, "reveal", false, "show values in full")
	return cmd
}

func (c *cli) explain(ctx context.Context, a *app.App, who, output string, reveal bool) error {
	x, err := a.Engine().Explain(ctx, who)
	if err != nil {
		return err
	}
	code := exit.Done
	if !x.Known {
		code = exit.Failed
	}
	if output == shell.OutputJSON {
		if err := c.Out.JSON(x); err != nil {
			return err
		}
		return exit.With(code)
	}
	m, err := a.State.Mirror(ctx)
	if err != nil {
		return err
	}
	report.PrintExplanation(c.Out, x, report.Shown{Reveal: reveal, Unread: m.Mark.IsZero()})
	if !m.Mark.IsZero() {
		c.Err.Printf("contacts last read %s\n", term.Age(m.Mark, a.State.Now()))
	}
	if sendable(x) {
		c.Next("ccsyncd push %s, to send this user now", who)
	} else {
		c.Next("ccsyncd status")
	}
	return exit.With(code)
}

// sendable tells whether a run for this user alone has something to send; one in quarantine is
// retried.
func sendable(x *ccsync.Explanation) bool {
	switch x.Decision {
	case "update", "create", "clear":
		return true
	}
	return x.Reason == string(ccsync.Quarantined)
}
