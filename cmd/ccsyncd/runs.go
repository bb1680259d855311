package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// runSummary is a run in the history; `runs --output json` prints an array of them.
type runSummary struct {
	Run        int64           `json:"run"`
	Trigger    string          `json:"trigger"`
	DryRun     bool            `json:"dry_run"`
	Forced     bool            `json:"forced"`
	Outcome    ccsync.Outcome  `json:"outcome"` // "" while it is under way, or when it died
	ExitCode   int             `json:"exit_code"`
	StartedAt  time.Time       `json:"started_at"`
	EndedAt    time.Time       `json:"ended_at,omitzero"`
	Changes    int             `json:"changes"`
	Verified   int             `json:"verified"`
	Rejected   int             `json:"rejected"`
	Unverified int             `json:"unverified"`
	Skipped    int             `json:"skipped"`
	Requests   int             `json:"requests"`
	Error      *ccsync.Problem `json:"error,omitempty"`
}

func summarise(r state.Run, report *ccsync.Report) runSummary {
	s := runSummary{Run: r.ID, Trigger: r.Trigger, DryRun: r.Dry, Forced: r.Forced, Outcome: ccsync.Outcome(r.Outcome), ExitCode: report.ExitCode,
		StartedAt: r.StartedAt, EndedAt: r.EndedAt, Changes: pending(report), Skipped: report.Summary.Skipped, Requests: r.Requests, Error: report.Error}
	if p := report.Push; p != nil {
		s.Verified, s.Rejected, s.Unverified = p.Verified, p.Rejected, p.Unverified
	}
	return s
}

// counts tells in words what a run did.
func (s *runSummary) counts() string {
	text := term.Plural(s.Changes, "change", "changes")
	if s.Verified+s.Rejected+s.Unverified > 0 {
		text += ", " + term.Count(s.Verified) + " verified"
	}
	if s.Rejected > 0 {
		text += ", " + term.Count(s.Rejected) + " rejected"
	}
	if s.Unverified > 0 {
		text += ", " + term.Count(s.Unverified) + " unverified"
	}
	return text + ", " + term.Plural(s.Requests, "request", "requests")
}

func (c *cli) runsCommand() *cobra.Command {
	var output string
	var limit int
	cmd := &cobra.Command{
		Use: "runs", Short: "The history of runs", GroupID: groupLook, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := shell.CheckOutput(cmd, output); err != nil {
				return err
			}
			if limit < 1 {
				return shell.Misused(cmd, fmt.Errorf("--limit is a number from 1 up, not %d", limit))
			}
			return c.runs(cmd.Context(), limit, output)
		},
	}
	shell.AddOutput(cmd, &output)
	const lately = 20
	cmd.Flags().IntVar(&limit, "limit", lately, "the last `N` runs")
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
	all := make([]runSummary, len(runs))
	for i, r := range runs {
		all[i] = summarise(r, reportOf(r))
	}
	if output == shell.OutputJSON {
		return c.Out.JSON(all)
	}
	if len(all) == 0 {
		c.Out.Printf("no runs yet\n")
		c.Next("ccsyncd --dry-run")
		return nil
	}
	c.printRuns(all, a.State.Now())
	c.Next("ccsyncd runs show %d", all[0].Run)
	return nil
}

func (c *cli) printRuns(all []runSummary, now time.Time) {
	t := &term.Table{Columns: []term.Column{{Title: "run", Right: true}, {Title: "began"}, {Title: "by"}, {Title: "outcome"},
		{Title: "changes", Right: true}, {Title: "verified", Right: true}, {Title: "requests", Right: true}, {Title: "took", Right: true}}}
	for _, s := range all {
		t.Add(s.Run, term.Age(s.StartedAt, now), s.by(), c.Out.Paint(styleOf(s.Outcome), s.outcome()), term.Count(s.Changes),
			term.Count(s.Verified), term.Count(s.Requests), s.took())
	}
	c.Out.Table(t)
}

func (s *runSummary) by() string {
	by := s.Trigger
	if s.DryRun {
		by = "dry run"
	}
	if s.Forced {
		by += ", forced"
	}
	return by
}

func (s *runSummary) outcome() string {
	if s.Outcome == "" {
		return "not ended"
	}
	return string(s.Outcome)
}

func (s *runSummary) took() string {
	if s.EndedAt.IsZero() {
		return ""
	}
	return term.Duration(s.EndedAt.Sub(s.StartedAt))
}

func (c *cli) runsShowCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "show ID", Short: "One run with its activities and problems", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := shell.CheckOutput(cmd, output); err != nil {
				return err
			}
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || id < 1 {
				return shell.Misused(cmd, fmt.Errorf("%q is not the number of a run", args[0]))
			}
			return c.showRun(cmd.Context(), id, output)
		},
	}
	shell.AddOutput(cmd, &output)
	return cmd
}

func (c *cli) showRun(ctx context.Context, id int64, output string) (err error) {
	a, err := app.Open(ctx, c.Shell)
	if err != nil {
		return err
	}
	defer shell.AtExit(&err, "close", a.Close)
	r, ok, err := a.State.Run(ctx, id)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("there is no run %d in the history (`ccsyncd runs` lists them)", id)
	}
	report := reportOf(r)
	if report.Push != nil {
		if report.Push.Problems, err = runProblems(ctx, a, id); err != nil {
			return err
		}
	}
	if output == shell.OutputJSON {
		return c.Out.JSON(report)
	}
	if r.Outcome == "" {
		return errors.New("this run has not ended: it is under way, or its process died; the next run goes on where it stopped")
	}
	c.printRun(r, report)
	return nil
}

// runProblems are what did not land in a run.
func runProblems(ctx context.Context, a *app.App, id int64) ([]ccsync.PushProblem, error) {
	const most = 10_000
	kept, err := a.State.RunProblems(ctx, id, most)
	all := make([]ccsync.PushProblem, len(kept))
	for i, p := range kept {
		all[i] = ccsync.PushProblem{Key: p.Key, Email: p.Address, Reason: p.Reason, Detail: p.Detail}
	}
	return all, err
}

func (c *cli) printRun(r state.Run, report *ccsync.Report) {
	s := summarise(r, report)
	c.Out.Printf("began %s, by %s, took %s\n", r.StartedAt.Format(time.RFC3339), s.by(), s.took())
	p := printer{Stream: c.Out}
	p.headline(report)
	p.pushed(report)
	p.activities(report)
	p.reasons(report)
	p.footer(report)
	if report.Error != nil {
		c.Complain(report.Error.Message, report.Error.Hint)
	}
	if report.Push != nil && len(report.Push.Problems) > 0 {
		c.Next("ccsyncd explain EMAIL tells all there is to know of one user")
		return
	}
	c.Next("ccsyncd status")
}

func (p printer) activities(r *ccsync.Report) {
	if r.Push == nil || len(r.Push.Activities) == 0 {
		return
	}
	p.Print("")
	t := &term.Table{Columns: []term.Column{{Title: "activity"}, {Title: "contacts", Right: true}, {Title: "state"}, {Title: "errors", Wrap: true}}}
	for _, a := range r.Push.Activities {
		t.Add(a.ID, term.Count(a.Contacts), a.State, strings.Join(a.Errors, "; "))
	}
	p.Table(t)
}

// reasons counts the skipped rows where the rows themselves are not kept.
func (p printer) reasons(r *ccsync.Report) {
	if r.Summary.Skipped == 0 {
		return
	}
	var parts []string
	for _, reason := range byCount(r.Reasons) {
		parts = append(parts, term.Count(r.Reasons[reason])+" "+reason)
	}
	p.Printf("\nskipped: %s: %s\n", term.Plural(r.Summary.Skipped, "row", "rows"), strings.Join(parts, ", "))
}
