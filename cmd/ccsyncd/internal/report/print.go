// Package report prints the report of a run, and what the history keeps of it, as text, JSON or
// CSV.
package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
)

// Options say how a report is printed.
type Options struct {
	Output   string // shell.OutputText, OutputJSON or OutputCSV
	Reveal   bool   // show the values of mapped fields in full
	Detailed bool   // end with exit.Pending while changes are pending
}

// Print prints a report in the form that was asked for, what is wrong and the next command to
// stderr, and returns its exit code as an error.
func Print(sh *shell.Shell, r *ccsync.Report, o Options) error {
	var err error
	switch o.Output {
	case shell.OutputJSON:
		err = sh.Out.JSON(r)
	case shell.OutputCSV:
		err = planCSV(sh.Out, r)
	default:
		p := printer{Stream: sh.Out, reveal: o.Reveal}
		p.report(r)
	}
	if err != nil {
		return err
	}
	if r.Truncated {
		sh.Err.Printf("only the first 10,000 changes and skipped rows are listed; the summary counts all of them\n")
	}
	if r.Error != nil {
		sh.Complain(r.Error.Message, r.Error.Hint)
	}
	nextAfter(sh, r)
	// in an import under way, too: the row may have changed since
	if o.Detailed && r.ExitCode == exit.Done && Pending(r)+r.Coverage.Pending > 0 {
		return exit.With(exit.Pending)
	}
	return exit.With(r.ExitCode)
}

// nextAfter names the commands that follow a run.
func nextAfter(sh *shell.Shell, r *ccsync.Report) {
	switch {
	case r.Outcome == ccsync.Unauthorized:
		sh.Next("ccsyncd auth login")
	case r.Outcome == ccsync.Refused && slices.Contains(r.Guard.Reasons, "min_source_rows"):
		sh.Next("ccsyncd check, to test the source (--force does not override min_source_rows)")
	case r.Outcome == ccsync.Refused && r.DryRun:
		sh.Next("ccsyncd push --force, if the changes are intended")
	case r.Outcome == ccsync.Refused:
		sh.Next("ccsyncd --dry-run, to see the changes")
		sh.Next("ccsyncd push --force, if they are intended")
	case r.Outcome == ccsync.Failed:
		sh.Next("ccsyncd check")
	case r.DryRun && Pending(r) > 0:
		sh.Next("ccsyncd --once, to send this now")
		sh.Next("ccsyncd, to run the daemon")
	case r.Outcome == ccsync.Partial:
		sh.Next("ccsyncd runs show %d", r.Run)
	default:
		sh.Next("ccsyncd, to run the daemon")
		sh.Next("ccsyncd status, for the current status")
	}
}

// Pending counts the contacts that a plan would change.
func Pending(r *ccsync.Report) int { return r.Summary.Create + r.Summary.Update + r.Summary.Clear }

// printer prints a report for a person.
type printer struct {
	*term.Stream
	reveal bool // values of mapped fields in full
}

func (p printer) report(r *ccsync.Report) {
	p.headline(r)
	if r.DryRun {
		p.plan(r)
	} else {
		p.pushed(r)
	}
	p.skips(r)
	p.footer(r)
}

// headline says in a line or two how it went.
func (p printer) headline(r *ccsync.Report) {
	what := p.Text("run %d", r.Run)
	if r.DryRun {
		what = "dry run"
	}
	what += ": " + p.Paint(StyleOf(r.Outcome), string(r.Outcome))
	if !wasPlanned(r) {
		p.Print(what + nothingSent(r))
		return
	}
	changes := kit.Plural(Pending(r), "change", "changes")
	if stopped(r) {
		changes += " planned"
	}
	p.Print(what + p.Text(", %s for %s and %s", changes,
		kit.Plural(r.Source.Rows, "user", "users"), kit.Plural(r.Mirror.Contacts, "contact", "contacts")) + nothingSent(r))
	if r.Coverage.Users > 0 && len(r.Users) == 0 { // else it is that of some users alone
		p.coverage(r.Coverage)
	}
}

// wasPlanned tells whether a run came as far as the guard.
func wasPlanned(r *ccsync.Report) bool {
	return r.Source.Rows > 0 || r.Outcome == ccsync.Planned || r.Outcome == ccsync.Synced
}

// stopped tells whether an error ended a run, after the guard too.
func stopped(r *ccsync.Report) bool {
	return r.Outcome == ccsync.Failed || r.Outcome == ccsync.Unauthorized
}

func nothingSent(r *ccsync.Report) term.Text {
	switch {
	case r.DryRun:
		return "; nothing was written"
	case r.Outcome == ccsync.Refused:
		return term.Text("; " + r.Withheld())
	default:
		return ""
	}
}

// coverage is the figure of the mission.
func (p printer) coverage(c ccsync.Coverage) {
	p.Printf("coverage: %s of %s are contacts, %s of these are up to date%s\n", kit.Count(c.Contacts), kit.Plural(c.Users, "user", "users"), kit.Count(c.Verified), Share(c))
}

// Share is how many users of those who are contacts are up to date, in brackets; "" when none is a
// contact.
func Share(c ccsync.Coverage) term.Text {
	if c.Contacts == 0 {
		return ""
	}
	return term.Text(fmt.Sprintf(" (%.1f%%)", 100*float64(c.Verified)/float64(c.Contacts)))
}

func StyleOf(o ccsync.Outcome) term.Style {
	switch o {
	case ccsync.Synced, ccsync.Planned:
		return term.Good
	case ccsync.Partial, ccsync.Deferred:
		return term.Caution
	default:
		return term.Bad
	}
}

// footer tells guard, cost, quota and what else is worth knowing.
func (p printer) footer(r *ccsync.Report) {
	p.Print("")
	if wasPlanned(r) || r.Guard.Tripped {
		p.guard(r)
	}
	if r.DryRun && Pending(r) > 0 {
		p.Printf("estimate  %s, about %s\n", kit.Plural(r.Estimate.Requests, "request", "requests"), seconds(r.Estimate.Seconds))
	}
	p.Printf("this run  %s in %s\n", kit.Plural(r.Requests, "request", "requests"), seconds(r.Seconds))
	if text := waitedFor(r.Waited); text != "" {
		p.Printf("waited    %s\n", text)
	}
	p.Printf("quota     %s of %s requests left today, resets at %s\n", kit.Count(max(r.Quota.Limit-r.Quota.Used, 0)),
		kit.Count(r.Quota.Limit), r.Quota.ResetsAt.Format("15:04 MST"))
	for _, note := range r.Notes {
		p.Printf("note      %s\n", note)
	}
}

// guard prints the verdict. In the report of a run that an error ended, "passed" would look like a
// success.
func (p printer) guard(r *ccsync.Report) {
	switch {
	case r.Overridden() && !r.Guard.Tripped:
		p.Print("guard     " + p.Paint(term.Caution, "overridden by --force"))
		return
	case !r.Guard.Tripped && stopped(r):
		return
	case !r.Guard.Tripped:
		p.Print("guard     " + p.Paint(term.Good, "passed"))
		return
	}
	p.Print("guard     " + p.Paint(term.Bad, "refused: "+strings.Join(r.Guard.Reasons, ", ")))
	for _, detail := range r.Guard.Details {
		p.Printf("          %s\n", detail)
	}
}

// waitedFor says what a run waited for, the longest first, as far as it is worth a word.
func waitedFor(w ccsync.Waited) string {
	type wait struct {
		seconds float64
		what    string
	}
	waits := []wait{{w.Limiter, "the rate limit"}, {w.Activities, "Constant Contact's imports and exports"}, {w.Database, "the database"}}
	slices.SortStableFunc(waits, func(a, b wait) int { return cmp.Compare(b.seconds, a.seconds) })
	var words []string
	for _, wait := range waits {
		if wait.seconds >= 0.1 {
			words = append(words, seconds(wait.seconds)+" for "+wait.what)
		}
	}
	return strings.Join(words, ", ")
}

func seconds(s float64) string {
	return term.Duration(time.Duration(s * float64(time.Second)))
}
