package ccapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestHowLongAServerMayTake has the limits of an attempt: 30 s to the headers of an answer, 2 min
// to those of an import, a minute for a body, and for each silence within a file.
func TestHowLongAServerMayTake(t *testing.T) {
	pause := func(r *http.Request, d time.Duration) {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
		}
	}
	headers := func(d time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			pause(r, d)
			_, _ = io.WriteString(w, activityJSON)
		}
	}
	body := func(d time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, activityJSON[:10])
			_ = http.NewResponseController(w).Flush()
			pause(r, d)
			_, _ = io.WriteString(w, activityJSON[10:])
		}
	}
	read := func(ctx context.Context, w *Writer) error { _, err := w.r.Activity(ctx, "act-1"); return err }
	write := func(ctx context.Context, w *Writer) error { _, err := w.Import(ctx, oneRow()); return err }
	file := func(ctx context.Context, w *Writer) error {
		f, err := w.r.ExportFile(ctx, "/v3/contact_exports/e1")
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.ReadAll(f)
		return err
	}
	for name, tt := range map[string]struct {
		call  func(context.Context, *Writer) error
		after func(time.Duration) http.HandlerFunc
		limit time.Duration
	}{
		"a read to the headers":    {read, headers, 30 * time.Second},
		"an import to the headers": {write, headers, 2 * time.Minute},
		"a file to the headers":    {file, headers, 30 * time.Second},
		"a body":                   {read, body, time.Minute},
		"an import's body":         {write, body, time.Minute},
		"a silence within a file":  {file, body, time.Minute},
	} {
		for _, over := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", too long: ", over), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					took := tt.limit - time.Millisecond
					if over {
						took = tt.limit + time.Millisecond
					}
					first := true
					s := serve(t, func(w http.ResponseWriter, r *http.Request) {
						if late := tt.after(took); first {
							first = false
							late(w, r)
							return
						}
						headers(0)(w, r)
					})
					began := time.Now()
					err := tt.call(t.Context(), NewWriter(s.reader()))
					if again := s.hits.Load() > 1; (again || errors.Is(err, errTimeout)) != over {
						t.Errorf("%v after %v and %d requests", err, time.Since(began), s.hits.Load())
					}
				})
			})
		}
	}
}

// TestTheWaitsBetweenAttempts has those of a call that fails all the time, without their jitter.
func TestTheWaitsBetweenAttempts(t *testing.T) {
	for random, want := range map[float64][]float64{
		0.5: {0.5, 1.5, 4.5, 13.5, 30}, 0: {0.27, 0.75, 2.25, 6.75, 15}, // not below the pace
	} {
		t.Run(fmt.Sprint(random), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var seen arrivals
				start := time.Now()
				s := serve(t, func(w http.ResponseWriter, r *http.Request) { seen.add(start); w.WriteHeader(503) })
				r := s.reader()
				r.Random = func() float64 { return random }
				if _, err := r.Account(t.Context()); err == nil {
					t.Fatal("no error")
				}
				var waits []float64
				for i := range seen.at[1:] {
					waits = append(waits, (seen.at[i+1] - seen.at[i]).Round(time.Millisecond).Seconds())
				}
				if diff := cmp.Diff(want, waits); diff != "" {
					t.Errorf("seconds between attempts (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestRequestsAreSpacedEvenly: eight percent more than the even distance, for the jitter of a
// network.
func TestRequestsAreSpacedEvenly(t *testing.T) {
	for perSecond, want := range map[int]time.Duration{0: 270 * time.Millisecond, 4: 270 * time.Millisecond, 10: 108 * time.Millisecond, 1: 1080 * time.Millisecond} {
		t.Run(fmt.Sprint(perSecond), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var seen arrivals
				start := time.Now()
				s := serve(t, func(http.ResponseWriter, *http.Request) { seen.add(start) })
				door := &Transport{Base: s.base, PerSecond: perSecond}
				for range 5 {
					if _, err := get(t.Context(), door); err != nil {
						t.Fatal(err)
					}
				}
				for i := range seen.at[1:] {
					if got := seen.at[i+1] - seen.at[i]; got < want || got > want+time.Millisecond {
						t.Errorf("%v between two requests, want %v", got, want)
					}
				}
				if got := door.Waited(); got < 4*want || got > 4*want+4*time.Millisecond {
					t.Errorf("waited %v, want %v", got, 4*want)
				}
			})
		})
	}
}

// TestAnAnswerMayHave32Mebibytes: and not a byte more.
func TestAnAnswerMayHave32Mebibytes(t *testing.T) {
	for size, ok := range map[int]bool{32 << 20: true, 32<<20 + 1: false} {
		body := accountJSON + strings.Repeat(" ", size-len(accountJSON))
		r := NewReader("http://api.test/v3", &http.Client{Transport: fixed{body}}, &tokens{})
		if _, err := r.Account(t.Context()); (err == nil) != ok || !ok && !errors.Is(err, errTooLarge) {
			t.Errorf("%d bytes: %v, want success: %t", size, err, ok)
		}
	}
}

// TestAnAnswerMayHave200000Elements: in all arrays that are no page's own.
func TestAnAnswerMayHave200000Elements(t *testing.T) {
	t.Parallel()
	for n, ok := range map[int]bool{200_000: true, 200_001: false} {
		for _, frame := range []string{`[%s]`, `{"a":[%s]}`, `{"a":{"b":[%s]}}`} {
			text := fmt.Sprintf(frame, strings.Repeat("1,", n-1)+"1")
			if err := checkElements([]byte(text), 0); (err == nil) != ok {
				t.Errorf("%d elements in %s: %v, want success: %t", n, frame, err, ok)
			}
		}
	}
}

// TestAWalkEndsAfterADaysRequests: full pages of new contacts, ten thousand at most.
func TestAWalkEndsAfterADaysRequests(t *testing.T) {
	t.Parallel()
	walked := turn{began: make(map[string]bool)}
	page := &contactsPage{Contacts: make([]contactDoc, 500)}
	for n := 1; ; n++ {
		page.Contacts[0].ID = fmt.Sprint(n)
		if walked.over(page) {
			if n != 10_001 {
				t.Errorf("ended by page %d, want 10,001", n)
			}
			return
		}
	}
}

// TestTheQuotaIsToldWhoeverWaits: also where the caller has left, or the answer breaks off; a quota
// that hangs is given up after ten seconds.
func TestTheQuotaIsToldWhoeverWaits(t *testing.T) {
	t.Run("the caller has left", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := serve(t, status(429, ``))
			ctx, cancel := context.WithCancel(t.Context())
			q := &careful{}
			if resp, err := get(ctx, &Transport{Base: s.base, Quota: q, Observe: func(*http.Request, *http.Response, error) { cancel() }}); err != nil || resp.StatusCode != 429 {
				t.Errorf("RoundTrip: %v", err)
			}
			if q.throttled.Load() != 1 {
				t.Error("the quota was not told")
			}
		})
	})
	t.Run("the answer breaks off", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			broken := errors.New("broken off")
			q := &careful{}
			door := &Transport{Quota: q, Base: bare(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 429, Body: io.NopCloser(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)))}, nil
			})}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://api.test/v3/x", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := door.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if text, err := io.ReadAll(resp.Body); string(text) != "half" || err != broken || q.throttled.Load() != 1 {
				t.Errorf("read %q, %v, told the quota %d times", text, err, q.throttled.Load())
			}
		})
	})
	t.Run("the quota hangs", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := serve(t, status(429, ``))
			began := time.Now()
			_, err := get(t.Context(), &Transport{Base: s.base, Quota: &careful{hangs: true}})
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 10*time.Second {
				t.Errorf("error = %v after %v, want the deadline after 10 s", err, time.Since(began))
			}
		})
	})
}

// careful is a quota that writes nothing for whoever has left.
type careful struct {
	ledger
	hangs bool
}

func (q *careful) Throttled(ctx context.Context) error {
	if q.hangs {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return q.ledger.Throttled(ctx)
}
