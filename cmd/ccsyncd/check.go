package main

import (
	"errors"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/doctor"
	"ccsyncd/cmd/ccsyncd/internal/shell"
)

const checkHelp = `Tests each link of the chain: configuration, state database, disk, the app's
database, its rows, authorization, scopes, privileges, custom fields and lists,
clock, quota. Each gets a verdict and, if need be, its cure. Writes nothing to
the app's database or to Constant Contact.

With --offline it stops before Constant Contact, so that it works in a build
without network: every row is judged as a run would judge it. --strict makes a
skipped row an error, and a file that others can write to, or read with a secret
in it. $CCSYNC_ENDPOINT lets a build test the rest against a sandbox.

With --account it looks, by some fifteen GETs, how the account answers: forms of
dates and links, order of pages, counts, words, recent activities. The table has
no personal data and can be pasted into an issue.

Exit codes: that of the first link that fails; 0 when none does.`

func (c *cli) checkCommand() *cobra.Command {
	var o doctor.Options
	var account bool
	cmd := &cobra.Command{
		Use: "check", Short: "Test each link of the chain, with verdict and cure", Long: checkHelp, GroupID: groupSetUp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := shell.CheckOutput(cmd, o.Output); err != nil {
				return err
			}
			if account && (o.Offline || o.Strict) {
				return shell.Misused(cmd, errors.New("--account goes neither with --offline nor with --strict"))
			}
			if account {
				return doctor.ShowAccount(cmd.Context(), c.Shell, o.Output)
			}
			return doctor.Check(cmd.Context(), c.Shell, o)
		},
	}
	shell.AddOutput(cmd, &o.Output)
	cmd.Flags().BoolVar(&o.Offline, "offline", false, "stop before Constant Contact")
	cmd.Flags().BoolVar(&o.Strict, "strict", false, "skipped rows, and files that others can read or write, are errors")
	cmd.Flags().BoolVar(&account, "account", false, "look by reading alone how this account answers, as a table for an issue")
	return cmd
}
