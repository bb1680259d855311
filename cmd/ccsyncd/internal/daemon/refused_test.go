package daemon

import (
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/cmd/ccsyncd/internal/config"
	ccsync "ccsyncd/sync"
)

// every sets the schedule.
func (b *bubble) every(spec string) {
	b.t.Helper()
	cron, err := config.ParseCron("@every "+spec, time.UTC)
	b.must(err)
	b.cfg.Schedule.Cron = cron
}

// A plan that nobody decides on is looked at again and again, but not at the cost of the day's
// requests; and a table that is put right is noticed soon.
func TestARefusedPlanLeavesTheDayItsRequests(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.every("5s")
		b.wait(time.Minute)
		b.exec("UPDATE users SET short_code = 'NEW' || id")
		before := len(b.box.Requests())
		b.wait(6 * time.Hour)
		if n := len(b.box.Requests()) - before; n > 100 { // drift is a quarter of an hour
			t.Errorf("%d requests in six hours", n)
		}
		b.wantReady(503, "ended refused")
		b.exec("UPDATE users SET short_code = printf('CODE%04d', id)")
		b.wait(15 * time.Second)
		if last := b.ran()[len(b.ran())-1]; last.Outcome != ccsync.Synced {
			t.Errorf("the table was put right, and the last run ended %s", last.Outcome)
		}
	})
}

// Where no value ever arrives others go ahead again and again, but not at the cost of the day's
// requests.
func TestContactsThatGoAheadInVainLeaveTheDayItsRequests(t *testing.T) {
	t.Parallel()
	inBubble(t, 200, func(b *bubble) {
		b.every("5s")
		b.cfg.Guard.MaxChangePercent = 0
		b.exec("UPDATE users SET short_code = 'NEW' || id")
		b.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Share: 1})
		b.wait(6 * time.Hour)
		n := len(b.box.Requests())
		if t.Logf("%d requests in six hours", n); n > 2500 {
			t.Error("at that pace the day's requests are used up")
		}
		b.box.ClearFaults()
		b.wait(time.Hour + 10*time.Minute)
		if got := b.code(150); got != "NEW150" {
			t.Errorf("an hour after values arrive again user 150 carries %q", got)
		}
	})
}

// An import that never ends is looked at every few minutes, whether it is that of the contacts that
// go ahead, or a plan is refused meanwhile; others are served as soon as their row changes.
func TestAnImportThatDoesNotMoveLeavesTheDayItsRequests(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		canary int
		refuse bool
	}{"an import": {}, "of contacts that go ahead": {canary: 2}, "beside a refused plan": {refuse: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, 30, func(b *bubble) {
				b.every("5s")
				b.cfg.Guard.MaxChangePercent, b.cfg.Guard.Canary = 0, c.canary
				b.wait(time.Minute)
				b.box.Fault(sandbox.Fault{Kind: sandbox.FaultStuck, Times: 1})
				b.exec("UPDATE users SET short_code = 'NEW' || id WHERE id < 5")
				b.wait(15 * time.Minute)
				if c.refuse {
					b.exec("DELETE FROM users WHERE id > 5")
				}
				before := len(b.box.Requests())
				b.wait(5 * time.Hour)
				n := len(b.box.Requests()) - before
				if t.Logf("%d requests in five hours", n); n > 500 {
					t.Error("at that pace the day's requests are used up")
				}
				if c.canary == 0 && !c.refuse {
					b.exec("UPDATE users SET short_code = 'NEW20' WHERE id = 20")
					b.wait(30 * time.Second)
					if got := b.code(20); got != "NEW20" {
						t.Errorf("user 20, who has nothing to do with it, carries %q", got)
					}
				}
			})
		})
	}
}
