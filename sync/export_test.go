package sync_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// exports counts the export activities that were asked for.
func (w *world) exports() (n int) {
	for _, r := range w.box.Requests() {
		if r.Method == "POST" && strings.HasSuffix(r.Path, "/contact_exports") {
			n++
		}
	}
	return n
}

func TestALargeAccountIsReadFromAnExport(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Create, w.policy.Lists = true, []string{"App users"}
		w.populate(12_000, 100)
		w.box.Seed(sandbox.Contact{Address: "deleted@example.com", Deleted: true}, sandbox.Contact{Address: "out@example.com", Permission: "unsubscribed"})
		w.rows = append(w.rows, row("d", "deleted@example.com", "D"), row("o", "out@example.com", "O"), row("n", "new@example.com", "N"))

		report := w.run(ccsync.Options{})

		w.want(report, ccsync.Synced)
		if w.exports() != 1 || report.Requests > 18 {
			t.Errorf("%d exports, %d requests, notes %v", w.exports(), report.Requests, report.Notes)
		}
		if d, o := skipOf(report, "d"), skipOf(report, "o"); d != ccsync.Deleted || o != ccsync.Unsubscribed {
			t.Errorf("the deleted one: %q, the one who opted out: %q", d, o)
		}
		if report.Summary.Create != 1 || report.Push.Verified != 121 {
			t.Errorf("%+v %+v", report.Summary, report.Push)
		}
		again := w.run(ccsync.Options{})
		w.want(again, ccsync.Synced)
		if again.Summary.Unchanged != 12_001 || again.Requests != 1 {
			t.Errorf("%+v, %d requests", again.Summary, again.Requests)
		}
		w.rows[5].Values = []string{"X5"}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		if got := w.code(w.rows[5].Email); got != "X5" {
			t.Errorf("carries %q", got)
		}
	})
}

func TestAnExportThatDoesNotProveFitCostsNothingButRequests(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*world){
		"no custom fields in it": func(w *world) { w.box.SetSwitches(sandbox.Switches{ExportWithoutFields: true}) },
		"an ambiguous list name": func(w *world) { w.box.AddList("App users, old") },
		"it fails": func(w *world) {
			w.box.Fault(sandbox.Fault{Kind: sandbox.FaultFailed, Path: "/v3/activities/contact_exports"})
		},
		"its answer is lost": func(w *world) {
			w.box.Fault(sandbox.Fault{Kind: sandbox.FaultResetAfter, Path: "/v3/activities/contact_exports"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(10_500, 500)
				prepare(w)
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				if !slices.ContainsFunc(report.Notes, func(n string) bool { return strings.Contains(n, "read page by page") }) {
					t.Errorf("notes %v", report.Notes)
				}
				if got := report.Push.Verified; got != 21 {
					t.Errorf("verified %d", got)
				}
				before := w.exports()
				w.want(w.run(ccsync.Options{Full: true}), ccsync.Synced)
				if w.exports() != before {
					t.Error("an unfit export was asked for again on the same day")
				}
			})
		})
	}
}

// early tells an export's file in the answer that accepts it, and in no later one.
type early struct {
	wire  http.RoundTripper
	later string // what later answers have in its place
}

var resultsMember = regexp.MustCompile(`,?"results":\{"href":"[^"]*"\}`)

func (e *early) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := e.wire.RoundTrip(r)
	if err != nil || !strings.HasPrefix(r.URL.Path, "/v3/activities/") {
		return answer, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	text := resultsMember.ReplaceAllString(string(body), e.later)
	if strings.HasSuffix(r.URL.Path, "/contact_exports") {
		_, id, _ := strings.Cut(text, `"activity_id":"`)
		id, _, _ = strings.Cut(id, `"`)
		text = strings.Replace(text, `"_links":{`, `"_links":{"results":{"href":"/v3/contact_exports/`+id+`"},`, 1)
	}
	answer.Body, answer.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	answer.Header.Del("Content-Length")
	return answer, err
}

func TestAnExportWhoseFileOnlyTheFirstAnswerNamesIsRead(t *testing.T) {
	t.Parallel()
	for name, later := range map[string]string{"later answers name none": "", "later answers name an empty one": `,"results":{"href":""}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.populate(10_500, 500)
				w.life.wire = &early{w.life.wire, later}
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				if w.exports() != 1 || report.Requests > 18 || len(report.Notes) > 0 {
					t.Errorf("%d exports, %d requests, notes %v", w.exports(), report.Requests, report.Notes)
				}
			})
		})
	}
}

func TestTheRecheckOfALargeAccountTakesAnExport(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(40_000, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		for i := range 60 {
			w.rows[i].Values = []string{fmt.Sprintf("NEW%d", i)}
		}
		w.box.OptOut(w.rows[0].Email)
		before := w.exports()
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if w.exports() != before+1 || report.Requests > 26 {
			t.Errorf("%d exports, %d requests; 60 readings by address and 80 pages are dearer", w.exports()-before, report.Requests)
		}
		if report.Push.Verified != 59 || skipOf(report, "1") != ccsync.Unsubscribed {
			t.Errorf("%+v", report.Push)
		}
	})
}

func TestADryRunOfALargeAccountReadsPages(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(10_500, 500)
		report := w.dry(ccsync.Options{})
		w.want(report, ccsync.Planned)
		if writes := w.box.Writes(); len(writes) > 0 || report.Requests != 22 {
			t.Errorf("%d requests, writes %v", report.Requests, fmt.Sprint(writes))
		}
	})
}

func TestAVeryLargePushIsVerifiedByAnExport(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(11_000, 1)
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if report.Push.Verified != 11_000 || report.Requests > 24 {
			t.Errorf("%+v in %d requests", report.Push.Verified, report.Requests)
		}
		again := w.run(ccsync.Options{})
		w.want(again, ccsync.Synced)
		if again.Summary.Unchanged != 11_000 || again.Requests > 10 {
			t.Errorf("%+v in %d requests: the echo of a large push is read from an export too", again.Summary, again.Requests)
		}
	})
}
