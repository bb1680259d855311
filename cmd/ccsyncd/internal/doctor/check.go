// Package doctor tests each link of the chain, for `ccsyncd check`, and tells how an account
// answers.
package doctor

import (
	"cmp"
	"context"
	"strings"

	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
)

// Options say what is tested, and in what form the verdicts are printed.
type Options struct {
	Offline bool   // stop before Constant Contact
	Strict  bool   // skipped rows, and files that others can read or write, are errors
	Output  string // shell.OutputText or OutputJSON
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
	Hint    string `json:"cure,omitempty"` // the member has this name since the first version

	code int
}

// chain collects links as they are tested.
type chain struct {
	Options
	links []link
}

func (ch *chain) ok(name, detail string) {
	ch.links = append(ch.links, link{Name: name, Verdict: verdictOK, Detail: detail})
}

func (ch *chain) note(name, detail, hint string) {
	ch.links = append(ch.links, link{Name: name, Verdict: verdictNote, Detail: detail, Hint: hint})
}

// fail adds a link that fails. The hint is the one given, else that of the error.
func (ch *chain) fail(name string, err error, hint string) {
	code, known := exit.Of(err)
	if hint == "" {
		hint = cmp.Or(known, networkHint(err))
	}
	ch.links = append(ch.links, link{Name: name, Verdict: verdictFail, Detail: err.Error(), Hint: hint, code: code})
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

// Check tests each link of the chain and prints the verdicts. Its error ends the command with the
// exit code of the first link that fails.
func Check(ctx context.Context, sh *shell.Shell, o Options) error {
	ch := &chain{Options: o}
	testAll(ctx, sh, ch)
	if o.Output == shell.OutputJSON {
		err := sh.Out.JSON(struct {
			Schema   int    `json:"schema"`
			OK       bool   `json:"ok"`
			ExitCode int    `json:"exit_code"`
			Links    []link `json:"links"`
		}{1, ch.code() == exit.Done, ch.code(), ch.links})
		if err != nil {
			return err
		}
		return exit.With(ch.code())
	}
	printChain(sh, ch)
	return exit.With(ch.code())
}

func printChain(sh *shell.Shell, ch *chain) {
	const nameWidth, verdictWidth = 16, 6
	styles := map[string]term.Style{verdictOK: term.Good, verdictNote: term.Caution, verdictFail: term.Bad}
	for _, l := range ch.links {
		mark := sh.Out.Paint(styles[l.Verdict], l.Verdict) + term.Text(strings.Repeat(" ", verdictWidth-len(l.Verdict)))
		for i, line := range shell.SplitLines(l.Detail) {
			if i > 0 {
				mark = term.Text(strings.Repeat(" ", verdictWidth))
				l.Name = ""
			}
			sh.Out.Print(mark + sh.Out.Text("%-*s%s", nameWidth, l.Name, line))
		}
		if l.Hint != "" {
			sh.Out.Print(sh.Out.Text("%*s%s", nameWidth+verdictWidth, "", "hint: ") + shell.Lines(sh.Out, l.Hint))
		}
	}
	switch code := ch.code(); {
	case code == exit.Unauthorized:
		sh.Next("ccsyncd auth login")
	case code != exit.Done:
		sh.Next("ccsyncd check again, after correcting the failures")
	case ch.Offline:
		sh.Next("ccsyncd check, without --offline, to test the rest")
	default:
		sh.Next("ccsyncd --dry-run")
	}
}
