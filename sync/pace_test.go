package sync_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// A first sync lasts as long as its requests and the activities themselves, whatever the service's
// pace, and its import is not looked at much more often than it was when the first look came after
// 5.5 seconds.
func TestAFirstSyncGoesByTheServicesOwnPace(t *testing.T) {
	t.Parallel()
	once := map[time.Duration]int{500 * time.Millisecond: 1, 1400 * time.Millisecond: 1, 5 * time.Second: 1, 50 * time.Second: 4, 10 * time.Minute: 23}
	for _, takes := range []time.Duration{500 * time.Millisecond, 1400 * time.Millisecond, 5 * time.Second, 50 * time.Second, 10 * time.Minute} {
		t.Run(fmt.Sprint(takes), func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{ImportTime: func(int) time.Duration { return takes }}, func(w *world) {
				w.populate(20_000, 1)
				began := time.Now()
				report := w.run(ccsync.Options{})
				took := time.Since(began)
				w.want(report, ccsync.Synced)
				activities := time.Duration(len(w.box.Imports())+w.exports()) * takes
				least := time.Duration(report.Requests)*250*time.Millisecond + activities
				t.Logf("%s in %d requests, %d looks, %d activities, at least %s", took, report.Requests, w.looks(), len(w.box.Imports())+w.exports(), least)
				if n := w.looks(); n == 0 || n > once[takes]+4 {
					t.Errorf("the import was looked at %d times, once it was %d", n, once[takes])
				}
				if took > least*5/4 {
					t.Errorf("it took %s, %d requests and the activities take %s", took, report.Requests, least)
				}
			})
		})
	}
}

// looks counts how often an import was looked at before anything else was asked for: exports come
// later, and end in one more.
func (w *world) looks() (n int) {
	sent := false
	for _, r := range w.box.Requests() {
		switch {
		case r.Method == "POST" && strings.HasSuffix(r.Path, "/contacts_json_import"):
			sent = true
		case sent && r.Method == "GET" && strings.HasPrefix(r.Path, "/v3/activities/"):
			n++
		case sent:
			return n
		}
	}
	return n
}

// What this account's imports took is remembered.
func TestALaterImportIsLookedAtWhenItWillHaveEnded(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{ImportTime: func(int) time.Duration { return 20 * time.Second }}, func(w *world) {
		w.populate(100, 1)
		first := w.run(ccsync.Options{})
		w.want(first, ccsync.Synced)
		time.Sleep(time.Hour)
		for i := range w.rows {
			w.rows[i].Values[0] += "X"
		}
		began := time.Now()
		again := w.run(ccsync.Options{})
		w.want(again, ccsync.Synced)
		if took := time.Since(began); again.Requests >= first.Requests || took > 27*time.Second {
			t.Errorf("%d requests in %s, the first run took %d", again.Requests, took, first.Requests)
		}
	})
}
