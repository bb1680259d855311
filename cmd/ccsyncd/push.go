package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/daemon"
	"ccsyncd/cmd/ccsyncd/internal/report"
)

const pushHelp = `A run now, for all users or for these alone, quarantined or not. "key:4711"
works in place of an address.

Beside a daemon, the daemon does it: the request is left in the state database,
taken up within two seconds or after the run under way, and its report is
printed as if it had run here.

Exit codes are those of --once; with users, 0 only if each of them was seen
carrying its values, else 3.`

func (c *cli) pushCommand() *cobra.Command {
	var f runFlags
	var noWait bool
	cmd := &cobra.Command{
		Use: "push [EMAIL...]", Short: "A run now, for all users or for some", Long: pushHelp, GroupID: groupRun, Args: users,
		RunE: func(cmd *cobra.Command, only []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			return c.push(cmd.Context(), f, only, noWait)
		},
	}
	f.add(cmd)
	cmd.Flags().Lookup("output").Usage = "`FORM` of the report: text or json"
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "beside a daemon: leave the request and do not wait for the report")
	return cmd
}

// users takes addresses, and keys in the form key:4711.
func users(_ *cobra.Command, given []string) error {
	for _, who := range given {
		if !strings.Contains(who, "@") && !strings.HasPrefix(who, "key:") {
			return fmt.Errorf("%q is neither an address nor key:KEY", who)
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
