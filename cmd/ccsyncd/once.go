package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/report"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	ccsync "ccsyncd/sync"
)

// runFlags are those of the commands that run: --dry-run, --once and push.
type runFlags struct {
	dryRun, once     bool
	detailed, reveal bool
	force, full      bool
	limit            int
	output           string
}

// add gives a command the flags that a run has.
func (f *runFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.output, "output", shell.OutputText, "format of the report: `text|json|csv` (csv with --dry-run)")
	flags.BoolVar(&f.force, "force", false, "override the guard for this run")
	flags.BoolVar(&f.full, "full", false, "read all contacts again")
	flags.IntVar(&f.limit, "limit", 0, "send at most `N` changes")
}

// check finds flags that contradict each other.
func (f *runFlags) check(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	running := f.dryRun || f.once || cmd.HasParent()
	switch {
	case f.output != shell.OutputText && f.output != shell.OutputJSON && f.output != shell.OutputCSV:
		return shell.Misused(cmd, fmt.Errorf("--output must be text, json or csv, not %q", f.output))
	case f.output == shell.OutputCSV && !f.dryRun:
		return shell.Misused(cmd, errors.New("--output csv needs --dry-run"))
	case given("limit") && f.limit < 1:
		return shell.Misused(cmd, fmt.Errorf("--limit must be 1 or more, not %d", f.limit))
	case (f.detailed || f.reveal) && !f.dryRun:
		return shell.Misused(cmd, errors.New("--detailed-exitcode and --reveal need --dry-run"))
	case !running && (given("output") || f.force || f.full || given("limit")):
		return shell.Misused(cmd, errors.New("--output, --force, --full and --limit need --dry-run or --once; the daemon takes none of these flags"))
	}
	return nil
}

// options are what the engine is asked for.
func (f *runFlags) options(trigger string, only []string) ccsync.Options {
	return ccsync.Options{Trigger: trigger, Force: f.force, Full: f.full, Limit: f.limit, Only: only}
}

// printed is how the report is printed.
func (f *runFlags) printed() report.Options {
	return report.Options{Output: f.output, Reveal: f.reveal, Detailed: f.detailed}
}

// once makes one run, dry or not, and prints its report.
func (c *cli) once(ctx context.Context, f runFlags) error {
	r, err := app.Once(ctx, c.Shell, f.options("command", nil), f.dryRun)
	if err != nil {
		return report.Unstarted(c.Shell, err, f.output, f.dryRun)
	}
	return report.Print(c.Shell, r, f.printed())
}
