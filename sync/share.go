package sync

import (
	"slices"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/plan"
)

// Share is the report of a run for some users as it would be for those alone that stand at these
// places of Users: one run serves all that ask at the same time, and each is told of its own.
// Requests, times and activities are those of the whole run.
func (r *Report) Share(places []int) *Report {
	own := *r
	own.Users, own.Only = nil, len(places)
	mine := make(map[string]bool)
	for _, i := range places {
		if i < len(r.Users) { // one that failed before it knew its users has none
			own.Users = append(own.Users, r.Users[i])
			mine[addressKey(r.Users[i].Email)] = true
		}
	}
	own.Changes = slices.DeleteFunc(slices.Clone(r.Changes), func(c Change) bool { return !mine[addressKey(c.Email)] })
	own.Skipped = slices.DeleteFunc(slices.Clone(r.Skipped), func(s Skipped) bool { return !mine[addressKey(s.Email)] })
	own.Reasons = make(map[string]int)
	for _, s := range own.Skipped {
		own.Reasons[string(s.Reason)]++
	}
	own.count(r.Push)
	switch r.Outcome {
	case Synced, Partial, Deferred:
		own.Error = nil
		own.conclude(r.cause)
	}
	return &own
}

// addressKey is the same for all spellings of an address, and for none of two addresses.
func addressKey(address string) string {
	if norm := contact.Norm(address); norm != "" {
		return norm
	}
	return address
}

// count sums up users and changes, and what became of them, for the report of some users.
func (r *Report) count(pushed *Pushed) {
	state := make(map[string]UserState, len(r.Users))
	r.Coverage = Coverage{}
	for _, u := range r.Users {
		if _, twice := state[addressKey(u.Email)]; !twice && u.Reason != "not_in_source" {
			addUser(&r.Coverage, u.State)
		}
		state[addressKey(u.Email)] = u
	}
	r.Summary = Summary{Unchanged: r.Coverage.Verified, Skipped: r.Coverage.Skipped}
	if pushed == nil {
		return
	}
	p := Pushed{Activities: pushed.Activities, Problems: []PushProblem{}}
	for i := range r.Changes {
		c := &r.Changes[i]
		addChange(&r.Summary, c)
		u := state[addressKey(c.Email)]
		if c.Action == Create && (u.State == "rejected" || u.State == "pending") {
			r.Coverage.Contacts-- // there is none yet
		}
		switch {
		case u.State == "verified":
			p.Verified++
			r.Summary.Unchanged--
		case u.State == "rejected" && u.Reason == Rejected:
			p.Rejected++
		case u.State == "rejected", u.State == "pending":
			p.Unverified++
		}
	}
	for _, problem := range pushed.Problems {
		if _, own := state[addressKey(problem.Email)]; own {
			p.Problems = append(p.Problems, problem)
		}
	}
	if !slices.ContainsFunc(p.Problems, func(problem PushProblem) bool { return problem.Reason == Overstepped }) {
		r.resubscribed, r.changed = 0, 0 // it was another's contact
	}
	r.Push = &p
}

func addUser(c *Coverage, state string) {
	c.Users++
	switch state {
	case "verified":
		c.Verified++
	case "pending":
		c.Pending++
	case "rejected":
		c.Missing++
	default:
		c.Skipped++
		return
	}
	c.Contacts++
}

// addChange counts a change as a plan does: an update replaces a value, or only fills what was
// empty.
func addChange(s *Summary, c *Change) {
	s.Joins += len(c.Joins)
	switch c.Action {
	case Create:
		s.Create++
	case Clear:
		s.Clear++
	case Update:
		s.Update++
		if slices.ContainsFunc(c.Fields, func(f plan.FieldChange) bool { return f.Old != "" }) {
			s.Change++
		} else {
			s.Fill++
		}
	}
}
