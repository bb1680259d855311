package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
)

const checkHelp = `Tests each link of the chain: configuration, state database, disk, the app's
database, its rows, authorization, scopes, privileges, custom fields and lists,
clock, quota. Each gets a verdict and, if need be, its cure. Writes nothing to
the app's database or to Constant Contact.

With --offline it stops before Constant Contact, so that it works in a build
without network: every row is judged as a run would judge it. --strict makes a
skipped row an error, and a file that others can write to, or read with a secret
in it. $CCSYNC_ENDPOINT lets a build test the rest against a sandbox.

With --account it looks, by some fifteen GETs, how the account answers: forms of
dates and links, order of pages, counts, words, recent activities. The table has
no personal data and can be pasted into an issue.

Exit codes: that of the first link that fails; 0 when none does.`

// checkFlags are those of check.
type checkFlags struct {
	offline, strict, account bool
	output                   string
}

func (c *cli) checkCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use: "check", Short: "Test each link of the chain, with verdict and cure", Long: checkHelp, GroupID: groupSetUp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := shell.CheckOutput(cmd, f.output); err != nil {
				return err
			}
			if f.account && (f.offline || f.strict) {
				return shell.Misused(cmd, errors.New("--account goes neither with --offline nor with --strict"))
			}
			if f.account {
				return c.lookAtAccount(cmd.Context(), f.output)
			}
			return c.check(cmd.Context(), f)
		},
	}
	shell.AddOutput(cmd, &f.output)
	cmd.Flags().BoolVar(&f.offline, "offline", false, "stop before Constant Contact")
	cmd.Flags().BoolVar(&f.strict, "strict", false, "skipped rows, and files that others can read or write, are errors")
	cmd.Flags().BoolVar(&f.account, "account", false, "look by reading alone how this account answers, as a table for an issue")
	return cmd
}

// Verdicts.
const (
	verdictOK   = "ok"
	verdictNote = "note" // worth knowing, and no failure
	verdictFail = "fail"
)

// link is one link of the chain and what was found.
type link struct {
	Name    string `json:"link"`
	Verdict string `json:"verdict"`
	Detail  string `json:"detail"`
	Cure    string `json:"cure,omitempty"`

	code int
}

// chain collects links as they are tested.
type chain struct {
	flags checkFlags
	links []link
}

func (ch *chain) ok(name, detail string) {
	ch.links = append(ch.links, link{Name: name, Verdict: verdictOK, Detail: detail})
}

func (ch *chain) note(name, detail, cure string) {
	ch.links = append(ch.links, link{Name: name, Verdict: verdictNote, Detail: detail, Cure: cure})
}

// fail adds a link that does not hold. The cure is the one given, else that of the error.
func (ch *chain) fail(name string, err error, cure string) {
	code, hint := exit.Of(err)
	if cure == "" {
		cure = hint
	}
	ch.links = append(ch.links, link{Name: name, Verdict: verdictFail, Detail: err.Error(), Cure: cure, code: code})
}

// code is the exit code of the first link that fails.
func (ch *chain) code() int {
	for _, l := range ch.links {
		if l.Verdict == verdictFail {
			return l.code
		}
	}
	return exit.Done
}

func (c *cli) check(ctx context.Context, f checkFlags) error {
	ch := &chain{flags: f}
	c.testAll(ctx, ch)
	if f.output == shell.OutputJSON {
		err := c.Out.JSON(struct {
			OK       bool   `json:"ok"`
			ExitCode int    `json:"exit_code"`
			Links    []link `json:"links"`
		}{ch.code() == exit.Done, ch.code(), ch.links})
		if err != nil {
			return err
		}
		return exit.With(ch.code())
	}
	c.printChain(ch)
	return exit.With(ch.code())
}

func (c *cli) printChain(ch *chain) {
	const nameWidth, verdictWidth = 16, 6
	styles := map[string]term.Style{verdictOK: term.Good, verdictNote: term.Caution, verdictFail: term.Bad}
	for _, l := range ch.links {
		mark := c.Out.Paint(styles[l.Verdict], l.Verdict) + term.Text(strings.Repeat(" ", verdictWidth-len(l.Verdict)))
		for i, line := range shell.SplitLines(l.Detail) {
			if i > 0 {
				mark = term.Text(strings.Repeat(" ", verdictWidth))
				l.Name = ""
			}
			c.Out.Print(mark + c.Out.Text("%-*s%s", nameWidth, l.Name, line))
		}
		if l.Cure != "" {
			c.Out.Print(c.Out.Text("%*s%s", nameWidth+verdictWidth, "", "cure: ") + shell.Lines(c.Out, l.Cure))
		}
	}
	switch code := ch.code(); {
	case code == exit.Unauthorized:
		c.Next("ccsyncd auth login")
	case code != exit.Done:
		c.Next("ccsyncd check, once that is mended")
	case ch.flags.offline:
		c.Next("ccsyncd check without --offline tests the rest")
	default:
		c.Next("ccsyncd --dry-run")
	}
}
