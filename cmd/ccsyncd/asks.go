package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/web"
	ccsync "ccsyncd/sync"
)

// maxAsks is how many runs may wait that were asked for over HTTP.
const maxAsks = 64

// ask is a run that somebody wants of the loop.
type ask struct {
	options ccsync.Options
	began   chan int64          // gets the number of the run, if it begins
	ended   chan *ccsync.Report // gets its report
}

func newAsk(o ccsync.Options) *ask {
	return &ask{options: o, began: make(chan int64, 1), ended: make(chan *ccsync.Report, 1)}
}

// serve makes the run that was asked for.
func (d *daemon) serve(ctx context.Context, asked *ask) {
	d.progress.tell(asked.began)
	asked.ended <- d.run(ctx, asked.options)
	if len(asked.options.Only) == 0 {
		d.busy.Store(false)
	}
}

// askRun answers POST /run.
func (d *daemon) askRun(ctx context.Context, r web.RunRequest) (web.RunAnswer, error) {
	if r.Emails == nil {
		return d.askAll(ctx)
	}
	asked := newAsk(ccsync.Options{Trigger: "http", Only: r.Emails})
	late := time.NewTimer(r.Wait)
	defer late.Stop()
	answer := web.RunAnswer{Users: undecided(r.Emails)}
	select {
	case d.asks <- asked:
	default:
		return answer, errors.New("too many runs are waiting")
	}
	for {
		select {
		case answer.Run = <-asked.began:
		case report := <-asked.ended:
			return settled(report, r.Emails)
		case <-late.C:
			return answer, nil
		case <-ctx.Done():
			return answer, ctx.Err()
		}
	}
}

// askAll asks for a run for all users, unless one is under way.
func (d *daemon) askAll(ctx context.Context) (web.RunAnswer, error) {
	if d.progress.now().Run != 0 || !d.busy.CompareAndSwap(false, true) {
		return web.RunAnswer{}, web.ErrBusy
	}
	asked := newAsk(ccsync.Options{Trigger: "http"})
	select {
	case d.asks <- asked:
	default:
		d.busy.Store(false)
		return web.RunAnswer{}, web.ErrBusy
	}
	select {
	case id := <-asked.began:
		return web.RunAnswer{Run: id}, nil
	case report := <-asked.ended:
		return web.RunAnswer{Run: report.Run}, startError(report)
	case <-ctx.Done():
		return web.RunAnswer{}, ctx.Err()
	}
}

// startError is why a run has no number.
func startError(r *ccsync.Report) error {
	if r.Run != 0 || r.Error == nil {
		return nil
	}
	return errors.New(r.Error.Message)
}

func undecided(emails []string) []ccsync.UserState {
	all := make([]ccsync.UserState, len(emails))
	for i, email := range emails {
		all[i] = ccsync.UserState{Email: email, State: "pending"}
	}
	return all
}

// settled is the answer of a run that ended. One that failed before it knew its users leaves them pending.
func settled(r *ccsync.Report, emails []string) (web.RunAnswer, error) {
	if len(r.Users) == 0 {
		return web.RunAnswer{Run: r.Run, Users: undecided(emails)}, startError(r)
	}
	return web.RunAnswer{Run: r.Run, Users: r.Users}, nil
}

// pushRequest is what `push` leaves in the state database for the daemon.
type pushRequest struct {
	Force bool     `json:"force,omitempty"`
	Full  bool     `json:"full,omitempty"`
	Limit int      `json:"limit,omitempty"`
	Only  []string `json:"only,omitempty"`
	Wait  bool     `json:"wait,omitempty"` // somebody waits for the report
}

// Answers that are no report.
const (
	answerDone      = "done"      // nobody waits for the report
	answerRead      = "read"      // the asker has it: addresses and values are not kept longer than needed
	answerWithdrawn = "withdrawn" // the asker does it without us, or not at all
)

// serveOthers makes the runs that other processes asked for.
func (d *daemon) serveOthers(ctx context.Context, a *app) {
	for ctx.Err() == nil {
		r, ok, err := a.state.Asked(ctx)
		if err != nil {
			a.log.Warn("requests of other processes could not be read", "error", err)
		}
		if !ok {
			return
		}
		var asked pushRequest
		answer := answerDone
		if err := json.Unmarshal([]byte(r.Options), &asked); err != nil {
			a.log.Warn("a request of another process was not understood", "request", r.ID, "error", err)
		} else {
			report := d.run(ctx, ccsync.Options{Trigger: "push", Force: asked.Force, Full: asked.Full, Limit: asked.Limit, Only: asked.Only})
			answer = asked.answer(report)
		}
		if err := a.state.SetAnswer(context.WithoutCancel(ctx), r.ID, answer); err != nil {
			a.log.Warn("a request of another process was not answered", "request", r.ID, "error", err)
		}
	}
}

func (r *pushRequest) answer(report *ccsync.Report) string {
	text, err := json.Marshal(report)
	if err != nil || !r.Wait {
		return answerDone
	}
	return string(text)
}
