package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/daemon"
	"ccsyncd/cmd/ccsyncd/internal/report"
)

const pushHelp = `Run now, for all users or only for users named by address or by key. A user
who waits for a retry is sent at once. With users, --force also says that you
have checked their contacts (overstepped).

If a daemon is running, it does the work. push leaves a request in the state
file. The daemon starts within two seconds or after its current run, and push
prints the report.

Exit codes are those of --once. With users, the code is 0 only if each user was
seen with the values of the table, otherwise 3.`

const pushExamples = `  ccsyncd push
  ccsyncd push ann@example.com ben@example.com
  ccsyncd push key:4711 --output json`

func (c *cli) pushCommand() *cobra.Command {
	var f runFlags
	var noWait bool
	cmd := &cobra.Command{
		Use: "push [EMAIL...]", Short: "Run now, for all users or for some", Long: pushHelp, Example: pushExamples, GroupID: groupRun, Args: users,
		RunE: func(cmd *cobra.Command, only []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			return c.push(cmd.Context(), f, only, noWait)
		},
	}
	f.add(cmd)
	cmd.Flags().Lookup("output").Usage = "format of the report: `text|json`"
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "with a daemon: leave the request and do not wait for the report")
	return cmd
}

// users takes addresses, and keys in the form key:4711.
func users(_ *cobra.Command, given []string) error {
	for _, who := range given {
		if !strings.Contains(who, "@") && !strings.HasPrefix(who, "key:") {
			return fmt.Errorf("%q is neither an email address nor key:KEY", who)
		}
	}
	return nil
}

// request is the push that is asked for.
func (f *runFlags) request(only []string, wait bool) *daemon.Request {
	return &daemon.Request{Force: f.force, Full: f.full, Limit: f.limit, Only: only, Wait: wait}
}

func (c *cli) push(ctx context.Context, f runFlags, only []string, noWait bool) error {
	r, err := daemon.Push(ctx, c.Shell, f.request(only, !noWait))
	switch {
	case err != nil:
		return report.Unstarted(c.Shell, err, f.output, false)
	case r == nil: // left to the daemon
		c.Next("ccsyncd runs")
		return nil
	}
	return report.Print(c.Shell, r, f.printed())
}
