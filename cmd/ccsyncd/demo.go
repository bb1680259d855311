package main

import (
	"context"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/demo"
	"ccsyncd/cmd/ccsyncd/internal/shell"
)

const demoHelp = `Show a whole installation on this machine. The demo starts a local Constant
Contact with 5,000 contacts and creates an app's database with 1,200 users. It
logs in, makes a dry run and pushes. Then it starts a daemon, which notices
changed rows.

The demo takes less than a minute, at the real pace of 4 requests a second. Its
files are in a temporary folder, which is removed at the end.

With --keep, the sandbox, the daemon and its status page keep running until
Ctrl-C.`

func (c *cli) demoCommand() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use: "demo", Short: "Show a whole installation in one command", Long: demoHelp, GroupID: groupTry, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return demo.Run(cmd.Context(), c.Shell, keep, execute) },
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "keep sandbox, daemon and status page running until Ctrl-C")
	return cmd
}

// execute runs a command of the program in another shell.
func execute(ctx context.Context, sh *shell.Shell, args ...string) error {
	root := (&cli{sh}).root()
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}
