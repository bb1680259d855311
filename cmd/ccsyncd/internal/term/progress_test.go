package term

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// drive plays a run: a snapshot that takes 2 s, waiting for a while, then a step without a count.
func drive(p *Progress) {
	p.Step("snapshot", 0, 40000)
	time.Sleep(time.Second)
	p.Step("snapshot", 10000, 40000)
	p.Step("snapshot", 10001, 40000) // too soon to be drawn
	time.Sleep(time.Second)
	p.Step("snapshot", 20000, 40000)
	time.Sleep(time.Second)
	p.Wait("the limiter")
	time.Sleep(time.Second)
	p.Step("snapshot", 40000, 40000)
	p.Step("push", 3, 0)
	time.Sleep(4 * time.Second)
	p.Step("push", 5, 0)
	p.Step("verify", 0, 0)
	time.Sleep(5 * time.Second)
	p.End()
	p.End()
}

func TestProgressIsALineOnATerminal(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		columns int
		unicode bool
	}{"progress-wide": {100, true}, "progress-narrow": {60, true}, "progress-ascii": {100, false}}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, b := screen(tt.columns)
				s.unicode = tt.unicode
				drive((&Terminal{Err: s}).Progress(slog.New(slog.DiscardHandler)))
				golden(t, name, strings.ReplaceAll(b.String(), "\r\x1b[K", "\n<"))
			})
		})
	}
}

func TestProgressIsARecordForEachStepElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, b := pipe()
		log := slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
		drive((&Terminal{Err: s}).Progress(log))
		golden(t, "progress-log", b.String())
	})
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// Nothing is said to be left when the rest is about to end, nor while nothing moves.
func TestNoStepStandsAtNothingLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, b := screen(100)
		p := (&Terminal{Err: s}).Progress(slog.New(slog.DiscardHandler))
		p.Step("import", 0, 40000)
		time.Sleep(10 * time.Second)
		p.Step("import", 39999, 40000)
		time.Sleep(30 * time.Second)
		p.End()
		text := b.String()
		if strings.Contains(text, "0s left") || !strings.Contains(text, "39,999 of 40,000  38s") && !strings.Contains(text, "39,999 of 40,000  39s") {
			t.Errorf("%q", text)
		}
	})
}
