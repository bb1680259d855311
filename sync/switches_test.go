package sync_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// What nobody knows of Constant Contact is a switch of the sandbox. The promises hold in every
// position of the switches; where one has to read differently, the story below says so.

// position is one setting of all switches.
type position struct {
	name     string
	switches sandbox.Switches
}

// positions are all switches off, each of them on alone, all of them on, and some settings drawn at
// random.
func positions() []position {
	table := sandbox.SwitchTable()
	all := position{name: "all on"}
	found := []position{{name: "all off"}}
	for _, sw := range table {
		alone := position{name: sw.Name}
		sw.Set(&alone.switches, true)
		sw.Set(&all.switches, true)
		found = append(found, alone)
	}
	found = append(found, all)
	draw := rand.New(rand.NewPCG(15, 7))
	for i := range 6 {
		mixed := position{name: fmt.Sprintf("mixed %d", i+1)}
		for _, sw := range table {
			sw.Set(&mixed.switches, draw.IntN(2) == 1)
		}
		found = append(found, mixed)
	}
	return found
}

// essentials are the stories that have to go well everywhere.
var essentials = []struct {
	name string
	tell func(*world)
}{
	{"outdated codes land and nothing else changes", outdatedCodes},
	{"what the filter does not show is seen before anything is sent", unseenChanges},
	{"who opted out is left alone", leaveUnsubscribed},
	{"who opted out is updated when asked", updateUnsubscribed},
	{"users become contacts", createUsers},
	{"a value is cleared", clearValue},
	{"an answer is lost", loseAnswer},
	{"two contacts have one address", meetTwins},
	{"a row is refused", refuseRow},
	{"a code changes often", changeOften},
}

func TestThePromisesHoldInEveryPositionOfTheSwitches(t *testing.T) {
	t.Parallel()
	for _, p := range positions() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			for _, s := range essentials {
				t.Run(s.name, func(t *testing.T) {
					t.Parallel()
					inWorld(t, sandbox.Options{Switches: p.switches}, s.tell)
				})
			}
		})
	}
}

// A large account is read from an export, where that shows all that is needed, else from its pages.
func TestALargeAccountIsReadInEveryPositionThatAnExportShows(t *testing.T) {
	t.Parallel()
	shows := []string{"all on", "contacts_count_high", "counts_high", "export_by_name", "export_without_fields", "field_names_keep_case", "lower_case_addresses", "opt_out_leaves_lists"}
	for _, p := range positions() {
		if !slices.Contains(shows, p.name) {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{Switches: p.switches}, func(w *world) {
				w.members(10_050)
				w.box.Seed(sandbox.Contact{Address: "deleted@example.com", Deleted: true}, sandbox.Contact{Address: "out@example.com", Permission: "unsubscribed"})
				w.rows = append(w.rows, row("d", "deleted@example.com", "D"), row("o", "out@example.com", "O"))
				for i := 0; i < 10_000; i += 500 {
					w.rows[i].Values[0] = fmt.Sprintf("NEW%d", i)
				}
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				exports := 1
				if w.box.Switches().CountsHigh > 0 && !w.box.Switches().ExportWithoutFields {
					exports = 2 // the second proves the first
				}
				if w.exports() != exports || report.Push.Verified != 20 || (w.box.Switches().ExportWithoutFields || exports > 1) != (len(report.Notes) > 0) {
					t.Errorf("%d exports, verified %d, notes %v", w.exports(), report.Push.Verified, report.Notes)
				}
				if d, o := skipOf(report, "d"), skipOf(report, "o"); d != ccsync.Deleted || o != ccsync.Unsubscribed {
					t.Errorf("the deleted one: %q, the one who opted out: %q", d, o)
				}
				w.wantQuiet()
			})
		})
	}
}

// held is the value of the mapped custom field, whatever its name.
func held(c sandbox.Contact) string {
	for name, value := range c.Fields {
		if strings.EqualFold(name, "short_code") {
			return value
		}
	}
	return ""
}

func (w *world) wantHeld(address, want string) {
	w.t.Helper()
	c, ok := w.box.Contact(address)
	if !ok {
		w.t.Errorf("no contact %s", address)
	} else if got := held(c); got != want {
		w.t.Errorf("%s carries %q, want %q", address, got, want)
	}
}

// wantKept fails the test unless a contact is as it was, but for the mapped field.
func (w *world) wantKept(was sandbox.Contact) {
	w.t.Helper()
	now, _ := w.box.Contact(was.ID)
	lists := slices.Equal(slices.Sorted(slices.Values(now.Lists)), slices.Sorted(slices.Values(was.Lists)))
	if !lists || now.Permission != was.Permission || now.Deleted != was.Deleted || now.Address != was.Address ||
		now.FirstName != was.FirstName || now.LastName != was.LastName || now.Fields["other"] != was.Fields["other"] {
		w.t.Errorf("more changed than the code: %+v, was %+v", now, was)
	}
}

// wantQuiet fails the test unless another run has nothing left to send, and says that all is well
// just when no problem is open.
func (w *world) wantQuiet() {
	w.t.Helper()
	before := len(w.box.Writes())
	if r := w.run(ccsync.Options{}); len(r.OpenProblems) > 0 {
		w.want(r, ccsync.Partial)
	} else {
		w.want(r, ccsync.Synced)
	}
	if more := len(w.box.Writes()) - before; more > 0 {
		w.t.Errorf("the next run wrote %d times", more)
	}
}

// members makes contacts that are written with capitals, and a row in small letters for each. Other
// values stand beside the code.
func (w *world) members(n int) {
	for i := range n {
		address := fmt.Sprintf("User%03d@Example.com", i)
		w.box.Seed(sandbox.Contact{Address: address, FirstName: "Hand", LastName: "Made", Lists: []string{"App users", "Newsletter"},
			Fields: map[string]string{"Short code": fmt.Sprintf("C%03d", i), "other": "kept"}})
		w.rows = append(w.rows, row(fmt.Sprint(i), strings.ToLower(address), fmt.Sprintf("C%03d", i)))
	}
}

func outdatedCodes(w *world) {
	w.policy.Fields = append(w.policy.Fields, ccsync.Field{Column: "first_name", Property: "first_name"})
	w.members(60)
	for i := range w.rows {
		w.rows[i].Values = append(w.rows[i].Values, "") // kept
		if i%3 == 0 {
			w.rows[i].Values[0] = fmt.Sprintf("NEW%03d", i)
		}
	}
	w.box.Automate("App users")
	w.box.Automate("Newsletter")
	before := w.box.Contacts()
	report := w.run(ccsync.Options{})
	w.want(report, ccsync.Synced)
	if started, mails := w.box.Automations(), w.box.Mails(); len(started)+len(mails) != 0 {
		w.t.Errorf("an update of values started %v and sent %v", started, mails)
	}
	most := 40
	if w.box.Switches().ActivitiesWait > 0 {
		most = 55 // ten minutes of polls
	}
	if report.Push.Verified != 20 || report.Requests > most {
		w.t.Errorf("verified %d, with %d requests", report.Push.Verified, report.Requests)
	}
	for i, was := range before {
		w.wantHeld(was.ID, w.rows[i].Values[0])
		w.wantKept(was)
	}
	if twice := w.sentTwice(0); len(twice) > 0 {
		w.t.Errorf("sent twice: %v", twice)
	}
	w.wantQuiet()
	w.judgeQuota()
}

// unseenChanges: only the next snapshot has to find a value that was edited by hand while its row
// stayed what it is.
func unseenChanges(w *world) {
	w.policy.Lists = []string{"App users"}
	w.members(8)
	w.want(w.run(ccsync.Options{}), ccsync.Synced)
	time.Sleep(time.Hour)
	w.box.OptOut(w.rows[1].Email)
	w.box.Delete(w.rows[2].Email)
	w.box.LeaveList(w.rows[3].Email, "App users")
	w.box.SetField(w.rows[4].Email, "short code", "HAND")
	w.box.SetField(w.rows[5].Email, "short code", "HAND")
	for i := 1; i <= 4; i++ {
		w.rows[i].Values = []string{fmt.Sprintf("NEW%d", i)}
	}
	before := w.box.Contacts()
	report := w.run(ccsync.Options{})
	w.want(report, ccsync.Synced)
	if got := skipOf(report, "1"); got != ccsync.Unsubscribed {
		w.t.Errorf("who opted out: %q", got)
	}
	if got := skipOf(report, "2"); got != ccsync.Deleted {
		w.t.Errorf("who was deleted: %q", got)
	}
	w.want(w.run(ccsync.Options{Full: true}), ccsync.Synced)
	for i, want := range []string{"C000", "C001", "C002", "NEW3", "NEW4", "C005", "C006", "C007"} {
		w.wantHeld(before[i].ID, want)
		w.wantKept(before[i])
	}
}

// optedOut are contacts that opted out, on a list or on none.
func (w *world) optedOut(n int) (before []sandbox.Contact) {
	for i := range n {
		address := fmt.Sprintf("out%d@example.com", i)
		w.box.Seed(sandbox.Contact{Address: address, Permission: "unsubscribed", Lists: []string{"Newsletter"}, Fields: map[string]string{"Short code": "OLD"}})
		w.rows = append(w.rows, row(fmt.Sprint(i), address, fmt.Sprintf("NEW%d", i)))
	}
	return w.box.Contacts()
}

func leaveUnsubscribed(w *world) {
	before := w.optedOut(4)
	report := w.run(ccsync.Options{})
	w.want(report, ccsync.Synced)
	if report.Reasons[string(ccsync.Unsubscribed)] != 4 || len(w.box.Imports()) != 0 {
		w.t.Errorf("reasons %v, %d imports", report.Reasons, len(w.box.Imports()))
	}
	for _, was := range before {
		w.wantHeld(was.ID, "OLD")
		w.wantKept(was)
	}
}

// updateUnsubscribed: where an import leaves the fields of the unsubscribed alone, they are
// problems, named, left alone until their time comes, and not sent again in halves.
func updateUnsubscribed(w *world) {
	w.policy.UpdateUnsubscribed = true
	before := w.optedOut(4)
	report := w.run(ccsync.Options{})
	ignored := w.box.Switches().UnsubscribedFieldsIgnored
	if ignored {
		w.want(report, ccsync.Partial)
		for _, p := range report.Push.Problems {
			if p.Reason != ccsync.Lost || !strings.Contains(p.Detail, "opted out") {
				w.t.Errorf("problem %+v", p)
			}
		}
		if len(report.Push.Problems) != 4 {
			w.t.Errorf("%d problems, want 4", len(report.Push.Problems))
		}
	} else {
		w.want(report, ccsync.Synced)
	}
	for i, was := range before {
		want := w.rows[i].Values[0]
		if ignored {
			want = "OLD"
		}
		w.wantHeld(was.ID, want)
		w.wantKept(was)
	}
	if n := len(w.box.Imports()); n != 1 {
		w.t.Errorf("%d imports, want 1", n)
	}
	w.wantQuiet()
}

// createUsers: an address that an import finds too long is a problem, and nobody else suffers for
// it.
func createUsers(w *world) {
	w.policy.Create, w.policy.Lists = true, []string{"App users"}
	long := strings.Repeat("x", 50) + "@example.com"
	w.rows = []source.Row{row("1", "New.Person@Example.com", "N1"), row("2", "second@example.com", "N2"), row("3", long, "N3")}
	w.box.Automate("App users")
	report := w.run(ccsync.Options{})
	if n, mails, made := len(w.box.Automations()), len(w.box.Mails()), len(w.box.Contacts()); n != made || mails != made {
		w.t.Errorf("%d automations and %d mails for %d new contacts", n, mails, made)
	}
	if w.box.Switches().ImportAddressesShort {
		w.want(report, ccsync.Partial)
		if p := report.Push.Problems; len(p) != 1 || p[0].Key != "3" || p[0].Reason != ccsync.Rejected {
			w.t.Errorf("problems %+v", p)
		}
	} else {
		w.want(report, ccsync.Synced)
		w.wantHeld(long, "N3")
	}
	for _, r := range w.rows[:2] {
		w.wantHeld(r.Email, r.Values[0])
		if c, _ := w.box.Contact(r.Email); c.Permission != "implicit" || !slices.Equal(c.Lists, []string{"App users"}) {
			w.t.Errorf("created %+v", c)
		}
	}
	if twice := w.sentTwice(0); len(twice) > 0 {
		w.t.Errorf("sent twice: %v", twice)
	}
	w.wantQuiet()
}

// clearValue: where a PUT without permission_to_send changes it, that happens once, and is said; no
// other contact is cleared then.
func clearValue(w *world) {
	w.policy.Fields[0].Clear = true
	w.members(4)
	w.want(w.run(ccsync.Options{}), ccsync.Synced)
	for _, i := range []int{1, 2, 3} {
		w.rows[i].Values = []string{""}
	}
	w.box.OptOut(w.rows[2].Email)
	before, want := w.box.Contacts(), []string{"C000", "", "C002", ""}
	report := w.run(ccsync.Options{})
	if sets := w.box.Switches().PutSetsPermission; sets != "" && sets != "implicit" {
		before[1].Permission, want[3] = sets, "C003"
		w.want(report, ccsync.Partial)
		if p := report.Push.Problems; len(p) != 1 || p[0].Reason != ccsync.Overstepped {
			w.t.Errorf("problems %+v", p)
		}
		if got := skipOf(report, "3"); got != ccsync.ClearingOff || report.Coverage.Pending != 0 || report.Coverage.Skipped != 2 {
			w.t.Errorf("the other: %q, %+v", got, report.Coverage)
		}
		w.wantQuiet()
		time.Sleep(49 * time.Hour)
		w.wantQuiet()
	} else {
		w.want(report, ccsync.Synced)
		w.wantQuiet()
	}
	for i := range want {
		w.wantHeld(before[i].ID, want[i])
		w.wantKept(before[i])
	}
	if got := skipOf(report, "2"); got != ccsync.Unsubscribed {
		w.t.Errorf("who opted out: %q", got)
	}
}

func loseAnswer(w *world) {
	w.members(10)
	for i := range 5 {
		w.rows[i].Values = []string{fmt.Sprintf("NEW%d", i)}
	}
	w.box.Fault(sandbox.Fault{Kind: sandbox.FaultResetAfter, Method: "POST", Path: importPath, Times: 1})
	w.want(w.run(ccsync.Options{}), ccsync.Synced)
	for _, r := range w.rows {
		w.wantHeld(r.Email, r.Values[0])
	}
	if twice := w.sentTwice(0); len(twice) > 0 {
		w.t.Errorf("sent twice: %v", twice)
	}
}

func meetTwins(w *world) {
	w.box.Seed(contact("twin@example.com", "A", "App users"), contact("Twin@example.com", "B", "App users", "Newsletter"))
	w.rows = []source.Row{row("1", "twin@example.com", "C")}
	w.want(w.run(ccsync.Options{}), ccsync.Synced)
	if n := len(w.box.Imports()); n != 1 {
		w.t.Errorf("%d imports, want 1", n)
	}
	w.wantQuiet()
}

func refuseRow(w *world) {
	w.members(10)
	for i := range 5 {
		w.rows[i].Values = []string{fmt.Sprintf("NEW%d", i)}
	}
	w.box.Fault(sandbox.Fault{Kind: sandbox.FaultRefused, Match: "user003@", Path: importPath})
	report := w.run(ccsync.Options{})
	w.want(report, ccsync.Partial)
	if p := report.Push; p.Verified != 4 || len(p.Problems) != 1 || p.Problems[0].Key != "3" || p.Problems[0].Reason != ccsync.Rejected {
		w.t.Errorf("push %+v", p)
	}
	w.wantHeld("user003@example.com", "C003")
	w.wantQuiet()
}

// changeOften: where an address is refused that changed more than five times in a day, its last
// code is a problem that solves itself two days later.
func changeOften(w *world) {
	w.members(2)
	refused := false
	for i := range 8 {
		time.Sleep(time.Hour)
		w.rows[0].Values = []string{fmt.Sprintf("NEW%d", i)}
		report := w.run(ccsync.Options{})
		if refused = refused || report.Outcome == ccsync.Partial; !refused {
			w.want(report, ccsync.Synced)
		}
	}
	if busy := w.box.Switches().BusyAddressesRefused; refused != busy {
		w.t.Errorf("refused: %v, want %v", refused, busy)
	}
	time.Sleep(50 * time.Hour)
	w.want(w.run(ccsync.Options{}), ccsync.Synced)
	w.wantHeld(w.rows[0].Email, "NEW7")
}
