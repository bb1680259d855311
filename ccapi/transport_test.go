package ccapi

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ledger is a quota that keeps what it was told.
type ledger struct {
	reserved  atomic.Int64
	throttled atomic.Int64
	until     atomic.Pointer[time.Time]
	reserve   func(ctx context.Context, n int64) (time.Time, error)
}

func (q *ledger) Reserve(ctx context.Context) (time.Time, error) {
	n := q.reserved.Add(1)
	if q.reserve != nil {
		return q.reserve(ctx, n)
	}
	return time.Now(), nil
}

func (q *ledger) Throttled(context.Context) error { q.throttled.Add(1); return nil }

func (q *ledger) Exhausted(_ context.Context, until time.Time) error {
	q.until.Store(&until)
	return nil
}

// arrivals records when requests come.
type arrivals struct {
	mu sync.Mutex
	at []time.Duration
}

func (a *arrivals) add(start time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = append(a.at, time.Since(start))
}

// busiest is the most arrivals in any second.
func (a *arrivals) busiest() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	most := 0
	for i := range a.at {
		n := 0
		for _, t := range a.at[i:] {
			if t < a.at[i]+time.Second {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// get sends a GET through the door and drops the answer.
func get(ctx context.Context, t *Transport) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://api.test/v3/x?email=ann@example.com", nil)
	if err != nil {
		return nil, err
	}
	resp, err := t.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	return resp, err
}

func TestNoSecondHasMoreRequestsThanAllowed(t *testing.T) {
	tests := []struct {
		name      string
		perSecond int
		want      int
		clients   int
		reserve   func(context.Context, int64) (time.Time, error)
	}{
		{name: "one client", want: 4, clients: 1},
		{name: "eight clients at once", want: 4, clients: 8},
		{name: "two a second", perSecond: 2, want: 2, clients: 3},
		{name: "ten a second", perSecond: 10, want: 10, clients: 3},
		{name: "a quota whose answers take from 0 to 200 ms", want: 4, clients: 3,
			reserve: func(_ context.Context, n int64) (time.Time, error) {
				time.Sleep(time.Duration(n*67%200) * time.Millisecond)
				return time.Now(), nil
			}},
		{name: "a quota that hands out moments unevenly", want: 4, clients: 2,
			reserve: func(_ context.Context, n int64) (time.Time, error) {
				return time.Now().Add(time.Duration(n*131%400) * time.Millisecond), nil
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var seen arrivals
				start := time.Now()
				s := serve(t, func(http.ResponseWriter, *http.Request) { seen.add(start) })
				door := &Transport{Base: s.base, PerSecond: tt.perSecond, Quota: &ledger{reserve: tt.reserve}}
				var wg sync.WaitGroup
				for range tt.clients {
					wg.Go(func() {
						for range 20 {
							if _, err := get(t.Context(), door); err != nil {
								t.Error(err)
							}
						}
					})
				}
				wg.Wait()
				if got := seen.busiest(); got != tt.want {
					t.Errorf("busiest second has %d requests, want %d", got, tt.want)
				}
			})
		})
	}
}

func TestASlowConnectionDoesNotLetRequestsCloseUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var seen arrivals
		start := time.Now()
		s := serve(t, func(http.ResponseWriter, *http.Request) { seen.add(start) })
		dial := s.base.DialContext
		s.base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			time.Sleep(200 * time.Millisecond)
			return dial(ctx, network, addr)
		}
		door := &Transport{Base: s.base}
		for range 10 {
			if _, err := get(t.Context(), door); err != nil {
				t.Fatal(err)
			}
		}
		if got := seen.busiest(); got > 4 {
			t.Errorf("busiest second has %d requests: %v", got, seen.at)
		}
	})
}

// On a machine that is short of time a request may leave long after its turn.
func TestARequestThatIsWrittenLateDoesNotLetTheNextOnesCloseUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var seen arrivals
		start := time.Now()
		s := serve(t, func(http.ResponseWriter, *http.Request) { seen.add(start) })
		door := &Transport{Base: &tardy{RoundTripper: s.base}}
		for range 12 {
			if _, err := get(t.Context(), door); err != nil {
				t.Fatal(err)
			}
		}
		if got := seen.busiest(); got > 4 {
			t.Errorf("busiest second has %d requests: %v", got, seen.at)
		}
	})
}

// tardy takes its time before it writes each third request.
type tardy struct {
	http.RoundTripper
	requests int
}

func (b *tardy) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.requests++; b.requests%3 == 2 {
		time.Sleep(200 * time.Millisecond)
	}
	return b.RoundTripper.RoundTrip(r)
}

func TestARequestLeavesNoSoonerThanTheQuotaSays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		var seen arrivals
		s := serve(t, func(http.ResponseWriter, *http.Request) { seen.add(start) })
		door := &Transport{Base: s.base, Quota: &ledger{reserve: func(context.Context, int64) (time.Time, error) {
			return start.Add(7 * time.Second), nil
		}}}
		if _, err := get(t.Context(), door); err != nil {
			t.Fatal(err)
		}
		if seen.at[0] != 7*time.Second || door.Waited() != 7*time.Second {
			t.Errorf("left after %v, waited %v, want 7s", seen.at[0], door.Waited())
		}
	})
}

func TestARequestThatTheQuotaRefusesIsNotSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		refusal := errors.New("day used up")
		s := serve(t, func(http.ResponseWriter, *http.Request) {})
		q := &ledger{reserve: func(context.Context, int64) (time.Time, error) { return time.Time{}, refusal }}
		observed := false
		door := &Transport{Base: s.base, Quota: q, Observe: func(*http.Request, *http.Response, error) { observed = true }}
		r := NewReader("http://api.test/v3", &http.Client{Transport: door}, &tokens{})
		_, err := r.Account(t.Context())
		if !errors.Is(err, refusal) {
			t.Errorf("error = %v, want %v", err, refusal)
		}
		if q.reserved.Load() != 1 || s.hits.Load() != 0 || r.Requests() != 0 || observed {
			t.Errorf("reserved %d, sent %d, counted %d, observed %v; want 1, 0, 0, false",
				q.reserved.Load(), s.hits.Load(), r.Requests(), observed)
		}
		var b ImportBody
		b.Reset([]string{"l"}, nil)
		b.Add("ann@example.com", nil)
		if _, err := NewWriter(r).Import(t.Context(), &b); !errors.Is(err, refusal) || errors.Is(err, ErrUnknownOutcome) {
			t.Errorf("import: %v, want the refusal and a known outcome", err)
		}
	})
}

func TestWaitingForATurnEndsWithTheContext(t *testing.T) {
	for _, name := range []string{"pace", "quota's moment", "another's turn"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, func(http.ResponseWriter, *http.Request) {})
				q := &ledger{}
				door := &Transport{Base: s.base, Quota: q}
				if _, err := get(t.Context(), door); err != nil {
					t.Fatal(err)
				}
				if name != "pace" {
					q.reserve = func(context.Context, int64) (time.Time, error) { return time.Now().Add(time.Hour), nil }
				}
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				var wg sync.WaitGroup
				if name == "another's turn" {
					long, stop := context.WithCancel(t.Context())
					wg.Go(func() { get(long, door) })
					time.Sleep(time.Millisecond)
					defer wg.Wait()
					defer stop()
				}
				start := time.Now()
				_, err := get(ctx, door)
				if !errors.Is(err, context.DeadlineExceeded) || !turnedAway(err) {
					t.Errorf("error = %v, want a deadline exceeded at the door", err)
				}
				if d := time.Since(start); d > 100*time.Millisecond {
					t.Errorf("took %v", d)
				}
			})
		})
	}
}

func TestTheDoorTellsTheQuotaOfATooMany(t *testing.T) {
	date := time.Date(2000, 11, 24, 23, 59, 58, 0, time.UTC)
	midnight := time.Date(2000, 11, 25, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name, body string
		throttled  int64
		until      *time.Time
	}{
		{"throttled", `{"error_key":"throttled","error_message":"Too Many Requests"}`, 1, nil},
		{"throttled, as an array", `[{"error_key":"throttled"}]`, 1, nil},
		{"quota exceeded", `{"error_key":"quota_exceeded","error_message":"Limit Exceeded"}`, 0, &midnight},
		{"quota exceeded, as an array", `[{"error_key":"quota_exceeded"}]`, 0, &midnight},
		{"full queue without a key", `[]`, 1, nil},
		{"page of a gateway", `<html><title>429</title>`, 1, nil},
		{"nothing", ``, 1, nil},
		{"body beyond the bound", `{"error_key":"throttled"}` + strings.Repeat(" ", 2*maxErrorBody), 1, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Date", date.Format(http.TimeFormat))
					reply(w, 429, tt.body)
				})
				q := &ledger{}
				door := &Transport{Base: s.base, Quota: q}
				req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://api.test/v3/x", nil)
				resp, err := door.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if body, err := io.ReadAll(resp.Body); err != nil || string(body) != tt.body {
					t.Errorf("the body was not put back: %d bytes, %v; want %d", len(body), err, len(tt.body))
				}
				if got := q.throttled.Load(); got != tt.throttled {
					t.Errorf("throttled %d times, want %d", got, tt.throttled)
				}
				if diff := cmp.Diff(tt.until, q.until.Load()); diff != "" {
					t.Errorf("exhausted until (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// forgetful is a quota that cannot write anything down.
type forgetful struct{ ledger }

var errDisk = errors.New("disk full")

func (*forgetful) Throttled(context.Context) error            { return errDisk }
func (*forgetful) Exhausted(context.Context, time.Time) error { return errDisk }

func TestATooManyThatCannotBeRememberedIsAnErrorAndNoUnknownOutcome(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) { reply(w, 429, `{"error_key":"quota_exceeded"}`) })
		r := NewReader("http://api.test/v3", &http.Client{Transport: &Transport{Base: s.base, Quota: &forgetful{}}}, &tokens{})
		_, err := NewWriter(r).Export(t.Context())
		if !errors.Is(err, errDisk) || errors.Is(err, ErrUnknownOutcome) {
			t.Errorf("error = %v, want %v alone", err, errDisk)
		}
		if r.Requests() != 1 || s.hits.Load() != 1 {
			t.Errorf("counted %d, sent %d, want 1", r.Requests(), s.hits.Load())
		}
	})
}

func TestObserveSeesEveryRequestThatWasSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(http.ResponseWriter, *http.Request) {})
		var got []string
		door := &Transport{Base: s.base, Observe: func(r *http.Request, resp *http.Response, err error) {
			got = append(got, r.Method+" "+r.URL.Path)
			if (resp == nil) == (err == nil) {
				t.Errorf("observed answer %v and error %v", resp, err)
			}
		}}
		get(t.Context(), door)
		s.base.CloseIdleConnections()
		s.refuse.Store(1)
		get(t.Context(), door)
		if diff := cmp.Diff([]string{"GET /v3/x", "GET /v3/x"}, got); diff != "" {
			t.Errorf("observed (-want +got):\n%s", diff)
		}
	})
}

// bare is a transport that tells nothing of what it does.
type bare func(*http.Request) (*http.Response, error)

func (f bare) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWhatTheDoorPassesOnCannotBeSentTwice(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "x"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://api.test/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		door := &Transport{Base: bare(func(r *http.Request) (*http.Response, error) {
			if r.GetBody != nil || r.Body == nil || r.Body == http.NoBody {
				t.Error("http.Transport could send this once more")
			}
			got, err := io.ReadAll(r.Body)
			if err != nil || string(got) != body {
				t.Errorf("body = %q, %v, want %q", got, err, body)
			}
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		})}
		if _, err := door.RoundTrip(req); err != nil || req.GetBody == nil {
			t.Errorf("error = %v, or the caller's request was changed", err)
		}
	}
}

func TestATransportThatTellsNothingIsTakenToHaveSent(t *testing.T) {
	t.Parallel()
	sent := 0
	r := NewReader("http://api.test/v3", &http.Client{Transport: bare(func(*http.Request) (*http.Response, error) {
		sent++
		return nil, errors.New("broken")
	})}, &tokens{})
	if _, err := NewWriter(r).Import(t.Context(), oneRow()); !errors.Is(err, ErrUnknownOutcome) || sent != 1 {
		t.Errorf("error = %v after %d requests, want %v after 1", err, sent, ErrUnknownOutcome)
	}
}

func TestADoorWithoutABaseSpeaksVerifiedTLSAndNoHTTP2(t *testing.T) {
	t.Parallel()
	hs := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, `{"encoded_account_id":"`+r.Proto+`"}`)
	}))
	hs.EnableHTTP2 = true
	hs.Config.ErrorLog = log.New(io.Discard, "", 0)
	hs.StartTLS()
	defer hs.Close()
	door := &Transport{}
	r := NewReader(hs.URL, &http.Client{Transport: door}, &tokens{})
	start := time.Now()
	_, err := r.Account(t.Context())
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) || r.Requests() != 1 || time.Since(start) > 10*time.Second {
		t.Errorf("error = %v after %d requests, want an unknown authority after 1", err, r.Requests())
	}
	base := plainTransport()
	base.TLSClientConfig.RootCAs = x509.NewCertPool()
	base.TLSClientConfig.RootCAs.AddCert(hs.Certificate())
	defer base.CloseIdleConnections()
	r = NewReader(hs.URL, &http.Client{Transport: &Transport{Base: base}}, &tokens{})
	if got, err := r.Account(t.Context()); err != nil || got.ID != "HTTP/1.1" {
		t.Errorf("Account = %+v, %v, want one over HTTP/1.1", got, err)
	}
}

// A server that resets a connection that was used before makes http.Transport repeat a GET by
// itself, past limiter and count. Real sockets, since the repetition depends on their errors.
func TestABrokenConnectionIsNotUsedToRepeatARequestPastTheDoor(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hits.Add(1) == 2 {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
	}))
	defer hs.Close()
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		hits.Store(0)
		door := &Transport{}
		var errs []error
		for range 2 {
			req, _ := http.NewRequestWithContext(t.Context(), method, hs.URL, nil)
			resp, err := door.RoundTrip(req)
			if err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			errs = append(errs, err)
		}
		if errs[0] != nil || errs[1] == nil || hits.Load() != 2 {
			t.Errorf("%s: errors %v, server saw %d requests, want a failure of the second of 2", method, errs, hits.Load())
		}
		door.CloseIdleConnections()
	}
}
