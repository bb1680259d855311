package term

import (
	"log/slog"
	"strings"
	"sync"
	"time"

	"ccsyncd/internal/kit"
)

const (
	redrawEvery = 100 * time.Millisecond
	barCells    = 24
	barFrom     = 80 // columns; a narrower terminal has no room for a bar

	// A step that stands still for stallAfter shows how long it has taken in place of what is left,
	// redrawn every beat.
	stallAfter = 2500 * time.Millisecond
	beat       = time.Second
)

// Progress shows how far the steps of a run are: a line that is redrawn on a terminal, and one
// record of the log for each step that ended elsewhere. Its methods may be called by several
// goroutines at once.
type Progress struct {
	out *Stream
	log *slog.Logger

	mu      sync.Mutex // guards all below
	step    string
	done    int
	total   int
	waiting string
	first   int // done when the step began: a resumed step is not faster for it
	began   time.Time
	moved   time.Time // when the step last got any further
	drawn   time.Time
	stalls  *time.Timer // redraws while nothing moves; nil where no line is drawn
}

// Progress shows steps on Err, or to log when nobody looks at it.
func (t *Terminal) Progress(log *slog.Logger) *Progress { return &Progress{out: t.Err, log: log} }

// Step says that done of total are ready in the step; a total of 0 is not known. A step ends when
// another begins.
func (p *Progress) Step(step string, done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if step != p.step {
		p.end()
		p.step, p.first, p.began, p.drawn = step, done, time.Now(), time.Time{}
	}
	if p.moved.Before(p.began) || done != p.done {
		p.moved = time.Now()
	}
	p.done, p.total, p.waiting = done, total, ""
	if p.stalls == nil && p.out.moves {
		p.stalls = time.AfterFunc(stallAfter, p.stalled)
	}
	p.draw()
}

// stalled redraws a step that stands still, and looks again after a beat.
func (p *Progress) stalled() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.step == "" {
		return
	}
	if time.Since(p.moved) >= stallAfter {
		p.draw()
	}
	p.stalls.Reset(beat)
}

// Wait says what the step waits for, such as "the limiter", until it goes on.
func (p *Progress) Wait(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = what
	p.draw()
}

// End ends the last step.
func (p *Progress) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
	p.step = ""
	if p.stalls != nil {
		p.stalls.Stop()
		p.stalls = nil
	}
}

func (p *Progress) end() {
	if p.step == "" {
		return
	}
	took := time.Since(p.began)
	if !p.out.moves {
		p.log.Info("step ended", "step", p.step, "done", p.done, "seconds", took.Round(time.Millisecond).Seconds())
		return
	}
	p.out.EndLive()
	count := ""
	if p.done > 0 {
		count = kit.Count(p.done) + " in "
	}
	p.out.Printf("%s  %s%s\n", p.title(), count, Duration(took))
}

// stepWidth aligns what follows the names of the steps.
const stepWidth = 10

func (p *Progress) title() Text {
	return p.out.Text("%-*s", stepWidth, p.step)
}

func (p *Progress) draw() {
	now := time.Now()
	if p.step == "" || now.Sub(p.drawn) < redrawEvery {
		return
	}
	p.drawn = now
	parts := []string{string(p.title())}
	if p.total > 0 {
		parts = append(parts, p.bar()+kit.Count(p.done)+" of "+kit.Count(p.total))
	} else if p.done > 0 {
		parts = append(parts, kit.Count(p.done))
	}
	if now.Sub(p.moved) < stallAfter {
		parts = append(parts, p.speed(now.Sub(p.began))...)
	} else {
		parts = append(parts, Duration(now.Sub(p.began).Round(time.Second)))
	}
	if p.waiting != "" {
		parts = append(parts, string(p.out.Paint(Caution, "waiting for "+p.waiting)))
	}
	p.out.Live(Text(strings.Join(parts, "  ")))
}

// bar draws the share that is done, where there is room.
func (p *Progress) bar() string {
	if p.out.columns() < barFrom {
		return ""
	}
	full := min(max(p.done, 0), p.total) * barCells / p.total
	return strings.Repeat(p.out.pick("█", "#"), full) + strings.Repeat(p.out.pick("░", "."), barCells-full) + "  "
}

// speed returns the rate and the time left, once there is enough to judge by.
func (p *Progress) speed(elapsed time.Duration) []string {
	made := p.done - p.first
	if made <= 0 || elapsed < time.Second {
		return nil
	}
	rate := float64(made) / elapsed.Seconds()
	parts := []string{kit.Count(int(rate)) + "/s"}
	if rate < 1 {
		parts = []string{kit.Count(int(rate*60)) + "/min"}
	}
	if left := p.total - p.done; left > 0 {
		seconds := time.Duration(float64(left) / rate * float64(time.Second)).Round(time.Second)
		if seconds > 0 { // the last second is no forecast
			parts = append(parts, Duration(seconds)+" left")
		}
	}
	return parts
}
