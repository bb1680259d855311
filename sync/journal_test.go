package sync_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

func TestAnImportUnderWayOutlivesAChangeOfTheMapping(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		name := ccsync.Field{Column: "first_name", Property: "first_name"}
		w.box.Seed(sandbox.Contact{Address: "a@example.com", Lists: []string{"App users"}, FirstName: "Ann"})
		w.policy.Fields = append([]ccsync.Field{name}, w.policy.Fields...)
		w.rows = append(w.rows, row("1", "a@example.com", "Bea", "K1"))
		if !w.runUntil(moment{request: 3, seen: true}, ccsync.Options{}) {
			t.Fatal("the run did not last until its import")
		}
		w.policy.Fields = w.policy.Fields[1:]
		w.rows[0].Values = []string{"K1"}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if report.Push.Verified != 1 || len(w.box.Imports()) != 1 {
			t.Errorf("push %+v, %d imports", report.Push, len(w.box.Imports()))
		}
		w.wantAllCodes()
	})
}

func TestASnapshotThatWasGoneOnWithIsNotTakenForFresh(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(1200, 100)
		if !w.runUntil(moment{request: 4}, ccsync.Options{}) { // fields, then two of three pages
			t.Fatal("the run did not last until its third page")
		}
		time.Sleep(20 * time.Minute)
		for i := 0; i < 1200; i += 100 {
			w.box.Delete(w.rows[i].Email)
		}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		for i := 0; i < 1200; i += 100 {
			if c, _ := w.box.Contact(w.rows[i].Email); !c.Deleted {
				t.Errorf("%s was revived", c.Address)
			}
		}
		if report.Summary.Skipped != 12 || report.Reasons[string(ccsync.Deleted)] != 12 {
			t.Errorf("summary %+v, reasons %v", report.Summary, report.Reasons)
		}
	})
}

func TestWhoLeftAListIsNotPutBackUnderAnotherAddress(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Lists = []string{"App users"}
		w.box.Seed(contact("old@example.com", "A", "App users", "Newsletter"))
		w.rows = []source.Row{row("1", "old@example.com", "A")}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.box.LeaveList("old@example.com", "App users")
		w.rows[0].Values = []string{"B"}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.rows[0].Values = []string{"C"}
		w.whileReading = func() { w.box.ChangeAddress("old@example.com", "new@example.com") } // after the refresh, before the recheck
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if got := skipOf(report, "1"); got != ccsync.NotAContact {
			t.Errorf("under the old address: %q", got)
		}
		w.whileReading = nil
		w.rows = []source.Row{row("1", "new@example.com", "C")}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		if c, _ := w.box.Contact("new@example.com"); !slices.Equal(c.Lists, []string{"Newsletter"}) || c.Fields["short_code"] != "C" {
			t.Errorf("under the new address: %+v", c)
		}
	})
}

// elsewhere posts an import as another program with the same login would.
func (w *world) elsewhere(addresses ...string) {
	w.t.Helper()
	token, err := w.tokens.Token(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	rows := make([]string, len(addresses))
	for i, a := range addresses {
		rows[i] = `{"email":"` + a + `","job_title":"Elsewhere"}`
	}
	lists, err := w.engine().Read.Lists(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	body := `{"list_ids":["` + lists[0].ID + `"],"import_data":[` + strings.Join(rows, ",") + `]}`
	r := httptest.NewRequest(http.MethodPost, importPath, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token.AccessToken)
	answer := httptest.NewRecorder()
	w.box.ServeHTTP(answer, r)
	if answer.Code != http.StatusCreated {
		w.t.Fatalf("HTTP %d: %s", answer.Code, answer.Body)
	}
}

func TestTheImportOfAnotherProgramIsNotTakenForOurs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lost  sandbox.FaultKind
		users int
	}{
		"ours was accepted":               {sandbox.FaultResetAfter, 4},
		"ours was not accepted":           {sandbox.FaultResetBefore, 4},
		"one user, ours was accepted":     {sandbox.FaultResetAfter, 1},
		"one user, ours was not accepted": {sandbox.FaultResetBefore, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(40, 40/c.users)
				w.whileReading = func() {
					w.elsewhere([]string{"p@example.com", "q@example.com", "r@example.com", "s@example.com"}[:c.users]...)
					time.Sleep(time.Minute)
					w.elsewhere([]string{"t@example.com", "u@example.com", "v@example.com", "w@example.com"}[:c.users]...)
					time.Sleep(5 * time.Second)
				}
				w.box.Fault(sandbox.Fault{Kind: c.lost, Method: "POST", Path: importPath, At: []int{3}})
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				w.wantAllCodes()
				if twice := w.sentTwice(0); len(twice) > 0 {
					t.Errorf("sent twice: %v", twice)
				}
				if report.Push.Verified != c.users {
					t.Errorf("push %+v", report.Push)
				}
			})
		})
	}
}

func TestAKilledRunsImportIsToldFromThatOfAnotherProgram(t *testing.T) {
	t.Parallel()
	for name, accepted := range map[string]bool{"ours was accepted": true, "ours was not accepted": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(40, 40)
				w.whileReading = func() { w.elsewhere("p@example.com"); time.Sleep(5 * time.Second) }
				if !w.runUntil(moment{request: 3 + 1, seen: accepted}, ccsync.Options{}) { // fields, contacts, lists (elsewhere), import
					t.Fatal("the run did not last until its import")
				}
				w.whileReading = nil
				w.elsewhere("q@example.com")
				time.Sleep(time.Minute)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.wantAllCodes()
				if twice := w.sentTwice(0); len(twice) > 0 {
					t.Errorf("sent twice: %v", twice)
				}
			})
		})
	}
}
