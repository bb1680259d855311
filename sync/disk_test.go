package sync_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// On a disk that becomes full at any point of a run, nothing is sent that was not recorded, the
// error names the file, and the next run goes on when there is room again.
func TestAFullDiskStopsARunAndLosesNothing(t *testing.T) {
	t.Parallel()
	const pageSize = 4096
	stopped, done := 0, false
	for room := 1; !done; room += 3 {
		inWorld(t, sandbox.Options{}, func(w *world) {
			w.populate(120, 0)
			w.want(w.run(ccsync.Options{}), ccsync.Synced)
			for i := range 60 {
				w.rows[i].Values = []string{fmt.Sprintf("%s-%d", strings.Repeat("long", 50), i)}
			}
			w.close()
			info, err := os.Stat(w.path)
			if err != nil {
				t.Fatal(err)
			}
			w.life.pages = int(info.Size()/pageSize) + room
			w.open()
			report, err := w.engine().Run(w.t.Context(), ccsync.Options{})
			if report != nil && err == nil {
				err = report.Err()
			}
			w.life.pages = 0
			w.restart()
			if done = err == nil; done {
				return
			}
			stopped++
			if !errors.Is(err, state.ErrFull) || !strings.Contains(err.Error(), w.path) {
				t.Errorf("with %d pages: %v", room, err)
			}
			time.Sleep(5 * time.Minute)
			w.finish()
			w.wantAllCodes()
			if twice := w.sentTwice(0); len(twice) > 0 {
				t.Errorf("with %d pages: sent twice: %v", room, twice)
			}
			w.judgeQuota()
		})
	}
	t.Logf("stopped %d times", stopped)
}

func TestTroubleWithTheStateFileIsDiagnosed(t *testing.T) {
	t.Parallel()
	for code, err := range map[string]error{"state_full": state.ErrFull, "state_busy": state.ErrBusy, "state_readonly": state.ErrReadOnly, "state_damaged": state.ErrDamaged, "state_key": state.ErrKey} {
		if got, hint := ccsync.Diagnose(fmt.Errorf("reserve a request: %w", err)); got != code || hint == "" {
			t.Errorf("%v: code %q, hint %q", err, got, hint)
		}
	}
}
