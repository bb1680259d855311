package sync_test

import (
	"fmt"
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
		// after the refresh, before the recheck
		w.whileReading = func() { w.box.ChangeAddress("old@example.com", "new@example.com") }
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
	rows := make([]string, len(addresses))
	for i, a := range addresses {
		rows[i] = `{"email":"` + a + `","job_title":"Elsewhere"}`
	}
	lists, err := w.engine().Read.Lists(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.request(http.MethodPost, importPath, `{"list_ids":["`+lists[0].ID+`"],"import_data":[`+strings.Join(rows, ",")+`]}`)
}

// request asks the API something as another program with the same login would.
func (w *world) request(method, path, body string) {
	w.t.Helper()
	token, err := w.tokens.Token(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token.AccessToken)
	answer := httptest.NewRecorder()
	if w.box.ServeHTTP(answer, r); answer.Code >= 300 {
		w.t.Fatalf("HTTP %d: %s", answer.Code, answer.Body)
	}
}

func TestAContactThatHasAnotherAddressNowIsNotCleared(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields = append(w.policy.Fields, ccsync.Field{Column: "first_name", Property: "first_name", Clear: true})
		w.box.Seed(sandbox.Contact{Address: "a@example.com", FirstName: "Ann", Fields: map[string]string{"Short code": "OLD"}, Lists: []string{"App users"}})
		w.rows = []source.Row{row("1", "a@example.com", "NEW", "")}
		// the run's own snapshot is fresh: nothing else is read again
		w.whileReading = func() { w.box.ChangeAddress("a@example.com", "b@example.com") }
		w.run(ccsync.Options{})
		if c, _ := w.box.Contact("b@example.com"); c.FirstName != "Ann" || c.Fields["short_code"] != "OLD" {
			t.Errorf("%+v", c)
		}
		w.whileReading = nil
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if got := skipOf(report, "1"); got != ccsync.NotAContact {
			t.Errorf("skipped as %q", got)
		}
	})
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

// Where rows of it have landed it was ours: what it lost is not sent again at once.
func TestAnImportThatWasFoundAndLostARowIsOurs(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(10, 1)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: w.rows[3].Email})
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultResetAfter, Method: "POST", Path: importPath, Times: 1})
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Partial)
		if n := len(w.box.Imports()); n != 1 || report.Push.Verified != 9 || report.OpenProblems[ccsync.Lost] != 1 {
			t.Errorf("%d imports, push %+v", n, report.Push)
		}
	})
}

func TestAKilledRunsImportIsToldFromThatOfAnotherProgram(t *testing.T) {
	t.Parallel()
	for name, accepted := range map[string]bool{"ours was accepted": true, "ours was not accepted": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(40, 40)
				w.whileReading = func() { w.elsewhere("p@example.com"); time.Sleep(5 * time.Second) }
				// fields, contacts, lists (elsewhere), import
				if !w.runUntil(moment{request: 3 + 1, seen: accepted}, ccsync.Options{}) {
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

func TestAnActivityThatIsGoneAfterTenDaysIsSettledByItsContacts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault sandbox.Fault
		kill  moment
	}{
		"it did its work, and was polled never":      {sandbox.Fault{Kind: sandbox.FaultSlow, Path: importPath, Times: 1}, moment{request: 4}},
		"it did not end while anybody looked":        {sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath, Times: 1}, moment{}},
		"nobody knows whether it was ever accepted":  {sandbox.Fault{Kind: sandbox.FaultSlow, Path: importPath, Times: 1}, moment{request: 3, seen: true}},
		"nobody knows, and it was not accepted":      {sandbox.Fault{Kind: sandbox.FaultSlow, Path: importPath, Times: 1}, moment{request: 3}},
		"half of its rows were lost before it ended": {sandbox.Fault{Kind: sandbox.FaultStuck, Share: 0.5, Path: importPath, Times: 1}, moment{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(20, 5)
				w.box.Fault(c.fault)
				if c.kill == (moment{}) {
					w.want(w.run(ccsync.Options{}), ccsync.Partial)
				} else if !w.runUntil(c.kill, ccsync.Options{}) {
					t.Fatal("the run did not last so long")
				}
				w.box.ClearFaults()
				time.Sleep(11 * 24 * time.Hour)
				w.finish()
				w.wantAllCodes()
				if c.fault.Kind == sandbox.FaultSlow && len(w.sentTwice(0)) > 0 {
					t.Errorf("sent twice: %v", w.sentTwice(0))
				}
			})
		})
	}
}

func TestAnActivityThatNobodyCanLookAtIsWaitedForAndNotSentTwice(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{ImportTime: func(int) time.Duration { return 3 * time.Minute }}, func(w *world) {
		w.populate(20, 5)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultGone, Path: importPath, Times: 1})
		w.run(ccsync.Options{})
		w.finish()
		w.wantAllCodes()
		if twice := w.sentTwice(0); len(twice) > 0 {
			t.Errorf("sent twice: %v", twice)
		}
	})
}

func TestAnImportThatDoesNotEndInTimeIsPlannedAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.ActivityTimeout = time.Hour
		w.populate(20, 5)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath, Times: 1})
		w.want(w.run(ccsync.Options{}), ccsync.Partial)
		time.Sleep(30 * time.Minute)
		w.want(w.run(ccsync.Options{}), ccsync.Partial)
		if n := len(w.box.Imports()); n != 1 {
			t.Fatalf("%d imports before the time is up", n)
		}
		time.Sleep(30 * time.Minute)
		report := w.run(ccsync.Options{})
		w.wantAllCodes()
		w.want(report, ccsync.Synced) // what the import that did not end left open is made good
		if report.Summary.Update != 4 || len(report.Push.Problems) != 0 || report.Push.Activities[0].State != "activity_timeout" {
			t.Errorf("%s %+v %+v", report.Outcome, report.Summary, report.Push)
		}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
	})
}

// A late import brings an old value back; it is seen and corrected.
func TestAStalledImportThatEndsAfterAllIsCorrected(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 5)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultSlowWork, Delay: 10 * time.Hour, Path: importPath, Times: 1})
		w.want(w.run(ccsync.Options{}), ccsync.Partial)
		w.rows[0].Values = []string{"LATER"}
		time.Sleep(7 * time.Hour)
		w.finish()
		w.wantAllCodes()
		time.Sleep(5 * time.Hour) // now the first import does its work
		w.finish()
		w.wantAllCodes()
	})
}

func TestCompletedWithErrorsNamesEveryRowThatIsMissing(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{Switches: sandbox.Switches{ActivityErrorLines: true}}, func(w *world) {
		w.populate(100, 5)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultRefused, Rows: 3, Path: importPath})
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Partial)
		if p := report.Push; p.Verified != 17 || p.Rejected != 3 || p.Unverified != 0 || len(p.Problems) != 3 || p.Problems[0].Detail == "" {
			t.Errorf("push %+v", p)
		}
	})
}

func TestAPushForOneUserIsNotKeptBackByItsQuarantine(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 5)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: "user000005@", Path: importPath, Times: 1})
		w.want(w.run(ccsync.Options{}), ccsync.Partial)
		if got := skipOf(w.run(ccsync.Options{}), "6"); got != ccsync.Quarantined {
			t.Errorf("skipped as %q", got)
		}
		report := w.run(ccsync.Options{Only: []string{"key:6"}})
		w.want(report, ccsync.Synced)
		if len(report.Users) != 1 || report.Users[0].State != "verified" {
			t.Errorf("users %+v", report.Users)
		}
		w.wantAllCodes()
		if left := skipOf(w.run(ccsync.Options{}), "6"); left != "" {
			t.Errorf("still %q", left)
		}
	})
}

func TestRequestsThatAreRefusedWholeAreRetriedWithinTheHour(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 5)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 400, Method: "POST", Path: importPath})
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Partial)
		if report.Push.Rejected != 4 {
			t.Errorf("push %+v", report.Push)
		}
		w.box.ClearFaults()
		time.Sleep(61 * time.Minute)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
	})
}

func TestAListThatIsDeletedMeanwhileQuarantinesNobody(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		third := w.box.AddList("Third")
		for i := range 30 {
			address := fmt.Sprintf("u%02d@example.com", i)
			w.box.Seed(contact(address, "OLD", "Third", "Newsletter"))
			w.rows = append(w.rows, row(fmt.Sprint(i), address, fmt.Sprintf("N%02d", i)))
		}
		w.box.Seed(contact("alone@example.com", "OLD", "Third"))
		w.rows = append(w.rows, row("alone", "alone@example.com", "N"))
		w.whileReading = func() {
			w.whileReading = nil
			w.request(http.MethodDelete, "/v3/contact_lists/"+third, "")
			time.Sleep(10 * time.Second)
		}
		report := w.run(ccsync.Options{})
		if n := len(w.box.Writes()); n > 6 {
			t.Errorf("%d writes: %s, %+v", n, report.Outcome, report.Error)
		}
		time.Sleep(5 * time.Minute)
		report = w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if got := skipOf(report, "alone"); got != ccsync.NoList {
			t.Errorf("the one who is on no list any more: %q", got)
		}
		w.rows = w.rows[:30]
		w.wantAllCodes()
	})
}
