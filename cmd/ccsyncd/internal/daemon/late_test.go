package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
)

// The values of the first contacts do not arrive, so the pauses between the runs grow.
func TestADaemonThatPausesOnPurposeIsReady(t *testing.T) {
	t.Parallel()
	inBubble(t, 200, func(b *bubble) {
		b.every("1m")
		b.cfg.Guard.MaxChangePercent = 0
		b.exec("UPDATE users SET short_code = 'NEW' || id")
		b.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Share: 1})
		b.wait(3 * time.Hour)
		before := len(b.ran())
		for range 60 {
			b.wantReady(200, "ready")
			b.wait(time.Minute)
		}
		if n := len(b.ran()) - before; n > 3 {
			t.Errorf("%d runs in an hour: there is no pause", n)
		}
	})
}

func TestADaemonIsReadyAfterAReloadToADenserSchedule(t *testing.T) {
	t.Parallel()
	inBubble(t, 20, func(b *bubble) {
		b.every("24h")
		b.cfg.Path = filepath.Join(b.dir, "ccsync.toml")
		b.must(os.WriteFile(b.cfg.Path, []byte(strings.Replace(bubbleConfig, "@every 10s", "@every 1h", 1)), 0o600))
		b.wait(20 * time.Hour)
		b.hangUp <- syscall.SIGHUP
		for range 9 {
			b.wait(10 * time.Minute)
			b.wantReady(200, "ready")
		}
	})
}
