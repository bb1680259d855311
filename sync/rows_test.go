package sync_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// reasons are the skipped rows with their reasons, by key.
func reasons(r *ccsync.Report) map[string]ccsync.Reason {
	all := make(map[string]ccsync.Reason)
	for _, s := range r.Skipped {
		all[s.Key] += s.Reason
	}
	return all
}

func TestAllRowsOfAnAddressAreNamedWhenTheyDiffer(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields[0].Required = true
		for _, name := range []string{"same", "mixed", "late", "empty", "bad", "half"} {
			w.box.Seed(contact(name+"@example.com", "", "App users"))
		}
		w.rows = []source.Row{
			row("same1", "same@example.com", "S"), row("same2", " SAME@example.com", "S "),
			row("mixed1", "mixed@example.com", "A"), row("mixed2", "mixed@example.com", "A"), row("mixed3", "mixed@example.com", "B"),
			row("late1", "late@example.com", "A"), row("late2", "late@example.com", "B"), row("late3", "late@example.com", "A"),
			row("empty1", "empty@example.com", ""), row("empty2", "empty@example.com", " "),
			row("bad1", "bad@example.com", "a\x00"), row("bad2", "bad@example.com", "b\x00"),
			row("half1", "half@example.com", ""), row("half2", "half@example.com", "H"),
		}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		want := map[string]ccsync.Reason{
			"mixed1": ccsync.DuplicateEmail, "mixed2": ccsync.DuplicateEmail, "mixed3": ccsync.DuplicateEmail,
			"late1": ccsync.DuplicateEmail, "late2": ccsync.DuplicateEmail, "late3": ccsync.DuplicateEmail,
			"empty1": ccsync.MissingValue, "empty2": ccsync.MissingValue,
			"bad1": ccsync.InvalidValue, "bad2": ccsync.InvalidValue,
			"half1": ccsync.DuplicateEmail, "half2": ccsync.DuplicateEmail,
		}
		if diff := cmp.Diff(want, reasons(report)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if report.Summary.Skipped != len(want) || w.code("same@example.com") != "S" {
			t.Errorf("%+v", report.Summary)
		}
	})
}

func TestAUniqueValueIsComparedInItsOneForm(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.box.AddCustomField("Number", "number")
		w.policy.Fields = append(w.policy.Fields, ccsync.Field{Column: "number", CustomField: "number", Unique: true})
		for i := range 6 {
			w.box.Seed(contact(fmt.Sprintf("u%d@example.com", i), "", "App users"))
		}
		w.rows = []source.Row{
			// the code may be shared
			row("0", "u0@example.com", "A", "1.0"), row("1", "u1@example.com", "A", "1"),
			// no value is no repetition
			row("2", "u2@example.com", "B", ""), row("3", "u3@example.com", "B", ""),
			// whose is it?
			row("4", "u4@example.com", "C", "7"), row("nobody", "no address", "D", "7"),
			// one user in two rows
			row("5", "u5@example.com", "E", "8"), row("5b", "U5@example.com", "E", "8.0"),
		}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		want := map[string]ccsync.Reason{"0": ccsync.DuplicateValue, "1": ccsync.DuplicateValue, "4": ccsync.DuplicateValue, "nobody": ccsync.InvalidEmail}
		if diff := cmp.Diff(want, reasons(report)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if report.Summary.Update != 3 {
			t.Errorf("%+v", report.Summary)
		}
	})
}

func TestAddressesOfManyKindsMeetTheirContacts(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("a", 68) + "@example.com"
	for _, c := range []struct{ contact, row string }{
		{"ann@example.com", "\t Ann@EXAMPLE.com\u00a0\n"},
		{"Ann.Lee+App@Example.com", "ann.lee+app@example.com"},
		{"o'brien@example.com", "O'Brien@example.com"},
		{"a!#$%&*/=?^_`{|}~-b@example.com", "A!#$%&*/=?^_`{|}~-b@example.com"},
		{"ann@xn--mller-kva.example", "ann@MÜLLER.example"},
		{"ann@müller.example", "ann@xn--mller-kva.example"},
		{"ann@例え.テスト", "ann@xn--r8jz45g.xn--zckzah"},
		{"ärger@example.com", "ärger@Example.com"},
		{"ann@sub-domain.example.co.uk", "ann@sub-domain.example.co.uk"},
		{longest, longest},
	} {
		t.Run(c.contact+" and "+c.row, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.box.Seed(contact(c.contact, "", "App users"))
				w.rows = []source.Row{row("1", c.row, "K1")}
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				if report.Push.Verified != 1 || w.code(c.contact) != "K1" {
					t.Errorf("skipped %+v, push %+v", report.Skipped, report.Push)
				}
				if got := w.run(ccsync.Options{}); got.Summary.Unchanged != 1 || len(w.box.Contacts()) != 1 {
					t.Errorf("once more: %+v, %d contacts", got.Summary, len(w.box.Contacts()))
				}
			})
		})
	}
}

func TestDotsAndTagsTellMailboxesApart(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.box.Seed(contact("annlee@example.com", "", "App users"), contact("ann.lee+x@example.com", "", "App users"))
		w.rows = []source.Row{row("1", "ann.lee@example.com", "K1"), row("2", "annlee+x@example.com", "K2")}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if report.Reasons[string(ccsync.NotAContact)] != 2 {
			t.Errorf("%+v", report.Skipped)
		}
	})
}

func TestWhatIsNoAddressIsSkippedAndNamed(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Create, w.policy.Lists = true, []string{"App users"}
		bad := []string{
			"", "  ", "ann", "ann@", "@example.com", "ann@example", "ann@@example.com", "ann@x@example.com", "an n@example.com",
			"ann@exa mple.com", "ann@example..com", "ann@.example.com", "ann@example.com.", "ann@-example.com", "ann@example-.com",
			".ann@example.com", "ann.@example.com", "a..nn@example.com", "Ann <ann@example.com>", "mailto:ann@example.com",
			"ann@example.com,bob@example.com", "ann@example.com; bob@example.com", "ann\x00@example.com", "an\tn@example.com",
			"ann@exam\xffple.com", "an\xffn@example.com", "\u200bann@example.com", "ann\u202e@example.com", "\ufeffann@example.com",
			"ann@[127.0.0.1]", "ann@exam_ple.c!m", strings.Repeat("a", 69) + "@example.com", "ann@" + strings.Repeat("ü", 60) + ".example",
			"ann@" + strings.Repeat("a", 64) + ".com", "ann\u3000lee@example.com", "null", "ann@xn--a.com\u2024",
		}
		for i, address := range bad {
			w.rows = append(w.rows, row(fmt.Sprint(i), address, fmt.Sprintf("K%d", i)))
		}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		for i, address := range bad {
			if got := skipOf(report, fmt.Sprint(i)); got != ccsync.InvalidEmail {
				t.Errorf("%q: %q", address, got)
			}
		}
		if report.Source.Unusable != len(bad) || report.Source.Usable != 0 || report.Coverage.Users != len(bad) {
			t.Errorf("%+v %+v", report.Source, report.Coverage)
		}
		for _, s := range report.Skipped {
			if s.Detail == "" {
				t.Errorf("%q: no detail", s.Email)
			}
		}
	})
}

func TestAMovedUserIsNeverCreated(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields[0].Unique = true
		w.policy.Create, w.policy.Lists = true, []string{"App users"}
		w.box.Seed(contact("Old@example.com", "K1", "App users"), contact("other@example.com", "K2", "App users"))
		w.rows = []source.Row{row("1", "new@example.com", "K1"), row("2", "other@example.com", "K2"), row("3", "third@example.com", "K2b")}
		for name, only := range map[string][]string{"all": nil, "by address": {"new@example.com"}, "by key": {"key:1"}} {
			report := w.run(ccsync.Options{Only: only})
			w.want(report, ccsync.Synced)
			if got := skipOf(report, "1"); got != ccsync.Moved {
				t.Errorf("%s: %q", name, got)
			}
			for _, s := range report.Skipped {
				if !strings.Contains(s.Detail, "old@example.com") || s.Email != "new@example.com" {
					t.Errorf("%s: %+v names not both addresses", name, s)
				}
			}
		}
		if n := len(w.box.Contacts()); n != 3 {
			t.Errorf("%d contacts, want the two and one created", n)
		}
		x, err := w.engine().Explain(w.t.Context(), "new@example.com")
		if err != nil || x.Reason != string(ccsync.Moved) || !strings.Contains(x.Detail, "old@example.com") {
			t.Errorf("explained as %+v, %v", x, err)
		}
	})
}

// The contact got another address in Constant Contact, and no refresh showed it.
func TestAnUpdateNeverTurnsIntoACreate(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Create, w.policy.Lists = true, []string{"App users"}
		w.populate(600, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.rows[0].Values = []string{"NEW"}
		moved := false
		w.before(func(r *http.Request) {
			if r.URL.Query().Get("email") != "" && !moved {
				moved = w.box.ChangeAddress(w.rows[0].Email, "elsewhere@example.com")
			}
		})
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Partial) // the next run finds out
		if !moved || len(w.box.Contacts()) != 600 || report.Summary.Create != 0 {
			t.Errorf("%d contacts, %+v", len(w.box.Contacts()), report.Summary)
		}
	})
}

// A text of megabytes in the column of addresses neither takes long nor fills the memory.
func TestAnEndlessAddressIsSkippedAtOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		endless := "ann@" + strings.Repeat("äöü", 2_000_000) + ".example"
		for i := range 20 {
			w.rows = append(w.rows, row(fmt.Sprint(i), endless, "K"))
		}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		for _, s := range report.Skipped {
			if s.Reason != ccsync.InvalidEmail || len(s.Email) > 1000 {
				t.Errorf("%s, %d bytes", s.Reason, len(s.Email))
			}
		}
	})
}
