package sync

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/mirror"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/push"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// Outcome is how a run ended.
type Outcome string

// The outcomes of a run.
const (
	Planned Outcome = "planned" // a dry run that came to its end
	Synced  Outcome = "synced"  // nothing is left to do
	// some changes were sent but rejected or could not be verified
	Partial      Outcome = "partial"
	Refused      Outcome = "refused"      // by the guard: nothing was sent
	Deferred     Outcome = "deferred"     // the day's quota is used up, the rest follows
	Unauthorized Outcome = "unauthorized" // a login is needed
	Failed       Outcome = "failed"       // an error that retries did not solve
)

// Report is what a run leaves behind: the JSON that scripts read. Times are UTC.
type Report struct {
	Schema    int             `json:"schema"` // 1
	Version   string          `json:"version"`
	Run       int64           `json:"run"`
	Trigger   string          `json:"trigger"`
	DryRun    bool            `json:"dry_run"`
	Outcome   Outcome         `json:"outcome"`
	ExitCode  int             `json:"exit_code"` // set by the program
	Error     *Problem        `json:"error,omitempty"`
	StartedAt time.Time       `json:"started_at"`
	Seconds   float64         `json:"seconds"`
	Waited    Waited          `json:"waited"`
	Source    users.Source    `json:"source"`
	Mirror    mirror.Told     `json:"mirror"`
	Setup     []Setup         `json:"setup,omitempty"`
	Summary   Summary         `json:"summary"`
	Coverage  Coverage        `json:"coverage"`
	Changes   []Change        `json:"changes"`
	Skipped   []users.Skipped `json:"skipped"`
	Truncated bool            `json:"truncated,omitempty"`
	Guard     Verdict         `json:"guard"`
	Estimate  Estimate        `json:"estimate"`
	Requests  int             `json:"requests"`
	Quota     Quota           `json:"quota"`
	Push      *Pushed         `json:"push,omitempty"`
	// Reasons counts the skipped rows by reason.
	Reasons map[string]int `json:"skip_reasons,omitempty"`
	// OpenProblems counts the users whose values have not arrived, by the reason of their problem,
	// and as Overstepped the contacts that a person must check: in a run for all users.
	OpenProblems map[string]int `json:"open_problems,omitempty"`
	// Notes are things worth knowing that are no problem: a renamed field, pages that had to be
	// read again.
	Notes []string `json:"notes,omitempty"`
	Extent
	// Forced tells that the run was to pass the guard.
	Forced bool `json:"forced,omitempty"`
	// Ahead is there while everybody else waits for contacts that went ahead of a first push.
	Ahead *Ahead `json:"ahead,omitempty"`
	// Unproven is how many contacts are to go ahead still before anybody else is sent, since values
	// of those that went did not arrive.
	Unproven int `json:"unproven,omitempty"`
	// Users are the states of those that the run was for, when it was for some users only.
	Users []UserState `json:"users,omitempty"`

	cause         error
	counted       bool      // it made its plan, which Coverage counts from, if only nobody
	overstepped   int       // contacts whose permission changed when they were put back
	resubscribed  int       // contacts that had opted out and were subscribed after their import
	changed       int       // contacts that an import changed in another way that it must not
	newestProblem time.Time // when the newest of OpenProblems was first tried
}

// Extent is how far a run reached: to all users, or not.
type Extent struct {
	// Only is how many users the run was for when it was for some alone; its coverage is theirs.
	Only int `json:"only,omitempty"`
	// Limited is how many changes were left out because the run was to make no more.
	Limited int `json:"limited,omitempty"`
	// Unplanned tells that the run had a limit and made no plan that shows what the limit left out.
	Unplanned bool `json:"unplanned,omitempty"`
}

// Extent is how far a run with these options reaches before it has made its plan.
func (o *Options) Extent() Extent { return Extent{Only: len(o.Only), Unplanned: o.Limit > 0} }

// Whole tells whether it was for all users and no limit cut it short.
func (x Extent) Whole() bool { return x.Only == 0 && x.Limited == 0 && !x.Unplanned }

// Withheld says how much a refused run did not send: everything, or what it planned after it had
// settled what was under way.
func (r *Report) Withheld() string {
	if p := r.Push; p != nil && p.Verified+p.Rejected+p.Unverified > 0 {
		return "nothing more was sent"
	}
	return "nothing was sent"
}

// Err is the error that ended the run, nil when none did.
func (r *Report) Err() error { return r.cause }

// Problem is an error in a report: what happened, and a hint.
type Problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Waited is the part of a run's time in which it could do nothing but wait, in seconds.
type Waited struct {
	Limiter float64 `json:"limiter"` // for its turn to ask, a few times a second
	// for imports and exports to end, and what they wrote to be readable
	Activities float64 `json:"activities"`
	Database   float64 `json:"database"` // for the app's database to give rows
}

// Setup is something that a run creates before it sends.
type Setup struct {
	Create string `json:"create"` // "custom_field"
	Name   string `json:"name"`
}

// Estimate is what the plan will cost.
type Estimate struct {
	Requests int     `json:"requests"`
	Seconds  float64 `json:"seconds"`
}

// Quota is the day's account of requests.
type Quota struct {
	Used     int       `json:"used"`
	Limit    int       `json:"limit"`
	ResetsAt time.Time `json:"resets_at"`
}

// Pushed tells what became of what was sent.
type Pushed struct {
	Activities []PushedActivity `json:"activities"`
	Verified   int              `json:"verified"`
	Rejected   int              `json:"rejected"`
	Unverified int              `json:"unverified"`
	Problems   []PushProblem    `json:"problems"`
}

// planned takes in a plan, and the one that was carried out before it where it is that of the users
// who waited.
func (r *Report) planned(first, p *plan.Plan) {
	r.Summary, r.Coverage, r.counted, r.Unplanned = p.Summary, p.Coverage(), true, false
	r.Changes, r.Skipped, r.Reasons, r.Truncated = p.Changes, p.Skipped, p.Reasons, p.Truncated
	if first == nil {
		return
	}
	r.Summary.Add(first.Summary)
	r.Coverage = first.Coverage().With(first, p)
	both := plan.Join(&first.Listing, &p.Listing)
	r.Changes, r.Skipped, r.Reasons, r.Truncated = both.Changes, both.Skipped, both.Reasons, both.Truncated
}

// pushed takes in what was sent.
func (r *Report) pushed(sent *push.Sent) {
	r.Push = &Pushed{Activities: append([]PushedActivity{}, sent.Activities...), Problems: append([]PushProblem{}, sent.Problems...),
		Verified: sent.Verified, Rejected: sent.Rejected, Unverified: sent.Unverified}
	r.overstepped, r.resubscribed, r.changed = sent.Overstepped, sent.Resubscribed, sent.Changed
	c := &r.Coverage
	c.Verified += sent.Arrived
	c.Missing += sent.Missed
	c.Pending -= sent.Arrived + sent.Missed
	c.Contacts += sent.Created
	for i := range sent.NotSent {
		r.notSent(&sent.NotSent[i])
	}
}

// notSent turns a row that the plan would have cleared into a skipped one.
func (r *Report) notSent(row *push.NotSent) {
	if r.Summary.Clear--; row.Orphan {
		return
	}
	r.Summary.Skipped++
	r.Reasons[string(contact.ClearingOff)]++
	r.Coverage.Pending--
	r.Coverage.Skipped++
	if len(r.Skipped) < users.MaxListed {
		r.Skipped = append(r.Skipped, Skipped{Key: row.Key, Email: row.Address, Reason: contact.ClearingOff, Detail: push.ErrClearingOff.Error()})
	}
}

// Overridden tells whether the run was forced although the guard refused its plan.
func (r *Report) Overridden() bool {
	return slices.ContainsFunc(r.Notes, func(note string) bool { return strings.HasPrefix(note, overridden) })
}

// note notes a thing worth knowing that is no problem, once.
func (r *Report) note(text string) {
	if !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
}

// noteUnproven says of the targets of a plan with changes which nobody has seen Constant Contact
// take values for.
func (r *Report) noteUnproven(p *plan.Plan) {
	for i := range p.Rules.Mapping.Targets {
		if t := &p.Rules.Mapping.Targets[i]; p.Len() > 0 && contact.Unproven(t.Kind) {
			r.note(fmt.Sprintf("the custom field %q is of type %s, which is unproven: no one has observed yet how Constant Contact handles its choices", t.Label, t.Kind))
		}
	}
}

// noteJoins says why contacts join no list.
func (r *Report) noteJoins(p *plan.Plan) {
	if m := p.Rules.Mapping; m.NoJoins && len(m.Lists) > 0 && (p.Len() > 0 || r.Reasons[string(NoList)] > 0) {
		r.note("this state file is new and cannot know which contacts left a list, so existing contacts join none of [contacts] lists unless a run is forced; " +
			"`ccsyncd --dry-run --force` shows which contacts would join")
	}
}

// conclude sets outcome and error from what ended the run and from what was pushed.
//
//	what happened                                  outcome
//	a mapped field or list is missing or gone      failed (the program exits 78)
//	no authorization                               unauthorized
//	any other error but the quota                  failed
//	the guard refused                              refused
//	a problem is open, something is not verified   partial
//	the day's quota is used up                     deferred
//	else                                           planned (dry run), synced
//
// A run for some users alone speaks of these alone. What the quota put off is no reason for
// partial.
func (r *Report) conclude(err error) {
	r.cause = err
	resets, spent := deferral(err)
	deferred := spent != nil
	switch {
	case errors.As(err, new(*contact.SetupError)):
		r.fail(Failed, err)
	case errors.Is(err, ccapi.ErrUnauthorized):
		r.fail(Unauthorized, err)
	case err != nil && !deferred:
		r.fail(Failed, err)
	case r.Guard.Tripped:
		r.Outcome = Refused
		r.Error = &Problem{Code: "refused", Message: r.Withheld() + ": " + r.Guard.Summary(), Hint: r.guardHint()}
	case r.Push != nil && r.incomplete(deferred):
		r.Outcome = Partial
		r.Error = &Problem{Code: "partial", Message: r.shortfall(), Hint: r.partialHint()}
		if deferred { // then what is open is not all that is missing
			r.Error.Message += "; " + spent.Error()
			r.Error.Hint += "; " + follows(resets)
		}
	case deferred:
		r.Outcome = Deferred
		r.Error = &Problem{Code: "quota_exceeded", Message: spent.Error(), Hint: follows(resets)}
	case r.DryRun:
		r.Outcome = Planned
	default:
		r.Outcome = Synced
	}
}

// follows says when the rest of a run follows for which the day's quota did not suffice.
func follows(resets time.Time) string {
	return "the rest is sent after " + resets.Format(time.RFC3339)
}

// PutOff tells whether the day's quota kept the run from its end, whatever else is said of it.
func (r *Report) PutOff() bool {
	_, spent := deferral(r.cause)
	return spent != nil
}

// incomplete tells whether a user whom the run was for was not seen with his values, other than by
// being skipped or put off.
func (r *Report) incomplete(deferred bool) bool {
	if r.oversteps() > 0 {
		return true
	}
	if r.Only == 0 {
		return len(r.OpenProblems) > 0 || r.Push.Rejected > 0 || !deferred && (r.Push.Unverified > 0 || r.Coverage.Pending > 0)
	}
	return slices.ContainsFunc(r.Users, func(u UserState) bool { return u.State == "rejected" || u.State == "pending" && !deferred })
}

// shortfall says what is missing of a run that did its work in part.
func (r *Report) shortfall() string {
	var parts []string
	if text := r.Push.summary(); text != "" {
		parts = append(parts, text)
	}
	if n := openProblems(r.OpenProblems); n > 0 {
		parts = append(parts, fmt.Sprintf("users with open problems: %d", n))
	}
	if r.overstepped > 0 {
		parts = append(parts, "clearing a value changed a contact's permission, so ccsyncd clears nothing more")
	}
	if r.resubscribed > 0 {
		parts = append(parts, fmt.Sprintf("contacts that had opted out and are subscribed after the import: %d", r.resubscribed))
	}
	if r.changed > 0 {
		parts = append(parts, fmt.Sprintf("contacts that the import changed more than it should: %d", r.changed))
	}
	if n := r.OpenProblems[Overstepped] - r.oversteps(); n > 0 {
		parts = append(parts, fmt.Sprintf("contacts to check in Constant Contact since an earlier run: %d", n))
	}
	if n := r.Coverage.Pending; n > 0 {
		parts = append(parts, fmt.Sprintf("pending users: %d", n))
	}
	return strings.Join(parts, "; ")
}

// oversteps is how many contacts this run found that were changed in what they must not be.
func (r *Report) oversteps() int { return r.overstepped + r.resubscribed + r.changed }

func (r *Report) partialHint() string {
	if r.OpenProblems[Overstepped] > 0 && openProblems(r.OpenProblems)+r.Push.Unverified+r.Coverage.Pending == 0 {
		return "check the contacts that `ccsyncd problems` names in Constant Contact"
	}
	return "see `ccsyncd problems` and `ccsyncd runs show`; later runs retry what did not arrive"
}

func (r *Report) guardHint() string {
	const pass = "if the changes are intended, `ccsyncd push --force` overrides the guard for one run"
	switch {
	case slices.Contains(r.Guard.Reasons, "min_source_rows"):
		return "check the source with `ccsyncd check`; --force does not override this limit. If so few rows are correct, lower [guard] min_source_rows"
	case r.DryRun:
		return "review the changes above; " + pass
	}
	return "review the changes with `ccsyncd --dry-run`; " + pass
}

func (r *Report) fail(o Outcome, err error) {
	r.Outcome = o
	code, hint := Diagnose(err)
	r.Error = &Problem{Code: code, Message: err.Error(), Hint: hint}
}

// deferral picks the day's quota out of an error, counted by us or told by the server, and when it
// resets; nil when the error is another.
func deferral(err error) (resets time.Time, spent error) {
	var ours *state.QuotaError
	var theirs *ccapi.QuotaError
	switch {
	case errors.As(err, &ours):
		return ours.ResetsAt, ours
	case errors.As(err, &theirs):
		return theirs.ResetsAt, theirs
	}
	return time.Time{}, nil
}
