package sync_test

import (
	"fmt"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

func TestEachWayToAskForAUserIsAnswered(t *testing.T) {
	t.Parallel()
	const verified, pending, skipped = "verified", "pending", "skipped"
	for name, c := range map[string]struct {
		ask, state, reason string
		sent               int
	}{
		"an address":                                {"a@example.com", verified, "", 1},
		"an address in other letters":               {" A@EXAMPLE.com ", verified, "", 1},
		"a key":                                     {"key:100", verified, "", 1},
		"one who needs nothing":                     {"key:101", verified, "", 0},
		"the first of two rows that agree":          {"key:102", verified, "", 1},
		"the second of two rows that agree":         {"key:103", verified, "", 1},
		"two rows that agree, by address":           {"twice@example.com", verified, "", 1},
		"the first of two rows that differ":         {"key:104", skipped, "duplicate_email", 0},
		"the second of two rows that differ":        {"key:105", skipped, "duplicate_email", 0},
		"two rows that differ, by address":          {"differ@example.com", skipped, "duplicate_email", 0},
		"a row whose address is none":               {"key:106", skipped, "invalid_email", 0},
		"that address, as it stands":                {"nobody at example.com", skipped, "invalid_email", 0},
		"a row without an address":                  {"key:107", skipped, "invalid_email", 0},
		"a row whose value is another's":            {"key:108", skipped, "duplicate_value", 0},
		"a row that is no contact":                  {"key:109", skipped, "not_a_contact", 0},
		"one who opted out":                         {"key:110", skipped, "unsubscribed", 0},
		"an address that no row has":                {"orphan@example.com", skipped, "not_in_source", 0},
		"an address that nobody has":                {"unknown@example.com", skipped, "not_in_source", 0},
		"a key that no row has":                     {"key:999", skipped, "not_in_source", 0},
		"no key at all":                             {"key:", skipped, "not_in_source", 0},
		"something else":                            {"what", skipped, "not_in_source", 0},
		"a domain in its other spelling":            {"ulf@xn--bcher-kva.example", verified, "", 1},
		"a domain as people write it":               {"ulf@BÜCHER.example", verified, "", 1},
		"the key of one with a domain of that kind": {"key:111", verified, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.policy.Fields[0].Unique = true
				out := contact("out@example.com", "", "App users")
				out.Permission = sandbox.Unsubscribed
				w.box.Seed(contact("a@example.com", "", "App users"), contact("b@example.com", "B", "App users"), contact("twice@example.com", "", "App users"),
					contact("differ@example.com", "", "App users"), contact("orphan@example.com", "", "App users"), contact("same@example.com", "", "App users"),
					contact("ulf@xn--bcher-kva.example", "", "App users"), out)
				w.rows = []source.Row{row("100", "A@example.com", "A"), row("101", "b@example.com", "B"), row("102", "twice@example.com", "C"), row("103", "Twice@Example.com", "C"),
					row("104", "differ@example.com", "D"), row("105", "differ@example.com", "E"), row("106", "nobody at example.com", "F"), row("107", "", "G"),
					row("108", "same@example.com", "A2"), row("120", "other@example.com", "A2"), row("109", "new@example.com", "H"), row("110", "out@example.com", "I"),
					row("111", "ulf@bücher.example", "J")}
				r := w.run(ccsync.Options{Only: []string{c.ask}})
				want := ccsync.Synced
				w.want(r, want)
				w.wantState(r, c.state, c.reason)
				sent := 0
				for _, i := range w.box.Imports() {
					sent += len(i.Rows)
				}
				if sent != c.sent {
					t.Errorf("%d rows were sent, want %d", sent, c.sent)
				}
				if got := r.Coverage; got.Verified+got.Pending+got.Missing+got.Skipped != got.Users || c.state == verified && got.Verified != 1 {
					t.Errorf("coverage %+v", got)
				}
			})
		})
	}
}

func TestManyWhoAreAskedForAreAnsweredInTheirOrder(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(10, 2)
		w.rows = append(w.rows, row("102", "nobody", "X"), row("103", "USER000004@example.com", w.rows[4].Values[0]))
		ask := []string{"key:102", "user000004@example.com", "key:103", "unknown@example.com", "key:5", "user000001@example.com", "user000004@example.com"}
		r := w.run(ccsync.Options{Only: ask})
		w.want(r, ccsync.Synced)
		got := ""
		for _, u := range r.Users {
			got += fmt.Sprintln(u.State, u.Reason)
		}
		const want = "skipped invalid_email\nverified \nverified \nskipped not_in_source\nverified \nverified \nverified \n"
		if got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
		if n := w.sent(""); n != 1 {
			t.Errorf("%d rows were sent, want one", n)
		}
	})
}

func TestWhoIsAskedForBeyondTheLimitIsPending(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(10, 2)
		r := w.run(ccsync.Options{Limit: 1, Only: []string{"key:1", "key:2", "user000002@example.com", "key:5"}})
		w.want(r, ccsync.Partial)
		for i, want := range []string{"verified", "verified", "pending", "pending"} {
			if r.Users[i].State != want || r.Users[i].Reason != "" {
				t.Errorf("%+v, want %s", r.Users[i], want)
			}
		}
		w.wantCoverage(r, 2, 2, 0, 0)
		if got := w.begin("OLD"); got != 4 {
			t.Errorf("%d contacts carry an old code, want 4", got)
		}
	})
}

func TestAnAddressThatNoRowHasIsNotPendingBesideASlowImport(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.populate(20, 1)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath})
		r := w.run(ccsync.Options{Only: []string{"unknown@example.com", "user000003@example.com", "key:999", "key:5"}})
		w.want(r, ccsync.Partial)
		for i, want := range []string{"skipped not_in_source", "pending ", "skipped not_in_source", "pending "} {
			if got := r.Users[i].State + " " + r.Users[i].Reason; got != want {
				t.Errorf("%+v, want %s", r.Users[i], want)
			}
		}
		// The import of that run is still under way in the next one.
		gone := w.rows[3].Email
		w.rows = append(w.rows[:3], w.rows[5:]...)
		again := w.run(ccsync.Options{Only: []string{"unknown@example.com", gone, "user000010@example.com"}})
		for i, want := range []string{"skipped not_in_source", "skipped not_in_source", "pending "} {
			if got := again.Users[i].State + " " + again.Users[i].Reason; got != want {
				t.Errorf("%+v, want %s", again.Users[i], want)
			}
		}
	})
}

// An import that cannot be read back leaves those who were asked for pending, and says nothing of
// the others.
func TestWhoIsAskedForWhenARunFailsIsPending(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 1)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.change(0, 20, "NEW")
		time.Sleep(time.Hour)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 403, Path: importPath})
		r := w.run(ccsync.Options{Only: []string{"unknown@example.com", "user000003@example.com", "key:9"}})
		for i, want := range []string{"skipped not_in_source", "pending ", "pending "} {
			if got := r.Users[i].State + " " + r.Users[i].Reason; got != want {
				t.Errorf("%+v, want %s", r.Users[i], want)
			}
		}
		w.want(r, ccsync.Failed)
	})
}

func TestWhoIsAskedForByTheKeyOfALongListOfRowsIsAnswered(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(10, 0)
		for i := range 12_000 {
			w.rows = append(w.rows, row(fmt.Sprint("x", i), "none", "X"))
			w.rows = append(w.rows, row(fmt.Sprint("y", i), "many@example.com", fmt.Sprint("Y", i)))
		}
		for ask, reason := range map[string]string{"key:x11999": "invalid_email", "key:y11999": "duplicate_email"} {
			r := w.run(ccsync.Options{Only: []string{ask}})
			w.want(r, ccsync.Synced)
			w.wantState(r, "skipped", reason)
		}
	})
}
