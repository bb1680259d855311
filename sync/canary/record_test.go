package canary

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"ccsyncd/ccapi"
	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
)

// keep stores how the contacts that went ahead have fared.
func (w *world) keep(r record) {
	w.t.Helper()
	if err := keep(w.t.Context(), w.db, &r); err != nil {
		w.t.Fatal(err)
	}
}

func TestContactsProveOnlyTheMappingThatTheyWereSentWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mapping.Lists = append(w.mapping.Lists, state.Binding{ID: w.ids["VIP"]})
	w.keep(record{For: w.canary.provenFor(), Passed: 3, Changed: []string{"one thing"}})
	const changed = "the first contacts sent show changes that were not planned: one thing"
	change := func(change func(*contact.Mapping)) *contact.Mapping {
		m := *w.mapping
		m.Targets, m.Lists = slices.Clone(m.Targets), slices.Clone(m.Lists)
		change(&m)
		return &m
	}
	for _, c := range []struct {
		name    string
		mapping *contact.Mapping
		due     int
	}{
		{"the same", w.mapping, 2},
		{"its lists in another order", change(func(m *contact.Mapping) { slices.Reverse(m.Lists) }), 2},
		{"another list", change(func(m *contact.Mapping) { m.Lists[0].ID = w.ids["Newsletter"] }), 5},
		{"a list less", change(func(m *contact.Mapping) { m.Lists = m.Lists[:1] }), 5},
		{"another field", change(func(m *contact.Mapping) { m.Targets[0].ID = w.ids["Shoe size"] }), 5},
		{"the same again", w.mapping, 2},
	} {
		w.canary.Use(c.mapping)
		w.want(c.name, c.due, 0, changed) // what changed is never undone
	}
	if err := w.canary.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.want("forced for everybody", 0, 0)
	w.keep(record{For: w.canary.provenFor(), Passed: 9})
	w.want("more than are wanted now", 0, 0)
}

func TestOnlyARunThatSendsContactsAheadWaitsForThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keep(record{For: w.canary.provenFor(), Ahead: []ahead{{Norm: "ann@example.com", Run: 7}, {Norm: "ben@example.com", Run: 6}}})
	w.want("as configured", 5, 2)
	for run, want := range map[int64]bool{5: false, 6: true, 7: true, 8: false} {
		if sends, err := w.canary.Sends(t.Context(), &state.Batch{Run: run}); sends != want || err != nil {
			t.Errorf("a batch of run %d may be one of theirs: %t (%v)", run, sends, err)
		}
	}
	w.canary.Force = true
	w.want("forced", 0, 0)
	w.canary.Force, w.canary.Contacts = false, 0
	w.want("with none ahead", 0, 0)
	w.keep(record{Ahead: []ahead{{Norm: "ann@example.com"}}})
	if sends, err := w.canary.Sends(t.Context(), &state.Batch{Run: 8}); !sends || err != nil {
		t.Errorf("a batch of any run may be that of a contact from an older version: %t (%v)", sends, err)
	}
}

// seeded is an account with two contacts, and a plan for both.
func seeded(t *testing.T) (*world, *plan.Plan) {
	t.Helper()
	w := newWorld(t)
	w.box.Seed(sandbox.Contact{Address: "ann@example.com", Lists: []string{"App users"}}, sandbox.Contact{Address: "ben@example.com", Lists: []string{"App users"}})
	return w, w.plan(source.Row{Key: "1", Email: "ann@example.com", Values: []string{"A", ""}}, source.Row{Key: "2", Email: "ben@example.com", Values: []string{"B", ""}})
}

func (w *world) arrive() {
	w.box.SetField("ann@example.com", "code", "A")
	w.box.SetField("ben@example.com", "code", "B")
}

func TestContactsOfABatchUnderWayAreComparedWhenItHasEnded(t *testing.T) {
	t.Parallel()
	w, p := seeded(t)
	b := state.Batch{Run: 7, Kind: state.Import, State: state.Recorded, Mapping: w.mapping.Key(), Contacts: 1}
	var err error
	if b.ID, err = w.db.AddBatch(t.Context(), b, slices.Values([]state.BatchRow{{Norm: "ann@example.com", Action: "update"}})); err != nil {
		t.Fatal(err)
	}
	w.sent(p, w.arrive)
	w.want("while it is under way", 4, 1)
	w.canary.Write = false
	w.compare()
	w.want("after a dry run", 4, 1)
	w.canary.Write = true
	if err := w.db.DropBatch(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	w.compare()
	w.want("when it has ended", 3, 0)
	w.compare()
	w.want("compared again", 3, 0)
}

func TestOnlyTheChosenGoAhead(t *testing.T) {
	t.Parallel()
	w, p := seeded(t)
	if err := w.canary.Prepare(t.Context(), p, map[string]bool{"ben@example.com": true}); err != nil {
		t.Fatal(err)
	}
	r, err := w.canary.record(t.Context())
	if err != nil || r.For != w.canary.provenFor() || len(r.Ahead) != 1 || r.Ahead[0].Norm != "ben@example.com" || r.Ahead[0].Run != 7 {
		t.Errorf("%+v (%v)", r, err)
	}
}

// What was sent under one mapping is compared by it, and proves nothing of another.
func TestContactsAreComparedByTheMappingThatTheyWereSentWith(t *testing.T) {
	t.Parallel()
	w, p := seeded(t)
	w.prepare(p)
	w.arrive()
	other := *w.mapping
	other.Targets = []contact.Target{{Field: contact.Field{Column: "size"}, ID: w.ids["Shoe size"], Name: "shoe_size", Kind: contact.KindText}}
	w.canary.Use(&other)
	w.compare()
	w.want("under another mapping", 5, 0)
	w.canary.Use(w.mapping)
	w.want("under the former one", 5, 0)
}

func TestAContactThatIsGoneProvesNothing(t *testing.T) {
	t.Parallel()
	w, p := seeded(t)
	w.gone = true
	w.prepare(p)
	w.want("before the import", 5, 0)
	w.gone = false
	w.prepare(p)
	w.want("before the import, and again there", 5, 2)
	w.gone = true
	if err := w.canary.Compare(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.want("after the import", 5, 0)
}

// Contacts that only an export has shown have no id yet.
func TestAContactWithoutAnIdIsFoundByItsAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testContactWithoutAnID)
}

func testContactWithoutAnID(t *testing.T) {
	w, _ := seeded(t)
	ann, _ := w.box.Contact("ann@example.com")
	for address, want := range map[string]string{"ann@example.com": ann.ID, "zoe@example.com": ""} {
		row := state.BatchRow{Norm: address, ID: state.UnnamedID(address), Address: address}
		id, whole, err := w.canary.wholeOf(t.Context(), &row)
		if id != want || (whole == nil) != (want == "") || err != nil {
			t.Errorf("%s: contact %q, %v (%v)", address, id, whole, err)
		}
		w.broken = errors.New("no network")
		if _, _, err := w.canary.wholeOf(t.Context(), &row); !errors.Is(err, w.broken) {
			t.Errorf("%s, without a network: %v", address, err)
		}
		w.broken = nil
	}
}

// Values that are emptied are planned too.
func TestWhatIsClearedIsPlanned(t *testing.T) {
	t.Parallel()
	a := &ahead{Action: plan.Clear, Before: ccapi.Whole{"custom_fields.1": "A", "first_name": "Ann"}, Wanted: "", Old: contact.Encode([]string{"A", ""})}
	for want, after := range map[string]ccapi.Whole{"": {"first_name": "Ann"}, "first_name was removed": {}} {
		if got := strings.Join(unplanned(a, []string{"custom_fields.1", "first_name"}, after), ", "); got != want {
			t.Errorf("%v: %q, want %q", after, got, want)
		}
	}
}

// What changed is shown where no address may be.
func TestAFirstContactIsNamedByAKeyThatIsNoAddress(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{"1": "user key:1 (contact c)", "": "contact c", "ann@example.com": "contact c"} {
		if got := (&ahead{Key: key}).named("c"); got != want {
			t.Errorf("a user with the key %q is named %q, want %q", key, got, want)
		}
	}
}

func TestWhatCannotBeReadOrRecordedIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testErrors)
}

func testErrors(t *testing.T) {
	w, p := seeded(t)
	first := map[string]bool{"ann@example.com": true}
	w.broken = errors.New("no network")
	if err := w.canary.Prepare(t.Context(), p, first); !errors.Is(err, w.broken) || !strings.HasPrefix(err.Error(), "read one of the first contacts to be sent: ") {
		t.Errorf("prepare without a network: %v", err)
	}
	w.want("not prepared", 5, 0)
	w.broken = nil
	w.prepare(p)
	w.broken = errors.New("no network")
	if err := w.canary.Compare(t.Context()); !errors.Is(err, w.broken) || !strings.HasPrefix(err.Error(), "read one of the first contacts sent: ") {
		t.Errorf("compare without a network: %v", err)
	}
	w.want("not compared", 5, 2)
	w.broken = nil
	closed := *w.canary
	var err error
	if closed.State, err = state.Open(t.Context(), t.TempDir()+"/ccsync.db", nil); err != nil {
		t.Fatal(err)
	}
	closed.State.Close()
	for what, do := range map[string]func() error{
		"due":     func() error { _, err := closed.Due(t.Context()); return err },
		"waiting": func() error { _, err := closed.Waiting(t.Context()); return err },
		"sends":   func() error { _, err := closed.Sends(t.Context(), &state.Batch{}); return err },
		"judge":   func() error { return closed.Judge(t.Context(), &plan.Verdict{}) },
		"pass":    func() error { return closed.Pass(t.Context()) },
		"prepare": func() error { return closed.Prepare(t.Context(), p, first) },
		"compare": func() error { return closed.Compare(t.Context()) },
		"forget":  func() error { return Forget(t.Context(), closed.State, "ann@example.com") },
	} {
		if do() == nil {
			t.Errorf("%s: without a state file there is no error", what)
		}
	}
	p.Close()
	if err := w.canary.Prepare(t.Context(), p, first); err == nil {
		t.Error("of a plan that is closed contacts go ahead")
	}
}

// What could not be read from the state file or written to it is not taken for compared.
func TestWhicheverStatementFailsContactsAreComparedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.box.Seed(sandbox.Contact{Address: "ann@example.com", Lists: []string{"App users"}})
	p := w.plan(source.Row{Key: "1", Email: "ann@example.com", Values: []string{"A", ""}}, source.Row{Key: "3", Email: "new@example.com", Values: []string{"N", ""}})
	first := map[string]bool{"ann@example.com": true, "new@example.com": true}
	untilNothingFails := func(what string, do func() error, due, waiting int) {
		for n := 0; ; n++ {
			w.denier.Arm(n)
			err := do()
			denied := w.denier.Disarm()
			if (err != nil) != (denied != "") {
				t.Errorf("%s: %d. %s failed, and then %v", what, n+1, denied, err)
			}
			if denied == "" {
				return
			}
			w.want(what+" without "+denied, due, waiting)
		}
	}
	untilNothingFails("prepare", func() error { return w.canary.Prepare(t.Context(), p, first) }, 5, 0)
	w.box.SetField("ann@example.com", "code", "A")
	w.box.AddContact(sandbox.Contact{Address: "new@example.com", Lists: []string{"App users"}, Fields: map[string]string{"code": "N"}})
	if err := w.mirror.Changes(t.Context()); err != nil {
		t.Fatal(err)
	}
	untilNothingFails("compare", func() error { return w.canary.Compare(t.Context()) }, 5, 2)
	w.want("in the end", 3, 0)
	row := state.BatchRow{Norm: "ann@example.com", ID: state.UnnamedID("ann@example.com"), Address: "ann@example.com"}
	untilNothingFails("find by address", func() error { _, _, err := w.canary.wholeOf(t.Context(), &row); return err }, 3, 0)
}
