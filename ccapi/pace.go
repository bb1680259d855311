package ccapi

import (
	"context"
	"sync"
	"time"

	"ccsyncd/internal/kit"

	"golang.org/x/time/rate"
)

// defaultPerSecond is the limit of an API key.
const defaultPerSecond = 4

// spacing is the distance of requests in percent of the even one. At 100 % and burst 1, 20 ms of
// jitter put five requests of four a second into some seconds; at 108 % it takes a request that
// arrives 80 ms late.
const spacing = 108

// pace spaces requests by the moments at which they really leave. A limiter that hands out moments
// ahead, as rate.Limiter.Wait does, lets two requests close up when the first one is late.
type pace struct {
	every time.Duration
	turn  chan struct{} // holds one token while somebody waits to send

	mu      sync.Mutex // guards limiter
	limiter *rate.Limiter
}

// newPace allows perSecond requests in any second; 0 means the limit of an API key.
func newPace(perSecond int) *pace {
	if perSecond <= 0 {
		perSecond = defaultPerSecond
	}
	every := time.Second * spacing / 100 / time.Duration(perSecond)
	return &pace{every: every, turn: make(chan struct{}, 1), limiter: rate.NewLimiter(rate.Every(every), 1)}
}

// lock takes the turn, first come first served.
func (p *pace) lock(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	select {
	case p.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// unlock passes the turn on.
func (p *pace) unlock() { <-p.turn }

// wait returns when a request may leave now. Only the holder of the turn may call it.
func (p *pace) wait(ctx context.Context) error {
	for {
		d := p.leave(time.Now())
		if d == 0 {
			return nil
		}
		if err := kit.Sleep(ctx, d); err != nil {
			return err
		}
	}
}

// leave lets a request leave at now and returns 0, or tells how long it still has to wait.
func (p *pace) leave(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limiter.AllowN(now, 1) {
		return 0
	}
	return max(time.Duration((1-p.limiter.TokensAt(now))*float64(p.every)), time.Microsecond)
}

// restart counts the spacing from now on.
func (p *pace) restart(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limiter = rate.NewLimiter(rate.Every(p.every), 1)
	p.limiter.AllowN(now, 1)
}
