package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// Push runs here, or lets the process do it that holds the lock. The report is nil when nobody
// waits for it.
func Push(ctx context.Context, sh *shell.Shell, r *Request) (report *ccsync.Report, err error) {
	a, err := app.OpenAll(ctx, sh)
	if err != nil {
		return nil, err
	}
	defer shell.AtExit(&err, "close", a.Close)
	held, release, err := a.LockRun(ctx)
	var holder *state.HeldError
	switch {
	case errors.As(err, &holder):
		return handOver(ctx, sh, a, r, holder)
	case err != nil:
		return nil, err
	}
	defer release()
	return a.Drive(held, sh.Terminal, a.WritingEngine(), r.options())
}

// handOver leaves a request for the process that holds the lock, and waits for its report.
func handOver(ctx context.Context, sh *shell.Shell, a *app.App, r *Request, holder *state.HeldError) (*ccsync.Report, error) {
	request := *r
	request.Configuration = a.Fingerprint()
	options, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	if !r.Wait {
		if err := sameConfiguration(ctx, a, holder); err != nil {
			return nil, err
		}
	}
	id, err := a.State.Ask(ctx, string(options))
	if err != nil {
		return nil, err
	}
	if !r.Wait {
		sh.Out.Printf("request left for process %d on %s\n", holder.PID, holder.Host)
		return nil, nil
	}
	defer sh.Err.EndLive()
	const (
		look  = 200 * time.Millisecond
		grace = 2 * time.Second // for a daemon that is being restarted: it takes the request up
	)
	asked := wallClock()
	began, seen := time.Now(), time.Now()
	patience := 10 * time.Second // before a log, which shows no live line, learns of the wait
	for {
		if time.Since(began) > patience && !sh.Err.IsTerminal() {
			sh.Err.Printf("waiting for process %d on %s: it starts after its current run; `ccsyncd status` shows that\n", holder.PID, holder.Host)
			patience = math.MaxInt64
		}
		sh.Err.Live(sh.Err.Text("waiting for process %d on %s  %s", holder.PID, holder.Host, time.Since(began).Truncate(time.Second)))
		report, err := answer(ctx, a, id)
		if report != nil || err != nil {
			return report, err
		}
		if _, alive := a.Holder(); alive {
			seen = time.Now()
		} else if time.Since(seen) > grace {
			if held, release, err := a.LockRun(ctx); err == nil {
				defer release()
				return takeBack(held, sh, a, id, r, asked)
			}
		}
		if kit.Sleep(ctx, look) != nil {
			return nil, errors.Join(errors.New("interrupted; a run that has started continues in the daemon"), withdraw(ctx, a, id))
		}
	}
}

// errOtherFile says that a push beside a daemon would not do what its own configuration says.
var errOtherFile = &exit.ConfigError{Message: "the process that holds the state file runs with another configuration than this one; nothing was sent",
	Hint: "reload it (`systemctl reload ccsyncd`, or SIGHUP) if the file has changed, or push with its configuration"}

// sameConfiguration compares ours with what the daemon wrote down last, for a push that does not
// wait to learn it.
func sameConfiguration(ctx context.Context, a *app.App, holder *state.HeldError) error {
	next, ok, err := ccsync.ReadNext(ctx, a.State)
	if err == nil && ok && next.PID == holder.PID && next.Configuration != "" && next.Configuration != a.Fingerprint() {
		return errOtherFile
	}
	return err
}

// answer is the report that came for a request; nil while there is none. It is deleted, since it
// has addresses and values.
func answer(ctx context.Context, a *app.App, id int64) (*ccsync.Report, error) {
	text, err := a.State.Answer(ctx, id)
	if err != nil || text == "" {
		return nil, ignoreEnd(ctx, err)
	}
	if text == answerWithdrawn {
		return nil, exit.ErrForcedLate
	}
	if text == answerOtherFile {
		return nil, errors.Join(errOtherFile, a.State.SetAnswer(ctx, id, answerRead))
	}
	var report ccsync.Report
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		return nil, errors.New("the process that holds the state file did not understand the request; it may be another version")
	}
	return &report, a.State.SetAnswer(ctx, id, answerRead)
}

// ignoreEnd leaves it to the caller to notice that ctx has ended.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func withdraw(ctx context.Context, a *app.App, id int64) error {
	return a.State.SetAnswer(context.WithoutCancel(ctx), id, answerWithdrawn)
}

// takeBack runs here after all what was asked at a time by the wall clock. The run lock is held.
func takeBack(held context.Context, sh *shell.Shell, a *app.App, id int64, r *Request, asked time.Time) (*ccsync.Report, error) {
	report, err := answer(held, a, id)
	if report != nil || err != nil {
		return report, err
	}
	if err := withdraw(held, a, id); err != nil {
		return nil, err
	}
	if r.Force && wallClock().Sub(asked) > forcedWithin {
		return nil, exit.ErrForcedLate
	}
	return a.Drive(held, sh.Terminal, a.WritingEngine(), r.options())
}
