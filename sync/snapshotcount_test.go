package sync_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// uncounted leaves the count out of answers about contacts, of all or of all but the first page;
// hollow takes the contacts and the link out too.
type uncounted struct {
	wire        http.RoundTripper
	first       bool // the first page lacks it too
	hollow      bool
	beforeThird func() // before a third page
	pages       int
}

var countMember = regexp.MustCompile(`,?"contacts_count":\d+`)

func (u *uncounted) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/v3/contacts" {
		return u.wire.RoundTrip(r)
	}
	if u.pages++; u.pages == 3 && u.beforeThird != nil {
		u.beforeThird()
	}
	answer, err := u.wire.RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		return answer, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if u.first || strings.Contains(r.URL.RawQuery, "cursor") {
		body = countMember.ReplaceAll(body, nil)
	}
	if u.hollow {
		body = []byte(`{"contacts":[]}`)
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer.Header.Del("Content-Length")
	return answer, err
}

// wantWhole fails the test unless nobody was sent who is a contact already, and a run that got
// through knows everybody.
func (w *world) wantWhole(r *ccsync.Report, n int) {
	w.t.Helper()
	if imports := w.box.Imports(); len(imports) > 0 {
		w.t.Fatalf("an import of %d rows, though every user is a contact with his code", len(imports[0].Rows))
	}
	if got := r.Mirror.Contacts; r.Outcome != ccsync.Failed && got != n {
		w.t.Errorf("%s with %d of %d contacts, summary %+v", r.Outcome, got, n, r.Summary)
	}
}

func TestAResumedSnapshotWhosePagesLackTheCountIsNotTakenForComplete(t *testing.T) {
	t.Parallel()
	for name, rows := range map[string]int{"pages shift": 33, "pages stand still": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.policy.Create, w.policy.Lists = true, []string{"App users"}
				w.populate(1240, 0)
				ctx, cancel := context.WithCancel(w.t.Context())
				w.life.endAt(moment{}, cancel)
				w.life.wire = &uncounted{wire: w.life.wire, beforeThird: func() {
					w.life.mu.Lock()
					defer w.life.mu.Unlock()
					w.life.meet(true)
				}}
				w.engine().Run(ctx, ccsync.Options{})
				if w.life.again().IsZero() {
					t.Fatal("the snapshot was not broken off")
				}
				w.restart()
				w.life.wire = &uncounted{wire: w.life.wire}
				if rows > 0 {
					w.box.Fault(sandbox.Fault{Kind: sandbox.FaultShiftedPage, Path: "/v3/contacts", Rows: rows, Times: 1})
				}
				w.wantWhole(w.run(ccsync.Options{}), 1240)
				w.wantWhole(w.run(ccsync.Options{}), 1240)
			})
		})
	}
}

func TestASnapshotWithoutAnyCountIsNotTakenForComplete(t *testing.T) {
	t.Parallel()
	for name, hollow := range map[string]bool{"pages shift": false, "pages are empty": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.policy.Create, w.policy.Lists = true, []string{"App users"}
				w.populate(1000, 0)
				if !hollow {
					w.box.Fault(sandbox.Fault{Kind: sandbox.FaultShiftedPage, Path: "/v3/contacts", Rows: 33, At: []int{2}})
				}
				sound := w.life.wire
				w.life.wire = &uncounted{wire: sound, first: true, hollow: hollow}
				w.wantWhole(w.run(ccsync.Options{}), 1000)
				w.life.wire = sound
				w.wantWhole(w.run(ccsync.Options{}), 1000)
			})
		})
	}
}
