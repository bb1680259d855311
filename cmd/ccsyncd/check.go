package main

import (
	"errors"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/doctor"
	"ccsyncd/cmd/ccsyncd/internal/shell"
)

const checkHelp = `Test each part: configuration, state file, disk, the app's database and its
rows, authorization, scopes, privileges, custom fields and lists, clock, quota.
Each gets a result and, if it fails, a hint. Nothing is written to the app's
database or to Constant Contact.

--offline stops before Constant Contact, for builds without a network; it still
checks every row as a run would. With --strict, skipped rows are errors. So are
files that other users can change, and files with a secret that other users can
read. Set $CCSYNC_ENDPOINT to test the rest against a sandbox.

--account describes how the account answers, from about fifteen GET requests:
formats of dates and links, order of pages, counts, recent activities. The table
has no personal data and can be pasted into a bug report.

Exit codes: 0 if nothing fails, otherwise the code of the first failure.`

func (c *cli) checkCommand() *cobra.Command {
	var o doctor.Options
	var account bool
	cmd := &cobra.Command{
		Use: "check", Short: "Test each part, with a hint for each failure", Long: checkHelp, GroupID: groupSetUp, Args: cobra.NoArgs,
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
	cmd.Flags().BoolVar(&account, "account", false, "describe how this account answers, as a table for a bug report")
	return cmd
}
