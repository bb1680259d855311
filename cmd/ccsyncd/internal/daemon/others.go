package daemon

import (
	"context"
	"encoding/json"

	"ccsyncd/cmd/ccsyncd/internal/app"
	ccsync "ccsyncd/sync"
)

// Request is a push. Beside a daemon it is left in the state database for it.
type Request struct {
	Force bool     `json:"force,omitempty"`
	Full  bool     `json:"full,omitempty"`
	Limit int      `json:"limit,omitempty"`
	Only  []string `json:"only,omitempty"` // addresses, or "key:4711"; none: all users
	Wait  bool     `json:"wait,omitempty"` // somebody waits for the report
}

// options are what the engine is asked for.
func (r *Request) options() ccsync.Options {
	return ccsync.Options{Trigger: "push", Force: r.Force, Full: r.Full, Limit: r.Limit, Only: r.Only}
}

// Answers that are no report.
const (
	answerDone      = "done"      // nobody waits for the report
	answerRead      = "read"      // the asker has it: addresses and values are not kept longer than needed
	answerWithdrawn = "withdrawn" // the asker does it without us, or not at all
)

// serveOthers makes the runs that other processes asked for.
func (d *daemon) serveOthers(ctx context.Context, a *app.App) {
	for ctx.Err() == nil {
		r, ok, err := a.State.Asked(ctx)
		if err != nil {
			a.Log.Warn("requests of other processes could not be read", "error", err)
		}
		if !ok {
			return
		}
		var asked Request
		answer := answerDone
		if err := json.Unmarshal([]byte(r.Options), &asked); err != nil {
			a.Log.Warn("a request of another process was not understood", "request", r.ID, "error", err)
		} else {
			report := d.run(ctx, asked.options())
			answer = asked.answer(report)
		}
		if err := a.State.SetAnswer(context.WithoutCancel(ctx), r.ID, answer); err != nil {
			a.Log.Warn("a request of another process was not answered", "request", r.ID, "error", err)
		}
	}
}

func (r *Request) answer(report *ccsync.Report) string {
	text, err := json.Marshal(report)
	if err != nil || !r.Wait {
		return answerDone
	}
	return string(text)
}
