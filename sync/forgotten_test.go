package sync_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// forgottenDuringImport sends values that begin with V for n users, dies before the import has
// ended, and forgets the first user. His row has the value again that his contact carries still.
func (w *world) forgottenDuringImport(n int) (address string) {
	w.t.Helper()
	w.populate(n, 0)
	w.want(w.run(ccsync.Options{}), ccsync.Synced)
	time.Sleep(time.Hour)
	w.interrupted()
	for i := range w.rows {
		w.rows[i].Values = []string{w.code(w.rows[i].Email)}
	}
	w.forget(w.rows[0].Email)
	w.restart()
	return w.rows[0].Email
}

// forget forgets an address twice, as another process would.
func (w *world) forget(address string) {
	w.t.Helper()
	for _, who := range []string{address, strings.ToUpper(address)} {
		if e, err := w.engine().Forget(w.t.Context(), who); err != nil || !e.Pending {
			w.t.Errorf("forget: %+v, %v", e, err)
		}
	}
}

// The row that the import was of is gone, but not the import.
func TestAForgottenUserIsPendingUntilTheImportIsSettled(t *testing.T) {
	t.Parallel()
	for name, only := range map[string][]string{"a run for all": nil, "a run for the user": {"user000000@example.com"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, slowly, func(w *world) {
				address := w.forgottenDuringImport(3)
				w.wantCoverage(w.dry(ccsync.Options{Full: true}), 0, 3, 0, 0)
				r := w.run(ccsync.Options{Only: only, Full: true})
				w.want(r, ccsync.Synced)
				if got := w.code(address); got != "CODE000000" || w.sent("CODE000000") != 1 {
					t.Errorf("the contact carries %q; the value was sent %d times", got, w.sent("CODE000000"))
				}
				if only != nil {
					w.wantState(r, "verified", "")
				}
				w.finish()
				w.wantAllCodes()
				// nothing is kept of him after that
				if e, err := w.engine().Forget(w.t.Context(), address); err != nil || e.Pending {
					t.Errorf("forget afterwards: %+v, %v", e, err)
				}
			})
		})
	}
}

func TestAForgottenUserWaitsForAnImportThatDoesNotMove(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath})
		address := w.forgottenDuringImport(3)
		r := w.run(ccsync.Options{Full: true})
		w.want(r, ccsync.Partial)
		w.wantCoverage(r, 0, 3, 0, 0)
		if x := w.explain(address); x.Decision != "pending" {
			t.Errorf("explained as %s", x.Decision)
		}
		r = w.run(ccsync.Options{Only: []string{address}})
		w.want(r, ccsync.Partial)
		w.wantState(r, "pending", "")
		w.rows[0].Values = []string{"W"}
		w.want(w.run(ccsync.Options{Only: []string{address}, Force: true}), ccsync.Partial)
		if w.sent("W") != 0 {
			t.Error("another value was sent beside the import")
		}
		w.box.ClearFaults()
		time.Sleep(7 * time.Hour) // it counts as lost now
		w.finish()
		w.wantAllCodes()
	})
}

// What an import wrote may be readable some time after its end only, and nobody waits for rows that
// were forgotten.
func TestAForgottenUserIsReadWhenNothingIsStillToCome(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"alone in the import": 1, "among others": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := slowly
			o.Switches.ImportsReadLate, o.Switches.ImportKeepsUpdatedAt = true, true
			inWorld(t, o, func(w *world) {
				address := w.forgottenDuringImport(n)
				w.want(w.run(ccsync.Options{Full: true}), ccsync.Synced)
				time.Sleep(time.Hour)
				if got := w.code(address); got != "CODE000000" {
					t.Errorf("the contact carries %q", got)
				}
			})
		})
	}
}

// What a running process still knows of the user comes back into no record.
func TestAnAddressForgottenDuringARunIsInNoRecordAfterIt(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]sandbox.FaultKind{"its row was lost": sandbox.FaultLostRows, "its row was refused": sandbox.FaultRefused} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, slowly, func(w *world) {
				w.guard.Canary = 3
				w.populate(3, 1)
				address := w.rows[0].Email
				w.box.Fault(sandbox.Fault{Kind: kind, Match: address})
				time.AfterFunc(time.Minute, func() {
					w.rows = w.rows[1:]
					w.box.Delete(address)
					if e, err := w.engine().Forget(w.t.Context(), address); err != nil || !e.Pending {
						t.Errorf("%+v, %v", e, err)
					}
				})
				r := w.run(ccsync.Options{})
				if r.Push.Verified != 2 {
					t.Errorf("%s, %+v", r.Outcome, r.Push)
				}
				for p := range w.state.Problems(w.t.Context()) {
					t.Errorf("%s is a problem", p.Norm)
				}
				if kept, err := w.state.RunProblems(w.t.Context(), r.Run, 9); len(kept) > 0 || err != nil {
					t.Errorf("the history has %+v, %v", kept, err)
				}
			})
		})
	}
}

// Rows that are lost with their neighbours go again in halves: as they are then, not as they were
// first read.
func TestARowForgottenWhileItIsLookedForIsNotSentAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		w.populate(6, 1)
		address := w.rows[0].Email
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Path: importPath, Times: 1})
		began, looks := time.Now(), 0
		w.before(func(r *http.Request) {
			if r.Method != "GET" || !strings.HasSuffix(r.URL.Path, "/contacts") || time.Since(began) < 5*time.Minute {
				return
			}
			if looks++; looks == 2 {
				if e, err := w.engine().Forget(w.t.Context(), address); err != nil || !e.Pending {
					t.Errorf("%+v, %v", e, err)
				}
			}
		})
		r := w.run(ccsync.Options{})
		if w.sent("CODE000000") != 1 || w.sent("CODE000001") != 2 || r.Push.Verified != 5 {
			t.Errorf("sent %d and %d times; %s, %+v", w.sent("CODE000000"), w.sent("CODE000001"), r.Outcome, r.Push)
		}
		if rows, err := w.state.Pushes(w.t.Context(), address, 9); len(rows) > 0 || err != nil {
			t.Errorf("the journal has %+v, %v", rows, err)
		}
		w.want(r, ccsync.Partial)
		time.Sleep(time.Hour)
		w.want(w.run(ccsync.Options{Full: true}), ccsync.Synced)
		w.wantAllCodes()
	})
}

// A refresh by what changed does not show a contact that nobody has changed, so that all are read.
func TestAContactThatStillExistsComesBackAfterItsUserWasForgotten(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(3, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(3 * time.Hour)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		if _, err := w.engine().Forget(w.t.Context(), w.rows[1].Email); err != nil {
			w.t.Fatal(err)
		}
		if w.idle() {
			w.t.Error("a tick is idle though a contact is unknown")
		}
		w.rows[1].Values = []string{"NEW"}
		if x := w.explain(w.rows[1].Email); x.Decision != "unknown" || !strings.Contains(x.Detail, "forgotten") {
			w.t.Errorf("explained as %s %s (%s)", x.Decision, x.Reason, x.Detail)
		}
		if x := w.explain(w.rows[0].Email); x.Decision != "unchanged" {
			w.t.Errorf("another is explained as %s (%s)", x.Decision, x.Detail)
		}
		r := w.run(ccsync.Options{Only: []string{w.rows[1].Email}})
		w.want(r, ccsync.Synced)
		w.wantState(r, "verified", "")
		w.wantAllCodes()
		time.Sleep(time.Minute)
		if r := w.run(ccsync.Options{}); r.Mirror.Refresh != "incremental" || r.Coverage.Verified != 3 {
			w.t.Errorf("once more: %s, %+v", r.Mirror.Refresh, r.Coverage)
		}
	})
}

// The pages that were read before have shown the contact, and do not show it again.
func TestAnInterruptedSnapshotStartsAgainAfterAUserWasForgotten(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(1200, 0)
		w.runUntil(moment{request: 4, seen: true}, ccsync.Options{})
		known := 0
		for _, r := range w.rows {
			if e, err := w.state.Forget(w.t.Context(), r.Email); err != nil {
				w.t.Fatal(err)
			} else if e.Rows > 0 {
				known++
			}
			if known == 3 {
				break
			}
		}
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Synced)
		if known != 3 || r.Coverage.Verified != 1200 {
			w.t.Errorf("%d were forgotten; then %+v", known, r.Coverage)
		}
	})
}
