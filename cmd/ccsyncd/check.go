package main

import (
	"errors"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/doctor"
	"ccsyncd/cmd/ccsyncd/internal/shell"
)

const checkHelp = `Test every link: configuration, state database, disk, the app's database and its
rows, authorization, scopes, privileges, custom fields and lists, clock, quota.
Each gets a verdict and, if it fails, a hint. Nothing is written to the app's
database or to Constant Contact.

--offline stops before Constant Contact and works in a build without network:
every row is judged as a run would judge it. --strict turns skipped rows into
errors, and files that other users can write to, or read with a secret inside.
Set $CCSYNC_ENDPOINT to test the rest against a sandbox.

--account describes how the account answers, from about fifteen GETs: formats of
dates and links, order of pages, counts, words, recent activities. The table has
no personal data and can be pasted into an issue.

Exit codes: that of the first link that fails; 0 if none does.`

func (c *cli) checkCommand() *cobra.Command {
	var o doctor.Options
	var account bool
	cmd := &cobra.Command{
		Use: "check", Short: "Test every link, with a hint for each that fails", Long: checkHelp, GroupID: groupSetUp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := shell.CheckOutput(cmd, o.Output); err != nil {
				return err
			}
			if account && (o.Offline || o.Strict) {
				return shell.Misused(cmd, errors.New("--account cannot be combined with --offline or --strict"))
			}
			if account {
				return doctor.ShowAccount(cmd.Context(), c.Shell, o.Output)
			}
			return doctor.Check(cmd.Context(), c.Shell, o)
		},
	}
	shell.AddOutput(cmd, &o.Output)
	cmd.Flags().BoolVar(&o.Offline, "offline", false, "stop before Constant Contact")
	cmd.Flags().BoolVar(&o.Strict, "strict", false, "skipped rows, and files that other users can read or write, are errors")
	cmd.Flags().BoolVar(&account, "account", false, "describe how this account answers, as a table for an issue")
	return cmd
}
