package sync_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

const importPath = "/v3/activities/contacts_json_import"

// sentTwice are the addresses that stand in more than one accepted import, of those from the given
// number on.
func (w *world) sentTwice(first int) []string {
	seen, twice := map[string]bool{}, []string{}
	for _, imp := range w.box.Imports()[first:] {
		for _, r := range imp.Rows {
			if seen[r.Address] {
				twice = append(twice, r.Address)
			}
			seen[r.Address] = true
		}
	}
	return twice
}

func (w *world) wantAllCodes() {
	w.t.Helper()
	for _, r := range w.rows {
		if got := w.code(r.Email); got != r.Values[0] {
			w.t.Errorf("%s carries %q, want %q", r.Email, got, r.Values[0])
		}
	}
}

func TestAnImportWithoutAnAnswerIsFoundAndNotSentTwice(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]sandbox.FaultKind{
		"reset before": sandbox.FaultResetBefore, "reset after": sandbox.FaultResetAfter, "cut body": sandbox.FaultCutBody,
		"never answered": sandbox.FaultHangAfter, "hangs": sandbox.FaultHangBefore,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(50, 5)
				w.box.Fault(sandbox.Fault{Kind: kind, Method: "POST", Path: importPath, Times: 1})
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				w.wantAllCodes()
				if twice := w.sentTwice(0); len(twice) > 0 {
					t.Errorf("sent twice: %v", twice)
				}
			})
		})
	}
}

func TestRowsThatAnImportLosesAreNamedAndQuarantined(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(100, 5)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: "user000010@", Path: importPath})
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Partial)
		if p := report.Push; p.Verified != 19 || p.Unverified != 1 || len(p.Problems) != 1 || p.Problems[0].Reason != ccsync.Lost || p.Problems[0].Key != "11" {
			w.t.Fatalf("push %+v", p)
		}
		again := w.run(ccsync.Options{})
		w.want(again, ccsync.Partial)
		if got := skipOf(again, "11"); got != ccsync.Quarantined {
			t.Errorf("%q, want quarantined", got)
		}
		if n := len(w.box.Imports()); n != 1 {
			t.Errorf("%d imports, want no more than the first", n)
		}
		w.rows[10].Values = []string{"OTHER"}
		w.box.ClearFaults()
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
	})
}

func TestQuarantineEndsWithGrowingDelays(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(10, 5)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: "user000005@", Path: importPath})
		w.want(w.run(ccsync.Options{}), ccsync.Partial)
		for i, delay := range []time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour, 24 * time.Hour} {
			time.Sleep(delay - 2*time.Minute)
			w.want(w.run(ccsync.Options{}), ccsync.Partial)
			if n := len(w.box.Imports()); n != i+1 {
				w.t.Fatalf("%d imports before %s have passed", n, delay)
			}
			time.Sleep(3 * time.Minute)
			w.want(w.run(ccsync.Options{}), ccsync.Partial)
			if n := len(w.box.Imports()); n != i+2 {
				w.t.Fatalf("%d imports after %s", n, delay)
			}
		}
	})
}

func TestOnePoisonousRowDoesNotHoldBackItsNeighbours(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(64, 1)
		w.guard = ccsync.Guard{}
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultPoisoned, Match: "user000037@", Path: importPath})
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Partial)
		if p := report.Push; p.Verified != 63 || len(p.Problems) != 1 || p.Problems[0].Key != "38" {
			t.Errorf("push %+v", p)
		}
		t.Logf("%d imports, %d requests, %.0f s", len(w.box.Imports()), report.Requests, report.Seconds)
	})
}

// An account that takes nothing must not cost an import for each row.
func TestARunSendsLostRowsAgainInNoMoreThan64Halves(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(100, 1)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultPoisoned, Match: "@example.com", Path: importPath})
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Partial)
		if p := report.Push; len(w.box.Imports()) != 65 || p.Verified != 0 || len(p.Problems) != 100 {
			t.Errorf("%d imports, %d verified, %d problems", len(w.box.Imports()), p.Verified, len(p.Problems))
		}
	})
}

func TestWhoWentMeanwhileIsNotSentAgainWithHisNeighbours(t *testing.T) {
	t.Parallel()
	slow := func(int) time.Duration { return 20 * time.Second }
	inWorld(t, sandbox.Options{ImportTime: slow}, func(w *world) {
		w.policy.Lists = []string{"App users"}
		w.populate(16, 1)
		w.box.JoinList(w.rows[3].Email, "Newsletter")
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultPoisoned, Match: "user000009@", Path: importPath})
		go func() {
			for len(w.box.Imports()) == 0 {
				time.Sleep(time.Second)
			}
			w.box.Delete(w.rows[1].Email)
			w.box.OptOut(w.rows[2].Email)
			w.box.LeaveList(w.rows[3].Email, "App users")
		}()
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Partial)
		for _, imp := range w.box.Imports()[1:] {
			for _, r := range imp.Rows {
				if i := slices.Index([]string{w.rows[1].Email, w.rows[2].Email, w.rows[3].Email}, r.Address); i >= 0 {
					t.Errorf("%s was sent again", r.Address)
				}
			}
		}
		if c, _ := w.box.Contact(w.rows[1].Email); !c.Deleted {
			t.Error("a deleted contact was revived")
		}
		if c, _ := w.box.Contact(w.rows[3].Email); slices.Contains(c.Lists, "App users") {
			t.Error("a contact was put back on the list that he left")
		}
		if report.Push.Verified != 12 || len(report.Push.Problems) != 4 {
			t.Errorf("push %+v", report.Push)
		}
		again := w.run(ccsync.Options{})
		for key, want := range map[string]ccsync.Reason{"2": ccsync.Deleted, "3": ccsync.Unsubscribed, "4": ccsync.Quarantined, "10": ccsync.Quarantined} {
			if got := skipOf(again, key); got != want {
				t.Errorf("row %s: %q, want %q", key, got, want)
			}
		}
	})
}

func TestRejectedRowsAreNamedAndWaitTwoDays(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 5)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultRefused, Match: "user000005@", Path: importPath, Times: 1})
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Partial)
		if p := report.Push; p.Rejected != 1 || p.Problems[0].Reason != ccsync.Rejected {
			t.Errorf("push %+v", p)
		}
		time.Sleep(47 * time.Hour)
		if report := w.run(ccsync.Options{}); skipOf(report, "6") != ccsync.Quarantined {
			t.Errorf("%+v", report.Skipped)
		}
		time.Sleep(2 * time.Hour)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
	})
}

func TestAnActivityThatFailsIsRetriedByTheNextRun(t *testing.T) {
	t.Parallel()
	for _, kind := range []sandbox.FaultKind{sandbox.FaultFailed, sandbox.FaultTimedOut, sandbox.FaultCancelled} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(20, 5)
				w.box.Fault(sandbox.Fault{Kind: kind, Path: importPath, Times: 1})
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Partial)
				if len(report.Push.Problems) != 4 || report.Push.Problems[0].Reason != ccsync.ActivityFailed {
					t.Errorf("%+v", report.Push)
				}
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.wantAllCodes()
			})
		})
	}
}

func TestAStalledImportIsLetGoAndOthersAreServed(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 5)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath, Times: 1})
		start := time.Now()
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Partial)
		if took := time.Since(start); took < 10*time.Minute || took > 13*time.Minute {
			t.Errorf("waited %s", took)
		}
		if report.Push.Unverified != 4 || report.Coverage.Pending != 4 {
			t.Errorf("%+v %+v", report.Push, report.Coverage)
		}
		w.rows[1].Values = []string{"FRESH"}
		start = time.Now()
		report = w.run(ccsync.Options{})
		w.want(report, ccsync.Partial)
		if took := time.Since(start); took > time.Minute {
			t.Errorf("the second run waited %s for the stalled one", took)
		}
		if got := w.code(w.rows[1].Email); got != "FRESH" {
			t.Errorf("another user carries %q", got)
		}
		if twice := w.sentTwice(0); len(twice) > 0 {
			t.Errorf("sent twice: %v", twice)
		}
		time.Sleep(6 * time.Hour)
		w.run(ccsync.Options{})
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
	})
}

func TestTheDaysQuotaDefersTheRest(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.limits.PerDay = 5
		w.restart()
		w.populate(1000, 10)
		for range 3 {
			w.want(w.run(ccsync.Options{}), ccsync.Deferred)
			w.restart()
		}
		if n := len(w.box.Requests()); n > 5 {
			t.Errorf("%d requests in a day of 5", n)
		}
		for range 6 {
			time.Sleep(24 * time.Hour)
			w.run(ccsync.Options{})
			w.restart()
		}
		w.wantAllCodes()
		if twice := w.sentTwice(0); len(twice) > 0 {
			t.Errorf("sent twice: %v", twice)
		}
	})
}

// A look-up that counts a contact and shows none has skipped it: nobody is taken for gone, or for a
// newcomer, for that.
func TestALookUpThatSkipsTheContactIsMadeAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(10, 10)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.rows[1].Values[0] = "FRESH"
		// the first is the refresh
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultShiftedPage, Path: "/v3/contacts", At: []int{2}, Rows: 1})
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Synced)
		if r.Summary.Skipped != 0 || r.Push.Verified != 1 || w.code(w.rows[1].Email) != "FRESH" {
			t.Errorf("%d skipped, %d verified, the code is %q", r.Summary.Skipped, r.Push.Verified, w.code(w.rows[1].Email))
		}
	})
}

// Nobody is created at an address where the account counts a contact and shows none, however often
// it is asked.
func TestNobodyIsCreatedWhereAContactIsCountedAndNotShown(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Create, w.policy.Lists = true, []string{"App users"}
		w.populate(10, 10)
		w.want(w.run(ccsync.Options{Force: true}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.box.Seed(sandbox.Contact{Address: "hidden@example.com", Lists: []string{"App users"}, Fields: map[string]string{"Short code": "OLD"}})
		w.rows = append(w.rows, row("99", "hidden@example.com", "NEW"), row("98", "newcomer@example.com", "CODE"))
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultShiftedPage, Path: "/v3/contacts", Rows: 1})
		sent := len(w.box.Imports())
		r := w.run(ccsync.Options{})
		if got := skipOf(r, "99"); got != ccsync.NotAContact {
			t.Errorf("%s: skipped as %q, %+v", r.Outcome, got, r.Error)
		}
		for _, i := range w.box.Imports()[sent:] {
			for _, sent := range i.Rows {
				if strings.Contains(fmt.Sprint(sent), "hidden@") {
					t.Errorf("sent: %v", sent)
				}
			}
		}
		w.box.ClearFaults()
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		if c := w.code("hidden@example.com"); c != "NEW" {
			t.Errorf("the code is %q", c)
		}
	})
}

// A problem that is open does not hide that the rest of the run was put off.
func TestAPartialRunSaysThatTheQuotaPutOffTheRest(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(10, 5)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: w.rows[0].Email})
		w.want(w.run(ccsync.Options{}), ccsync.Partial)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultQuotaExceeded, Times: 1})
		w.rows[1].Values[0] = "FRESH"
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Partial)
		if !r.PutOff() || !strings.Contains(r.Error.Message, "used up") || !strings.Contains(r.Error.Hint, "the rest is sent after") {
			t.Errorf("put off %t, error %+v", r.PutOff(), r.Error)
		}
	})
}

func TestTheServersQuotaStopsEverythingUntilMidnight(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(10, 5)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultQuotaExceeded, Times: 1})
		w.want(w.run(ccsync.Options{}), ccsync.Deferred)
		seen := len(w.box.Requests())
		w.restart()
		w.want(w.run(ccsync.Options{}), ccsync.Deferred)
		if n := len(w.box.Requests()); n != seen {
			t.Errorf("%d requests after the server closed the day", n-seen)
		}
		time.Sleep(25 * time.Hour)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
	})
}

func TestHalfASourceIsNeverPlanned(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 2)
		w.broken = errors.New("connection lost")
		w.want(w.run(ccsync.Options{}), ccsync.Failed)
		if len(w.box.Imports()) != 0 {
			t.Error("half a source was sent")
		}
	})
}

func TestPagesThatSkipAreReadAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(1500, 50)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultShiftedPage, Rows: 7, Path: "/v3/contacts", At: []int{2}})
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if len(report.Notes) == 0 {
			t.Error("no note of the pages that skipped")
		}
		w.wantAllCodes()
	})
}

func TestCodesThatLandLateAreWaitedFor(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 5)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultReadDelay, Delay: 6 * time.Second, Path: importPath})
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
	})
}

func TestCodesThatLandHalfAMinuteLateAreNotSentTwice(t *testing.T) {
	t.Parallel()
	for name, switches := range map[string]sandbox.Switches{
		"and move updated_at": {ImportsReadLate: true}, "and keep updated_at": {ImportsReadLate: true, ImportKeepsUpdatedAt: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{Switches: switches}, func(w *world) {
				w.populate(2600, 20)
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				w.wantAllCodes()
				if n := len(w.box.Imports()); n != 1 || report.Requests > 50 {
					t.Errorf("%d imports, %d requests", n, report.Requests)
				}
			})
		})
	}
}

// What is put back contact by contact can be read at once. That says nothing of imports.
func TestAClearThatFailsDoesNotMakeALateImportALostOne(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{Switches: sandbox.Switches{ImportsReadLate: true}}, func(w *world) {
		w.policy.Fields[0].Clear = true
		many := contact("many@example.com", "A", "App users")
		for i := range 26 {
			many.Fields[fmt.Sprintf("own %d", i)] = "x"
		}
		w.box.Seed(many, contact("few@example.com", "B", "App users"), contact("new@example.com", "C", "App users"))
		w.rows = []source.Row{row("1", "many@example.com", ""), row("2", "few@example.com", ""), row("3", "new@example.com", "D")}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Partial)
		if p := report.Push.Problems; len(p) != 1 || p[0].Key != "1" {
			t.Errorf("problems %+v", p)
		}
	})
}

func TestAnImportThatKeepsUpdatedAtIsVerifiedAllTheSame(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{Switches: sandbox.Switches{ImportKeepsUpdatedAt: true}}, func(w *world) {
		w.populate(1000, 10)
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if report.Requests > 14 {
			t.Errorf("%d requests", report.Requests)
		}
	})
}

func TestTheGuardRefusesWhatLooksLikeAnAccident(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		guard   ccsync.Guard
		change  func(w *world)
		reasons []string
	}{
		"too many values replaced": {ccsync.Guard{MaxChangePercent: 10, ExemptBelow: 10}, func(w *world) {
			for i := range 21 {
				w.rows[i].Values = []string{"X" + w.rows[i].Key}
			}
		}, []string{"max_change_percent"}},
		"just as many as allowed": {ccsync.Guard{MaxChangePercent: 10, ExemptBelow: 10}, func(w *world) {
			for i := range 20 {
				w.rows[i].Values = []string{"X" + w.rows[i].Key}
			}
		}, nil},
		"an emptied column": {ccsync.Guard{MinSourceRows: 1, MaxShrinkPercent: 30}, func(w *world) {
			for i := range w.rows {
				w.rows[i].Values = []string{""}
			}
		}, []string{"min_source_rows", "max_shrink_percent"}},
		"one code for all": {ccsync.Guard{ExemptBelow: 10}, func(w *world) {
			for i := range w.rows {
				w.rows[i].Values = []string{"SAME"}
			}
		}, []string{"shared_codes"}},
		"a table that shrank": {ccsync.Guard{MaxShrinkPercent: 30}, func(w *world) { w.rows = w.rows[:139] }, []string{"max_shrink_percent"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(200, 0)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.guard = c.guard
				c.change(w)
				report := w.dry(ccsync.Options{})
				if !slices.Equal(report.Guard.Reasons, c.reasons) && len(report.Guard.Reasons)+len(c.reasons) > 0 {
					w.t.Fatalf("guard %+v, want %v", report.Guard, c.reasons)
				}
				if len(c.reasons) == 0 {
					w.want(w.run(ccsync.Options{}), ccsync.Synced)
					return
				}
				w.want(w.run(ccsync.Options{}), ccsync.Refused)
				if len(w.box.Imports()) != 0 {
					t.Error("a refused plan was sent")
				}
			})
		})
	}
}

func TestACloneIsRefusedBeforeAnythingIsSpent(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(10, 5)
		w.home = ccsync.Home{API: "a", Auth: "b", Source: "s", Machine: "m1", Path: "/one"}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		seen := len(w.box.Requests())
		w.home.Machine, w.home.Path = "m2", "/two"
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Refused)
		if !slices.Equal(report.Guard.Reasons, []string{"moved"}) || len(w.box.Requests()) != seen {
			t.Errorf("%+v, %d requests", report.Guard, len(w.box.Requests())-seen)
		}
		w.want(w.run(ccsync.Options{Force: true}), ccsync.Synced)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
	})
}
