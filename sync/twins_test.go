package sync_test

import (
	"testing"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// An import names no more than an address: what is true of one of its contacts is taken for all of
// them.
func TestContactsThatShareAnAddress(t *testing.T) {
	t.Parallel()
	type twin = sandbox.Contact
	plain := func(code string, lists ...string) twin { return contact("twin@example.com", code, lists...) }
	out := plain("A", "App users")
	out.Permission = sandbox.Unsubscribed
	gone := plain("A")
	gone.Deleted = true
	for name, c := range map[string]struct {
		twins   []twin
		value   string
		prepare func(w *world)
		skip    ccsync.Reason
		sent    int // contacts in imports
		cleared int
		joins   int
	}{
		"both carry it":                  {twins: []twin{plain("B", "App users"), plain("B", "Newsletter")}, value: "B"},
		"one carries it":                 {twins: []twin{plain("A", "App users"), plain("B", "App users")}, value: "B"},
		"none carries it":                {twins: []twin{plain("A", "App users"), plain("", "App users", "Newsletter")}, value: "B", sent: 1},
		"no list in common":              {twins: []twin{plain("A", "App users"), plain("A", "Newsletter")}, value: "B", skip: ccsync.NoList},
		"one opted out":                  {twins: []twin{plain("A", "App users"), out}, value: "B", skip: ccsync.Unsubscribed},
		"one opted out and carries it":   {twins: []twin{plain("B", "App users"), out}, value: "B"},
		"one is deleted":                 {twins: []twin{gone, plain("A", "App users")}, value: "B", skip: ccsync.Deleted},
		"all are deleted":                {twins: []twin{gone, gone}, value: "B", skip: ccsync.Deleted},
		"a value is emptied":             {twins: []twin{plain("A", "App users"), plain("A", "App users")}, value: "", prepare: (*world).clearing, cleared: 1},
		"one has nothing to be emptied":  {twins: []twin{plain("", "App users"), plain("A", "App users")}, value: "", prepare: (*world).clearing, cleared: 1},
		"one is not on the list":         {twins: []twin{plain("A", "App users"), plain("A", "Newsletter")}, value: "B", prepare: func(w *world) { w.policy.Lists = []string{"App users"}; w.knowsWhoLeft() }, sent: 1, joins: 1},
		"an orphan is none that is ours": {twins: []twin{plain("A", "App users"), plain("A", "App users")}, value: "none", prepare: func(w *world) { w.policy.ClearOrphans = true }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.box.Seed(c.twins...)
				if c.prepare != nil {
					c.prepare(w)
				}
				w.rows = []source.Row{row("1", "Twin@example.com", append([]string{c.value}, make([]string, len(w.policy.Fields)-1)...)...)}
				if c.value == "none" {
					w.rows = nil
				}
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				if got := skipOf(report, "1"); got != c.skip {
					t.Errorf("skipped as %q, want %q", got, c.skip)
				}
				sent := 0
				for _, imp := range w.box.Imports() {
					sent += len(imp.Rows)
				}
				if sent != c.sent || report.Summary.Clear != c.cleared || report.Summary.Joins != c.joins {
					t.Errorf("%d sent, want %d; %+v", sent, c.sent, report.Summary)
				}
				w.want(w.run(ccsync.Options{Full: true}), ccsync.Synced)
				last := w.run(ccsync.Options{Full: true})
				w.want(last, ccsync.Synced)
				if s := last.Summary; s.Update+s.Clear+s.Create > 0 {
					t.Errorf("the third run: %+v", s)
				}
				for _, twin := range w.box.Contacts() {
					if c.cleared > 0 && twin.Fields["short_code"] != "" {
						t.Errorf("not cleared: %+v", twin)
					}
				}
			})
		})
	}
}
