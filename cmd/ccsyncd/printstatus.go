package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/doctor"
	"ccsyncd/cmd/ccsyncd/internal/report"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
)

func (c *cli) printStatus(s status, now time.Time) {
	p := statusPrinter{c.Out}
	if s.NotReady != "" {
		p.Print("daemon    " + p.Paint(term.Bad, "not ready: "+strings.ReplaceAll(s.NotReady, "\n", "\n          ")))
	}
	if s.Coverage == nil {
		p.Printf("coverage  unknown until the first run for all users\n")
	} else {
		p.coverageBar(*s.Coverage, s.CoverageAt, now, s.Problems.Count-s.Problems.Overstepped)
	}
	if s.Authorized {
		p.Printf("account   %s\n", cmp.Or(s.Account.String(), "name not available"))
	} else {
		p.Print("account   " + p.Paint(term.Bad, "not authorized: "+s.Reason))
	}
	if s.Authorized && s.NextTry.After(now) {
		p.Print("login     " + p.Paint(term.Caution, fmt.Sprintf("a token refresh got no answer %s ago; next try %s", doubtFor(s.DoubtSince, now), term.Age(s.NextTry, now))))
	}
	p.runLines(s, now)
	p.Printf("quota     %s of %s requests left today, resets %s\n", kit.Count(max(s.Quota.Limit-s.Quota.Used, 0)), kit.Count(s.Quota.Limit), term.Age(s.Quota.ResetsAt, now))
	p.mirrorLine(s.Mirror, now)
	if skew := time.Duration(s.Skew * float64(time.Second)); skew.Abs() > doctor.SkewTold {
		p.Print("clock     " + p.Paint(term.Caution, doctor.SkewText(skew)))
	}
	p.openProblems(s.Problems, now)
	c.nextAfterStatus(s)
}

// statusPrinter prints the lines of status.
type statusPrinter struct{ *term.Stream }

// coverageBar is the figure of the mission, at a glance. Problems that are not in it came since.
func (p statusPrinter) coverageBar(c ccsync.Coverage, at, now time.Time, problems int) {
	style := term.Good
	later := problems > c.Missing
	if c.Pending+c.Missing > 0 || later {
		style = term.Caution
	}
	p.Print("coverage  " + p.Paint(style, kit.Count(c.Verified)+" of "+kit.Plural(c.Contacts, "user who is a contact", "users who are contacts")) +
		p.Text(" are up to date%s, counted %s", report.Share(c), term.Age(at, now)))
	if later {
		p.Printf("          some of the problems below are newer than this count\n")
	}
	p.Printf("          %s: %s pending, %s missing, %s skipped\n", kit.Plural(c.Users, "user", "users"), kit.Count(c.Pending), kit.Count(c.Missing), kit.Count(c.Skipped))
}

func (p statusPrinter) runLines(s status, now time.Time) {
	switch last := s.LastRun; {
	case last == nil:
		p.Printf("last run  never\n")
	default:
		p.Print(p.Text("last run  ") + p.Paint(report.StyleOf(last.Outcome), string(last.Outcome)) + p.Text(" %s (run %d, by %s): %s",
			term.Age(last.EndedAt, now), last.Run, last.Trigger, last.Counts()))
		if last.Error != nil {
			p.Printf("          %s\n", last.Error.Message)
			if last.Error.Hint != "" {
				p.Printf("          hint: %s\n", last.Error.Hint)
			}
		}
		if last.Ahead != nil {
			p.Printf("          %s\n", last.Ahead)
		}
	}
	if s.Running != nil && s.Daemon != nil {
		p.Printf("running   run %d, started %s\n", s.Running.Run, term.Age(s.Running.StartedAt, now))
	}
	if s.Daemon == nil {
		p.Printf("next run  not scheduled, no daemon is running\n")
		return
	}
	p.Printf("next run  %s, by process %d on %s\n", term.Age(s.NextRun, now), s.Daemon.PID, s.Daemon.Host)
}

func (p statusPrinter) mirrorLine(m mirrorStatus, now time.Time) {
	if m.RefreshedAt.IsZero() {
		p.Printf("contacts  not read yet\n")
		return
	}
	p.Printf("contacts  %s in the local copy, updated %s, last read in full %s\n", kit.Count(m.Contacts), term.Age(m.RefreshedAt, now), term.Age(m.SnapshotAt, now))
}

func (p statusPrinter) openProblems(problems problemStatus, now time.Time) {
	if problems.Count == 0 {
		p.Print("problems  " + p.Paint(term.Good, "none"))
		return
	}
	var lines []string
	if problems.Overstepped > 0 {
		lines = append(lines, toCheck(problems.Overstepped))
	}
	if missing := problems.Count - problems.Overstepped; missing > 0 {
		lines = append(lines, kit.Plural(missing, "user", "users")+" whose values did not arrive; later runs retry them")
	}
	for i, line := range lines {
		p.Print(p.Text("%s", []string{"problems  ", "          "}[i]) + p.Paint(term.Caution, line))
	}
	t := &term.Table{Columns: []term.Column{{Title: "user"}, {Title: "email", Wrap: true}, {Title: "reason"}, {Title: "tries", Right: true},
		{Title: "next try"}, {Title: "detail", Wrap: true}}}
	for _, o := range problems.First {
		t.Add(o.Key, o.Email, o.Reason, o.Attempts, retryText(o.RetryAt, now), o.Detail)
	}
	p.Print("")
	p.Table(t)
}

func (c *cli) nextAfterStatus(s status) {
	switch {
	case !s.Authorized:
		c.Next("ccsyncd auth login")
	case s.Problems.Count > len(s.Problems.First):
		c.Next("ccsyncd problems")
	case s.Problems.Count > 0:
		c.Next("ccsyncd explain EMAIL, to see why")
		c.nextForProblems(s.Problems.Overstepped, s.Problems.Count-s.Problems.Overstepped)
	case s.LastRun != nil && s.LastRun.Error != nil:
		c.Next("ccsyncd runs show %d", s.LastRun.Run)
	case s.LastRun == nil && s.Daemon == nil:
		c.Next("ccsyncd --dry-run")
	case s.Daemon == nil:
		c.Next("ccsyncd, to run the daemon")
	default:
		c.Next("ccsyncd runs")
	}
}
