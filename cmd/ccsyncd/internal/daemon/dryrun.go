package daemon

import (
	"context"
	"errors"
	"sync"

	ccsync "ccsyncd/sync"
)

// dryRuns are those that the status page asked for. They are made beside the loop, as those of
// another process are, and end before the installation is closed. The zero value is ready. Its
// methods may be called concurrently.
type dryRuns struct {
	mu       sync.Mutex // guards what follows
	stopped  bool
	ends     map[int]context.CancelFunc // of those under way
	next     int
	underWay sync.WaitGroup
}

var errEnding = errors.New("the daemon is stopping")

// begin lets one begin, until end is called or the daemon stops.
func (r *dryRuns) begin(ctx context.Context) (alive context.Context, end func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return nil, nil, errEnding
	}
	if r.ends == nil {
		r.ends = make(map[int]context.CancelFunc)
	}
	alive, cancel := context.WithCancel(ctx)
	id := r.next
	r.next++
	r.ends[id] = cancel
	r.underWay.Add(1)
	return alive, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		cancel()
		delete(r.ends, id)
		r.underWay.Done()
	}, nil
}

// stop ends those under way, waits for them, and lets no other begin.
func (r *dryRuns) stop() {
	r.mu.Lock()
	r.stopped = true
	for _, cancel := range r.ends {
		cancel()
	}
	r.mu.Unlock()
	r.underWay.Wait()
}

// dryRun makes a plan for the status page and changes nothing.
func (d *daemon) dryRun(ctx context.Context) (report *ccsync.Report, err error) {
	ctx, end, err := d.dry.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	crash := d.guarded(ctx, func() { report, err = d.app.Load().Engine().Run(ctx, ccsync.Options{Trigger: "http"}) })
	return report, errors.Join(crash, err)
}
