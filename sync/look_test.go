package sync_test

import (
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// An activity that has no status yet does not tell that it is an import.
func TestAnImportWithoutAnAnswerWhoseActivityHasNoStatusYetIsNotSentTwice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ takes, waits time.Duration }{
		"it takes 20 seconds": {takes: 20 * time.Second}, "it takes two minutes": {takes: 2 * time.Minute},
		"it waits five minutes": {time.Second, 5 * time.Minute}, "it waits two hours": {time.Second, 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := sandbox.Options{ImportTime: func(int) time.Duration { return c.takes }}
			o.Switches = sandbox.Switches{ActivityStatusLate: true, ActivitiesWait: sandbox.Duration(c.waits)}
			inWorld(t, o, func(w *world) {
				w.populate(20, 5)
				w.box.Fault(sandbox.Fault{Kind: sandbox.FaultResetAfter, Method: "POST", Path: importPath, Times: 1})
				report := w.run(ccsync.Options{})
				if c.waits < 10*time.Minute {
					w.want(report, ccsync.Synced)
				} else {
					w.want(report, ccsync.Partial)
					if report.Push.Unverified != 4 {
						t.Errorf("%+v", report.Push)
					}
					w.rows[1].Values = []string{"FRESH"} // others are served meanwhile
					began := time.Now()
					w.run(ccsync.Options{})
					if took := time.Since(began); took > 15*time.Minute {
						t.Errorf("the next run took %s", took)
					}
					w.restart()
					time.Sleep(3 * time.Hour)
					w.want(w.run(ccsync.Options{}), ccsync.Synced)
				}
				w.wantAllCodes()
				if twice := w.sentTwice(0); len(twice) > 0 {
					t.Errorf("sent twice: %v", twice)
				}
			})
		})
	}
}

// Another program's job that never tells what it is holds nobody back for ever.
func TestAnActivityThatNeverTellsWhatItIsIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	o := sandbox.Options{Switches: sandbox.Switches{ActivityStatusLate: true, ActivitiesWait: sandbox.Duration(24 * time.Hour)}}
	inWorld(t, o, func(w *world) {
		w.populate(20, 5)
		_, lists, _ := strings.Cut(w.call("GET", "/v3/contact_lists", ""), `"list_id":"`)
		newsletter, _, _ := strings.Cut(lists[strings.Index(lists, `"list_id":"`)+len(`"list_id":"`):], `"`)
		w.call("POST", "/v3/activities/list_delete", `{"list_ids":["`+newsletter+`"]}`)
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultResetBefore, Method: "POST", Path: importPath, Times: 1})
		w.want(w.run(ccsync.Options{}), ccsync.Partial)
		w.box.SetSwitches(sandbox.Switches{})
		time.Sleep(7 * time.Hour) // activity_timeout
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
	})
}
