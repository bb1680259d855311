package web

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	ccsync "ccsyncd/sync"
)

// dryRun is the report of a dry run with so many updates and two skipped users.
func dryRun(updates int) *ccsync.Report {
	r := &ccsync.Report{Outcome: ccsync.Planned, DryRun: true, Run: 3, Summary: ccsync.Summary{Update: updates, Fill: updates, Joins: updates, Skipped: 2, Unchanged: 980}}
	for i := range updates {
		c := ccsync.Change{Action: "update", Key: fmt.Sprint(4700 + i), Email: fmt.Sprintf("user%03d@example.com", i), Joins: []string{"App users"}}
		c.Fields = append(c.Fields, ccsync.FieldChange{Column: "short_code", OldToNew: ccsync.OldToNew{New: "M9X4" + fmt.Sprint(i)}})
		r.Changes = append(r.Changes, c)
	}
	r.Skipped = []ccsync.Skipped{{Key: "1", Email: "bob@", Reason: "invalid_email", Detail: "no domain"}, {Key: "2", Email: "eve@example.com", Reason: "unsubscribed"}}
	return r
}

// post presses a button of the page.
func (w *world) post(site http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8484"+path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer := httptest.NewRecorder()
	site.ServeHTTP(answer, r)
	return answer
}

// get looks at a page of a site that goes on.
func get(t *testing.T, site http.Handler, path string) (status int, body string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8484"+path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	answer := httptest.NewRecorder()
	site.ServeHTTP(answer, r)
	return answer.Code, answer.Body.String()
}

func TestADryRunInTheBrowser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.options.Token = token
		w.dry = dryRun(120)
		made := w.options.DryRun
		w.options.DryRun = func(ctx context.Context) (*ccsync.Report, error) {
			time.Sleep(time.Minute)
			return made(ctx)
		}
		site := w.site()
		want := func(path string, has ...string) {
			t.Helper()
			status, page := get(t, site, path)
			for _, text := range has {
				if status != http.StatusOK || !strings.Contains(page, text) {
					t.Errorf("%s (%d) does not show %q", path, status, text)
				}
			}
		}
		want("/plan", "No dry run yet")
		if status, _ := get(t, site, "/plan.csv"); status != http.StatusNotFound {
			t.Errorf("a download of nothing: %d", status)
		}
		if got := w.post(site, "/plan", "Authorization", "Bearer "+token); got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/plan" {
			t.Errorf("the button: %d to %q", got.Code, got.Header().Get("Location"))
		}
		w.post(site, "/plan", "Authorization", "Bearer "+token) // one is under way
		want("/plan", "Reading …")
		time.Sleep(90 * time.Second)
		want("/plan", "120 changes", "120 joins of lists", "1 to 100 of 122", "user000@example.com", "short_code <span class=\"hush\">empty</span> → <code>M••</code>")
		want("/plan?page=2", "101 to 122 of 122")
		want("/plan?page=99", "Nothing")
		want("/plan?q=USER007", "1 to 1 of 1", "user007@example.com")
		want("/plan?q=4711", "user011@example.com")
		want("/plan?action=skip", "1 to 2 of 2", "The address is not valid", "no domain", "Unsubscribed")
		want("/plan?action=skip&q=opted", "Nothing matches")
		status, text := get(t, site, "/plan.csv")
		lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if status != http.StatusOK || err != nil || len(lines) != 123 || strings.Join(lines[1], ",") != "update,4700,user000@example.com,short_code,,M••,App users,," {
			t.Errorf("the download (%d, %v) has %d lines: %v", status, err, len(lines), lines[1])
		}
		if _, page := get(t, site, "/plan"); strings.Contains(page+text, "M9X4") {
			t.Error("a value is shown")
		}
		time.Sleep(time.Hour)
		want("/plan", "No dry run yet")
	})
}

func TestADryRunThatFailsShowsAHint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.options.Token = token
		site := w.site()
		w.post(site, "/plan", "Authorization", "Bearer "+token)
		synctest.Wait()
		if _, page := get(t, site, "/plan"); !strings.Contains(page, "Not known") || !strings.Contains(page, "<code>ccsyncd check</code>") {
			t.Error("the page does not say what to do")
		}
		w.dry = &ccsync.Report{Outcome: ccsync.Failed, DryRun: true, Error: &ccsync.Problem{Code: "network", Message: "connection refused", Hint: "check the network"}}
		w.post(site, "/plan", "Authorization", "Bearer "+token)
		synctest.Wait()
		if _, page := get(t, site, "/plan"); !strings.Contains(page, "Not known") || !strings.Contains(page, "Connection refused. Hint: check the network.") || strings.Contains(page, "0 changes") {
			t.Error("a dry run that failed looks like one that found nothing to do")
		}
		w.dry = dryRun(0)
		w.dry.Outcome, w.dry.Guard = ccsync.Refused, ccsync.Verdict{Tripped: true, Details: []string{"300 contacts would be created (max_creates = 200)"}}
		w.post(site, "/plan", "Authorization", "Bearer "+token)
		synctest.Wait()
		if _, page := get(t, site, "/plan"); !strings.Contains(page, "Safety limit: 300 contacts would be created") {
			t.Error("the page does not show the safety limit")
		}
	})
}

// A dry run asks the app's database and Constant Contact: nobody without the token makes one.
func TestADryRunNeedsTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.DryRun = func(context.Context) (*ccsync.Report, error) {
		t.Error("a dry run was made")
		return nil, errors.New("no")
	}
	if got := w.post(w.site(), "/plan"); got.Code != http.StatusForbidden {
		t.Errorf("without a configured token: %d, want 403", got.Code)
	}
	if _, page := get(t, w.site(), "/plan"); !strings.Contains(page, "set <code>[http] token</code> in the configuration") || strings.Contains(page, "<button type=\"submit\">Dry run") {
		t.Error("the page offers what it will refuse")
	}
	w.options.Token = token
	if got := w.post(w.site(), "/plan"); got.Code != http.StatusUnauthorized {
		t.Errorf("without the token: %d, want 401", got.Code)
	}
	if got := w.post(w.site(), "/plan", "Authorization", "Bearer "+token, "Origin", "http://evil.example"); got.Code != http.StatusForbidden {
		t.Errorf("from another site: %d, want 403", got.Code)
	}
}
