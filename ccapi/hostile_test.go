package ccapi

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

// packed is a body that unpacks to n times a piece, between a start and an end.
func packed(t *testing.T, start, piece, end string, n int) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, _ = io.WriteString(w, start) // to memory
	for range n {
		_, _ = io.WriteString(w, piece)
	}
	_, _ = io.WriteString(w, end)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// Answers that want to take all memory or all time end as errors, soon, and with little memory.
func TestHostileServers(t *testing.T) {
	bomb := packed(t, `{"encoded_account_id":"`, strings.Repeat("x", 1<<20), `"}`, 256)
	for name, body := range map[string]struct {
		text   []byte
		packed bool
	}{
		"a packed bomb":            {bomb, true},
		"JSON nested deeply":       {[]byte(`{"encoded_account_id":` + strings.Repeat("[", 5<<20)), false},
		"objects nested deeply":    {[]byte(strings.Repeat(`{"a":`, 1<<20)), false},
		"a number without end":     {[]byte(`{"contacts":[],"contacts_count":` + strings.Repeat("9", 1<<20) + `}`), false},
		"an exponent":              {[]byte(`{"contacts":[],"contacts_count":1e999999999}`), false},
		"a negative count as text": {[]byte(`{"contacts":"-1","contacts_count":-9e18}`), false},
		"broken gzip":              {[]byte("\x1f\x8b\x08garbage"), true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					if body.packed {
						w.Header().Set("Content-Encoding", "gzip")
					}
					_, _ = w.Write(body.text) // the client may have left
				})
				before := allocated()
				var err error
				for _, err = range s.reader().Contacts(t.Context(), ContactsQuery{}) {
				}
				if err == nil {
					t.Error("it was taken for an answer")
				}
				if used := allocated() - before; used > 1<<30 {
					t.Errorf("%d MiB were allocated", used>>20)
				}
			})
		})
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// A server that sends a byte now and then, in headers or body, is given up.
func TestAServerThatDripsIsGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for {
				if _, err := io.WriteString(w, " "); err != nil || http.NewResponseController(w).Flush() != nil {
					return
				}
				select {
				case <-r.Context().Done():
					return
				case <-time.After(time.Second):
				}
			}
		})
		began := time.Now()
		if _, err := s.reader().Account(t.Context()); !errors.Is(err, errTimeout) {
			t.Errorf("error = %v, want %v", err, errTimeout)
		}
		if took := time.Since(began); took > 15*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

// The transport that the program uses talks to nobody whose certificate it cannot verify, and in no
// old version of TLS.
func TestTheTransportVerifiesAndIsNotOld(t *testing.T) {
	t.Parallel()
	for name, tell := range map[string]struct {
		highest uint16
		trusted bool
		ok      bool
	}{
		"TLS 1.1":                         {tls.VersionTLS11, true, false},
		"TLS 1.2":                         {tls.VersionTLS12, true, true},
		"TLS 1.3":                         {tls.VersionTLS13, true, true},
		"a certificate that nobody knows": {tls.VersionTLS13, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hits := 0
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
			server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tell.highest}
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			defer server.Close()
			base := plainTransport()
			if tell.trusted {
				base.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := (&Transport{Base: base}).RoundTrip(r)
			if err == nil {
				answer.Body.Close()
			}
			if (err == nil) != tell.ok || tell.ok != (hits == 1) {
				t.Errorf("error = %v, %d requests arrived", err, hits)
			}
			base.CloseIdleConnections()
		})
	}
}
