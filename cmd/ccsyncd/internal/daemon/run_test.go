package daemon

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
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
	return brokenDaemonIn(t, t.TempDir())
}

func brokenDaemonIn(t *testing.T, dir string) (*daemon, *bytes.Buffer) {
	t.Helper()
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
	if limited := d.run(t.Context(), ccsync.Options{Limit: 1}); limited.Outcome != ccsync.Failed || limited.Whole() {
		t.Errorf("a limited run that ended %s counts as a whole one", limited.Outcome)
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

// A crash is told as one even if it could not be recorded.
func TestWhatKeptARunFromBeingRecordedIsReported(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ refused, code string }{
		"a run that could not begin":             {"INSERT", "failed"},
		"a crash that could not be written down": {"UPDATE", "crashed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := brokenDaemon(t)
			disk, err := sql.Open("sqlite3", d.app.Load().Config.State.Path)
			if err != nil {
				t.Fatal(err)
			}
			defer disk.Close()
			if _, err := disk.Exec("CREATE TRIGGER full BEFORE " + tt.refused + " ON runs BEGIN SELECT RAISE(ABORT, 'full'); END"); err != nil {
				t.Fatal(err)
			}
			report := d.run(t.Context(), ccsync.Options{Trigger: "http", Only: []string{"key:1", "key:2"}})
			if report.Outcome != ccsync.Failed || report.Error.Code != tt.code || report.Error.Hint == "" || report.Trigger != "http" || report.Only != 2 || report.ExitCode != exit.Failed {
				t.Errorf("%+v, %+v", report, report.Error)
			}
			if why := d.progress.now().Trouble; !strings.Contains(why, "a run could not be recorded (failed): ") {
				t.Errorf("/readyz says %q", why)
			}
		})
	}
}

func TestADaemonThatStopsBeginsNoRun(t *testing.T) {
	t.Parallel()
	d, _ := brokenDaemon(t)
	d.ran = append(d.ran, func(context.Context, *ccsync.Report) { t.Error("somebody was told of it") })
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if report := d.run(ctx, ccsync.Options{Trigger: "push"}); report.Run != 0 || report.Outcome != ccsync.Failed || report.Error.Code != "interrupted" {
		t.Errorf("%+v, %+v", report, report.Error)
	}
	if runs, err := d.app.Load().State.Runs(t.Context(), 1); len(runs) != 0 || err != nil {
		t.Errorf("the history has %+v (%v)", runs, err)
	}
}

// One line of the log is what a person wants of each run, as loud as it ended.
func TestEachRunIsALineOfTheLog(t *testing.T) {
	t.Parallel()
	for outcome, level := range map[ccsync.Outcome]string{ccsync.Synced: "INFO", ccsync.Planned: "INFO", ccsync.Partial: "WARN", ccsync.Deferred: "WARN",
		ccsync.Failed: "ERROR", ccsync.Refused: "ERROR", ccsync.Unauthorized: "ERROR"} {
		var log bytes.Buffer
		r := &ccsync.Report{Run: 7, Trigger: "http", Outcome: outcome, Requests: 5, Seconds: 1.5, Waited: ccsync.Waited{Limiter: 1, Activities: 2, Database: 3},
			Push: &ccsync.Pushed{Verified: 1, Rejected: 2, Unverified: 3}, Error: &ccsync.Problem{Code: "network", Message: "no answer", Hint: "check the network"}}
		r.Summary.Update, r.Summary.Skipped = 4, 6
		logRun(t.Context(), slog.New(slog.NewJSONHandler(&log, nil)), r)
		want := `"level":"` + level + `","msg":"run ended","run":7,"trigger":"http","outcome":"` + string(outcome) +
			`","changes":4,"verified":1,"rejected":2,"unverified":3,"skipped":6,"requests":5,"seconds":1.5,` +
			`"waited":{"limiter":1,"activities":2,"database":3},"error":"no answer","hint":"check the network"}` + "\n"
		if _, line, _ := strings.Cut(log.String(), ","); line != want {
			t.Errorf("%s, want %s", line, want)
		}
	}
	var log bytes.Buffer
	logRun(t.Context(), slog.New(slog.NewJSONHandler(&log, nil)), &ccsync.Report{Outcome: ccsync.Synced})
	if strings.Contains(log.String(), "verified") || strings.Contains(log.String(), "error") {
		t.Errorf("a run that sent nothing: %s", log.String())
	}
}
