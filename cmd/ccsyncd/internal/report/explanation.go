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

// Shown says how an explanation is printed.
type Shown struct {
	Reveal bool // show the values in full
	Unread bool // no contact was ever read
}

// PrintExplanation prints all there is to know of one user.
func PrintExplanation(to *term.Stream, x *ccsync.Explanation, s Shown) {
	p := printer{Stream: to, reveal: s.Reveal}
	p.Print(p.Paint(term.Strong, cmp.Or(x.Address, x.Asked)))
	for _, row := range x.Rows {
		p.Printf("source row  %s%s\n", keyText(row.Key), p.values(row.Values))
	}
	if x.MoreRows > 0 {
		p.Printf("            %s\n", MoreRows(x))
	}
	if len(x.Rows) == 0 {
		p.Printf("source row  none\n")
	}
	for _, contact := range x.Contacts {
		p.contact(contact)
	}
	switch {
	case s.Unread:
		p.Printf("contact     unknown, the contacts have not been read yet\n")
	case len(x.Contacts) == 0:
		p.Printf("contact     none\n")
	}
	p.decision(x)
	if x.Problem != nil {
		p.Printf("problem     %s: %s; sent %s, next retry %s\n", x.Problem.Reason, x.Problem.Detail, kit.Plural(x.Problem.Attempts, "time", "times"), x.Problem.RetryAt)
	}
	if x.Overstepped != "" {
		p.Printf("to check    %s\n", x.Overstepped)
	}
	p.pushes(x.Pushes)
	if x.Advice != "" {
		p.Print("", p.Paint(term.Strong, "hint: ")+p.Text("%s", x.Advice))
	}
}

// MoreRows counts the rows of the user that an explanation does not show.
func MoreRows(x *ccsync.Explanation) string {
	return "... and " + kit.Plural(x.MoreRows, "more row", "more rows")
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
		lists = "on lists: " + strings.Join(x.Lists, ", ")
	}
	if len(x.Left) > 0 {
		lists += "; left: " + strings.Join(x.Left, ", ")
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
		p.Printf("pushes      none\n")
		return
	}
	p.Print("")
	t := &term.Table{Columns: []term.Column{{Title: "pushed at"}, {Title: "run", Right: true}, {Title: "result"}, {Title: "values", Wrap: true}, {Title: "activity"}}}
	for _, push := range all {
		t.Add(pushedAt(push.At), push.Run, cmp.Or(push.Result, fmt.Sprintf("open (%s)", push.State)), p.values(push.Values), push.Activity)
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
