package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

const problemsHelp = `List every user whose values were sent but did not arrive: the reason, the first
failure and the next retry. List every contact, too, that somebody must check
because an import or a clear changed more than it should (overstepped). The list
comes from the state file; nothing is requested from Constant Contact.`

func (c *cli) problemsCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "problems", Short: "List users whose values have not arrived", Long: problemsHelp, GroupID: groupLook, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if output != shell.OutputText && output != shell.OutputJSON && output != shell.OutputCSV {
				return shell.Misused(cmd, fmt.Errorf("--output must be text, json or csv, not %q", output))
			}
			a, err := app.Open(cmd.Context(), c.Shell)
			if err != nil {
				return err
			}
			defer shell.AtExit(&err, "close", a.Close)
			return c.problems(cmd.Context(), a, output)
		},
	}
	cmd.Flags().StringVar(&output, "output", shell.OutputText, "output format: `text|json|csv`")
	return cmd
}

// problem is a user whose values have not arrived, or whose contact was overstepped; `problems
// --output json` prints an array of them. Times are UTC, by Constant Contact's clock.
type problem struct {
	Schema   int       `json:"schema"` // 1
	Key      string    `json:"key,omitempty"`
	Email    string    `json:"email"`
	Reason   string    `json:"reason"`
	Detail   string    `json:"detail,omitempty"`
	Attempts int       `json:"attempts"`
	Since    time.Time `json:"since"`
	RetryAt  time.Time `json:"retry_at,omitzero"` // not of an overstepped one: a person must act
	Run      int64     `json:"run"`               // of the last attempt
}

// problems prints all of them, each kind ascending by address.
func (c *cli) problems(ctx context.Context, a *app.App, output string) error {
	all := []problem{}
	open, err := a.State.Oversteps(ctx)
	if err != nil {
		return err
	}
	for _, o := range open {
		all = append(all, problem{Schema: 1, Key: o.Key, Email: o.Address, Reason: ccsync.Overstepped, Detail: o.Detail, Attempts: 1, Since: o.Since, Run: o.Run})
	}
	for p, err := range a.State.Problems(ctx) {
		if err != nil {
			return err
		}
		all = append(all, problemOf(&p))
	}
	switch output {
	case shell.OutputJSON:
		return c.Out.JSON(all)
	case shell.OutputCSV:
		return printProblemsCSV(c.Out, all)
	}
	if len(all) == 0 {
		c.Out.Printf("no open problems\n")
		c.Next("ccsyncd status")
		return nil
	}
	printProblems(c.Out, all, a.State.Now())
	c.Next("ccsyncd explain EMAIL, to see why")
	c.nextForProblems(len(open), len(all)-len(open))
	return nil
}

// nextForProblems names what a person can do for contacts to check and for values that did not
// arrive.
func (c *cli) nextForProblems(overstepped, missing int) {
	if overstepped > 0 {
		c.Next("ccsyncd push EMAIL --force, once you have checked the contact")
	}
	if missing > 0 {
		c.Next("ccsyncd push EMAIL, to retry now")
	}
}

func problemOf(p *state.Problem) problem {
	return problem{Schema: 1, Key: p.Key, Email: p.Address, Reason: p.Reason, Detail: p.Detail, Attempts: p.Attempts,
		Since: p.Since, RetryAt: p.RetryAt, Run: p.Run}
}

// printProblems prints them as a table, below how many there are of each reason.
func printProblems(to *term.Stream, all []problem, now time.Time) {
	counts := make(map[string]int)
	t := &term.Table{Columns: []term.Column{{Title: "user"}, {Title: "email", Wrap: true}, {Title: "reason"}, {Title: "tries", Right: true},
		{Title: "since"}, {Title: "next try"}, {Title: "detail", Wrap: true}}}
	for _, p := range all {
		counts[p.Reason]++
		t.Add(p.Key, p.Email, p.Reason, p.Attempts, term.Age(p.Since, now), retryText(p.RetryAt, now), p.Detail)
	}
	overstepped := counts[ccsync.Overstepped]
	delete(counts, ccsync.Overstepped)
	if overstepped > 0 {
		to.Printf("%s\n", toCheck(overstepped))
	}
	if missing := len(all) - overstepped; missing > 0 {
		var parts []string
		for _, reason := range slices.Sorted(maps.Keys(counts)) {
			parts = append(parts, kit.Count(counts[reason])+" "+reason)
		}
		to.Printf("%s: %s\n", kit.Plural(missing, "user whose values have not arrived", "users whose values have not arrived"), strings.Join(parts, ", "))
	}
	to.Printf("\n")
	to.Table(t)
}

// toCheck says how many contacts a person must check.
func toCheck(n int) string {
	return kit.Plural(n, "contact", "contacts") + " to check in Constant Contact: an import or a clear changed more than it should"
}

// retryText is when a problem is retried, or that it is not.
func retryText(at, now time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return term.Age(at, now)
}

func printProblemsCSV(to *term.Stream, all []problem) error {
	out := to.CSV("key", "email", "reason", "detail", "attempts", "since", "retry_at", "run")
	for _, p := range all {
		out.Write(p.Key, p.Email, p.Reason, p.Detail, strconv.Itoa(p.Attempts), p.Since.UTC().Format(time.RFC3339), retryTime(p.RetryAt), strconv.FormatInt(p.Run, 10))
	}
	return out.Close()
}

// retryTime is the time of a retry for a script, "" for none.
func retryTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}
