package ccapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	accountJSON  = `{"encoded_account_id":"a1","organization_name":"Shop"}`
	activityJSON = `{"activity_id":"act-1","state":"initialized","percent_done":1,"activity_errors":[],` +
		`"status":{"items_total_count":1,"person_count":0,"error_count":0,"correctable_count":0,"cannot_add_to_list_count":0}}`
)

// fault answers one request badly.
type fault = http.HandlerFunc

// status answers with a status and a body.
func status(code int, body string, header ...string) fault {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		reply(w, code, body)
	}
}

// page answers with HTML.
func page(code int) fault {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(code)
		fmt.Fprint(w, "<html><title>Gateway</title></html>")
	}
}

// hang says nothing until the client leaves.
func hang(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// stall sends headers and half a body, then nothing.
func stall(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	reply(w, 200, `{"encoded_acc`)
	http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// drop closes the connection without an answer.
func drop(w http.ResponseWriter, r *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

// raw sends bytes and closes the connection.
func raw(answer string) fault {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			fmt.Fprint(conn, answer)
			conn.Close()
		}
	}
}

var (
	cutByLength = raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"encoded_account_id\":")
	cutByChunk  = raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n16\r\n{\"encoded_account_id\":\r\n")
)

// faults are answers that prove nothing, by name.
var faults = []struct {
	name string
	f    fault
	text string // what the error says
}{
	{"500", status(500, `[{"error_key":"internal","error_message":"oops"}]`), "HTTP 500 Internal Server Error (internal): oops"},
	{"502", page(502), "HTTP 502 Bad Gateway from a gateway, not from the API: an HTML page titled Gateway"},
	{"503", status(503, ``), "HTTP 503 Service Unavailable"},
	{"504", page(504), "HTTP 504 Gateway Timeout"},
	{"408", status(408, ``), "HTTP 408 Request Timeout"},
	{"425", status(425, ``), "HTTP 425 Too Early"},
	{"a connection that is closed", drop, "EOF"},
	{"no answer", hang, "did not answer in time"},
	{"half an answer, then silence", stall, "did not answer in time"},
	{"a body cut before its length", cutByLength, "unexpected EOF"},
	{"a body cut between chunks", cutByChunk, "unexpected EOF"},
	{"a cut document in a whole body", status(200, `{"encoded_account_id":"a1"`), "cut off or is not the expected JSON"},
	{"a page in place of JSON", page(200), "HTML page"},
	{"an empty body", status(200, ``), "cut off or is not the expected JSON"},
	{"another document", status(200, `{}`), "lacks the requested data"},
	{"an error object with 200", status(200, `{"error_key":"x"}`), "lacks the requested data"},
	{"another type", status(200, `{"encoded_account_id":["a1"],"activity_id":["a1"]}`), "is array, not string"},
	{"garbage in place of HTTP", raw("SSH-2.0-x\r\n\r\n"), "malformed HTTP"},
}

// oneRow is the body of an import of one contact.
func oneRow() *ImportBody {
	var b ImportBody
	b.Reset([]string{"07936f78-662a-11eb-af0a-fa163e56c9b0"}, []string{"cf:short_code"})
	b.Add("ann@example.com", []string{"K7Q2M9"})
	return &b
}

func TestAReadIsRepeatedAfterAFaultThatMayPass(t *testing.T) {
	for _, tt := range faults {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var s *server
				s = serve(t, func(w http.ResponseWriter, r *http.Request) {
					if s.hits.Load() <= 2 {
						tt.f(w, r)
						return
					}
					reply(w, 200, accountJSON)
				})
				r := s.reader()
				if got, err := r.Account(t.Context()); err != nil || got.ID != "a1" {
					t.Fatalf("Account = %+v, %v", got, err)
				}
				if r.Requests() != 3 || s.hits.Load() != 3 {
					t.Errorf("requests = %d, server saw %d, want 3", r.Requests(), s.hits.Load())
				}
			})
		})
	}
}

func TestAReadGivesUpAfterSixAttemptsOverAboutAMinute(t *testing.T) {
	for _, tt := range faults {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, tt.f)
				start := time.Now()
				_, err := s.reader().Account(t.Context())
				if err == nil || !strings.HasPrefix(err.Error(), "read account: ") || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("error = %v, want it to say %q", err, tt.text)
				}
				if s.hits.Load() != 6 {
					t.Errorf("server saw %d requests, want 6", s.hits.Load())
				}
				waits := time.Since(start)
				if strings.Contains(tt.text, "in time") {
					waits -= maxTries * readTimeout
				}
				if strings.Contains(tt.name, "silence") {
					waits -= maxTries * (bodyTimeout - readTimeout)
				}
				if waits < 20*time.Second || waits > 90*time.Second {
					t.Errorf("waited %v between attempts, want about a minute", waits)
				}
			})
		})
	}
}

func TestAWriteWithAnUnclearOutcomeIsNeverSentAgain(t *testing.T) {
	writes := map[string]func(context.Context, *Writer) error{
		"import": func(ctx context.Context, w *Writer) error { _, err := w.Import(ctx, oneRow()); return err },
		"export": func(ctx context.Context, w *Writer) error { _, err := w.Export(ctx); return err },
		"create custom field": func(ctx context.Context, w *Writer) error {
			_, err := w.CreateCustomField(ctx, "Short code", "string")
			return err
		},
	}
	for name, write := range writes {
		for _, tt := range faults {
			t.Run(name+": "+tt.name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					s := serve(t, tt.f)
					err := write(t.Context(), NewWriter(s.reader()))
					if !errors.Is(err, ErrUnknownOutcome) {
						t.Errorf("error = %v, want %v", err, ErrUnknownOutcome)
					}
					if s.hits.Load() != 1 {
						t.Errorf("sent %d times, want once", s.hits.Load())
					}
				})
			})
		}
	}
}

func TestAWriteIsSentAgainWhereTheServerSurelyDidNothing(t *testing.T) {
	tests := []struct {
		name   string
		first  fault
		refuse int64
		hits   int64
	}{
		{"429 throttled", status(429, `{"error_key":"throttled"}`), 0, 2},
		{"429 of a full queue", status(429, ``), 0, 2},
		{"401", status(401, `{"error_key":"unauthorized"}`), 0, 2},
		{"connection refused", nil, 2, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var s *server
				s = serve(t, func(w http.ResponseWriter, r *http.Request) {
					if tt.first != nil && s.hits.Load() == 1 {
						tt.first(w, r)
						return
					}
					reply(w, 201, activityJSON)
				})
				s.refuse.Store(tt.refuse)
				got, err := NewWriter(s.reader()).Import(t.Context(), oneRow())
				if err != nil || got.ID != "act-1" {
					t.Fatalf("Import = %+v, %v", got, err)
				}
				if s.hits.Load() != tt.hits {
					t.Errorf("server saw %d requests, want %d", s.hits.Load(), tt.hits)
				}
			})
		})
	}
}

func TestAWriteThatCannotReachTheServerHasAKnownOutcome(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {})
		s.refuse.Store(100)
		r := s.reader()
		_, err := NewWriter(r).Import(t.Context(), oneRow())
		if err == nil || errors.Is(err, ErrUnknownOutcome) || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("error = %v, want connection refused and a known outcome", err)
		}
		if s.dials.Load() != maxTries || r.Requests() != maxTries {
			t.Errorf("dialled %d times, counted %d, want %d", s.dials.Load(), r.Requests(), maxTries)
		}
	})
}

func TestAConnectionThatNeverStandsTimesOutWithAKnownOutcome(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {})
		s.base.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		_, err := NewWriter(s.reader()).Import(t.Context(), oneRow())
		if err == nil || errors.Is(err, ErrUnknownOutcome) || !errors.Is(err, errTimeout) {
			t.Errorf("error = %v, want a time-out and a known outcome", err)
		}
	})
}

func TestAnImportHasTwoMinutes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(importTimeout - time.Second)
			reply(w, 201, activityJSON)
		})
		if _, err := NewWriter(s.reader()).Import(t.Context(), oneRow()); err != nil {
			t.Error(err)
		}
	})
}

func TestAnAttemptsTimeOutCountsFromItsTurn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(readTimeout - time.Second)
			reply(w, 200, accountJSON)
		})
		q := &ledger{reserve: func(context.Context, int64) (time.Time, error) { return time.Now().Add(10 * time.Minute), nil }}
		r := NewReader("http://api.test/v3", &http.Client{Transport: &Transport{Base: s.base, Quota: q}}, &tokens{})
		if _, err := r.Account(t.Context()); err != nil || r.Requests() != 1 {
			t.Errorf("%v after %d requests, want success with the first", err, r.Requests())
		}
	})
}

func TestRefusalsAreFinal(t *testing.T) {
	tests := []struct {
		status int
		is     error
	}{
		{400, ErrBadRequest}, {403, ErrForbidden}, {404, ErrNotFound}, {409, ErrConflict}, {413, nil}, {415, nil}, {422, nil},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, status(tt.status, `[{"error_key":"contacts.api.validation.error","error_message":"limit is bad"}]`))
				r := s.reader()
				_, readErr := r.Account(t.Context())
				_, writeErr := NewWriter(r).Import(t.Context(), oneRow())
				for _, err := range []error{readErr, writeErr} {
					var api *Error
					if !errors.As(err, &api) || api.Status != tt.status || api.Key != "contacts.api.validation.error" || api.Message != "limit is bad" {
						t.Errorf("error = %#v", err)
					}
					for _, sentinel := range []error{ErrBadRequest, ErrUnauthorized, ErrForbidden, ErrNotFound, ErrConflict, ErrUnknownOutcome} {
						if got, want := errors.Is(err, sentinel), sentinel == tt.is; got != want {
							t.Errorf("errors.Is(%v, %v) = %v, want %v", err, sentinel, got, want)
						}
					}
				}
				if s.hits.Load() != 2 {
					t.Errorf("server saw %d requests, want one for each", s.hits.Load())
				}
			})
		})
	}
}

func TestAGatewaysPageIsNoProofThatSomethingIsGone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, page(404))
		_, err := s.reader().Activity(t.Context(), "act-1")
		if err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("error = %v, want one that is not ErrNotFound", err)
		}
	})
}

func TestAServersWaitIsHonoured(t *testing.T) {
	date := time.Date(2000, 11, 24, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name, value string
		min, max    time.Duration
		hits        int64
	}{
		{"seconds", "17", 17 * time.Second, 18 * time.Second, 2},
		{"date, by the server's clock", date.Add(40 * time.Second).Format(http.TimeFormat), 40 * time.Second, 41 * time.Second, 2},
		{"date that has passed", date.Add(-time.Hour).Format(http.TimeFormat), 0, 2 * time.Second, 2},
		{"zero", "0", 0, 2 * time.Second, 2},
		{"nonsense", "soon", 0, 2 * time.Second, 2},
		{"negative", "-5", 0, 2 * time.Second, 2},
		{"as long as anybody waits", "120", 2 * time.Minute, 2*time.Minute + time.Second, 2},
		{"longer than anybody waits", "121", 0, time.Second, 1},
		{"a number that overflows", "99999999999999999999", 0, 2 * time.Second, 2},
	}
	for _, code := range []int{429, 503} {
		for _, tt := range tests {
			t.Run(fmt.Sprint(code, " ", tt.name), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					var s *server
					s = serve(t, func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("Date", date.Format(http.TimeFormat))
						if s.hits.Load() == 1 {
							status(code, ``, "Retry-After", tt.value)(w, r)
							return
						}
						reply(w, 200, accountJSON)
					})
					start := time.Now()
					_, err := s.reader().Account(t.Context())
					if d := time.Since(start); d < tt.min || d > tt.max {
						t.Errorf("took %v, want between %v and %v", d, tt.min, tt.max)
					}
					if s.hits.Load() != tt.hits || (err == nil) != (tt.hits == 2) {
						t.Errorf("%v after %d requests, want %d", err, s.hits.Load(), tt.hits)
					}
					var api *Error
					if err != nil && (!errors.As(err, &api) || api.RetryAfter != 121*time.Second) {
						t.Errorf("error = %#v, want a wait of 121 s", err)
					}
				})
			})
		}
	}
}

func TestAUsedUpQuotaEndsEveryCallAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, status(429, `{"error_key":"quota_exceeded"}`, "Date", "Fri, 24 Nov 2000 23:10:00 GMT"))
		r := s.reader()
		_, readErr := r.Account(t.Context())
		_, writeErr := NewWriter(r).Import(t.Context(), oneRow())
		for _, err := range []error{readErr, writeErr} {
			var quota *QuotaError
			if !errors.As(err, &quota) || !quota.ResetsAt.Equal(time.Date(2000, 11, 25, 0, 0, 0, 0, time.UTC)) ||
				!strings.HasSuffix(err.Error(), ": today's requests of this API key are used up until 2000-11-25T00:00:00Z") {
				t.Errorf("error = %v, want a QuotaError until midnight", err)
			}
			if errors.Is(err, ErrUnknownOutcome) {
				t.Errorf("%v claims an unknown outcome", err)
			}
		}
		if s.hits.Load() != 2 {
			t.Errorf("server saw %d requests, want 2", s.hits.Load())
		}
	})
}

func TestACancelledCallStopsAtOnce(t *testing.T) {
	t.Run("a read under way", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := serve(t, hang)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			start := time.Now()
			_, err := s.reader().Account(ctx)
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second || s.hits.Load() != 1 || strings.Count(err.Error(), "deadline") != 1 {
				t.Errorf("%v after %v and %d requests", err, time.Since(start), s.hits.Load())
			}
		})
	})
	t.Run("a read between attempts", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := serve(t, status(500, `[{"error_key":"internal"}]`))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			start := time.Now()
			_, err := s.reader().Account(ctx)
			var api *Error
			if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &api) || time.Since(start) != 10*time.Second {
				t.Errorf("%v after %v, want the deadline and what had failed", err, time.Since(start))
			}
		})
	})
	t.Run("an import under way has an unknown outcome", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := serve(t, hang)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := NewWriter(s.reader()).Import(ctx, oneRow())
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrUnknownOutcome) {
				t.Errorf("error = %v, want the deadline and an unknown outcome", err)
			}
		})
	})
	t.Run("an import waiting for its turn was not sent", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := serve(t, status(201, activityJSON))
			q := &ledger{reserve: func(context.Context, int64) (time.Time, error) { return time.Now().Add(time.Hour), nil }}
			r := NewReader("http://api.test/v3", &http.Client{Transport: &Transport{Base: s.base, Quota: q}}, &tokens{})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := NewWriter(r).Import(ctx, oneRow())
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrUnknownOutcome) || s.hits.Load() != 0 {
				t.Errorf("error = %v after %d requests, want the deadline alone", err, s.hits.Load())
			}
		})
	})
}

func TestABodyWithoutEndIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"encoded_account_id":"`)
			for chunk := strings.Repeat("x", 1<<20); ; {
				if _, err := fmt.Fprint(w, chunk); err != nil {
					return
				}
			}
		})
		if _, err := s.reader().Account(t.Context()); !errors.Is(err, errTooLarge) || s.hits.Load() != 1 {
			t.Errorf("error = %v after %d requests, want %v after 1", err, s.hits.Load(), errTooLarge)
		}
	})
}

func TestAnErrorBodyWithoutEndIsReadInPart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(400)
			for chunk := strings.Repeat("x", 1<<20); ; {
				if _, err := fmt.Fprint(w, chunk); err != nil {
					return
				}
			}
		})
		if _, err := s.reader().Account(t.Context()); !errors.Is(err, ErrBadRequest) {
			t.Errorf("error = %v, want %v", err, ErrBadRequest)
		}
	})
}

func TestOtherSuccessesAreNoAnswerToARead(t *testing.T) {
	for _, code := range []int{201, 202, 204, 206} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var s *server
				s = serve(t, func(w http.ResponseWriter, r *http.Request) {
					if s.hits.Load() == 1 && code == 204 {
						w.WriteHeader(code)
						return
					}
					if s.hits.Load() == 1 {
						reply(w, code, `{"encoded_account_id":"not yet"}`)
						return
					}
					// An early hint comes before the answer and is none.
					w.WriteHeader(http.StatusEarlyHints)
					reply(w, 200, accountJSON)
				})
				if got, err := s.reader().Account(t.Context()); err != nil || got.ID != "a1" || s.hits.Load() != 2 {
					t.Errorf("Account = %+v, %v after %d requests", got, err, s.hits.Load())
				}
			})
		})
	}
}

func TestAnImportTakesAnySuccessWithAnActivity(t *testing.T) {
	for _, code := range []int{200, 201, 202} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, status(code, activityJSON))
				if got, err := NewWriter(s.reader()).Import(t.Context(), oneRow()); err != nil || got.ID != "act-1" {
					t.Errorf("Import = %+v, %v", got, err)
				}
			})
		})
	}
	t.Run("204", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
			if _, err := NewWriter(s.reader()).Import(t.Context(), oneRow()); !errors.Is(err, ErrUnknownOutcome) {
				t.Errorf("error = %v, want %v", err, ErrUnknownOutcome)
			}
		})
	})
}
