package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
)

const (
	// shownChanges is how many contacts the text of a plan lists; the other forms have them all.
	shownChanges = 20
	// shownSkips is how many rows stand for a reason.
	shownSkips = 3
)

// plan prints what a run would do: list joins first, since joining a list can send mails.
func (p printer) plan(r *ccsync.Report) {
	s := r.Summary
	if s.Joins > 0 {
		p.Print("", p.Paint(term.Caution, fmt.Sprintf("%s: %s", kit.Plural(s.Joins, "list join", "list joins"), strings.Join(joinedLists(r), ", "))))
		p.Printf("  joining a list starts the automations for new list members\n")
	}
	for _, setup := range r.Setup {
		p.Printf("\nsetup: the custom field %q does not exist yet; the next run creates it\n", setup.Name)
	}
	if Pending(r) == 0 {
		return
	}
	p.Printf("\n%s\n", p.tally(s))
	p.changes(r.Changes)
	if more := Pending(r) - min(len(r.Changes), shownChanges); more > 0 {
		p.Printf("... and %s (--output csv or json has more)\n", kit.Plural(more, "other contact", "other contacts"))
	}
}

func joinedLists(r *ccsync.Report) []string {
	lists := make(map[string]int)
	for _, c := range r.Changes {
		for _, l := range c.Joins {
			lists[l]++
		}
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		all = append(all, fmt.Sprintf("%s to %s", kit.Count(lists[name]), name))
	}
	return all
}

// tally tells fills and changes apart: a fill harms nobody.
func (p printer) tally(s ccsync.Summary) term.Text {
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{s.Create, "to be created"}, {s.Fill, "get a first value (fill)"},
		{s.Change, "get a new value (change)"}, {s.Clear, "lose a value (clear)"},
	} {
		if part.n > 0 {
			parts = append(parts, kit.Count(part.n)+" "+part.what)
		}
	}
	return p.Text("%s", "contacts: "+strings.Join(parts, ", "))
}

// changes prints a table of old and new values side by side.
func (p printer) changes(all []ccsync.Change) {
	t := &term.Table{Columns: []term.Column{{Title: "user"}, {Title: "email", Wrap: true}, {Title: "action"},
		{Title: "column"}, {Title: "old", Wrap: true}, {Title: "new", Wrap: true}}}
	if slices.ContainsFunc(all, func(c ccsync.Change) bool { return len(c.Joins) > 0 }) {
		t.Columns = append(t.Columns, term.Column{Title: "joins", Wrap: true})
	}
	for _, c := range all[:min(len(all), shownChanges)] {
		p.change(t, c)
	}
	p.Table(t)
}

func (p printer) change(t *term.Table, c ccsync.Change) {
	for i, v := range fieldsOf(c) {
		key, email, action, joins := c.Key, c.Email, actionOf(c.Action, v.OldToNew), strings.Join(c.Joins, ", ")
		if i > 0 {
			key, email, joins = "", "", ""
		}
		t.Add([]any{key, email, action, v.Column, p.value(v.Old), p.value(v.New), joins}[:len(t.Columns)]...)
	}
}

// fieldsOf are the values of a change, an empty one for a change that replaces none.
func fieldsOf(c ccsync.Change) ccsync.Fields {
	if len(c.Fields) == 0 {
		return make(ccsync.Fields, 1)
	}
	return c.Fields
}

// actionOf tells an update that fills from one that changes.
func actionOf(a ccsync.Action, v ccsync.OldToNew) string {
	switch {
	case a != ccsync.Update:
		return string(a)
	case v.Old == "":
		return "fill"
	default:
		return "change"
	}
}

// value masks a value, unless it was asked for. None is shown as such.
func (p printer) value(v string) string {
	switch {
	case v == "":
		return "-"
	case p.reveal:
		return v
	default:
		return term.Mask(v)
	}
}

// skips groups the rows that are not sent by reason, the most frequent first, with a few rows for
// each.
func (p printer) skips(r *ccsync.Report) {
	if r.Summary.Skipped == 0 {
		return
	}
	samples := make(map[string][]string)
	for _, s := range r.Skipped {
		if reason := string(s.Reason); len(samples[reason]) < shownSkips {
			samples[reason] = append(samples[reason], Sample(s))
		}
	}
	p.Printf("\nskipped: %s\n", kit.Plural(r.Summary.Skipped, "row", "rows"))
	t := &term.Table{Columns: []term.Column{{Title: "reason"}, {Title: "rows", Right: true}, {Title: "for example", Wrap: true}}}
	for _, reason := range ByCount(r.Reasons) {
		t.Add(reason, kit.Count(r.Reasons[reason]), strings.Join(samples[reason], "; "))
	}
	p.Table(t)
	if n := r.Reasons[string(ccsync.NotAContact)]; n > 0 {
		p.Printf("hint: %s; %s\n", Newcomers(n), NewcomersHint)
	}
}

// Newcomers says how many users are no contacts, which is what becomes of every new sign-up unless
// the configuration adds them.
func Newcomers(n int) string {
	return kit.Plural(n, "user is not a contact", "users are not contacts") + " and will not receive values"
}

// NewcomersHint is how they become contacts.
const NewcomersHint = "to add these and all future users, set [contacts] create = true and name a list; Constant Contact bills added contacts"

// ByCount orders reasons, the most frequent first.
func ByCount(reasons map[string]int) []string {
	return slices.SortedFunc(maps.Keys(reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(reasons[b], reasons[a]), cmp.Compare(a, b))
	})
}

// Sample names a skipped row and tells what is wrong with it.
func Sample(s ccsync.Skipped) string {
	text := strings.TrimSpace(s.Key + " " + s.Email)
	if s.Detail != "" {
		text += " (" + s.Detail + ")"
	}
	return text
}

// planCSV prints one record for each value that a plan changes, and one for each skipped row.
func planCSV(to *term.Stream, r *ccsync.Report) error {
	out := to.CSV("action", "key", "email", "contact_id", "column", "old", "new", "joins", "reason", "detail")
	for _, change := range r.Changes {
		for _, v := range fieldsOf(change) {
			out.Write(string(change.Action), change.Key, change.Email, change.ContactID, v.Column, v.Old, v.New, strings.Join(change.Joins, ", "), "", "")
		}
	}
	for _, s := range r.Skipped {
		out.Write("skip", s.Key, s.Email, "", "", "", "", "", string(s.Reason), s.Detail)
	}
	return out.Close()
}
