package daemon

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/cmd/ccsyncd/internal/config"
	ccsync "ccsyncd/sync"
)

// press presses a button of the page.
func (b *bubble) press(path string) int {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.ctx, http.MethodPost, "http://127.0.0.1:8484"+path, nil)
	b.must(err)
	r.Header.Set("Authorization", "Bearer "+bubbleToken)
	stay := *b.pages
	stay.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := stay.Do(r)
	b.must(err)
	_, _ = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	return answer.StatusCode
}

// A dry run of the page shows what the next run does, writes nothing, and hides nothing from it.
func TestTheDryRunOfThePageShowsWhatTheNextRunDoes(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		cron, err := config.ParseCron("@every 10m", time.UTC)
		b.must(err)
		b.cfg.Schedule.Cron = cron
		b.begin()
		b.wait(time.Minute)
		b.exec("UPDATE users SET short_code = 'NEW-3' WHERE id = 3")
		before := len(b.box.Writes())
		if status := b.press("/plan"); status != http.StatusSeeOther {
			t.Fatalf("the button: %d", status)
		}
		b.wait(3 * time.Second)
		_, page := b.get("/plan")
		for _, want := range []string{"1 change<", "user0003@example.com", "short_code <code>CO••</code> → <code>NE••</code>"} {
			if !strings.Contains(page, want) {
				t.Errorf("the plan does not show %q:\n%s", want, page)
			}
		}
		if writes := b.box.Writes(); len(writes) != before {
			t.Errorf("the dry run wrote: %v", writes[before:])
		}
		b.wait(10 * time.Minute)
		b.wantReady(200, "ready")
		last := b.ran()[len(b.ran())-1]
		if last.Outcome != ccsync.Synced || last.Push == nil || last.Push.Verified != 1 {
			t.Errorf("the run after it: %+v", last)
		}
	})
}

// A daemon that ends does not wait for a dry run whose requests are not answered.
func TestADryRunEndsWithTheDaemon(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.begin()
		b.wait(time.Minute)
		b.box.Fault(sandbox.Fault{Kind: sandbox.FaultHangBefore})
		b.press("/plan")
		b.wait(time.Second)
		began := time.Now()
		b.d.dry.stop()
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}
		b.press("/plan")
		b.wait(time.Second)
		if _, page := b.get("/plan"); !strings.Contains(page, "Not known") {
			t.Error("a dry run begins while the daemon ends")
		}
	})
}

// What they read is closed next.
func TestTheEndWaitsForTheDryRunsThatItStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r dryRuns
		for i := range 3 {
			alive, end, err := r.begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				end() // long before
				continue
			}
			go func() { <-alive.Done(); time.Sleep(time.Second); end() }()
		}
		began := time.Now()
		r.stop()
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %s, want the second that they take", took)
		}
		if _, _, err := r.begin(t.Context()); !errors.Is(err, errEnding) {
			t.Errorf("another one began: %v", err)
		}
	})
}
