package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/report"
	"ccsyncd/cmd/ccsyncd/internal/shell"
)

func (c *cli) runsCommand() *cobra.Command {
	var output string
	var limit int
	cmd := &cobra.Command{
		Use: "runs", Short: "List recent runs", GroupID: groupLook, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := shell.CheckOutput(cmd, output); err != nil {
				return err
			}
			if limit < 1 {
				return shell.Misused(cmd, fmt.Errorf("--limit must be 1 or more, not %d", limit))
			}
			return c.runs(cmd.Context(), limit, output)
		},
	}
	shell.AddOutput(cmd, &output)
	const lately = 20
	cmd.Flags().IntVar(&limit, "limit", lately, "show the last `N` runs")
	cmd.AddCommand(c.runsShowCommand())
	return cmd
}

func (c *cli) runs(ctx context.Context, limit int, output string) (err error) {
	a, err := app.Open(ctx, c.Shell)
	if err != nil {
		return err
	}
	defer shell.AtExit(&err, "close", a.Close)
	runs, err := a.State.Runs(ctx, limit)
	if err != nil {
		return err
	}
	all := make([]report.Summary, len(runs))
	for i, r := range runs {
		all[i] = report.Summarise(r, report.Of(r))
	}
	if output == shell.OutputJSON {
		return c.Out.JSON(withSchema(all))
	}
	if len(all) == 0 {
		c.Out.Printf("no runs yet\n")
		c.Next("ccsyncd --dry-run")
		return nil
	}
	report.PrintRuns(c.Out, all, a.State.Now())
	c.Next("ccsyncd runs show %d", all[0].Run)
	return nil
}

// runLine is a run in the history as `runs --output json` prints it.
type runLine struct {
	Schema int `json:"schema"` // 1
	report.Summary
}

func withSchema(all []report.Summary) []runLine {
	runs := make([]runLine, len(all))
	for i, s := range all {
		runs[i] = runLine{Schema: 1, Summary: s}
	}
	return runs
}
