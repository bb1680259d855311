package sync_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// Where next links lead astray no account is read whole: the run fails soon, and nothing is
// written.
func TestNextLinksThatLeadAstrayEndTheRun(t *testing.T) {
	t.Parallel()
	for name, switches := range map[string]sandbox.Switches{
		"to an internal path":    {NextLinksInternal: true},
		"to the same page again": {NextLinksRepeat: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{Switches: switches}, func(w *world) {
				w.populate(1200, 60)
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Failed)
				if len(w.box.Writes()) != 0 || report.Requests > 40 {
					t.Errorf("%d writes, %d requests", len(w.box.Writes()), report.Requests)
				}
				w.box.SetSwitches(sandbox.Switches{})
				time.Sleep(2 * time.Minute)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
			})
		})
	}
}

// A snapshot whose links form a loop has failed: nobody resumes it inside the loop.
func TestASnapshotWhoseLinksFormALoopStartsAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(1200, 60)
		loop := &looping{wire: w.life.wire, on: true}
		w.life.wire = loop
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Failed)
		if report.Error.Code != "snapshot_incomplete" || !strings.Contains(report.Error.Message, ccapi.ErrEndlessPages.Error()) {
			t.Errorf("error = %+v", report.Error)
		}
		loop.on = false
		if report = w.run(ccsync.Options{}); report.Error == nil || !strings.Contains(report.Error.Message, "the next attempt is due at") {
			t.Errorf("the next run did not wait: %+v", report.Error)
		}
		time.Sleep(2 * time.Minute)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
	})
}

var nextLink = regexp.MustCompile(`"href":"/v3/contacts[^"]*"`)

// looping is a wire on which, while on, the first page of contacts links to page A, which links to
// page B, which links to page A. A and B do so for ever.
type looping struct {
	wire http.RoundTripper
	on   bool
}

func (l *looping) RoundTrip(r *http.Request) (*http.Response, error) {
	at := r.URL.Query().Get("cursor")
	next, inside := map[string]string{"A": "B", "B": "A", "": "A"}[at]
	if r.URL.Path != "/v3/contacts" || !inside || at == "" && !l.on {
		return l.wire.RoundTrip(r)
	}
	if at != "" {
		r = r.Clone(r.Context())
		r.URL.RawQuery = "limit=500&status=all&include=custom_fields,list_memberships&include_count=true"
	}
	wire := &rewriting{RoundTripper: l.wire, from: nextLink, to: `"href":"/v3/contacts?cursor=` + next + `"`, hosts: map[string]bool{}}
	return wire.RoundTrip(r)
}

// A link to a next page is as good as the server's memory of it: a snapshot that cannot be resumed
// where it was interrupted starts again immediately.
func TestASnapshotWhoseNextLinkHasDiedStartsAgain(t *testing.T) {
	t.Parallel()
	for name, dead := range map[string]sandbox.Fault{
		"400":             {Kind: sandbox.FaultStatus, Status: 400},
		"404":             {Kind: sandbox.FaultStatus, Status: 404},
		"a gateway's 403": {Kind: sandbox.FaultGateway, Status: 403, Body: "message"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(1200, 60)
				w.box.Fault(sandbox.Fault{Kind: sandbox.FaultRevoked, Path: "/v3/contacts", At: []int{2}})
				w.run(ccsync.Options{})
				access, _ := w.box.Authorize()
				w.tokens = fixedToken(access)
				w.box.ClearFaults()
				dead.Path, dead.At = "/v3/contacts", []int{1}
				w.box.Fault(dead)
				before := len(w.box.Requests())
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				if first := w.box.Requests()[before:]; !slices.ContainsFunc(first, func(r sandbox.Request) bool { return r.Status/100 == 4 }) {
					t.Error("no link was dead")
				}
			})
		})
	}
}

// Times and update_source are the service's own: that a write moves them holds up no first push.
func TestAFirstPushThatMovesTimesAndSourcePasses(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{Switches: sandbox.Switches{WritesMoveUpdatedAt: true}}, func(w *world) {
		w.guard.Canary = 5
		w.populate(20, 1)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantSent(5, 15)
		w.wantAllCodes()
	})
}
