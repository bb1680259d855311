package daemon

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/web"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
)

// Bounds of what may wait for a run.
const (
	maxAsks  = 2000 // asks
	maxAsked = 1000 // users of one run
	// A run waits until no ask has come for gatherFor, and gatherMost in all: a burst becomes one
	// run.
	gatherFor  = 50 * time.Millisecond
	gatherMost = time.Second
)

// ask is a run that somebody wants of the loop.
type ask struct {
	trigger string
	names   []string            // addresses, or "key:4711"; none: all users
	began   chan int64          // gets the number of the run, if it begins
	ended   chan *ccsync.Report // gets its report: that of names alone, in that order
	gone    atomic.Bool         // nobody waits for the answer any more
}

func newAsk(trigger string, names []string) *ask {
	return &ask{trigger: trigger, names: names, began: make(chan int64, 1), ended: make(chan *ccsync.Report, 1)}
}

// asks are those that wait for the loop. Its methods may be called concurrently.
type asks struct {
	woken   chan struct{} // holds a value while any wait
	stopped chan struct{} // closed when the daemon stops

	mu      sync.Mutex // guards what follows
	waiting []*ask
}

func newAsks() *asks { return &asks{woken: make(chan struct{}, 1), stopped: make(chan struct{})} }

// add lets one wait; web.ErrFull when too many do.
func (q *asks) add(a *ask) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-q.stopped:
		return web.ErrStopping
	default:
	}
	if len(q.waiting) == maxAsks {
		return web.ErrFull
	}
	q.waiting = append(q.waiting, a)
	q.wake()
	return nil
}

// count is how many wait.
func (q *asks) count() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

func (q *asks) wake() {
	select {
	case q.woken <- struct{}{}:
	default:
	}
}

// stop turns away those that wait and those that come.
func (q *asks) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	close(q.stopped)
	q.waiting = nil
}

// take takes those that one run serves: the first for all users, or else as many of those for some
// as fit into one run, the first first. Whose asker is gone is dropped.
func (q *asks) take() (together []*ask) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var rest []*ask
	users := make(map[string]bool)
	full := false
	for _, a := range q.waiting {
		switch {
		case a.gone.Load():
			continue
		case full || len(together) > 0 && (len(a.names) == 0 || !fit(users, a.names)):
			rest = append(rest, a)
			full = full || len(a.names) > 0 // nobody is overtaken for ever
			continue
		}
		together = append(together, a)
		full = len(a.names) == 0
		for _, name := range a.names {
			users[name] = true
		}
	}
	if q.waiting = rest; len(rest) > 0 {
		q.wake()
	}
	return together
}

// fit tells whether more users fit into a run.
func fit(users map[string]bool, more []string) bool {
	n := len(users)
	for _, name := range more {
		if !users[name] {
			n++
		}
	}
	return n <= maxAsked
}

// serveAsks makes one run of all that wait, or of as many as one run can serve.
func (d *daemon) serveAsks(ctx context.Context) {
	if d.asks.count() == 0 || d.gather(ctx) != nil {
		return
	}
	together := d.asks.take()
	if len(together) == 0 {
		return
	}
	var only []string
	at := make(map[string]int) // in only, by name
	for _, a := range together {
		for _, name := range a.names {
			if _, ok := at[name]; !ok {
				at[name] = len(only)
				only = append(only, name)
			}
		}
	}
	d.progress.tell(func(run int64) {
		for _, a := range together {
			a.began <- run
		}
	})
	report := d.run(ctx, ccsync.Options{Trigger: triggerOf(together), Only: only})
	if len(only) == 0 {
		d.busy.Store(false) // before its asker hears of the end: he may ask again at once
	}
	if ctx.Err() != nil && report.Outcome == ccsync.Failed {
		// the daemon stops, and turns those away who wait: they come again, and the next one serves
		// them
		return
	}
	for _, a := range together {
		if len(together) == 1 && len(a.names) == len(only) {
			a.ended <- report
			break
		}
		own := report.Share(placesOf(a.names, at))
		own.ExitCode = exit.OfReport(own)
		a.ended <- own
	}
}

// gather waits until no further ask comes, or enough wait for a whole run.
func (d *daemon) gather(ctx context.Context) error {
	for began, seen := time.Now(), 0; time.Since(began) < gatherMost; {
		now := d.asks.count()
		if now == seen || now >= maxAsked {
			return nil
		}
		if seen = now; kit.Sleep(ctx, gatherFor) != nil {
			return ctx.Err()
		}
	}
	return nil
}

// triggerOf is what began a run: asks over HTTP, unless all came from a push.
func triggerOf(together []*ask) string {
	if slices.ContainsFunc(together, func(a *ask) bool { return a.trigger == "http" }) {
		return "http"
	}
	return "push"
}

// placesOf are where the users of these names stand.
func placesOf(names []string, at map[string]int) []int {
	places := make([]int, len(names))
	for i, name := range names {
		places[i] = at[name]
	}
	return places
}

// askRun answers POST /run.
func (d *daemon) askRun(ctx context.Context, r web.RunRequest) (web.RunAnswer, error) {
	if r.All() {
		return d.askAll(ctx)
	}
	names := r.Names()
	asked, answer := newAsk("http", names), web.RunAnswer{Users: r.Pending("")}
	if r.Wait > 0 {
		late := time.NewTimer(r.Wait)
		defer late.Stop()
		if err := d.asks.add(asked); err != nil {
			return answer, err
		}
		for {
			select {
			case answer.Run = <-asked.began:
			case report := <-asked.ended:
				return settled(report, r), nil
			case <-late.C:
				return answer, nil
			case <-d.asks.stopped:
				return answer, web.ErrStopping
			case <-ctx.Done():
				asked.gone.Store(true)
				return answer, ctx.Err()
			}
		}
	}
	return answer, d.asks.add(asked)
}

// askAll asks for a run for all users, unless one is under way.
func (d *daemon) askAll(ctx context.Context) (web.RunAnswer, error) {
	if d.progress.now().Run != 0 || !d.busy.CompareAndSwap(false, true) {
		return web.RunAnswer{}, web.ErrBusy
	}
	asked := newAsk("http", nil)
	if err := d.asks.add(asked); err != nil {
		d.busy.Store(false)
		return web.RunAnswer{}, err
	}
	select {
	case id := <-asked.began:
		return web.RunAnswer{Run: id}, nil
	case report := <-asked.ended:
		return web.RunAnswer{Run: report.Run}, startError(report)
	case <-d.asks.stopped:
		return web.RunAnswer{}, web.ErrStopping
	case <-ctx.Done():
		return web.RunAnswer{}, ctx.Err() // the run comes all the same: it is for everybody
	}
}

// startError is why a run has no number.
func startError(r *ccsync.Report) error {
	if r.Run != 0 || r.Error == nil {
		return nil
	}
	return &web.NotStartedError{Code: r.Error.Code, Message: r.Error.Message, Hint: r.Error.Hint}
}

// settled is the answer of a run that ended. Users that it left pending get the reason if it did
// not do its work, or waits for the first contacts of a push.
func settled(report *ccsync.Report, r web.RunRequest) web.RunAnswer {
	reason := ""
	switch report.Outcome {
	case ccsync.Refused, ccsync.Deferred, ccsync.Failed, ccsync.Unauthorized:
		reason = string(report.Outcome)
	default:
		if report.Ahead != nil || report.Unproven > 0 {
			reason = "canary"
		}
	}
	answer := web.RunAnswer{Run: report.Run, Users: r.Pending(reason)}
	for i, u := range report.Users {
		if u.State != "pending" {
			answer.Users[i].State, answer.Users[i].Reason = u.State, u.Reason
		}
	}
	return answer
}
