package daemon

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/app"
	ccsync "ccsyncd/sync"
)

// Request is a push. Beside a daemon it is left in the state file for it.
type Request struct {
	Force bool     `json:"force,omitempty"`
	Full  bool     `json:"full,omitempty"`
	Limit int      `json:"limit,omitempty"`
	Only  []string `json:"only,omitempty"` // addresses, or "key:4711"; none: all users
	Wait  bool     `json:"wait,omitempty"` // somebody waits for the report
	// Configuration is the asker's, as app.App.Fingerprint names it.
	Configuration string `json:"configuration,omitempty"`
}

// options are what the engine is asked for.
func (r *Request) options() ccsync.Options {
	return ccsync.Options{Trigger: "push", Force: r.Force, Full: r.Full, Limit: r.Limit, Only: r.Only}
}

// Answers that are no report.
const (
	answerDone = "done" // nobody waits for the report
	// the asker has it: addresses and values are not kept longer than needed
	answerRead = "read"
	// the asker does it without us, or it was forced too long ago
	answerWithdrawn = "withdrawn"
	// the asker has another configuration, which would not be carried out
	answerOtherFile = "other"
)

// forcedWithin is how long a forced push may wait for its turn. The plan that a person wanted to
// force may be another one later.
const forcedWithin = 10 * time.Minute

// joins tells whether a request is one for some users as they are asked for over HTTP, too: all
// that wait become one run.
func (r *Request) joins() bool {
	return len(r.Only) > 0 && len(r.Only) <= maxAsked && !r.Force && !r.Full && r.Limit == 0
}

// guest is a request of another process that waits among the asks.
type guest struct {
	*ask
	id      int64
	request Request
}

// serveOthers makes the runs that other processes asked for.
func (d *daemon) serveOthers(ctx context.Context, a *app.App) {
	var guests []guest
	for ctx.Err() == nil {
		r, ok, err := a.State.Asked(ctx)
		if err != nil {
			a.Log.Warn("could not read the requests of other processes", "error", err)
		}
		if !ok {
			break
		}
		var asked Request
		if err := json.Unmarshal([]byte(r.Options), &asked); err != nil {
			a.Log.Warn("could not parse a request of another process", "request", r.ID, "error", err)
			answerOther(ctx, a, r.ID, answerDone)
			continue
		}
		if asked.Configuration != "" && asked.Configuration != a.Fingerprint() {
			a.Log.Warn("a push was refused, because it uses another configuration than this daemon", "request", r.ID,
				"hint", "reload the daemon if its file has changed, or push with the daemon's configuration")
			answerOther(ctx, a, r.ID, answerOtherFile)
			continue
		}
		if asked.Force && (r.ID <= d.earlier || a.State.Now().Sub(r.AskedAt) > forcedWithin) {
			a.Log.Warn("a forced push was withdrawn, because it is older than this daemon or waited longer than ten minutes", "request", r.ID,
				"asked", r.AskedAt, "hint", "review the plan with `ccsyncd --dry-run`; if the changes are intended, push again")
			answerOther(ctx, a, r.ID, answerWithdrawn)
			continue
		}
		g := guest{newAsk("push", asked.Only), r.ID, asked}
		if asked.joins() && d.asks.add(g.ask) == nil {
			guests = append(guests, g)
			continue
		}
		answerOther(ctx, a, r.ID, asked.answer(d.run(ctx, asked.options())))
	}
	d.serveGuests(ctx, a, guests)
}

// serveGuests serves the asks until each of these has its report. Where the daemon stops before,
// the next one takes them up.
func (d *daemon) serveGuests(ctx context.Context, a *app.App, guests []guest) {
	for len(guests) > 0 && ctx.Err() == nil {
		d.serveAsks(ctx)
		guests = slices.DeleteFunc(guests, func(g guest) bool {
			select {
			case report := <-g.ended:
				answerOther(ctx, a, g.id, g.request.answer(report))
				return true
			default:
				return false
			}
		})
	}
}

func answerOther(ctx context.Context, a *app.App, id int64, answer string) {
	if err := a.State.SetAnswer(context.WithoutCancel(ctx), id, answer); err != nil {
		a.Log.Warn("could not answer a request of another process", "request", id, "error", err)
	}
}

func (r *Request) answer(report *ccsync.Report) string {
	text, err := json.Marshal(report)
	if err != nil || !r.Wait {
		return answerDone
	}
	return string(text)
}
