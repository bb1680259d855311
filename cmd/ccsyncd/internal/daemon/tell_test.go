package daemon

import (
	"testing"
	"time"
)

func TestTheDaemonWorksWhileSomethingMoves(t *testing.T) {
	t.Parallel()
	var d daemon
	if d.works() {
		t.Error("nothing ever moved, and it works")
	}
	d.progress.began(1)
	if !d.works() {
		t.Error("a run gets further, and it does not work")
	}
	d.progress.ended()
	d.woke.Store(time.Now().Unix())
	if !d.works() {
		t.Error("the loop looks around, and it does not work")
	}
}
