package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	ccsync "ccsyncd/sync"
)

const explainHelp = `All there is to know of one user: source row, contact, decision and why, last
pushes, and what to do. It reads the app's table and the local copy of the
contacts and asks Constant Contact nothing. "key:4711" works in place of an
address.

Values are masked unless --reveal is given; JSON has them.

Exit codes: 0, or 1 if neither side knows the address.`

func (c *cli) explainCommand() *cobra.Command {
	var output string
	var reveal bool
	cmd := &cobra.Command{
		Use: "explain EMAIL", Short: "One user: row, contact, decision and why", Long: explainHelp, GroupID: groupLook, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := shell.CheckOutput(cmd, output); err != nil {
				return err
			}
			a, err := app.OpenAll(cmd.Context(), c.Shell)
			if err != nil {
				return err
			}
			defer shell.AtExit(&err, "close", a.Close)
			return c.explain(cmd.Context(), a, args[0], output, printer{Stream: c.Out, reveal: reveal})
		},
	}
	shell.AddOutput(cmd, &output)
	cmd.Flags().BoolVar(&reveal, "reveal", false, "show the values in full")
	return cmd
}

func (c *cli) explain(ctx context.Context, a *app.App, who, output string, p printer) error {
	x, err := a.Engine().Explain(ctx, who)
	if err != nil {
		return err
	}
	code := exit.Done
	if !x.Known {
		code = exit.Failed
	}
	if output == shell.OutputJSON {
		if err := c.Out.JSON(x); err != nil {
			return err
		}
		return exit.With(code)
	}
	p.explanation(x)
	m, err := a.State.Mirror(ctx)
	if err != nil {
		return err
	}
	c.Err.Printf("the contact is as of %s\n", term.Age(m.Mark, a.State.Now()))
	if sendable(x) {
		c.Next("ccsyncd push %s sends this user now", who)
	} else {
		c.Next("ccsyncd status")
	}
	return exit.With(code)
}

// sendable tells whether a run for this user alone has something to send; one in quarantine is tried again.
func sendable(x *ccsync.Explanation) bool {
	switch x.Decision {
	case "update", "create", "clear":
		return true
	}
	return x.Reason == string(ccsync.Quarantined)
}

func (p printer) explanation(x *ccsync.Explanation) {
	p.Print(p.Paint(term.Strong, orElse(x.Address, x.Asked)))
	for _, row := range x.Rows {
		p.Printf("source row  %s%s\n", keyText(row.Key), p.values(row.Values))
	}
	if len(x.Rows) == 0 {
		p.Printf("source row  none\n")
	}
	for _, contact := range x.Contacts {
		p.contact(contact)
	}
	if len(x.Contacts) == 0 {
		p.Printf("contact     none\n")
	}
	p.decision(x)
	if x.Problem != nil {
		p.Printf("problem     %s: %s; sent %s, next try %s\n", x.Problem.Reason, x.Problem.Detail, term.Plural(x.Problem.Attempts, "time", "times"), x.Problem.RetryAt)
	}
	p.pushes(x.Pushes)
	if x.Advice != "" {
		p.Print("", p.Paint(term.Strong, "what to do: ")+p.Text("%s", x.Advice))
	}
}

func keyText(key string) string {
	if key == "" {
		return ""
	}
	return "key " + key + "  "
}

// values shows values by column, masked unless asked for.
func (p printer) values(all map[string]string) string {
	parts := make([]string, 0, len(all))
	for _, column := range slices.Sorted(maps.Keys(all)) {
		parts = append(parts, column+" "+p.value(all[column]))
	}
	return strings.Join(parts, "  ")
}

func (p printer) contact(x ccsync.ExplainedContact) {
	state := x.Permission
	if x.Deleted {
		state = "deleted"
	}
	p.Printf("contact     %s  %s\n", state, p.values(x.Values))
	p.Printf("            id %s, updated %s\n", x.ID, x.UpdatedAt)
	lists := "on no list"
	if len(x.Lists) > 0 {
		lists = "on " + strings.Join(x.Lists, ", ")
	}
	if len(x.Left) > 0 {
		lists += ", left " + strings.Join(x.Left, ", ")
	}
	p.Printf("            %s\n", lists)
}

func (p printer) decision(x *ccsync.Explanation) {
	why := x.Decision
	if x.Reason != "" {
		why += ", " + x.Reason
	}
	if x.Detail != "" {
		why += ": " + x.Detail
	}
	p.Printf("decision    %s\n", why)
	for _, column := range slices.Sorted(maps.Keys(x.Fields)) {
		v := x.Fields[column]
		p.Printf("            %s: %s -> %s\n", column, p.value(v.Old), p.value(v.New))
	}
}

func (p printer) pushes(all []ccsync.ExplainedPush) {
	if len(all) == 0 {
		p.Printf("pushes      never sent\n")
		return
	}
	p.Print("")
	t := &term.Table{Columns: []term.Column{{Title: "pushed at"}, {Title: "run", Right: true}, {Title: "result"}, {Title: "values", Wrap: true}, {Title: "activity"}}}
	for _, push := range all {
		t.Add(pushedAt(push.At), push.Run, orElse(push.Result, fmt.Sprintf("open (%s)", push.State)), p.values(push.Values), push.Activity)
	}
	p.Table(t)
}

// pushedAt is a time without the fraction of its seconds.
func pushedAt(at string) string {
	date, _, fraction := strings.Cut(at, ".")
	if fraction {
		return date + "Z"
	}
	return at
}
