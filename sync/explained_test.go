package sync_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// explain explains one address.
func (w *world) explain(who string) *ccsync.Explanation {
	w.t.Helper()
	x, err := w.engine().Explain(w.t.Context(), who)
	if err != nil {
		w.t.Fatalf("explain %s: %v", who, err)
	}
	return x
}

// mixed is an installation with users and contacts of every kind. Rows have keys, or not.
func (w *world) mixed(keys bool) {
	w.t.Helper()
	w.policy.Fields = append(w.policy.Fields, ccsync.Field{Column: "first_name", Property: "first_name", Clear: true})
	out := contact("out@example.com", "", "App users")
	out.Permission = sandbox.Unsubscribed
	deleted := contact("deleted@example.com", "", "App users")
	deleted.Deleted = true
	w.box.Seed(out, deleted, contact("unlisted@example.com", ""))
	add := func(name, email, code, first string) {
		key := ""
		if keys {
			key = name
		}
		w.rows = append(w.rows, row(key, email, code, first))
	}
	for _, name := range []string{"same", "outdated", "cleared", "gone", "moved", "badly", "lost", "twin", "shared", "held", "edited", "wrong"} {
		email := name + "@example.com"
		w.box.Seed(contact(email, "", "App users"))
		add(name, email, strings.ToUpper(name), "First")
	}
	w.box.Seed(contact("stranger@example.com", "FOREIGN", "App users"), contact("plain@example.com", "", "App users"))
	w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: "lost@", Path: importPath})
	w.run(ccsync.Options{})
	time.Sleep(time.Hour / 2)
	before := w.rows
	w.rows = nil
	for i, r := range before {
		name := strings.TrimSuffix(before[i].Email, "@example.com")
		switch name {
		case "gone", "held":
			continue
		case "outdated":
			r.Values = []string{"NEW", "First"}
		case "cleared":
			r.Values = []string{"CLEARED", ""}
		case "moved":
			r.Email = "elsewhere@example.com"
		case "badly":
			r.Email = "badly@"
		case "wrong":
			r.Values = []string{"\x01", "First"}
		case "twin":
			w.rows = append(w.rows, source.Row{Key: r.Key, Email: r.Email, Values: []string{"OTHER", "First"}})
		}
		w.rows = append(w.rows, r)
	}
	for _, name := range []string{"out", "deleted", "unlisted", "new"} {
		add(name, name+"@example.com", "CODE "+name, "First")
	}
	add("share", "new2@example.com", "SHARED", "First")
	w.box.SetField("edited@example.com", "short_code", "HAND")
}

func TestAnExplanationDecidesAsThePlanDoes(t *testing.T) {
	t.Parallel()
	for i := range 16 {
		orphans, unique, create, keys := i&1 > 0, i&2 > 0, i&4 > 0, i&8 > 0
		t.Run(fmt.Sprintf("orphans %v, unique %v, create %v, keys %v", orphans, unique, create, keys), func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.policy.ClearOrphans, w.policy.Fields[0].Unique, w.policy.Create = orphans, unique, create
				if create {
					w.policy.Lists = []string{"App users"}
				}
				w.mixed(keys)
				if orphans { // one more orphan, whose clearing was rejected
					all := w.rows
					w.rows = append([]source.Row{}, all...)
					w.rows = append(w.rows, row("", "gone@example.com", "GONE", "First"))
					w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 400, Method: "PUT"})
					w.run(ccsync.Options{Limit: 1})
					w.box.ClearFaults()
					w.rows = all
				}
				plan := w.dry(ccsync.Options{})
				w.want(plan, ccsync.Planned)
				want, kinds := make(map[string]string), make(map[string]bool)
				addresses := []string{}
				for _, c := range w.box.Contacts() {
					addresses, want[c.Address] = append(addresses, c.Address), "none"
				}
				for _, r := range w.rows {
					if !strings.HasSuffix(r.Email, "@") {
						addresses, want[r.Email] = append(addresses, r.Email), "unchanged"
					}
				}
				for _, s := range plan.Skipped {
					want[s.Email] = "skip " + string(s.Reason)
				}
				for _, c := range plan.Changes {
					want[c.Email] = string(c.Action)
				}
				for _, address := range addresses {
					x := w.explain(address)
					got := strings.TrimSpace(x.Decision + " " + x.Reason)
					if got != want[address] {
						t.Errorf("%s: explained as %q (%s), planned as %q", address, got, x.Detail, want[address])
					}
					kinds[got] = true
				}
				for _, c := range plan.Changes {
					x := w.explain(c.Email)
					if len(x.Fields) != len(c.Fields) {
						t.Errorf("%s: %+v would change by the plan, %+v by the explanation", c.Email, c.Fields, x.Fields)
					}
					for _, f := range c.Fields {
						if x.Fields[f.Column] != f.OldToNew {
							t.Errorf("%s: %s is explained as %+v, planned as %+v", c.Email, f.Column, x.Fields[f.Column], f.OldToNew)
						}
					}
				}
				if len(kinds) < 8 {
					t.Errorf("only %v were explained", kinds)
				}
			})
		})
	}
}

func TestBeforeAnySnapshotNobodyKnowsWhoIsAContact(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(5, 1)
		w.rows[2].Values = []string{"\x01"}
		w.rows = append(w.rows, row("9", "new@example.com", "N"))
		for _, create := range []bool{false, true} {
			w.policy.Create, w.policy.Lists = create, []string{"App users"}
			for _, who := range []string{"user000001@example.com", "key:1", "new@example.com"} {
				if x := w.explain(who); x.Decision != "unknown" || x.Reason != "" || !x.Known || len(x.Rows) != 1 || x.Advice == "" {
					t.Errorf("%s: %+v", who, x)
				}
			}
			if x := w.explain("user000002@example.com"); x.Decision != "skip" || x.Reason != "invalid_value" {
				t.Errorf("a row that cannot be used: %+v", x)
			}
			if x := w.explain("nobody@example.com"); x.Known || x.Decision == "skip" {
				t.Errorf("an address that neither side is known to have: %+v", x)
			}
		}
		if n := len(w.box.Requests()); n != 0 {
			t.Errorf("%d requests", n)
		}
		w.policy.Create = false
		w.run(ccsync.Options{})
		if x := w.explain("new@example.com"); x.Decision != "skip" || x.Reason != "not_a_contact" {
			t.Errorf("after a run: %+v", x)
		}
	})
}

// A snapshot that was interrupted has shown some contacts, and proves nothing of the others.
func TestASnapshotUnderWayTellsNobodyWhoIsAContact(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(1200, 0)
		pages := 0
		w.runUntil(moment{request: 4, seen: true}, ccsync.Options{})
		for _, r := range w.box.Requests() {
			if strings.HasPrefix(r.Path, "/v3/contacts") && r.Path != "/v3/contacts/counts" {
				pages++
			}
		}
		if n, err := w.state.Total(w.t.Context()); err != nil || n == 0 || n == 1200 {
			t.Fatalf("%d contacts are known after %d pages, %v", n, pages, err)
		}
		unknown := 0
		for i := 0; i < 1200; i += 100 {
			if x := w.explain(w.rows[i].Email); x.Decision == "unknown" {
				unknown++
			} else if x.Decision == "skip" {
				t.Errorf("%+v", x)
			}
		}
		if unknown == 0 {
			t.Error("every user is explained, though half of the contacts are not known")
		}
	})
}

// Lists are named even if the configuration names none, once their names were read, as by `ccsyncd
// account`.
func TestAnExplanationNamesEveryList(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(2, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		lists, err := w.engine().Read.Lists(w.t.Context())
		if err == nil {
			err = ccsync.NameLists(w.t.Context(), w.state, lists)
		}
		x := w.explain("user000001@example.com")
		if err != nil || len(x.Contacts) != 1 || !slices.Equal(x.Contacts[0].Lists, []string{"App users"}) {
			t.Errorf("%+v", x.Contacts)
		}
	})
}

func TestAnExplanationTellsTheLastTenPushesOfAUser(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(2, 0)
		for i := range 12 {
			w.rows[0].Values = []string{fmt.Sprint("CODE", i)}
			time.Sleep(time.Minute)
			w.want(w.run(ccsync.Options{}), ccsync.Synced)
		}
		x := w.explain(w.rows[0].Email)
		if len(x.Pushes) != 10 || len(w.explain(w.rows[1].Email).Pushes) != 0 {
			t.Fatalf("%d pushes", len(x.Pushes))
		}
		for i, p := range x.Pushes {
			if p.Values["short_code"] != fmt.Sprint("CODE", 11-i) || p.Result != "done" || p.State != "settled" || p.Activity == "" || p.Run != int64(12-i) {
				t.Errorf("push %d: %+v", i, p)
			}
		}
	})
}

func TestAnExplanationKnowsAnAddressThatOneSideHas(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(1, 0)
		w.box.Seed(contact("stranger@example.com", "", "App users"))
		w.rows = append(w.rows, row("2", "newcomer@example.com", "N"))
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		for address, want := range map[string]bool{w.rows[0].Email: true, "stranger@example.com": true, "newcomer@example.com": true, "nobody@example.com": false} {
			if got := w.explain(address).Known; got != want {
				t.Errorf("%s is known: %v", address, got)
			}
		}
	})
}

// An address that cannot be one has no normalised form: its rows are found as a push finds them.
func TestAnExplanationFindsARowByItsAddressAsItStands(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(1, 0)
		w.rows = append(w.rows, row("9", " bad@", "A"), row("10", "two words@example.com", "B"), row("11", "bob", "C"), row("12", "no@dot", "D"), row("12", w.rows[0].Email, "CODE000000"))
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		for _, who := range []string{"bad@", " bad@ ", "two words@example.com", "bob", "key:9", " key:9", "key:12", "user000000@example.com", "BAD@", "key:bad@", "bad"} {
			x, asked := w.explain(who), w.dry(ccsync.Options{Only: []string{who}}).Users[0]
			want := strings.TrimSpace(asked.State + " " + asked.Reason)
			switch want {
			case "skipped not_in_source":
				want = "none"
			case "verified":
				want = "unchanged"
			}
			if got := strings.Replace(strings.TrimSpace(x.Decision+" "+x.Reason), "skip ", "skipped ", 1); got != want {
				t.Errorf("%q is explained as %q (%s), and a run for it says %q", who, got, x.Detail, want)
			}
			if known := want != "none"; x.Known != known || (len(x.Rows) > 0) != known || x.Advice == "" {
				t.Errorf("%q: %+v", who, x)
			}
		}
	})
}

// The plan sees every row of an address, and so the one that differs; nobody reads 600,000 of them.
func TestAnExplanationShowsTwentyRowsOfAnAddressAndCountsTheOthers(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(1, 0)
		for i := range 25 {
			w.rows = append(w.rows, row(fmt.Sprint("twin", i), "twin@example.com", "SAME"), row("shared", "bad@", "X"))
		}
		w.rows = append(w.rows, row("last", "twin@example.com", "OTHER"))
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		for who, want := range map[string]string{"twin@example.com": "20 rows, 6 more, skip duplicate_email", "bad@": "20 rows, 5 more, skip invalid_email",
			"key:shared": "20 rows, 5 more, skip invalid_email", w.rows[0].Email: "1 rows, 0 more, unchanged "} {
			x := w.explain(who)
			if got := fmt.Sprintf("%d rows, %d more, %s %s", len(x.Rows), x.MoreRows, x.Decision, x.Reason); got != want {
				t.Errorf("%s: %s; want %s", who, got, want)
			}
		}
		if x := w.explain("twin@example.com"); x.Rows[0].Key != "twin0" || x.Rows[19].Key != "twin19" {
			t.Errorf("the rows are not the first ones: %+v", x.Rows)
		}
	})
}

// A dry run fills the local copy that it finds in order, and leaves one of another configuration as
// it is.
func TestAnExplanationWithoutTheContactsNamesTheRunThatReadsThem(t *testing.T) {
	t.Parallel()
	mapped := func(w *world) {
		w.policy.Fields = append(w.policy.Fields, ccsync.Field{Column: "first_name", Property: "first_name"})
		w.rows[0].Values, w.rows[1].Values = []string{"CODE", "Ann"}, []string{"CODE2", "Ben"}
	}
	forgotten := func(w *world) {
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		_, err := w.engine().Forget(w.t.Context(), w.rows[0].Email)
		if err != nil {
			w.t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		given func(w *world)
		dry   bool // a dry run is enough
	}{
		"before the first run":       {func(*world) {}, true},
		"after a user was forgotten": {forgotten, true},
		"another field":              {func(w *world) { w.want(w.run(ccsync.Options{}), ccsync.Synced); mapped(w) }, false},
		"a field less, after a user was forgotten": {func(w *world) {
			mapped(w)
			forgotten(w)
			w.policy.Fields = w.policy.Fields[:1]
			w.rows[0].Values = []string{"CODE"}
			w.rows[1].Values = []string{"CODE2"}
		}, false},
		"another field, during the first reading":  {func(w *world) { w.runUntil(moment{request: 4, seen: true}, ccsync.Options{}); mapped(w) }, false},
		"the same field, during the first reading": {func(w *world) { w.runUntil(moment{request: 4, seen: true}, ccsync.Options{}) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(1200, 0)
				w.rows = w.rows[:2]
				c.given(w)
				hint := "run `ccsyncd --dry-run` first; it reads the contacts"
				if !c.dry {
					hint = "the next run reads the contacts; `ccsyncd --dry-run` shows what it would do"
				}
				unknown := func(when string, want bool) {
					t.Helper()
					x := w.explain(w.rows[0].Email)
					if got := x.Decision == "unknown"; got != want || (x.Advice == hint) != want {
						t.Errorf("%s: explained as %s (%s), hint %q", when, x.Decision, x.Detail, x.Advice)
					}
				}
				unknown("before", true)
				for _, s := range w.dry(ccsync.Options{}).Skipped {
					t.Errorf("the dry run does not see the contact: %+v", s)
				}
				unknown("after a dry run", !c.dry)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				unknown("after a run", false)
			})
		})
	}
}
