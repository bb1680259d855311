package daemon

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	ccsync "ccsyncd/sync"
)

// brokenDaemon is one whose engine panics in the middle of a run: it has no Reader.
func brokenDaemon(t *testing.T) (*daemon, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	cfg := config.Default()
	cfg.Source.DSN = config.NewSecret(filepath.Join(dir, "app.db"))
	cfg.Source.Table, cfg.Source.Email = "users", "email"
	cfg.Fields = []config.Field{{Column: "short_code", CustomField: "short_code"}}
	cfg.State.Path = filepath.Join(dir, "state.db")
	var log bytes.Buffer
	sh := &shell.Shell{Terminal: term.New(term.Options{Stdout: io.Discard, Stderr: &log})}
	a := app.New(sh, &cfg)
	if err := errors.Join(a.OpenState(t.Context()), a.OpenSource(t.Context())); err != nil {
		t.Fatal(err)
	}
	a.Reader = nil
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &daemon{Shell: sh, asks: newAsks()}
	d.app.Store(a)
	return d, &log
}

func TestARunThatPanicsIsAFailedRunAndEndsNothing(t *testing.T) {
	t.Parallel()
	d, log := brokenDaemon(t)
	told := 0
	d.ran = append(d.ran, func(context.Context, *ccsync.Report) { told++; panic("and so does who is told") })
	report := d.run(t.Context(), ccsync.Options{Trigger: "schedule"})
	if report.Outcome != ccsync.Failed || report.ExitCode != exit.Failed || report.Error.Code != "crashed" {
		t.Errorf("the report says %s, %d, %+v", report.Outcome, report.ExitCode, report.Error)
	}
	db := d.app.Load().State
	run, ok, err := db.Run(t.Context(), report.Run)
	if err != nil || !ok || run.Outcome != "failed" {
		t.Errorf("the history has %+v (%v, %v), want the failed run %d", run, ok, err, report.Run)
	}
	last, ok, err := ccsync.ReadLastWhole(t.Context(), db)
	if err != nil || !ok || last.Outcome != ccsync.Failed || last.Run != report.Run || last.Failures != 1 || last.Error.Code != "crashed" {
		t.Errorf("the last whole run is %+v (%v, %v), want the failed run %d", last, ok, err, report.Run)
	}
	if !strings.Contains(log.String(), `"stack":"goroutine `) {
		t.Errorf("the log has no stack: %s", log)
	}
	if told != 1 || report.Outcome != ccsync.Failed || d.progress.now().Run != 0 {
		t.Errorf("told %d times, outcome %s, under way %d", told, report.Outcome, d.progress.now().Run)
	}
}

func TestAClockThatWasSetBackBringsTheNextRunNearer(t *testing.T) {
	t.Parallel()
	d, _ := brokenDaemon(t)
	far := wallClock().Add(300 * time.Hour)
	d.schedule.next = far
	d.tick(t.Context())
	if want := d.app.Load().Config.Schedule.Cron.Next(wallClock()); d.schedule.next.After(want) {
		t.Errorf("the next run is at %s, want %s or before", d.schedule.next, want)
	}
}
