package web

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

var update = flag.Bool("update", false, "write what was got into the golden files")

// golden compares got with testdata/NAME.golden.html.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden.html")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, string(want)); diff != "" {
		t.Errorf("got (-) and %s (+) differ:\n%s", path, diff)
	}
}

// look gets a page without a network, so that a bubble's clock makes it the same each time.
func (w *world) look(path string, header ...string) string {
	w.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8484"+path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer := httptest.NewRecorder()
	w.site().ServeHTTP(answer, r)
	if answer.Code != http.StatusOK {
		w.Fatalf("GET %s: %d %s", path, answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// busyDays lets some days pass with runs of all kinds.
func (w *world) busyDays() {
	w.Helper()
	for day := range 12 {
		w.charge(60 + day*17%90)
		r := synced(1000)
		r.Push = &ccsync.Pushed{Verified: (day * 37) % 90}
		w.ran(r, 5*time.Second)
		w.must(w.db.EndRefresh(w.Context(), state.Mirror{Mapping: "short_code", Mark: w.db.Now(), SnapshotAt: w.db.Now().Add(-3 * time.Hour), Contacts: 4987}))
		time.Sleep(24 * time.Hour)
	}
}

// lateDay adds the runs of today: one that was refused, one that ended in part, a dry run, and one
// that died.
func (w *world) lateDay() {
	w.Helper()
	refused := ccsync.Report{Outcome: ccsync.Refused, Requests: 11, Source: ccsync.Source{Rows: 1010, Usable: 1000, Unusable: 10},
		Coverage: ccsync.Coverage{Users: 1010, Contacts: 988, Verified: 808, Pending: 180, Skipped: 22}, Summary: ccsync.Summary{Update: 180, Change: 180, Unchanged: 808, Skipped: 22},
		Guard: ccsync.Verdict{Tripped: true, Reasons: []string{"max_change_percent"}, Details: []string{"180 of 988 values of short_code would be replaced within 24 hours (max_change_percent = 10)"}},
		Error: &ccsync.Problem{Code: "refused", Message: "nothing was sent: 180 of 988 values of short_code would be replaced within 24 hours (max_change_percent = 10)",
			Hint: "look at the plan with --dry-run; if it is meant, pass the guard once with `ccsyncd push --force`"}}
	w.ran(refused, 6*time.Second)
	time.Sleep(20 * time.Minute)
	w.ran(ccsync.Report{Outcome: ccsync.Planned, DryRun: true, Trigger: "command", Requests: 1}, time.Second)
	if _, err := w.db.BeginRun(w.Context(), state.Run{Trigger: "schedule"}); err != nil {
		w.Fatal(err)
	}
	time.Sleep(10 * time.Minute)
	partial := ccsync.Report{Outcome: ccsync.Partial, Trigger: "push", Requests: 9, Source: ccsync.Source{Rows: 1010, Usable: 1000, Unusable: 10},
		Mirror:       ccsync.Mirrored{Contacts: 4987, Refresh: "incremental"},
		Summary:      ccsync.Summary{Update: 14, Fill: 9, Change: 5, Joins: 2, Unchanged: 974, Skipped: 22},
		Coverage:     ccsync.Coverage{Users: 1010, Contacts: 988, Verified: 986, Missing: 2, Skipped: 22},
		OpenProblems: map[string]int{"lost": 1, "rejected": 1},
		Reasons:      map[string]int{"invalid_email": 10, "not_a_contact": 8, "unsubscribed": 4},
		Error: &ccsync.Problem{Code: "partial", Message: "12 changes were verified, 1 rejected, 1 could not be verified",
			Hint: "see `ccsyncd runs show`; what did not land is tried again by itself"},
		Push:  &ccsync.Pushed{Verified: 12, Rejected: 1, Unverified: 1, Activities: []ccsync.PushedActivity{{ID: "0d6a0f6e-5f0b-11f0-9d6c-1b5a7f0e2c33", Contacts: 14, State: "completed"}}},
		Notes: []string{`the custom field "short_code" was renamed to "App code" (name app_code) and is followed`}}
	id := w.ran(partial, 9*time.Second)
	var rows []state.BatchRow
	for i := range 14 {
		norm := fmt.Sprintf("user%02d@example.com", i)
		rows = append(rows, state.BatchRow{Norm: norm, Address: norm, Key: fmt.Sprint(4700 + i), Action: "update", Wanted: "M9X4" + fmt.Sprint(i)})
	}
	w.sent(id, "0d6a0f6e-5f0b-11f0-9d6c-1b5a7f0e2c33", rows,
		state.Problem{Norm: "user03@example.com", Address: "user03@example.com", Key: "4703", Reason: ccsync.Rejected, Detail: "the import counted 1 errors: Line 5: M9X43 of user03@example.com is not welcome",
			Wanted: "M9X43", Attempts: 1, Since: w.db.Now(), RetryAt: w.db.Now().Add(48 * time.Hour), Run: id},
		state.Problem{Norm: "user09@example.com", Address: "user09@example.com", Key: "4709", Reason: ccsync.Lost, Detail: "the import ended, the value is not there",
			Wanted: "M9X49", Attempts: 2, Since: w.db.Now().Add(-3 * time.Hour), RetryAt: w.db.Now().Add(6 * time.Hour), Run: id})
	w.charge(214)
}

func TestTheStatusPageShowsTheStateAtAGlance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		golden(t, "fresh", w.look("/"))
		w.busyDays()
		golden(t, "synced", w.look("/"))
		w.lateDay()
		w.options.Token = token
		w.login.LapsesAt = w.db.Now().AddDate(0, 0, 171)
		golden(t, "partial", w.look("/", "Authorization", "Bearer "+token))
		golden(t, "run", w.look("/runs/16", "Authorization", "Bearer "+token))
		w.progress = Progress{Run: 17, Step: "snapshot", Done: 2500, Total: 4987, MovedAt: time.Now()}
		golden(t, "running", w.look("/?follow=yes", "Authorization", "Bearer "+token))
	})
}

// explained is a user whose contact has no code yet.
func explained() *ccsync.Explanation {
	return &ccsync.Explanation{Asked: "ann@example.com", Address: "ann@example.com", Known: true, Decision: "update",
		Rows:     []ccsync.ExplainedRow{{Key: "4711", Email: "Ann@example.com", Values: map[string]string{"short_code": "K7Q2M9", "first_name": "Ann"}}},
		Contacts: []ccsync.ExplainedContact{{ID: "9b1c", Email: "ann@example.com", Permission: "implicit", Lists: []string{"App users", "Newsletter"}, Values: map[string]string{"short_code": "", "first_name": "Ann"}, UpdatedAt: "1999-12-24T12:00:00Z"}},
		Fields:   map[string]ccsync.OldToNew{"short_code": {New: "K7Q2M9"}},
		Problem:  &ccsync.ExplainedProblem{Reason: ccsync.Lost, Detail: "the import ended, the value is not there", Attempts: 1, RetryAt: "2000-01-01T01:00:00Z"},
		Pushes:   []ccsync.ExplainedPush{{Run: 16, Activity: "0d6a0f6e-5f0b-11f0-9d6c-1b5a7f0e2c33", State: "settled", Result: "lost", At: "1999-12-31T23:00:00Z", Values: map[string]string{"short_code": "K7Q2M9"}}},
		Advice:   "it will be sent with the next run; `ccsyncd push` with the address sends it now"}
}

func TestOneUserIsExplainedWithoutGivingACodeAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.explains["ann@example.com"] = explained()
		page := w.look("/explain?who=+ann%40example.com+")
		golden(t, "explain", page)
		if strings.Contains(page, "K7Q2M9") {
			t.Error("the page shows a code")
		}
		golden(t, "search", w.look("/explain"))
		w.explains["key:4711"] = explained()
		w.explains["key:4711"].Detail = "a contact carries this user's value under ann@example.com"
		w.explains["key:4711"].Advice = "ask <bob@example.org> first"
		for _, who := range []string{"key:4711", "ann@example.com"} {
			page := w.look("/explain?who=" + url.QueryEscape(who))
			if shown := strings.Contains(page, ">ann@example.com<"); shown != (who != "key:4711") || strings.Contains(page, "bob@example.org") {
				t.Errorf("asked for %s, the page shows an address that was not typed, or not the one that was", who)
			}
		}
		w.options.Token = token
		if page := w.look("/explain?who=key:4711", "Authorization", "Bearer "+token); !strings.Contains(page, ">ann@example.com<") {
			t.Error("who has the token sees no address")
		}
	})
}

func TestThePageCountsTheRowsOfAUserThatItDoesNotShow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.explains["ann@example.com"] = explained()
	const words = "5 more rows"
	if strings.Contains(w.look("/explain?who=ann@example.com"), "more rows") {
		t.Error("the page counts more rows, and there are none")
	}
	w.explains["ann@example.com"].MoreRows = 5
	if !strings.Contains(w.look("/explain?who=ann@example.com"), words) {
		t.Errorf("the page lacks %q", words)
	}
}

// While the first contacts are under way the page says so, and until when.
func TestThePageSaysThatEverybodyWaitsForTheFirstContacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	waiting := synced(20)
	waiting.Outcome, waiting.Ahead = ccsync.Partial, &ccsync.Ahead{Contacts: 5, Until: time.Date(2026, 11, 30, 6, 0, 0, 0, time.UTC)}
	w.ran(waiting, time.Second)
	page := w.look("/")
	for _, want := range []string{"Waiting for the first 5 contacts", "2026-11-30 06:00 UTC"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	w.ran(synced(20), time.Second)
	if strings.Contains(w.look("/"), "Waiting for the first") {
		t.Error("it says so afterwards")
	}
}
