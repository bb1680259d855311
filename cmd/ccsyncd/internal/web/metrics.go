package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"ccsyncd/sync/state"
)

// MetricsOptions is what the metrics are made of.
type MetricsOptions struct {
	Health
	Log     *slog.Logger
	Version string
	// Usage tells how much of the day's quota is used.
	Usage func(context.Context) (state.Usage, error)
}

// Metrics are a prometheus.Gatherer with a registry of its own: what it shows is read from the
// state file at each scrape, but for the requests that Observe counts since the process began.
// Its methods may be called concurrently.
type Metrics struct {
	prometheus.Gatherer
	requests *prometheus.CounterVec
}

// NewMetrics returns the metrics of one daemon. All names start with ccsync_, those of the process
// and of Go's runtime too.
func NewMetrics(o MetricsOptions) *Metrics {
	registry := prometheus.NewRegistry()
	m := &Metrics{Gatherer: registry, requests: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "ccsync_http_requests_total",
		Help: "Requests sent to Constant Contact and its authorization server since the process began, by endpoint and status (error: no answer).",
	}, []string{"endpoint", "status"})}
	registry.MustRegister(m.requests, newCollector(o), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{Namespace: "ccsync"}))
	prometheus.WrapRegistererWithPrefix("ccsync_", registry).MustRegister(collectors.NewGoCollector())
	return m
}

// Observe counts a request; it fits ccapi.Transport.Observe.
func (m *Metrics) Observe(r *http.Request, answer *http.Response, err error) {
	status := "error"
	if err == nil {
		status = strconv.Itoa(answer.StatusCode)
	}
	m.requests.WithLabelValues(endpoint(r.URL.Path), status).Inc()
}

// endpoints names operations by the end of their path; "*" is an id.
var endpoints = []struct{ path, name string }{
	{"contacts", "contacts"},
	{"contacts/counts", "counts"},
	{"contacts/*", "contact"},
	{"contact_custom_fields", "custom_fields"},
	{"contact_lists", "lists"},
	{"activities", "activities"},
	{"activities/contacts_json_import", "import"},
	{"activities/contact_exports", "export"},
	{"activities/*", "activity"},
	{"contact_exports/*", "export_file"},
	{"account/summary", "account"},
	{"user/privileges", "privileges"},
	{"device/authorize", "device"},
	{"v1/token", "token"},
}

// endpoint keeps ids out of the labels: each would be a series of its own.
func endpoint(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for _, e := range endpoints {
		want := strings.Split(e.path, "/")
		if len(parts) >= len(want) && fits(parts[len(parts)-len(want):], want) {
			return e.name
		}
	}
	return "other"
}

func fits(parts, want []string) bool {
	for i := range want {
		if want[i] != "*" && want[i] != parts[i] {
			return false
		}
	}
	return true
}

// collector reads the state file at each scrape.
type collector struct {
	MetricsOptions
}

func newCollector(o MetricsOptions) *collector { return &collector{o} }

// gauge describes one gauge of the collector.
type gauge struct {
	desc   *prometheus.Desc
	labels []string
}

func newGauge(name, help string, labels ...string) gauge {
	return gauge{prometheus.NewDesc("ccsync_"+name, help, labels, nil), labels}
}

var (
	buildInfo = newGauge("build_info", "Always 1; the version is the label.", "version")

	users       = newGauge("users", "Users of the source, by what the last complete run found: verified (the contact was seen carrying the values), pending, missing (the values did not arrive), skipped.", "state")
	skippedRows = newGauge("skipped_users", "Users that the last complete run could not send, by reason.", "reason")
	contacts    = newGauge("mirror_contacts", "Contacts in the mirror, deleted ones left out.")
	refreshed   = newGauge("mirror_refreshed_timestamp_seconds", "When the mirror was last refreshed, by the server's clock.")
	snapshot    = newGauge("mirror_snapshot_timestamp_seconds", "When the mirror's last complete snapshot was taken, by the server's clock.")

	oldest   = newGauge("oldest_unverified_change_age_seconds", "Age of the oldest change that a run saw and that is not yet verified; 0 when there is none.")
	latency  = newGauge("last_verification_seconds", "Time from the run that first saw them to the verification of the last changes that were verified.")
	problems = newGauge("problems", "Users whose change did not arrive, by reason, and contacts to check (overstepped).", "reason")
	imports  = newGauge("open_imports", "Imports that are sent and not yet settled.")

	runEnd      = newGauge("last_run_end_timestamp_seconds", "When the last whole run ended.")
	runOutcome  = newGauge("last_run_outcome", "1 for the outcome of the last whole run, 0 for the others.", "outcome")
	runSeconds  = newGauge("last_run_duration_seconds", "How long the last whole run took.")
	runRequests = newGauge("last_run_requests", "API requests of the last whole run.")
	runSynced   = newGauge("last_synced_timestamp_seconds", "When a whole run last ended synced, or a tick after one found nothing to do.")
	runGood     = newGauge("last_good_run_timestamp_seconds", "When a whole run, or a tick that found nothing to do, last left /readyz at 200: the heartbeat as a number.")
	runDue      = newGauge("good_run_due_timestamp_seconds", "The first scheduled time after ccsync_last_good_run_timestamp_seconds: when the next good run was to begin.")
	runNow      = newGauge("run_in_progress", "1 while a run is under way.")
	nextRun     = newGauge("next_run_timestamp_seconds", "The next scheduled time.")

	quotaUsed  = newGauge("quota_used_requests", "Requests charged to the present UTC day.")
	quotaLimit = newGauge("quota_limit_requests", "Requests that may be sent in a UTC day.")
	quotaReset = newGauge("quota_reset_timestamp_seconds", "When the day's quota resets.")

	authorized = newGauge("authorized", "1 while there is a login that Constant Contact has not refused.")
	lapses     = newGauge("refresh_token_lapse_timestamp_seconds", "When the refresh token expires unless it is used before.")
	skew       = newGauge("clock_skew_seconds", "The server's clock minus ours.")
)

// gauges are all of the collector.
var gauges = []gauge{
	buildInfo, users, skippedRows, contacts, refreshed, snapshot, oldest, latency, problems, imports, runEnd, runOutcome, runSeconds,
	runRequests, runSynced, runGood, runDue, runNow, nextRun, quotaUsed, quotaLimit, quotaReset, authorized, lapses, skew,
}

// Describe sends every description.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, g := range gauges {
		ch <- g.desc
	}
}

// Collect reads and sends every value. When the state file cannot be read the scrape fails as a
// whole, so that no half of the truth looks like all of it.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s := scrape{collector: c, ctx: ctx, now: c.State.Now()}
	for _, part := range []func() error{s.runs, s.unverified, s.mirror, s.quota, s.login, s.daemon} {
		if err := part(); err != nil {
			c.Log.Error("metrics", "error", err)
			ch <- prometheus.NewInvalidMetric(buildInfo.desc, errors.New("the state file cannot be read"))
			return
		}
	}
	for _, m := range s.found {
		ch <- m
	}
}
