package daemon

import (
	"sync"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/web"
)

// progress is what the daemon is at, for the status page. Its methods may be called concurrently.
type progress struct {
	mu     sync.Mutex // guards what follows
	at     web.Progress
	waiter func(int64) // hears the number of the next run
}

// now is what the daemon is at now.
func (p *progress) now() web.Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

// tell lets somebody hear the number of the next run.
func (p *progress) tell(waiter func(run int64)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiter = waiter
}

func (p *progress) began(run int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at.Run, p.at.MovedAt, p.at.Step, p.at.Done, p.at.Total = run, time.Now(), "", 0, 0
	if p.waiter != nil {
		p.waiter(run)
	}
}

func (p *progress) step(step string, done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// a poll of an import counts: the engine itself lets go of one that stands still
	p.at.MovedAt = time.Now()
	p.at.Step, p.at.Done, p.at.Total = step, done, total
}

func (p *progress) ended() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at.Run, p.at.EndedAt, p.waiter = 0, time.Now(), nil
}

// troubled keeps why a run could not be recorded, "" for nothing.
func (p *progress) troubled(why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at.Trouble = why
}

// good notes that the daemon is ready now.
func (p *progress) good() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at.GoodAt = time.Now()
}

// planned notes when the next tick is due.
func (p *progress) planned(next time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at.NextAt = next
}

func (p *progress) idled() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at.IdleAt = time.Now()
}
