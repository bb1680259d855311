package sync_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// everything is a first push of all kinds: some contacts go first, others are updated, join a list,
// are emptied or created, and a custom field is yet to be made.
func everything(w *world) {
	severalLists(w)
	w.guard.Canary = 2
	w.policy.Lists, w.policy.Create, w.policy.ClearOrphans = []string{"App users"}, true, true
	w.policy.Fields[0].Clear = true
	w.policy.Fields = append(w.policy.Fields, ccsync.Field{Column: "other", CustomField: "Made by us", Create: true})
	for i := range w.rows {
		w.rows[i].Values = append(w.rows[i].Values, fmt.Sprint("O", i))
	}
	w.rows[1].Values[0] = ""
	w.rows = append(w.rows, row("7", "new1@example.com", "N1", "O7"), row("8", "new2@example.com", "N2", "O8"))
	w.knowsWhoLeft()
}

// later is a run that finds orphans, a problem whose retry is due, changes, and an import
// that an earlier run has left under way.
func later(w *world) {
	everything(w)
	w.want(w.run(ccsync.Options{}), ccsync.Synced)
	w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: "a@example.com", Path: importPath, Times: 1})
	w.rows[0].Values[0] = "LOST"
	w.want(w.run(ccsync.Options{}), ccsync.Partial)
	time.Sleep(2 * time.Hour)
	w.rows[2].Values[0] = "LATER"
	w.box.Fault(sandbox.Fault{Kind: sandbox.FaultSlowWork, Delay: 5 * time.Minute, Path: importPath, Times: 1})
	w.killAfter(2*time.Minute, ccsync.Options{Only: []string{"c@example.com"}})
	w.rows[2].Values[0], w.rows[3].Values[0] = "LATER STILL", "LATER"
	w.rows = w.rows[:7]
}

// waiting is a run while the first contacts of a push wait for their import.
func waiting(w *world) {
	w.guard.Canary = 2
	w.populate(8, 2)
	w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Path: importPath, Times: 1})
	w.want(w.run(ccsync.Options{}), ccsync.Partial)
}

// failsWherever runs once from the same beginning for each thing that can be broken, until nothing
// is. A run that something failed under must say so; the last, under which nothing does, ends as it
// should.
func failsWherever(t *testing.T, prepare func(*world), outcome ccsync.Outcome, breaks func(w *world, n int), repaired func(w *world) (broken string)) {
	inWorld(t, sandbox.Options{}, func(w *world) {
		prepare(w)
		w.close()
		account, file := w.box.Snapshot(), w.path+".before"
		w.copyFile(w.path, file)
		for n := 0; ; n++ {
			if err := w.box.Restore(account); err != nil {
				w.t.Fatal(err)
			}
			w.copyFile(file, w.path)
			w.open()
			breaks(w, n)
			report, err := w.engine().Run(w.t.Context(), ccsync.Options{})
			broken := repaired(w)
			if broken == "" {
				if w.want(report, outcome); outcome == ccsync.Synced {
					w.wantAllCodes()
				}
				t.Logf("%d things failed", n)
				return
			}
			if err == nil && (report.Err() == nil || report.Outcome == outcome) {
				t.Errorf("%d. %s failed, and the run is %s", n+1, broken, report.Outcome)
			}
			w.close()
		}
	})
}

// copyFile copies a state file that nobody has open.
func (w *world) copyFile(from, to string) {
	w.t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func statement(w *world, n int) { w.life.denier.Arm(n) }

func statementOf(w *world) string { return w.life.denier.Disarm() }

// What cannot be read from the state file or written to it is never taken for done.
func TestWhicheverStatementFailsAFirstPushFails(t *testing.T) {
	t.Parallel()
	failsWherever(t, everything, ccsync.Synced, statement, statementOf)
}

func TestWhicheverStatementFailsALaterRunFails(t *testing.T) {
	t.Parallel()
	failsWherever(t, later, ccsync.Synced, statement, statementOf)
}

func TestWhicheverStatementFailsARunThatWaitsForTheFirstContactsFails(t *testing.T) {
	t.Parallel()
	failsWherever(t, waiting, ccsync.Partial, statement, statementOf)
}

func TestWhicheverRequestIsRefusedTheRunFails(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*world){"a first push": everything, "a later run": later} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failsWherever(t, prepare, ccsync.Synced, func(w *world, n int) {
				w.box.ForgetRequests()
				w.box.Fault(sandbox.Fault{Kind: sandbox.FaultUnauthorized, At: []int{n + 1}})
			}, func(w *world) string {
				w.box.ClearFaults()
				for _, r := range w.box.Requests() {
					if r.Fault != "" {
						return r.Method + " " + r.Path
					}
				}
				return ""
			})
		})
	}
}

// looks are what asks nothing of Constant Contact, but for the dry run.
var looks = map[string]func(ctx context.Context, w *world) error{
	"explain an address": func(ctx context.Context, w *world) error {
		_, err := w.engine().Explain(ctx, "a@example.com")
		return err
	},
	"explain a key": func(ctx context.Context, w *world) error {
		_, err := w.engine().Explain(ctx, "key:3")
		return err
	},
	"is there anything to do": func(ctx context.Context, w *world) error {
		_, err := w.engine().Idle(ctx)
		return err
	},
	"a dry run": func(ctx context.Context, w *world) error {
		e := w.engine()
		e.Write = nil
		report, err := e.Run(ctx, ccsync.Options{})
		if err != nil {
			return err
		}
		return report.Err()
	},
	"the fields": func(ctx context.Context, w *world) error {
		_, err := w.engine().Bind(ctx)
		return err
	},
	"the last days": func(ctx context.Context, w *world) error {
		_, err := ccsync.ReadDays(ctx, w.state)
		return err
	},
	"the next run": func(ctx context.Context, w *world) error {
		_, _, err := ccsync.ReadNext(ctx, w.state)
		return errors.Join(err, ccsync.SetNext(ctx, w.state, ccsync.Next{At: time.Now()}))
	},
	"the last run": func(ctx context.Context, w *world) error {
		_, _, err := ccsync.ReadLastWhole(ctx, w.state)
		return err
	},
	"what is doubtful": func(ctx context.Context, w *world) error {
		_, err := ccsync.ReadDoubt(ctx, w.state)
		_, failed := ccsync.ReadClearing(ctx, w.state)
		return errors.Join(err, failed)
	},
	"a login": func(ctx context.Context, w *world) error {
		return ccsync.Home{API: "http://sandbox/v3", Machine: "m", Path: w.path}.LoggedIn(ctx, w.state, true)
	},
	"forget somebody": func(ctx context.Context, w *world) error {
		_, err := w.engine().Forget(ctx, "f@example.com")
		return err
	},
	"forget the account": func(ctx context.Context, w *world) error { return ccsync.ForgetAccount(ctx, w.state) },
}

// An answer that lacks what could not be read would be a wrong one.
func TestWhicheverStatementFailsNothingIsAnsweredInstead(t *testing.T) {
	t.Parallel()
	for name, look := range looks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				severalLists(w)
				w.policy.NextSnapshot = func(last time.Time) time.Time { return last.Add(time.Hour) }
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				for n := 0; ; n++ {
					w.life.denier.Arm(n)
					err := look(w.t.Context(), w)
					denied := w.life.denier.Disarm()
					if denied == "" {
						if n == 0 || err != nil {
							t.Errorf("%d statements failed, and then %v", n, err)
						}
						return
					}
					if err == nil {
						t.Errorf("%d. %s failed, and there is an answer", n+1, denied)
					}
				}
			})
		})
	}
}
