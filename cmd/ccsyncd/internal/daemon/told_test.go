package daemon

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/notify"
	ccsync "ccsyncd/sync"
)

// hook is the receiver of the notifications of a bubble.
type hook struct {
	mu   sync.Mutex // guards what follows
	told []string   // events
}

// RoundTrip answers a notification at once.
func (h *hook) RoundTrip(r *http.Request) (*http.Response, error) {
	var n notify.Notice
	err := json.NewDecoder(r.Body).Decode(&n)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, n.Event)
	return httptest.NewRecorder().Result(), err
}

func (h *hook) events() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.told)
}

// hook lets the daemon of a bubble tell a webhook.
func (b *bubble) hook() *hook {
	b.t.Helper()
	h := new(hook)
	b.cfg.Notify.Webhook = config.NewSecret("http://127.0.0.1:9/hook")
	b.d.app.Load().Wire = h
	ctx, end := context.WithCancel(b.ctx)
	stop := b.d.tellOthers(ctx)
	b.after = append(b.after, func() { end(); stop() })
	return h
}

// What goes wrong for a while is told once, however many runs fail meanwhile, and once when it is
// over.
func TestEachTroubleIsToldOnceAndItsEndOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		begins func(*bubble)
		lasts  time.Duration
		ends   func(*bubble)
		want   string
	}{
		"an hour's outage of Constant Contact": {
			func(b *bubble) {
				b.box.Fault(sandbox.Fault{Kind: sandbox.FaultGateway})
				b.exec("UPDATE users SET short_code = 'NEW1' WHERE id = 1")
			}, time.Hour,
			func(b *bubble) { b.box.ClearFaults() }, string(ccsync.Failed)},
		"a login that died": {
			func(b *bubble) {
				b.box.Fault(sandbox.Fault{Kind: sandbox.FaultRevoked, Times: 1})
				b.box.Fault(sandbox.Fault{Kind: sandbox.FaultInvalidGrant})
				b.exec("UPDATE users SET short_code = 'NEW1' WHERE id = 1")
			}, 26 * time.Hour,
			func(b *bubble) { b.box.ClearFaults(); b.login() }, string(ccsync.Unauthorized)},
		"lost codes whose first retries are lost too": {
			func(b *bubble) {
				b.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: "user0001@"})
				b.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: "user0002@"})
				b.exec("UPDATE users SET short_code = 'NEW' || id WHERE id IN (1, 2)")
			}, 3 * time.Hour,
			func(b *bubble) { b.box.ClearFaults() }, string(ccsync.Partial)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, 20, func(b *bubble) {
				b.every("1m")
				h := b.hook()
				b.wait(10 * time.Minute)
				if got := h.events(); len(got) > 0 {
					t.Fatalf("told of %v while all is well", got)
				}
				tt.begins(b)
				b.wait(tt.lasts)
				if got := h.events(); !slices.Equal(got, []string{tt.want}) {
					t.Errorf("while it lasts: %v, want %s once", got, tt.want)
				}
				tt.ends(b)
				b.wait(7 * time.Hour)
				if got := h.events(); !slices.Equal(got, []string{tt.want, notify.EventRecovered}) {
					t.Errorf("in the end: %v, want %s and %s", got, tt.want, notify.EventRecovered)
				}
				b.wantReady(200, "ready")
			})
		})
	}
}
