// Package notify tells others how whole runs ended: a webhook when the state changes, a heartbeat
// while codes arrive.
package notify

import (
	"context"
	"errors"
	"net/http"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
)

// Notifier tells others how whole runs ended: a webhook when the state changes, a heartbeat when
// codes arrive. It sends beside the loop of the daemon, so that a slow receiver delays no run.
type Notifier struct {
	app    func() *app.App            // of the present configuration
	well   func(context.Context) bool // codes arrive
	client *http.Client
	agent  string          // the User-Agent of what is sent
	pauses []time.Duration // before the second and later tries of the webhook
	jobs   chan func(context.Context)

	// a run that ended synced while all was not well yet; of who calls Ran and Idle
	late *ccsync.LastWhole
	// what the webhook was last told of by this process; of the jobs, as is:
	known   *told
	written bool // it was recorded
}

// maxNotices is how many messages may wait; a receiver that is slower than that misses heartbeats,
// and the webhook is made up for by the next run.
const maxNotices = 16

// New makes a notifier for the installation that current gives. well tells whether values arrive.
func New(current func() *app.App, well func(context.Context) bool) *Notifier {
	return &Notifier{app: current, well: well, client: noticeClient(current().Wire), agent: "ccsyncd/" + current().Version, pauses: []time.Duration{time.Second, 5 * time.Second}, jobs: make(chan func(context.Context), maxNotices)}
}

// Deliver sends what is told, one after the other, until ctx ends. What was told and could not be
// recorded is recorded then, if that is possible by now: the next process goes by it.
func (n *Notifier) Deliver(ctx context.Context) {
	for {
		select {
		case job := <-n.jobs:
			job(ctx)
		case <-ctx.Done():
			if n.known != nil && !n.written {
				n.record(context.WithoutCancel(ctx))
			}
			return
		}
	}
}

// Ran tells of a run that ended. One that was not for all users says nothing about the whole.
func (n *Notifier) Ran(ctx context.Context, r *ccsync.Report) {
	if !r.Whole() {
		return
	}
	whole, err := n.whole(ctx, r)
	if err != nil {
		n.app().Log.Warn("could not read how the last run ended", "error", err)
	}
	n.late = nil
	if whole.Outcome == ccsync.Synced && !n.well(ctx) { // all is not well again yet
		n.late = &whole
		return
	}
	n.queue(func(ctx context.Context) { n.webhook(ctx, whole) })
	n.Idle(ctx)
}

// whole is the record of a whole run, or what it would be where it could not be recorded.
func (n *Notifier) whole(ctx context.Context, r *ccsync.Report) (ccsync.LastWhole, error) {
	whole, _, err := ccsync.ReadLastWhole(ctx, n.app().State)
	if err != nil || whole.Run != r.Run || r.Run == 0 {
		whole = whole.After(r, n.app().State.Now())
	}
	return whole, err
}

// Idle tells of a run or a tick that left all as it should be.
func (n *Notifier) Idle(ctx context.Context) {
	if !n.well(ctx) {
		return
	}
	if late := n.late; late != nil {
		n.late = nil
		n.queue(func(ctx context.Context) { n.webhook(ctx, *late) })
	}
	n.queue(n.heartbeat)
}

func (n *Notifier) queue(job func(context.Context)) {
	select {
	case n.jobs <- job:
	default:
		n.app().Log.Warn("notification dropped: the receiver is too slow")
	}
}

// Names of events. The others are those of outcomes.
const (
	EventRecovered = "recovered"
	stateWell      = "well"
)

// Names under which the state file keeps what the webhook was last told of, so that a restart
// does not repeat it.
const (
	factNotified        = "notified_state"
	factNotifiedProblem = "notified_problem" // when the newest problem told of was first tried
)

// told is what somebody was last told of.
type told struct {
	state   string // an outcome or stateWell; "" for nothing
	problem time.Time
}

// event is what a whole run means to somebody who was last told of something. "" when it is nothing
// new.
//
//	outcome                                 event                     state then
//	synced                                  recovered, if it was bad  well
//	failed, refused, unauthorized           the same, if it is new    the same
//	partial, with open problems             partial, if any is new    partial
//	partial without, deferred               none: the rest follows    as it was
func event(was told, l *ccsync.LastWhole) (name string, is told) {
	is = told{string(l.Outcome), was.problem}
	switch l.Outcome {
	case ccsync.Synced:
		if is.state = stateWell; was.state == "" || was.state == stateWell {
			return "", is
		}
		return EventRecovered, is
	case ccsync.Partial:
		news := l.NewestProblem.After(was.problem) || was.state != is.state
		if l.OpenProblems()+l.Oversteps() == 0 || !news {
			return "", was
		}
		is.problem = l.NewestProblem
		return is.state, is
	case ccsync.Failed, ccsync.Refused, ccsync.Unauthorized:
		if was.state == is.state {
			return "", was
		}
		return is.state, is
	}
	return "", was
}

// webhook tells of a change of state. What could not be delivered is not remembered, so that the
// next run tells it.
func (n *Notifier) webhook(ctx context.Context, l ccsync.LastWhole) {
	a := n.app()
	if n.known == nil {
		was, err := lastTold(ctx, a)
		if err != nil {
			a.Log.Warn("could not read the last notification", "error", err)
			return
		}
		n.known, n.written = &was, true
	}
	name, is := event(*n.known, &l)
	if name != "" && a.Config.Notify.Webhook.IsSet() {
		if err := n.post(ctx, a.Config.Notify, noticeOf(name, &l)); err != nil {
			a.Log.Warn("webhook failed, retrying after the next run", "event", name, "run", l.Run, "error", err)
			return
		}
		a.Log.Info("webhook delivered", "event", name, "run", l.Run)
	}
	if is == *n.known && n.written {
		return
	}
	n.known = &is
	n.record(ctx)
}

// record keeps what the webhook was last told of.
func (n *Notifier) record(ctx context.Context) {
	a, is := n.app(), n.known
	err := a.State.SetFacts(ctx, map[string]string{factNotified: is.state, factNotifiedProblem: is.problem.Format(time.RFC3339Nano)})
	if err != nil {
		a.Log.Warn("could not record that a notification was sent; it may be repeated after a restart", "error", err)
	}
	n.written = err == nil
}

// lastTold reads what the webhook was last told of.
func lastTold(ctx context.Context, a *app.App) (t told, err error) {
	if t.state, err = a.State.Fact(ctx, factNotified); err != nil {
		return t, err
	}
	newest, err := a.State.Fact(ctx, factNotifiedProblem)
	if err != nil || newest == "" {
		return t, err
	}
	t.problem, err = time.Parse(time.RFC3339Nano, newest)
	return t, err
}

func (n *Notifier) post(ctx context.Context, cfg config.Notify, m Notice) error {
	body := m.encode(cfg.Format)
	url := cfg.Webhook.Reveal()
	for _, pause := range n.pauses {
		err := send(ctx, n.client, n.agent, http.MethodPost, url, body)
		if !passing(err) || kit.Sleep(ctx, pause) != nil {
			return err
		}
	}
	return send(ctx, n.client, n.agent, http.MethodPost, url, body)
}

// heartbeat is the sign of life that a dead man's switch waits for.
func (n *Notifier) heartbeat(ctx context.Context) {
	a := n.app()
	if !a.Config.Notify.Heartbeat.IsSet() {
		return
	}
	if err := send(ctx, n.client, n.agent, http.MethodGet, a.Config.Notify.Heartbeat.Reveal(), nil); err != nil {
		a.Log.Warn("heartbeat request failed", "error", err)
	}
}

// passing tells whether another try may help.
func passing(err error) bool {
	var refused *statusError
	if errors.As(err, &refused) {
		return refused.status >= http.StatusInternalServerError || refused.status == http.StatusTooManyRequests
	}
	return err != nil
}
