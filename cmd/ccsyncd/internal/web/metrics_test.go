package web

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// scraped is what /metrics shows of our own: without the process and Go's runtime.
func (w *world) scraped() string {
	w.Helper()
	var ours []string
	for line := range strings.Lines(w.look("/metrics")) {
		if !strings.Contains(line, "ccsync_go_") && !strings.Contains(line, "ccsync_process_") {
			ours = append(ours, line)
		}
	}
	return strings.Join(ours, "")
}

func TestMetricsTellTheStateOfTheDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		goldenFile(t, "metrics-fresh.txt", w.scraped())
		w.busyDays()
		w.lateDay()
		w.login.LapsesAt = w.db.Now().AddDate(0, 0, 171)
		w.metrics.Observe(request("/v3/contacts"), &http.Response{StatusCode: 200}, nil)
		w.metrics.Observe(request("/v3/contacts"), &http.Response{StatusCode: 200}, nil)
		w.metrics.Observe(request("/v3/activities/0d6a0f6e"), nil, errors.New("reset"))
		time.Sleep(time.Minute)
		goldenFile(t, "metrics.txt", w.scraped())
	})
}

func request(path string) *http.Request { return &http.Request{URL: &url.URL{Path: path}} }

// goldenFile compares got with testdata/NAME.
func goldenFile(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
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
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}

func TestMetricsKeepToPrometheusConventions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ran(synced(10), time.Millisecond)
	w.metrics.Observe(request("/v3/contacts"), &http.Response{StatusCode: 200}, nil)
	found, err := testutil.GatherAndLint(w.metrics)
	w.must(err)
	for _, p := range found {
		// theirs
		if !strings.HasPrefix(p.Metric, "ccsync_go_") && !strings.HasPrefix(p.Metric, "ccsync_process_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	families, err := w.metrics.Gather()
	w.must(err)
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "ccsync_") {
			t.Errorf("%s does not start with ccsync_", f.GetName())
		}
	}
}

func TestADatabaseThatCannotBeReadFailsTheScrape(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.serve()
	w.must(w.db.Close())
	got := s.ask("GET", "/metrics", "")
	if got.status != 500 || strings.Contains(got.body, "sql:") {
		t.Errorf("%d %s", got.status, got.body)
	}
	for _, path := range []string{"/", "/runs/1"} {
		if got := s.ask("GET", path, ""); got.status != 500 || strings.Contains(got.body, "sql") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := s.ask("GET", "/readyz", ""); got.status != 503 {
		t.Errorf("readyz: %d", got.status)
	}
	if got := s.ask("GET", "/healthz", ""); got.status != 200 {
		t.Errorf("healthz: %d", got.status)
	}
}

func TestEndpointsAreNamedWithoutIds(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"/v3/contacts": "contacts",
		"/v3/contacts/9b1c7d2e-0000-4000-8000-000000000000":   "contact",
		"/v3/contacts/counts":                                 "counts",
		"/v3/contact_custom_fields":                           "custom_fields",
		"/v3/contact_lists":                                   "lists",
		"/v3/activities":                                      "activities",
		"/v3/activities/9b1c7d2e-0000-4000-8000-000000000000": "activity",
		"/v3/activities/contacts_json_import":                 "import",
		"/v3/activities/contact_exports":                      "export",
		"/v3/contact_exports/9b1c":                            "export_file",
		"/v3/account/summary":                                 "account",
		"/v3/account/user/privileges":                         "privileges",
		"/oauth2/default/v1/token":                            "token",
		"/oauth2/default/v1/device/authorize":                 "device",
		"/":                                                   "other",
		"":                                                    "other",
	}
	for path, want := range tests {
		if got := endpoint(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
