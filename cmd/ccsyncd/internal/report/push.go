package report

import (
	"strings"

	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
)

// ShownProblems is how many problems the text of a run lists.
const ShownProblems = 20

// pushed prints what became of what was sent.
func (p printer) pushed(r *ccsync.Report) {
	if r.Push == nil {
		return
	}
	push := r.Push
	if push.Verified+push.Rejected+push.Unverified > 0 {
		p.Print("pushed: " + p.Paint(term.Good, kit.Count(push.Verified)+" verified") +
			p.Text(", %s rejected, %s unverified, in %s", kit.Count(push.Rejected), kit.Count(push.Unverified),
				kit.Plural(len(push.Activities), "activity", "activities")))
	}
	for _, a := range push.Activities {
		if len(a.Errors) > 0 {
			p.Printf("  activity %s: %s\n", a.ID, strings.Join(a.Errors, "; "))
		}
	}
	p.users(r.Users)
	p.problems(push.Problems)
}

// users prints what became of those that a run was for.
func (p printer) users(all []ccsync.UserState) {
	if len(all) == 0 {
		return
	}
	p.Print("")
	t := &term.Table{Columns: []term.Column{{Title: "user", Wrap: true}, {Title: "state"}, {Title: "reason", Wrap: true}}}
	for _, u := range all {
		t.Add(u.Email, u.State, u.Reason)
	}
	p.Table(t)
}

// problems prints the contacts to check, and the values that did not arrive.
func (p printer) problems(all []ccsync.PushProblem) {
	var check, missing []ccsync.PushProblem
	for _, problem := range all {
		if problem.Reason == ccsync.Overstepped {
			check = append(check, problem)
		} else {
			missing = append(missing, problem)
		}
	}
	p.problemTable("check these contacts in Constant Contact", check)
	p.problemTable("these values did not arrive; later runs retry them", missing)
}

func (p printer) problemTable(what string, all []ccsync.PushProblem) {
	if len(all) == 0 {
		return
	}
	p.Printf("\nproblems: %s\n", what)
	t := &term.Table{Columns: []term.Column{{Title: "user"}, {Title: "email", Wrap: true}, {Title: "reason"}, {Title: "detail", Wrap: true}}}
	for _, problem := range all[:min(len(all), ShownProblems)] {
		t.Add(problem.Key, problem.Email, problem.Reason, problem.Detail)
	}
	p.Table(t)
	if more := len(all) - ShownProblems; more > 0 {
		p.Printf("... and %s (--output json has them)\n", kit.Plural(more, "other", "others"))
	}
}
