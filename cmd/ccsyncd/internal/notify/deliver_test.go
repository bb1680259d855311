package notify

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	ccsync "ccsyncd/sync"
)

func TestTheAddressOfAReceiverIsASecret(t *testing.T) {
	t.Parallel()
	n := newNoticed(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, address := range []string{
		gone.URL + "/" + webhookSecret, "http://" + webhookSecret + ".invalid/x", "http://127.0.0.1:1/" + webhookSecret, "https://" + strings.TrimPrefix(gone.URL, "http://") + "/" + webhookSecret,
		"http://user:password@127.0.0.1:1/" + webhookSecret,
		"http://[::1/" + webhookSecret, "ftp://" + webhookSecret + "/x",
	} {
		err := send(t.Context(), n.client, "ccsyncd", http.MethodPost, address, nil)
		if err == nil || strings.Contains(strings.ToLower(err.Error()), strings.ToLower(webhookSecret)) {
			t.Errorf("%s: %v", address, err)
		}
	}
	n.answer = slices.Repeat([]int{410}, 3)
	n.run(t.Context(), endedRun(ccsync.Failed))
	n.run(t.Context(), endedRun(ccsync.Synced))
	if log := n.log.String(); strings.Contains(log, webhookSecret) || strings.Contains(log, "/ping") || strings.Count(log, "410 Gone") != 2 ||
		!strings.Contains(log, "webhook failed") || !strings.Contains(log, "heartbeat request failed") {
		t.Errorf("log: %s", log)
	}
}

// wire answers in place of a network: with these statuses, at last with 200; 0 is none, -1 hangs.
type wire struct {
	statuses []int
	began    time.Time
	at       []time.Duration // when it was asked
	asked    []*http.Request
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.at, w.asked = append(w.at, time.Since(w.began)), append(w.asked, r)
	status := http.StatusOK
	if len(w.statuses) > 0 {
		status, w.statuses = w.statuses[0], w.statuses[1:]
	}
	switch status {
	case 0:
		return nil, errors.New("connection refused")
	case -1:
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: status, Body: http.NoBody}, nil
}

// A webhook is tried three times within some seconds, unless the receiver said that it wants none
// of it; a receiver that hangs is left after ten seconds.
func TestAReceiverThatIsAwayForAMomentIsAskedAgain(t *testing.T) {
	t.Parallel()
	const s = time.Second
	tests := map[string]struct {
		statuses []int
		at       []time.Duration
		err      string // "" for none
	}{
		"well":                    {[]int{299}, []time.Duration{0}, ""},
		"no receipt":              {[]int{300}, []time.Duration{0}, "the receiver answered 300 Multiple Choices"},
		"refused":                 {[]int{499}, []time.Duration{0}, "499"},
		"failed once":             {[]int{500, 200}, []time.Duration{0, s}, ""},
		"too many, then failed":   {[]int{429, 599}, []time.Duration{0, s, 6 * s}, ""},
		"away":                    {[]int{0, 0, 0}, []time.Duration{0, s, 6 * s}, "connection refused"},
		"hangs":                   {[]int{-1, -1, -1}, []time.Duration{0, 11 * s, 26 * s}, "the receiver did not answer in time"},
		"failed, refused at last": {[]int{503, 503, 404}, []time.Duration{0, s, 6 * s}, "404"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cfg := config.Default()
				cfg.Notify.Webhook = config.NewSecret("http://127.0.0.1:1/" + webhookSecret)
				w := &wire{statuses: tt.statuses, began: time.Now()}
				a := app.New(&shell.Shell{Version: "1.2.3", Wire: w, Terminal: term.New(term.Options{Stdout: io.Discard, Stderr: io.Discard})}, &cfg)
				err := New(func() *app.App { return a }, nil).post(t.Context(), cfg.Notify, Notice{})
				if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) || !slices.Equal(w.at, tt.at) {
					t.Errorf("asked at %v, then %v; want %v, %q", w.at, err, tt.at, tt.err)
				}
				for _, r := range w.asked {
					if h := r.Header; h.Get("Content-Type") != "application/json" || h.Get("User-Agent") != "ccsyncd/1.2.3" {
						t.Errorf("asked with %v", h)
					}
				}
			})
		})
	}
}

// Messages are hours apart, whatever the receiver answers.
func TestNoConnectionIsHeldBetweenMessages(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "thank you"} {
		closed := make(chan bool, 1)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }))
		server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed {
				closed <- true
			}
		}
		server.Start()
		t.Cleanup(server.Close)
		if err := send(t.Context(), noticeClient(nil), "ccsyncd", http.MethodGet, server.URL, nil); err != nil {
			t.Fatal(err)
		}
		select {
		case <-closed:
		case <-time.After(10 * time.Second):
			t.Errorf("the connection of an answer %q stays open", text)
		}
	}
}
