package sync_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// slowly is an account whose imports take five minutes.
var slowly = sandbox.Options{ImportTime: func(int) time.Duration { return 5 * time.Minute }}

// killAfter runs in a process that dies after this time, and starts a new one.
func (w *world) killAfter(d time.Duration, o ccsync.Options) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	w.life.endAt(moment{}, cancel)
	defer time.AfterFunc(d, func() {
		w.life.mu.Lock()
		defer w.life.mu.Unlock()
		w.life.meet(true)
	}).Stop()
	w.engine().Run(ctx, o)
	if w.life.again().IsZero() {
		w.t.Fatal("the run ended before it was killed")
	}
	w.restart()
}

// overtaken is an installation of 50 users whose import was under way, with values that begin with
// V, when its run was killed. Their rows begin with W now.
func (w *world) overtaken() {
	w.t.Helper()
	w.populate(50, 1)
	w.interrupted()
	w.change(0, 50, "W")
}

// interrupted sends values that begin with V, and dies before the import has ended.
func (w *world) interrupted() {
	w.t.Helper()
	w.change(0, len(w.rows), "V")
	w.killAfter(30*time.Second, ccsync.Options{})
	if n := w.begin("V"); n != 0 || w.sent("V") != len(w.rows) {
		w.t.Fatalf("%d contacts carry V, %d were sent", n, w.sent("V"))
	}
}

// begin counts the contacts whose code begins so.
func (w *world) begin(prefix string) (n int) {
	for _, c := range w.box.Contacts() {
		if strings.HasPrefix(c.Fields["short_code"], prefix) {
			n++
		}
	}
	return n
}

// sent counts the rows of imports with a code that begins so.
func (w *world) sent(prefix string) (n int) {
	for _, i := range w.box.Imports() {
		for _, r := range i.Rows {
			for _, value := range r.Members {
				if strings.HasPrefix(value, prefix) {
					n++
				}
			}
		}
	}
	return n
}

// wantState fails the test unless the run was for one user and this became of him.
func (w *world) wantState(r *ccsync.Report, state, reason string) {
	w.t.Helper()
	if len(r.Users) != 1 || r.Users[0].State != state || r.Users[0].Reason != reason {
		w.t.Errorf("users %+v, want one %s %s", r.Users, state, reason)
	}
}

func TestAnEarlierImportMakesNobodyVerifiedWhoseRowHasChanged(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.overtaken()
		r := w.run(ccsync.Options{Only: []string{"user000007@example.com"}})
		if got := w.code("user000007@example.com"); got != "W8" {
			t.Errorf("%+v, and the contact carries %s", r.Users, got)
		}
		w.wantState(r, "verified", "")
		w.want(r, ccsync.Synced)
		w.wantCoverage(r, 1, 0, 0, 0)
		if r.Push.Verified != 1 {
			t.Errorf("%d are called verified, want the one who was asked for", r.Push.Verified)
		}
		if got := w.begin("V"); got != 49 {
			t.Errorf("%d contacts carry V, want the 49 who were not asked for", got)
		}
		byKey := w.run(ccsync.Options{Only: []string{"key:9"}})
		w.wantState(byKey, "verified", "")
		if got := w.code("user000008@example.com"); got != "W9" {
			t.Errorf("%+v, and the contact carries %s", byKey.Users, got)
		}
	})
}

// putBack is an installation of 50 users whose import was running, with values that begin with V,
// when its run was killed. Their rows are again as the contacts were last seen.
func (w *world) putBack() {
	w.t.Helper()
	w.populate(50, 0)
	w.want(w.run(ccsync.Options{}), ccsync.Synced)
	w.interrupted()
	for i := range w.rows {
		w.rows[i].Values = []string{fmt.Sprintf("CODE%06d", i)}
	}
}

func TestAnEarlierImportMakesNobodyVerifiedWhoseRowWasPutBack(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.putBack()
		r := w.run(ccsync.Options{Only: []string{"user000007@example.com"}})
		if got := w.code("user000007@example.com"); got != "CODE000007" {
			t.Errorf("%+v, and the contact carries %s", r.Users, got)
		}
		w.wantState(r, "verified", "")
		w.want(r, ccsync.Synced)
	})
}

func TestAWholeRunIsSyncedOnlyOnceAnEarlierImportIsUndone(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.putBack()
		w.wantCoverage(w.dry(ccsync.Options{}), 0, 50, 0, 0)
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Synced)
		w.wantAllCodes()
		w.wantCoverage(r, 50, 0, 0, 0)
		if again := w.run(ccsync.Options{}); again.Summary.Unchanged != 50 {
			t.Errorf("summary of the next run %+v", again.Summary)
		}
	})
}

// Where the import does not end, nobody knows what it will do.
func TestAnEarlierImportThatDoesNotEndLeavesThosePendingWhoseRowsWerePutBack(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath, Times: 1})
		w.putBack()
		if is := w.explain("user000007@example.com"); !strings.Contains(is.Decision, "pending") {
			t.Errorf("the explanation says %+v", is)
		}
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Partial)
		w.wantCoverage(r, 0, 50, 0, 0)
		one := w.run(ccsync.Options{Only: []string{"user000007@example.com"}})
		w.want(one, ccsync.Partial)
		w.wantState(one, "pending", "")
	})
}

func TestAWholeRunIsSyncedOnlyWithTheValuesThatTheTableHasNow(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.overtaken()
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Synced)
		w.wantAllCodes()
		w.wantCoverage(r, 50, 0, 0, 0)
		if r.Push.Verified != 50 {
			t.Errorf("%d are called verified of 50 whose rows changed since the former run sent them", r.Push.Verified)
		}
		if r.Summary.Update != 50 || r.Summary.Change != 50 || len(r.Changes) != 50 || r.Summary.Unchanged != 0 {
			t.Errorf("summary %+v, %d changes", r.Summary, len(r.Changes))
		}
		if v, again := w.sent("V"), w.sent("W"); v != 50 || again != 50 {
			t.Errorf("%d values of the killed run were sent, %d of this one, want 50 of each", v, again)
		}
		again := w.run(ccsync.Options{})
		w.want(again, ccsync.Synced)
		w.wantCoverage(again, 50, 0, 0, 0)
	})
}

func TestAnEarlierImportThatEndedBeforeTheRunMakesNobodyVerifiedWhoseRowHasChanged(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.overtaken()
		time.Sleep(10 * time.Minute)
		r := w.run(ccsync.Options{Only: []string{"user000007@example.com"}})
		w.wantState(r, "verified", "")
		if got := w.code("user000007@example.com"); got != "W8" {
			t.Errorf("%+v, and the contact carries %s", r.Users, got)
		}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
	})
}

// Others are served while an import of a former run is under way.
func TestWhoWaitsForAnEarlierImportHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.overtaken()
		w.box.AddContact(contact("other@example.com", "", "App users"))
		w.rows = append(w.rows, row("99", "other@example.com", "W99"), row("100", "nobody@example.com", "W100"))
		time.Sleep(time.Minute)
		began := time.Now()
		var served time.Duration
		w.before(func(r *http.Request) {
			if r.URL.Path == importPath && served == 0 {
				served = time.Since(began)
			}
		})
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Synced)
		w.rows = w.rows[:51]
		w.wantAllCodes()
		w.wantCoverage(r, 51, 0, 0, 1)
		if served == 0 || served > time.Minute {
			t.Errorf("the other user was sent after %s", served)
		}
		if r.Summary.Update != 51 || r.Summary.Fill != 1 || len(r.Changes) != 51 || len(r.Push.Activities) != 3 {
			t.Errorf("summary %+v, %d changes, activities %+v", r.Summary, len(r.Changes), r.Push.Activities)
		}
	})
}

func TestValuesThatLandLateAreVerifiedWithoutASecondSend(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]ccsync.Options{"for all": {}, "for one": {Only: []string{"user000007@example.com"}}} {
		for late, delay := range map[string]time.Duration{"": 0, ", readable late": 12 * time.Second} {
			t.Run(name+late, func(t *testing.T) {
				t.Parallel()
				inWorld(t, slowly, func(w *world) {
					w.populate(50, 1)
					if delay > 0 {
						w.box.Fault(sandbox.Fault{Kind: sandbox.FaultReadDelay, Path: importPath, Delay: delay})
					}
					w.interrupted()
					r := w.run(o)
					w.want(r, ccsync.Synced)
					w.wantCoverage(r, max(1, 50-49*len(o.Only)), 0, 0, 0)
					if len(o.Only) > 0 {
						w.wantState(r, "verified", "")
					}
					w.wantAllCodes()
					if n := len(w.box.Imports()); n != 1 {
						t.Errorf("%d imports, want the one of the killed run", n)
					}
				})
			})
		}
	}
}

func TestAnEarlierImportThatLosesRows(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.populate(50, 1)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Path: importPath, Rows: 10, Times: 1})
		w.interrupted()
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Partial)
		w.wantCoverage(r, 40, 0, 10, 0)
		if n := len(w.box.Imports()); n != 1 || r.OpenProblems["lost"] != 10 {
			t.Errorf("%d imports, open problems %v", n, r.OpenProblems)
		}
		lost := 0
		for i, row := range w.rows {
			if w.code(row.Email) == row.Values[0] {
				continue
			}
			lost = i
			break
		}
		one := w.run(ccsync.Options{Only: []string{w.rows[lost].Email}}) // quarantined or not
		w.wantState(one, "verified", "")
		w.change(0, 50, "W")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
	})
}

func TestAnEarlierImportThatLosesRowsOfUsersWhoseRowHasChanged(t *testing.T) {
	t.Parallel()
	for name, rows := range map[string]int{"some": 10, "most": 40, "all": 50} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, slowly, func(w *world) {
				w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Path: importPath, Rows: rows, Times: 1})
				w.overtaken()
				r := w.run(ccsync.Options{})
				w.want(r, ccsync.Synced)
				w.wantAllCodes()
				w.wantCoverage(r, 50, 0, 0, 0)
				if n := w.sent("W"); n != 50 {
					t.Errorf("%d values were sent by this run, want 50", n)
				}
			})
		})
	}
}

func TestAnEarlierImportThatDoesNotEndLeavesItsUsersPending(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath, Times: 1})
		w.overtaken()
		began := time.Now()
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Partial)
		w.wantCoverage(r, 0, 50, 0, 0)
		if took := time.Since(began); took > 16*time.Minute {
			t.Errorf("it waited %s", took)
		}
		one := w.run(ccsync.Options{Only: []string{"user000007@example.com"}})
		w.want(one, ccsync.Partial)
		w.wantState(one, "pending", "")
		w.wantCoverage(one, 0, 1, 0, 0)
		if n := len(w.box.Imports()); n != 1 {
			t.Errorf("%d imports while the first was under way", n)
		}
		time.Sleep(7 * time.Hour) // it counts as lost now
		w.finish()
		w.wantAllCodes()
	})
}

func TestTheLimitHoldsForThoseWhoWaitedToo(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.overtaken()
		w.box.AddContact(contact("other@example.com", "", "App users"))
		w.rows = append(w.rows, row("99", "other@example.com", "W99"))
		r := w.run(ccsync.Options{Limit: 20})
		w.want(r, ccsync.Partial)
		w.wantCoverage(r, 20, 31, 0, 0)
		if got := w.begin("W"); got != 20 || r.Limited != 31 || r.Summary.Update != 20 {
			t.Errorf("%d contacts carry W, %d changes were left out, summary %+v", got, r.Limited, r.Summary)
		}
		time.Sleep(time.Hour)
		none := w.run(ccsync.Options{Limit: 1, Only: []string{"user000049@example.com", "user000048@example.com"}})
		w.want(none, ccsync.Partial)
		w.wantCoverage(none, 1, 1, 0, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
	})
}

func TestALimitThatIsReachedLeavesNothingForThoseWhoWaited(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.overtaken()
		w.box.AddContact(contact("other@example.com", "", "App users"))
		w.rows = append(w.rows, row("99", "other@example.com", "W99"))
		r := w.run(ccsync.Options{Limit: 1})
		w.want(r, ccsync.Partial)
		w.wantCoverage(r, 1, 50, 0, 0)
		if got := w.begin("W"); got != 1 || w.code("other@example.com") != "W99" || r.Limited != 50 {
			t.Errorf("%d contacts carry W, %d changes were left out", got, r.Limited)
		}
	})
}

func TestTheGuardJudgesThoseWhoWaitedToo(t *testing.T) {
	t.Parallel()
	for name, only := range map[string][]string{"for all": nil, "for some": {"user000007@example.com"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, slowly, func(w *world) {
				w.populate(50, 1)
				w.guard = ccsync.Guard{MaxChangePercent: 10, ExemptBelow: 1}
				for _, r := range w.rows {
					w.box.SetField(r.Email, "short_code", "")
				}
				w.interrupted()
				w.change(0, 50, "W")
				w.box.AddContact(contact("other@example.com", "", "App users"))
				w.rows = append(w.rows, row("99", "other@example.com", "W99"))
				if only == nil {
					r := w.run(ccsync.Options{})
					w.want(r, ccsync.Refused)
					if r.Guard.Reasons[0] != "max_change_percent" || !strings.HasPrefix(r.Error.Message, "nothing more was sent: 50 values") {
						t.Errorf("guard %+v, error %+v", r.Guard, r.Error)
					}
					w.wantCoverage(r, 1, 50, 0, 0)
					if w.code("other@example.com") != "W99" || w.begin("V") != 50 || len(w.box.Imports()) != 2 {
						t.Errorf("%d contacts carry V, %d imports", w.begin("V"), len(w.box.Imports()))
					}
					w.refuse("max_change_percent")
					w.want(w.run(ccsync.Options{Force: true}), ccsync.Synced)
					w.wantAllCodes()
					return
				}
				w.guard = ccsync.Guard{MaxChangePercent: 1, ExemptBelow: 1}
				r := w.run(ccsync.Options{Only: only})
				w.want(r, ccsync.Refused)
				w.wantState(r, "pending", "")
				if got := w.code(only[0]); got != "V8" {
					t.Errorf("the contact carries %s", got)
				}
			})
		})
	}
}

func TestOfTwoEarlierImportsOneEnds(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		for i := range 40 {
			address := fmt.Sprintf("user%06d@example.com", i)
			w.box.Seed(contact(address, "OLD", []string{"App users", "Newsletter"}[i%2]))
			w.rows = append(w.rows, row(fmt.Sprint(i+1), address, ""))
		}
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath, At: []int{2}})
		w.interrupted()
		if n := len(w.box.Imports()); n != 2 {
			t.Fatalf("%d imports, want 2", n)
		}
		w.change(0, 40, "W")
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Partial)
		w.wantCoverage(r, 20, 20, 0, 0)
		if w.begin("W") != 20 || w.begin("OLD") != 20 || len(w.box.Imports()) != 3 {
			t.Errorf("%d carry W, %d OLD, %d imports", w.begin("W"), w.begin("OLD"), len(w.box.Imports()))
		}
		served, waits := w.rows[0].Email, w.rows[1].Email
		if !strings.HasPrefix(w.code(served), "W") {
			served, waits = waits, served
		}
		both := w.run(ccsync.Options{Only: []string{waits, served}})
		w.want(both, ccsync.Partial)
		if both.Users[0].State != "pending" || both.Users[1].State != "verified" {
			t.Errorf("users %+v", both.Users)
		}
		if n := w.sent("W"); n != 20 {
			t.Errorf("%d values of this run were sent, want 20", n)
		}
		time.Sleep(7 * time.Hour)
		w.finish()
		w.wantAllCodes()
	})
}

// What a killed run would have cleared is judged by the rows of now too.
func TestAnEarlierClearOfAnOrphanWhoCameBack(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.populate(3, 0)
		w.policy.ClearOrphans = true
		w.change(0, 3, "V")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		gone := w.rows[2]
		w.rows = w.rows[:2]
		time.Sleep(time.Hour)
		w.killAfter(500*time.Millisecond, ccsync.Options{})
		w.rows = append(w.rows, gone)
		r := w.run(ccsync.Options{Only: []string{gone.Email}})
		if got := w.code(gone.Email); got != gone.Values[0] {
			t.Errorf("%+v, and the contact carries %q", r.Users, got)
		}
		w.wantState(r, "verified", "")
	})
}
