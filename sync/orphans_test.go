package sync_test

import (
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// A user whose row is skipped is not gone: the contact keeps the code.
func TestOrphansWhoseUserIsOnlySkippedAreNotCleared(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		row    source.Row
		reason ccsync.Reason
	}{
		"the user changed the address":               {row("1", "new@example.com", "A", "Ann"), ccsync.Moved},
		"the address is none any more":               {row("1", "old@", "A", "Ann"), ccsync.InvalidEmail},
		"the changed row cannot be used":             {row("1", "new@example.com", "A", "\x01"), ccsync.InvalidValue},
		"the row cannot be used, its address stands": {row("1", "old@example.com", "\x01", "Ann"), ccsync.InvalidValue},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.policy.ClearOrphans, w.policy.Create, w.policy.Lists = true, true, []string{"App users"}
				w.policy.Fields[0].Unique = true
				w.policy.Fields = append(w.policy.Fields, ccsync.Field{Column: "first_name", Property: "first_name"})
				w.box.Seed(contact("old@example.com", "", "App users"), contact("gone@example.com", "", "App users"))
				w.rows = []source.Row{row("1", "old@example.com", "A", "Ann"), row("2", "gone@example.com", "G", "Gil")}
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				time.Sleep(time.Hour)
				w.rows = []source.Row{c.row}
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				if got := skipOf(report, "1"); got != c.reason {
					t.Errorf("skipped as %q, want %q", got, c.reason)
				}
				if got := w.code("old@example.com"); got != "A" {
					t.Errorf("the contact carries %q", got)
				}
				if got := w.code("gone@example.com"); got != "" {
					t.Errorf("a contact whose user is gone carries %q", got)
				}
			})
		})
	}
}

// Where the source has no key, the unique value alone tells who a user is.
func TestOrphansAreKnownByTheUniqueValueOfTheirUser(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rows []source.Row
		want string
	}{
		"the new contact opted out":        {[]source.Row{row("", "out@example.com", "A")}, "A"},
		"the new address stands in a pair": {[]source.Row{row("", "other@example.com", "B"), row("", "other@example.com", "A")}, "A"},
		"the user is another contact now":  {[]source.Row{row("", "other@example.com", "A")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.policy.ClearOrphans, w.policy.Fields[0].Unique = true, true
				out := contact("out@example.com", "", "App users")
				out.Permission = sandbox.Unsubscribed
				w.box.Seed(contact("old@example.com", "", "App users"), contact("other@example.com", "", "App users"), out)
				w.rows = []source.Row{row("", "old@example.com", "A")}
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				time.Sleep(time.Hour)
				w.rows = c.rows
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				if got := w.code("old@example.com"); got != c.want {
					t.Errorf("the contact carries %q, want %q", got, c.want)
				}
				x, err := w.engine().Explain(w.t.Context(), "old@example.com")
				if err != nil || x.Decision != "none" || c.want != "" && !strings.Contains(x.Detail, "still has its value") {
					t.Errorf("explained as %+v, %v", x, err)
				}
			})
		})
	}
}

func TestOrphansKeepWhatThisProgramDidNotWrite(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.ClearOrphans = true
		w.policy.Fields = append(w.policy.Fields, ccsync.Field{Column: "first_name", Property: "first_name"}, ccsync.Field{Column: "last_name", Property: "last_name"})
		w.box.Seed(sandbox.Contact{Address: "a@example.com", Lists: []string{"App users"}, FirstName: "Hand", LastName: "Equal"})
		w.rows = []source.Row{row("1", "a@example.com", "A", "", "Equal")}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.rows[0].Values = []string{"B", "", "Equal"}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.rows = nil
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		if c, _ := w.box.Contact("a@example.com"); c.Fields["short_code"] != "" || c.FirstName != "Hand" || c.LastName != "Equal" {
			t.Errorf("%+v", c)
		}
	})
}

func TestOneWhoMovedIsNotCreatedByAPushForHim(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Create, w.policy.Lists = true, []string{"App users"}
		w.policy.Fields[0].Unique = true
		w.box.Seed(contact("old@example.com", "A", "App users"))
		w.rows = []source.Row{row("1", "new@example.com", "A")}
		report := w.run(ccsync.Options{Only: []string{"new@example.com"}})
		w.want(report, ccsync.Synced)
		if got := skipOf(report, "1"); got != ccsync.Moved || len(w.box.Imports()) != 0 {
			t.Errorf("skipped as %q, %d imports", got, len(w.box.Imports()))
		}
	})
}

// Without a unique value the key tells who a user is.
func TestOrphansAreKnownByTheKeyOfTheirUser(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		row  source.Row
		want string
	}{
		"the address is none any more":     {row("1", "old@", "A"), "A"},
		"the new address is no contact's":  {row("1", "new@example.com", "A"), "A"},
		"the new contact opted out":        {row("1", "out@example.com", "A"), "A"},
		"the code changed too":             {row("1", "old@", "B"), "A"},
		"the row is another user's":        {row("2", "old@", "A"), ""},
		"the user is another contact now":  {row("1", "other@example.com", "A"), ""},
		"the new address stands in a pair": {row("1", "twice@example.com", "A"), "A"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.policy.ClearOrphans = true
				out := contact("out@example.com", "", "App users")
				out.Permission = sandbox.Unsubscribed
				w.box.Seed(contact("old@example.com", "", "App users"), contact("other@example.com", "", "App users"), out)
				w.rows = []source.Row{row("1", "old@example.com", "A")}
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.restart()
				time.Sleep(time.Hour)
				w.rows = []source.Row{c.row, row("3", "twice@example.com", "C")}
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				if got := w.code("old@example.com"); got != c.want {
					t.Errorf("the contact carries %q, want %q; skipped %+v", got, c.want, report.Skipped)
				}
				x, err := w.engine().Explain(w.t.Context(), "old@example.com")
				if err != nil || x.Decision != "none" || c.want != "" && !strings.Contains(x.Detail, "its user 1 is not gone") {
					t.Errorf("explained as %+v, %v", x, err)
				}
			})
		})
	}
}
