package sync_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

func row(key, email string, values ...string) source.Row {
	return source.Row{Key: key, Email: email, Values: values}
}

func contact(address, code string, lists ...string) sandbox.Contact {
	c := sandbox.Contact{Address: address, Lists: lists}
	if code != "" {
		c.Fields = map[string]string{"Short code": code}
	}
	return c
}

// skipOf is the reason for which the row of this key is skipped, "" when it is not.
func skipOf(r *ccsync.Report, key string) ccsync.Reason {
	for _, s := range r.Skipped {
		if s.Key == key {
			return s.Reason
		}
	}
	return ""
}

func TestWhoOptedOutUnseenIsNotSent(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.rows[3].Values = []string{"NEW3"}
		w.rows[4].Values = []string{"NEW4"}
		w.rows[5].Values = []string{"NEW5"}
		w.box.OptOut(w.rows[3].Email)
		w.box.Delete(w.rows[4].Email)
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if got := skipOf(report, "4"); got != ccsync.Unsubscribed {
			t.Errorf("the one who opted out: %q", got)
		}
		if got := skipOf(report, "5"); got != ccsync.Deleted {
			t.Errorf("the deleted one: %q", got)
		}
		if got := w.code(w.rows[5].Email); got != "NEW5" {
			t.Errorf("the third one carries %q", got)
		}
		if c, _ := w.box.Contact(w.rows[4].Email); !c.Deleted {
			t.Error("a deleted contact was revived")
		}
		if report.Summary.Update != 1 || len(report.Changes) != 1 {
			t.Errorf("summary %+v", report.Summary)
		}
	})
}

func TestWhoLeftAListIsNotPutBack(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Lists = []string{"App users"}
		w.knowsWhoLeft()
		w.box.Seed(contact("left@example.com", "A", "App users", "Newsletter"), contact("gone@example.com", "A", "App users"),
			contact("new@example.com", "A", "Newsletter"), contact("stays@example.com", "A", "App users"))
		w.rows = []source.Row{row("1", "left@example.com", "A"), row("2", "gone@example.com", "A"), row("3", "new@example.com", "A"), row("4", "stays@example.com", "A")}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.box.LeaveList("left@example.com", "App users")
		w.box.LeaveList("gone@example.com", "App users")
		time.Sleep(time.Hour)
		for i := range w.rows {
			w.rows[i].Values = []string{"B"}
		}
		preview := w.dry(ccsync.Options{})
		if preview.Summary.Joins != 1 {
			t.Errorf("the preview shows %d joins, want 1", preview.Summary.Joins)
		}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		for address, want := range map[string]string{"left@example.com": "B", "gone@example.com": "A", "new@example.com": "B", "stays@example.com": "B"} {
			if got := w.code(address); got != want {
				t.Errorf("%s carries %q, want %q", address, got, want)
			}
		}
		on := func(address string) []string { c, _ := w.box.Contact(address); slices.Sort(c.Lists); return c.Lists }
		if got := on("left@example.com"); !slices.Equal(got, []string{"Newsletter"}) {
			t.Errorf("left@ is on %v", got)
		}
		if got := on("gone@example.com"); len(got) != 0 {
			t.Errorf("gone@ is on %v", got)
		}
		if got := on("new@example.com"); !slices.Equal(got, []string{"App users", "Newsletter"}) {
			t.Errorf("new@ is on %v", got)
		}
		if got := skipOf(report, "2"); got != ccsync.NoList {
			t.Errorf("gone@: %q", got)
		}
	})
}

func TestWithoutListsNoMembershipChanges(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.box.AddList("C")
		w.box.Seed(contact("a@example.com", "", "App users"), contact("b@example.com", "", "App users", "C"), contact("c@example.com", "", "C", "Newsletter"),
			contact("d@example.com", "", "Newsletter"), contact("e@example.com", ""))
		for i, a := range []string{"a", "b", "c", "d", "e"} {
			w.rows = append(w.rows, row(a, a+"@example.com", "K"+string(rune('0'+i))))
		}
		before := w.box.Contacts()
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if n := len(w.box.Imports()); n != 2 {
			t.Errorf("%d imports, want 2", n)
		}
		if got := skipOf(report, "e"); got != ccsync.NoList {
			t.Errorf("e is on no list: %q", got)
		}
		for i, c := range w.box.Contacts() {
			if !slices.Equal(c.Lists, before[i].Lists) {
				t.Errorf("%s is on %v, was on %v", c.Address, c.Lists, before[i].Lists)
			}
		}
		if report.Summary.Fill != 4 || report.Summary.Joins != 0 {
			t.Errorf("summary %+v", report.Summary)
		}
	})
}

func TestContactsAreCreatedOnlyWhenAllowed(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(3, 0)
		w.rows = append(w.rows, row("9", "New.Person@Example.com", "N1"))
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if got := skipOf(report, "9"); got != ccsync.NotAContact {
			t.Errorf("skip %q", got)
		}
		w.policy.Create, w.policy.Lists = true, []string{"App users"}
		report = w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		c, ok := w.box.Contact("new.person@example.com")
		if !ok || c.Fields["short_code"] != "N1" || c.Permission != "implicit" {
			t.Errorf("created %+v", c)
		}
		if report.Summary.Create != 1 || report.Coverage.Verified != 4 || report.Coverage.Contacts != 4 {
			t.Errorf("summary %+v, coverage %+v", report.Summary, report.Coverage)
		}
	})
}

func TestTheUnsubscribedAreUpdatedOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Lists = []string{"App users"}
		w.box.Seed(sandbox.Contact{Address: "out@example.com", Permission: "unsubscribed", Fields: map[string]string{"Short code": "A"}})
		w.rows = []source.Row{row("1", "out@example.com", "B")}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if got := skipOf(report, "1"); got != ccsync.Unsubscribed {
			t.Errorf("skip %q", got)
		}
		w.policy.UpdateUnsubscribed = true
		report = w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		c, _ := w.box.Contact("out@example.com")
		if c.Fields["short_code"] != "B" || c.Permission != "unsubscribed" || len(c.Lists) != 0 {
			t.Errorf("%+v", c)
		}
	})
}

func TestEmptyValuesKeepOrClear(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields = []ccsync.Field{{Column: "short_code", CustomField: "Short code"}, {Column: "first_name", Property: "first_name"}}
		full := contact("a@example.com", "A", "App users")
		full.FirstName, full.LastName, full.Company = "Ann", "Lee", "Co"
		w.box.Seed(full)
		w.rows = []source.Row{row("1", "a@example.com", "A", "")}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		if c, _ := w.box.Contact("a@example.com"); c.FirstName != "Ann" {
			t.Errorf("kept? %+v", c)
		}
		w.policy.Fields[1].Clear = true
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		c, _ := w.box.Contact("a@example.com")
		if c.FirstName != "" || c.LastName != "Lee" || c.Company != "Co" || c.Fields["short_code"] != "A" || !slices.Equal(c.Lists, []string{"App users"}) {
			t.Errorf("cleared? %+v", c)
		}
		if report.Summary.Clear != 1 || report.Push.Verified != 1 {
			t.Errorf("%+v %+v", report.Summary, report.Push)
		}
	})
}

func TestOrphansAreClearedOnlyWhereThisProgramFilledThem(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.ClearOrphans = true
		w.box.Seed(contact("ours@example.com", "", "App users"), contact("edited@example.com", "", "App users"), contact("theirs@example.com", "X", "App users"),
			contact("invalid@example.com", "", "App users"))
		w.rows = []source.Row{row("1", "ours@example.com", "A"), row("2", "edited@example.com", "B"), row("3", "invalid@example.com", "C"), row("4", "theirs@example.com", "X")}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.box.SetField("edited@example.com", "short_code", "hand")
		w.rows = []source.Row{row("3", "invalid@example.com", "a value with a \x01 control character")}
		time.Sleep(time.Hour)
		report := w.run(ccsync.Options{Full: true})
		w.want(report, ccsync.Synced)
		for address, want := range map[string]string{"ours@example.com": "", "edited@example.com": "hand", "theirs@example.com": "X", "invalid@example.com": "C"} {
			if got := w.code(address); got != want {
				t.Errorf("%s carries %q, want %q", address, got, want)
			}
		}
		if report.Summary.Clear != 1 {
			t.Errorf("%+v", report.Summary)
		}
		again := w.run(ccsync.Options{})
		w.want(again, ccsync.Synced)
		if again.Summary.Clear != 0 || again.Requests > 1 {
			t.Errorf("once more: %+v, %d requests", again.Summary, again.Requests)
		}
	})
}

func TestRowsThatCannotBeUsedAreSkippedWithTheirReason(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields[0].Unique, w.policy.Fields[0].Required = true, true
		long := string(slices.Repeat([]rune{'ü'}, 256))
		w.box.Seed(contact("ok@example.com", "", "App users"), contact("ümlaut+tag@example.com", "", "App users"), contact("Old.Address@example.com", "MV", "App users"))
		w.rows = []source.Row{
			row("bad", "bob@", "1"), row("none", "", "2"), row("missing", "m@example.com", " "), row("long", "l@example.com", long),
			row("control", "c@example.com", "a\x00b"), row("utf", "u@example.com", "\xff"),
			row("twin1", "t@example.com", "T1"), row("twin2", " T@Example.COM ", "T2"),
			row("shared1", "s1@example.com", "S"), row("shared2", "s2@example.com", "S"),
			row("absent", "absent@example.com", "AB"), row("moved", "new.address@example.com", "MV"), row("ok", "OK@example.com", "OK"), row("umlaut", "ümlaut+tag@example.com", "UM"),
		}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		for key, want := range map[string]ccsync.Reason{"bad": ccsync.InvalidEmail, "none": ccsync.InvalidEmail, "missing": ccsync.MissingValue, "long": ccsync.ValueTooLong,
			"control": ccsync.InvalidValue, "utf": ccsync.InvalidValue, "twin1": ccsync.DuplicateEmail, "twin2": ccsync.DuplicateEmail,
			"shared1": ccsync.DuplicateValue, "shared2": ccsync.DuplicateValue, "absent": ccsync.NotAContact, "moved": ccsync.Moved, "ok": "", "umlaut": ""} {
			if got := skipOf(report, key); got != want {
				t.Errorf("%s: %q, want %q", key, got, want)
			}
		}
		if report.Summary.Skipped != 12 || report.Summary.Update != 2 || report.Source.Rows != 14 || report.Source.Unusable != 6 {
			t.Errorf("%+v %+v", report.Summary, report.Source)
		}
		if w.code("ok@example.com") != "OK" {
			t.Error("the good row was not sent")
		}
	})
}

func TestTwinsAreQuietOnceOneCarriesTheCode(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.box.Seed(contact("twin@example.com", "A", "App users"), contact("twin@example.com", "B", "App users", "Newsletter"))
		w.rows = []source.Row{row("1", "twin@example.com", "C")}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if report.Requests != 1 || len(w.box.Imports()) != 1 {
			t.Errorf("%d requests, %d imports", report.Requests, len(w.box.Imports()))
		}
	})
}

func TestTheSameValueInAnotherNotationIsNoChange(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.box.AddCustomField("Born", "date")
		w.box.AddCustomField("Score", "number")
		w.box.AddCustomField("Member", "boolean")
		w.policy.Fields = []ccsync.Field{{Column: "born", CustomField: "born"}, {Column: "score", CustomField: "score"}, {Column: "member", CustomField: "member"}}
		w.box.Seed(sandbox.Contact{Address: "a@example.com", Lists: []string{"App users"}, Fields: map[string]string{"Born": "01/02/2026", "Score": "1.0", "Member": "true"}})
		w.rows = []source.Row{row("1", "a@example.com", "2026-1-2", "1", "1")}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if report.Summary.Unchanged != 1 {
			t.Errorf("%+v, changes %+v", report.Summary, report.Changes)
		}
		w.rows = []source.Row{row("1", "a@example.com", "2026-03-04", "2.50", "no")}
		report = w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		again := w.run(ccsync.Options{})
		if again.Summary.Unchanged != 1 {
			t.Errorf("%+v, changes %+v", again.Summary, again.Changes)
		}
	})
}

// The first contacts prove that an import leaves permissions alone. Should a later one not, that is
// said of each contact, by the run that reads it back, and kept.
func TestAnImportThatResubscribesIsReported(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]bool{"in its run": false, "after its run was killed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, slowly, func(w *world) {
				w.policy.UpdateUnsubscribed, w.guard.Canary = true, 3
				w.populate(5, 1)
				out := w.rows[4].Email
				w.box.OptOut(out)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				time.Sleep(time.Hour)
				w.change(0, 5, "V")
				w.throw(func(s *sandbox.Switches) { s.ImportResubscribes = true })
				if killed {
					w.killAfter(time.Minute, ccsync.Options{})
				}
				r := w.run(ccsync.Options{})
				w.want(r, ccsync.Partial)
				if p := r.Push.Problems; r.Push.Verified != 5 || len(p) != 1 || p[0].Reason != ccsync.Overstepped || p[0].Email != out {
					t.Errorf("%+v", r.Push)
				}
				if want := "contacts that had opted out and are subscribed after the import: 1"; !strings.Contains(r.Error.Message, want) {
					t.Errorf("the report says %q", r.Error.Message)
				}
				if l := w.lastWhole(); l.Oversteps() != 1 || l.OpenProblems() != 0 {
					t.Errorf("the record has %+v", l)
				}
				sent, err := w.state.Pushes(w.t.Context(), out, 1)
				if err != nil || len(sent) != 1 {
					t.Fatal(sent, err)
				}
				kept, err := w.state.RunProblems(w.t.Context(), sent[0].Run, 9)
				if err != nil || len(kept) != 1 || kept[0].Norm != out || kept[0].Reason != ccsync.Overstepped {
					t.Errorf("the history has %+v, %v", kept, err)
				}
			})
		})
	}
}
