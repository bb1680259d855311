package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/report"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// run makes one run and tells everybody who wants to know. A run that fails or panics never ends
// the daemon.
func (d *daemon) run(ctx context.Context, o ccsync.Options) *ccsync.Report {
	if ctx.Err() != nil {
		return d.interrupted(o)
	}
	a := d.app.Load()
	report, err := d.engineRun(ctx, a, o)
	d.progress.ended()
	if err != nil {
		report = d.unkept(o, report, err)
	} else if report.Whole() {
		d.progress.troubled("")
	}
	d.afterRun(ctx, a, report)
	if ctx.Err() != nil {
		a.Log.Info("run interrupted, the next start continues it", "run", report.Run)
		return report
	}
	logRun(ctx, a.Log, report)
	for _, tell := range d.ran {
		d.guarded(ctx, func() { tell(ctx, report) })
	}
	return report
}

// unkept is the report of a run that could not be recorded. Until one is, /readyz says so: the
// records tell of an earlier run.
func (d *daemon) unkept(o ccsync.Options, report *ccsync.Report, err error) *ccsync.Report {
	code, hint := ccsync.Diagnose(err)
	if report == nil || report.Error == nil || report.Error.Code != "crashed" {
		report = d.failedReport(o, "", err)
	}
	d.progress.troubled(fmt.Sprintf("a run could not be recorded (%s): %s", code, hint))
	return report
}

// engineRun is the run itself.
func (d *daemon) engineRun(ctx context.Context, a *app.App, o ccsync.Options) (report *ccsync.Report, err error) {
	crash := d.guarded(ctx, func() {
		e := a.WritingEngine()
		e.Began, e.Progress = d.progress.began, d.progress.step
		report, err = e.Run(ctx, o)
	})
	if crash == nil {
		return report, err
	}
	report = d.failedReport(o, "crashed", crash)
	return report, keepCrash(context.WithoutCancel(ctx), a, report)
}

// guarded works and gives a panic back as an error, after logging it with its stack.
func (d *daemon) guarded(ctx context.Context, work func()) (crash error) {
	defer func() {
		if p := recover(); p != nil {
			crash = fmt.Errorf("internal error: %v", p)
			d.app.Load().Log.ErrorContext(ctx, "panic", "error", crash, "stack", string(debug.Stack()))
		}
	}()
	work()
	return nil
}

// keepCrash counts a run that panicked as a failed one: its entry in the history is open still.
// This process holds the run lock, so that the newest open run that is not dry is its own.
func keepCrash(ctx context.Context, a *app.App, report *ccsync.Report) error {
	const recent = 20
	runs, err := a.State.Runs(ctx, recent)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if r.Dry || r.Outcome != "" {
			continue
		}
		report.Run = r.ID
		kept, err := json.Marshal(report)
		if err != nil {
			return err
		}
		records, err := ccsync.WholeRecord(ctx, a.State, report)
		if err != nil {
			return err
		}
		return a.State.EndRun(ctx, state.Run{ID: r.ID, Outcome: string(report.Outcome), Report: kept, Records: records})
	}
	return nil
}

// failedReport is the report of a run that could not make its own. Without a code the error tells.
func (d *daemon) failedReport(o ccsync.Options, code string, err error) *ccsync.Report {
	r := report.Empty(d.Version, false)
	r.Trigger, r.Outcome, r.Extent = o.Trigger, ccsync.Failed, o.Extent()
	r.ExitCode = exit.Failed
	r.Error = &ccsync.Problem{Code: code, Message: err.Error(), Hint: "the next run retries; the log has details"}
	if code == "" {
		r.Error.Code, r.Error.Hint = ccsync.Diagnose(err)
	}
	return r
}

func (d *daemon) interrupted(o ccsync.Options) *ccsync.Report {
	return d.failedReport(o, "interrupted", fmt.Errorf("the daemon is stopping"))
}

// logRun is the one line that a person wants of each run.
func logRun(ctx context.Context, log *slog.Logger, r *ccsync.Report) {
	level := slog.LevelInfo
	switch r.Outcome {
	case ccsync.Failed, ccsync.Refused, ccsync.Unauthorized:
		level = slog.LevelError
	case ccsync.Partial, ccsync.Deferred:
		level = slog.LevelWarn
	}
	attrs := []any{"run", r.Run, "trigger", r.Trigger, "outcome", string(r.Outcome), "changes", report.Pending(r)}
	if r.Push != nil {
		attrs = append(attrs, "verified", r.Push.Verified, "rejected", r.Push.Rejected, "unverified", r.Push.Unverified)
	}
	attrs = append(attrs, "skipped", r.Summary.Skipped, "requests", r.Requests, "seconds", r.Seconds,
		slog.Group("waited", "limiter", r.Waited.Limiter, "activities", r.Waited.Activities, "database", r.Waited.Database))
	if r.Error != nil {
		attrs = append(attrs, "error", r.Error.Message, "hint", r.Error.Hint)
	}
	log.Log(ctx, level, "run ended", attrs...)
}
