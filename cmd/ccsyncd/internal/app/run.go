package app

import (
	"context"

	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	ccsync "ccsyncd/sync"
)

// Once makes one run, dry or not.
func Once(ctx context.Context, sh *shell.Shell, o ccsync.Options, dry bool) (report *ccsync.Report, err error) {
	a, err := OpenAll(ctx, sh)
	if err != nil {
		return nil, err
	}
	defer shell.AtExit(&err, "close", a.Close)
	if dry {
		return a.Drive(ctx, sh.Terminal, a.Engine(), o)
	}
	held, release, err := a.LockRun(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	return a.Drive(held, sh.Terminal, a.WritingEngine(), o)
}

// Drive runs the engine and shows its progress.
func (a *App) Drive(ctx context.Context, t *term.Terminal, e *ccsync.Engine, o ccsync.Options) (*ccsync.Report, error) {
	progress := t.Progress(a.Log)
	e.Progress = progress.Step
	report, err := e.Run(ctx, o)
	progress.End()
	if err == nil && ctx.Err() != nil && report.Outcome == ccsync.Failed {
		report.Error = &ccsync.Problem{Code: "interrupted", Message: "interrupted",
			Hint: "the next run continues and sends nothing twice"}
	}
	return report, err
}
