package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/config"
	ccsync "ccsyncd/sync"
)

// notifier tells others how runs ended: a webhook when the state changes, a heartbeat when all is well. It sends beside
// the loop of the daemon, so that a slow receiver delays no run.
type notifier struct {
	app    func() *app // of the present configuration
	client *http.Client
	pauses []time.Duration // before the second and later tries of the webhook
	jobs   chan func(context.Context)
}

// maxNotices is how many messages may wait; a receiver that is slower than that misses heartbeats, and the webhook
// is made up for by the next run.
const maxNotices = 16

func newNotifier(current func() *app) *notifier {
	return &notifier{app: current, client: noticeClient(), pauses: []time.Duration{time.Second, 5 * time.Second}, jobs: make(chan func(context.Context), maxNotices)}
}

// deliver sends what is told, one after the other, until ctx ends.
func (n *notifier) deliver(ctx context.Context) {
	for {
		select {
		case job := <-n.jobs:
			job(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// ran tells of a run that ended.
func (n *notifier) ran(_ context.Context, r *ccsync.Report) {
	n.queue(func(ctx context.Context) { n.webhook(ctx, r) })
	if r.Outcome == ccsync.Synced {
		n.queue(n.heartbeat)
	}
}

// idle tells of a tick that found nothing to do.
func (n *notifier) idle(context.Context) { n.queue(n.heartbeat) }

func (n *notifier) queue(job func(context.Context)) {
	select {
	case n.jobs <- job:
	default:
		n.app().log.Warn("a notification is left out: the receiver is too slow")
	}
}

// Names of events. The others are those of outcomes.
const (
	eventRecovered = "recovered"
	stateWell      = "well"
)

// factNotified is the state that the webhook was last told of, so that a restart does not repeat it.
const factNotified = "notified_state"

// event is what a run's outcome means to somebody who was last told of a state. "" when it is nothing new.
//
//	outcome                                 event                     state then
//	synced                                  recovered, if it was bad  well
//	failed, refused, unauthorized, partial  the same, if it is new    the same
//	deferred                                none: the rest follows    as it was
func event(was string, o ccsync.Outcome) (name, is string) {
	switch o {
	case ccsync.Synced:
		if was == "" || was == stateWell {
			return "", stateWell
		}
		return eventRecovered, stateWell
	case ccsync.Failed, ccsync.Refused, ccsync.Unauthorized, ccsync.Partial:
		if was == string(o) {
			return "", was
		}
		return string(o), string(o)
	}
	return "", was
}

// webhook tells of a change of state. What could not be delivered is not remembered, so that the next run tells it. A run
// for some users alone says nothing about the others.
func (n *notifier) webhook(ctx context.Context, r *ccsync.Report) {
	a := n.app()
	if len(r.Users) > 0 {
		return
	}
	was, err := a.state.Fact(ctx, factNotified)
	if err != nil {
		a.log.Warn("what was notified last is not known", "error", err)
		return
	}
	name, is := event(was, r.Outcome)
	if name != "" && a.cfg.Notify.Webhook.IsSet() {
		if err := n.post(ctx, a.cfg.Notify, noticeOf(name, r)); err != nil {
			a.log.Warn("the webhook was not delivered; the next run tries again", "event", name, "run", r.Run, "error", err)
			return
		}
		a.log.Info("webhook delivered", "event", name, "run", r.Run)
	}
	if is == was {
		return
	}
	if err := a.state.SetFacts(ctx, map[string]string{factNotified: is}); err != nil {
		a.log.Warn("a notification may be repeated: that it was sent could not be written down", "error", err)
	}
}

func (n *notifier) post(ctx context.Context, cfg config.Notify, m notice) error {
	body, err := m.encode(cfg.Format)
	if err != nil {
		return err
	}
	url := cfg.Webhook.Reveal()
	for _, pause := range n.pauses {
		err := send(ctx, n.client, http.MethodPost, url, body)
		if !passing(err) || pauseFor(ctx, pause) != nil {
			return err
		}
	}
	return send(ctx, n.client, http.MethodPost, url, body)
}

// heartbeat is the sign of life that a dead man's switch waits for.
func (n *notifier) heartbeat(ctx context.Context) {
	a := n.app()
	if !a.cfg.Notify.Heartbeat.IsSet() {
		return
	}
	if err := send(ctx, n.client, http.MethodGet, a.cfg.Notify.Heartbeat.Reveal(), nil); err != nil {
		a.log.Warn("the heartbeat was not heard", "error", err)
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

func pauseFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
