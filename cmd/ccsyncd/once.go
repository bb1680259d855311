package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/exit"
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
	flags.StringVar(&f.output, "output", shell.OutputText, "`FORM` of the report: text, json, or csv for a dry run")
	flags.BoolVar(&f.force, "force", false, "pass the guard once")
	flags.BoolVar(&f.full, "full", false, "take a full snapshot of the contacts")
	flags.IntVar(&f.limit, "limit", 0, "at most `N` changes")
}

// check finds flags that contradict each other.
func (f *runFlags) check(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	running := f.dryRun || f.once || cmd.HasParent()
	switch {
	case f.output != shell.OutputText && f.output != shell.OutputJSON && f.output != shell.OutputCSV:
		return shell.Misused(cmd, fmt.Errorf("--output is text, json or csv, not %q", f.output))
	case f.output == shell.OutputCSV && !f.dryRun:
		return shell.Misused(cmd, errors.New("--output csv goes with --dry-run"))
	case given("limit") && f.limit < 1:
		return shell.Misused(cmd, fmt.Errorf("--limit is a number from 1 up, not %d", f.limit))
	case (f.detailed || f.reveal) && !f.dryRun:
		return shell.Misused(cmd, errors.New("--detailed-exitcode and --reveal go with --dry-run"))
	case !running && (given("output") || f.force || f.full || given("limit")):
		return shell.Misused(cmd, errors.New("--output, --force, --full and --limit go with --dry-run or --once; the daemon takes none of them"))
	}
	return nil
}

// options are what the engine is asked for.
func (f *runFlags) options(trigger string, only []string) ccsync.Options {
	return ccsync.Options{Trigger: trigger, Force: f.force, Full: f.full, Limit: f.limit, Only: only}
}

// once makes one run, dry or not, and prints its report.
func (c *cli) once(ctx context.Context, f runFlags) error {
	report, err := app.Once(ctx, c.Shell, f.options("command", nil), f.dryRun)
	if err != nil {
		return c.unstarted(err, f)
	}
	return c.present(report, f)
}

// unstarted ends a command whose run did not even begin. A script that asked for JSON gets its object all the same.
func (c *cli) unstarted(err error, f runFlags) error {
	if f.output != shell.OutputJSON || exit.IsSaid(err) {
		return err
	}
	code, hint := exit.Of(err)
	report := emptyReport(c.Version, f.dryRun)
	report.Outcome, report.ExitCode = ccsync.Failed, code
	if code == exit.Unauthorized {
		report.Outcome = ccsync.Unauthorized
	}
	report.Error = &ccsync.Problem{Code: errorCode(code, err), Message: err.Error(), Hint: hint}
	return errors.Join(c.Out.JSON(report), err)
}

// emptyReport is the report of a run that never was.
func emptyReport(version string, dry bool) *ccsync.Report {
	return &ccsync.Report{
		Schema: 1, Version: version, Trigger: "command", DryRun: dry, StartedAt: time.Now().UTC().Truncate(time.Millisecond),
		Mirror: ccsync.Mirrored{Refresh: "none"}, Changes: []ccsync.Change{}, Skipped: []ccsync.Skipped{},
		Guard: ccsync.Verdict{Reasons: []string{}, Details: []string{}},
	}
}

// errorCode names an error by its exit code, for reports, or by itself.
func errorCode(status int, err error) string {
	switch status {
	case exit.Config:
		return "config"
	case exit.Held:
		return "held"
	case exit.Unauthorized:
		return "unauthorized"
	default:
		code, _ := ccsync.Diagnose(err)
		return code
	}
}
