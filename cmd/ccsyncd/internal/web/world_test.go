package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// world is a daemon as the pages see one: a real state file, and functions that a test sets.
type world struct {
	testing.TB
	db       *state.DB
	quota    *state.Quota
	metrics  *Metrics
	options  Options
	progress Progress
	login    Authorization
	asked    []RunRequest
	answer   RunAnswer
	refusal  error
	dry      *ccsync.Report
	explains map[string]*ccsync.Explanation
}

const token = "a-token-of-the-page"

func newWorld(t testing.TB) *world {
	t.Helper()
	db, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{TB: t, db: db, quota: db.Quota(state.Limits{PerSecond: 4, PerDay: 9500}), explains: make(map[string]*ccsync.Explanation),
		login: Authorization{Authorized: true, Account: "Example Ltd"}, answer: RunAnswer{Run: 1}}
	log := slog.New(slog.DiscardHandler)
	every := func(at time.Time) time.Time { return at.Truncate(5 * time.Minute).Add(5 * time.Minute) }
	w.options = Options{
		Health: Health{State: db, Next: every, Authorization: func(context.Context) (Authorization, error) { return w.login, nil },
			Progress: func() Progress { return w.progress }},
		Quota: w.quota, Log: log, Version: "0.1.0", Listen: "127.0.0.1:8484",
		Run: func(_ context.Context, r RunRequest) (RunAnswer, error) {
			w.asked = append(w.asked, r)
			return w.answer, w.refusal
		},
		Explain: func(_ context.Context, who string) (*ccsync.Explanation, error) {
			if x, ok := w.explains[who]; ok {
				return x, nil
			}
			return nil, errors.New("no such explanation")
		},
		DryRun: func(context.Context) (*ccsync.Report, error) {
			if w.dry == nil {
				return nil, errors.New("no plan")
			}
			return w.dry, nil
		},
		Mask:        func(v string) string { return v[:1] + "••" },
		MaskAddress: func(a string) string { return a[:1] + "••" + a[strings.LastIndexByte(a, '@'):] },
	}
	w.metrics = NewMetrics(MetricsOptions{Health: w.options.Health, Usage: w.quota.Usage, Log: log, Version: "0.1.0"})
	w.options.Gatherer = w.metrics
	return w
}

// site makes the handler of the world.
func (w *world) site() http.Handler {
	w.Helper()
	h, err := New(w.options)
	w.must(err)
	return h
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// ran puts a run into the history that took a while, with what r says.
func (w *world) ran(r ccsync.Report, took time.Duration) int64 {
	w.Helper()
	if r.Trigger == "" {
		r.Trigger = "schedule"
	}
	id, err := w.db.BeginRun(w.Context(), state.Run{Trigger: r.Trigger, Dry: r.DryRun})
	w.must(err)
	if took > 0 {
		time.Sleep(took)
	}
	r.Schema, r.Run, r.Seconds, r.StartedAt = 1, id, took.Seconds(), w.db.Now().Add(-took)
	text, err := json.Marshal(r)
	w.must(err)
	records, err := ccsync.WholeRecord(w.Context(), w.db, &r)
	w.must(err)
	w.must(w.db.EndRun(w.Context(), state.Run{ID: id, Outcome: string(r.Outcome), Requests: r.Requests, Report: text, Records: records}))
	return id
}

// synced is the report of a run that left nothing to do for so many users.
func synced(users int) ccsync.Report {
	return ccsync.Report{Outcome: ccsync.Synced, Requests: 2, Source: ccsync.Source{Rows: users, Usable: users},
		Summary: ccsync.Summary{Unchanged: users}, Coverage: ccsync.Coverage{Users: users, Contacts: users, Verified: users}}
}

// sent records an import of rows by a run, and settles it: those in failed become problems, the
// rest is done.
func (w *world) sent(run int64, activity string, rows []state.BatchRow, failed ...state.Problem) {
	w.Helper()
	ctx := w.Context()
	b := state.Batch{Run: run, Kind: state.Import, Contacts: len(rows)}
	id, err := w.db.AddBatch(ctx, b, slices.Values(rows))
	w.must(err)
	b.ID, b.State, b.Activity, b.Ending, b.Percent = id, state.Recorded, activity, "completed", 100
	for _, to := range []state.BatchState{state.Sending, state.Sent, state.Ended} {
		w.must(w.db.MoveBatch(ctx, b, to))
		b.State = to
	}
	m, err := w.db.Mirror(ctx)
	w.must(err)
	lost := make(map[string]bool)
	for _, p := range failed {
		lost[p.Norm] = true
		w.must(w.db.Fail(ctx, id, []state.Failed{{Norm: p.Norm, Reason: p.Reason, Problem: &p}}))
	}
	for _, r := range rows {
		if !lost[r.Norm] {
			w.must(w.db.Land(ctx, id, m.Mapping, []state.Landed{{Norm: r.Norm, Filled: r.Wanted}}))
		}
	}
	w.must(w.db.Settle(ctx, id, b.Tally))
}

// charge spends requests of the day.
func (w *world) charge(n int) {
	w.Helper()
	for range n {
		_, err := w.quota.Reserve(w.Context())
		w.must(err)
	}
}
