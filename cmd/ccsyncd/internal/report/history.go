package report

import (
	"encoding/json"
	"strings"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// Summary is a run in the history; `runs --output json` prints an array of them.
type Summary struct {
	Run        int64           `json:"run"`
	Trigger    string          `json:"trigger"`
	DryRun     bool            `json:"dry_run"`
	Forced     bool            `json:"forced"`
	Outcome    ccsync.Outcome  `json:"outcome"` // "" while it is under way, or when it died
	ExitCode   int             `json:"exit_code"`
	StartedAt  time.Time       `json:"started_at"`
	EndedAt    time.Time       `json:"ended_at,omitzero"`
	Seconds    float64         `json:"seconds,omitempty"` // by this machine's clock
	Changes    int             `json:"changes"`
	Verified   int             `json:"verified"`
	Rejected   int             `json:"rejected"`
	Unverified int             `json:"unverified"`
	Skipped    int             `json:"skipped"`
	Requests   int             `json:"requests"`
	Error      *ccsync.Problem `json:"error,omitempty"`
	Ahead      *ccsync.Ahead   `json:"ahead,omitempty"`
}

// Summarise gives the summary of a run of the history and of its report.
func Summarise(r state.Run, report *ccsync.Report) Summary {
	s := Summary{Run: r.ID, Trigger: r.Trigger, DryRun: r.Dry, Forced: r.Forced, Outcome: ccsync.Outcome(r.Outcome), ExitCode: report.ExitCode,
		StartedAt: r.StartedAt, EndedAt: r.EndedAt, Seconds: report.Seconds, Changes: Pending(report), Skipped: report.Summary.Skipped, Requests: r.Requests, Error: report.Error, Ahead: report.Ahead}
	if p := report.Push; p != nil {
		s.Verified, s.Rejected, s.Unverified = p.Verified, p.Rejected, p.Unverified
	}
	return s
}

// Counts tells in words what a run did.
func (s *Summary) Counts() string {
	text := kit.Plural(s.Changes, "change", "changes")
	if s.Verified+s.Rejected+s.Unverified > 0 {
		text += ", " + kit.Count(s.Verified) + " verified"
	}
	if s.Rejected > 0 {
		text += ", " + kit.Count(s.Rejected) + " rejected"
	}
	if s.Unverified > 0 {
		text += ", " + kit.Count(s.Unverified) + " unverified"
	}
	return text + ", " + kit.Plural(s.Requests, "request", "requests")
}

// SummaryOf is the last whole run as the history has it.
func SummaryOf(l *ccsync.LastWhole) *Summary {
	return &Summary{Run: l.Run, Trigger: l.Trigger, Forced: l.Forced, Outcome: l.Outcome, ExitCode: l.ExitCode, StartedAt: l.StartedAt, EndedAt: l.EndedAt, Seconds: l.Seconds,
		Changes: l.Changes, Verified: l.Verified, Rejected: l.Rejected, Unverified: l.Unverified, Skipped: l.Skipped, Requests: l.Requests, Error: l.Error, Ahead: l.Ahead}
}

// Of reads what a run left behind, as far as this version knows it; a run that died left nothing.
func Of(r state.Run) *ccsync.Report {
	var report ccsync.Report
	_ = json.Unmarshal(r.Report, &report)
	return &report
}

// PrintRuns prints runs as a table, as of now.
func PrintRuns(to *term.Stream, all []Summary, now time.Time) {
	t := &term.Table{Columns: []term.Column{{Title: "run", Right: true}, {Title: "started"}, {Title: "by"}, {Title: "outcome"},
		{Title: "changes", Right: true}, {Title: "verified", Right: true}, {Title: "requests", Right: true}, {Title: "took", Right: true}}}
	for _, s := range all {
		t.Add(s.Run, term.Age(s.StartedAt, now), s.by(), to.Paint(StyleOf(s.Outcome), s.outcome()), kit.Count(s.Changes),
			kit.Count(s.Verified), kit.Count(s.Requests), s.took())
	}
	to.Table(t)
}

func (s *Summary) by() string {
	by := s.Trigger
	if s.DryRun {
		by = "dry run"
	}
	if s.Forced {
		by += ", forced"
	}
	return by
}

func (s *Summary) outcome() string {
	if s.Outcome == "" {
		return "not ended"
	}
	return string(s.Outcome)
}

func (s *Summary) took() string {
	if s.EndedAt.IsZero() {
		return ""
	}
	if s.Seconds > 0 {
		return term.Duration(time.Duration(s.Seconds * float64(time.Second)))
	}
	return term.Duration(max(s.EndedAt.Sub(s.StartedAt), 0))
}

// PrintRun prints one run of the history, and the next command.
func PrintRun(sh *shell.Shell, r state.Run, report *ccsync.Report) {
	s := Summarise(r, report)
	sh.Out.Printf("started %s, by %s, took %s\n", r.StartedAt.Format(time.RFC3339), s.by(), s.took())
	p := printer{Stream: sh.Out}
	p.headline(report)
	p.pushed(report)
	p.activities(report)
	p.reasons(report)
	p.footer(report)
	if report.Error != nil {
		sh.Complain(report.Error.Message, report.Error.Hint)
	}
	if report.Push != nil && len(report.Push.Problems) > 0 {
		sh.Next("ccsyncd explain EMAIL, for one user")
		return
	}
	sh.Next("ccsyncd status")
}

func (p printer) activities(r *ccsync.Report) {
	if r.Push == nil || len(r.Push.Activities) == 0 {
		return
	}
	p.Print("")
	t := &term.Table{Columns: []term.Column{{Title: "activity"}, {Title: "contacts", Right: true}, {Title: "state"}, {Title: "errors", Wrap: true}}}
	for _, a := range r.Push.Activities {
		t.Add(a.ID, kit.Count(a.Contacts), a.State, strings.Join(a.Errors, "; "))
	}
	p.Table(t)
}

// reasons counts the skipped rows where the rows themselves are not kept.
func (p printer) reasons(r *ccsync.Report) {
	if r.Summary.Skipped == 0 {
		return
	}
	var parts []string
	for _, reason := range ByCount(r.Reasons) {
		parts = append(parts, kit.Count(r.Reasons[reason])+" "+reason)
	}
	p.Printf("\nskipped: %s: %s\n", kit.Plural(r.Summary.Skipped, "row", "rows"), strings.Join(parts, ", "))
}
