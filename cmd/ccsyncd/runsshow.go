package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/report"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

const showHelp = `Show one run with its activities, problems and skipped rows. Without ID, it
shows the last run that has ended.`

func (c *cli) runsShowCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "show [ID]", Short: "Show one run, by default the last", Long: showHelp, Example: "  ccsyncd runs show\n  ccsyncd runs show 17 --output json",
		Args: cobra.MaximumNArgs(1), ValidArgsFunction: c.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := shell.CheckOutput(cmd, output); err != nil {
				return err
			}
			if len(args) == 0 {
				return c.showRun(cmd.Context(), 0, output)
			}
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || id < 1 {
				return shell.Misused(cmd, fmt.Errorf("%q is not a run number", args[0]))
			}
			return c.showRun(cmd.Context(), id, output)
		},
	}
	shell.AddOutput(cmd, &output)
	return cmd
}

// findRun finds a run by its number; 0 is the last that has ended, whatever it was for.
func findRun(ctx context.Context, a *app.App, id int64) (state.Run, error) {
	if id == 0 {
		const recent = 100
		runs, err := a.State.Runs(ctx, recent)
		if err != nil {
			return state.Run{}, err
		}
		for _, r := range runs {
			if r.Outcome != "" {
				return r, nil
			}
		}
		return state.Run{}, errors.New("no run has ended yet; `ccsyncd runs` lists the started ones")
	}
	r, ok, err := a.State.Run(ctx, id)
	if err == nil && !ok {
		err = fmt.Errorf("run %d is not in the history; `ccsyncd runs` lists all runs", id)
	}
	return r, err
}

// showRun prints one run, by its number; 0 is the last.
func (c *cli) showRun(ctx context.Context, id int64, output string) (err error) {
	a, err := app.Open(ctx, c.Shell)
	if err != nil {
		return err
	}
	defer shell.AtExit(&err, "close", a.Close)
	r, err := findRun(ctx, a, id)
	if err != nil {
		return err
	}
	ended := report.Of(r)
	if ended.Push != nil {
		if ended.Push.Problems, err = runProblems(ctx, a, r.ID); err != nil {
			return err
		}
	}
	if output == shell.OutputJSON {
		return c.Out.JSON(ended)
	}
	if r.Outcome == "" {
		return errors.New("this run has not ended: it is still running, or its process died and the next run continues its work")
	}
	report.PrintRun(c.Shell, r, ended)
	return nil
}

// runProblems are what did not arrive in a run.
func runProblems(ctx context.Context, a *app.App, id int64) ([]ccsync.PushProblem, error) {
	const most = 10_000
	kept, err := a.State.RunProblems(ctx, id, most)
	all := make([]ccsync.PushProblem, len(kept))
	for i, p := range kept {
		all[i] = ccsync.PushProblem{Key: p.Key, Email: p.Address, Reason: p.Reason, Detail: p.Detail}
	}
	return all, err
}
