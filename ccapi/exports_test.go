package ccapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

const csv = "Email address,Short code\nann@example.com,K7Q2\n"

// sendCSV answers with a file.
func sendCSV(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/csv")
	io.WriteString(w, csv)
}

func TestAnExportFileIsStreamed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.String() != "/v3/contact_exports/e1" || r.Header.Get("Accept") != "text/csv" {
				t.Errorf("asked for %s as %s", r.URL, r.Header.Get("Accept"))
			}
			sendCSV(w, r)
		})
		f, err := s.reader().ExportFile(t.Context(), "/v3/contact_exports/e1")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if data, err := io.ReadAll(f); err != nil || string(data) != csv {
			t.Errorf("file = %q, %v", data, err)
		}
	})
}

func TestOpeningAnExportFileIsRepeatedAfterFaults(t *testing.T) {
	for name, f := range map[string]fault{
		"a page in place of the file": page(200), "a page of XHTML in place of the file": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/xhtml+xml")
			io.WriteString(w, "<html/>")
		}, "503": status(503, ``), "closed": drop, "no content": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) },
		"throttled": status(429, `{"error_key":"throttled"}`), "unauthorized": status(401, ``), "hanging": hang,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var s *server
				s = serve(t, func(w http.ResponseWriter, r *http.Request) {
					if s.hits.Load() == 1 {
						f(w, r)
						return
					}
					sendCSV(w, r)
				})
				file, err := s.reader().ExportFile(t.Context(), "/v3/contact_exports/e1")
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				if data, err := io.ReadAll(file); err != nil || string(data) != csv {
					t.Errorf("file = %q, %v", data, err)
				}
			})
		})
	}
}

func TestAnExportFileThatIsNotReadyIsNotFound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, status(404, `[{"error_key":"contacts.api.not_found"}]`))
		if _, err := s.reader().ExportFile(t.Context(), "/v3/contact_exports/e1"); !errors.Is(err, ErrNotFound) {
			t.Errorf("error = %v, want %v", err, ErrNotFound)
		}
	})
}

func TestAnExportFileThatBreaksOffIsNoWholeFile(t *testing.T) {
	tests := map[string]struct {
		f    fault
		text string
	}{
		"cut before its length": {raw("HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 100\r\n\r\n" + csv), "unexpected EOF"},
		"cut between chunks":    {raw("HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nEmail\r\n"), "unexpected EOF"},
		"silent for a minute": {func(w http.ResponseWriter, r *http.Request) {
			sendCSV(w, r)
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, "in time"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, tt.f)
				f, err := s.reader().ExportFile(t.Context(), "/v3/contact_exports/e1")
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if _, err := io.ReadAll(f); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(err.Error(), "read export file: ") || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("error = %v, want it to say %q", err, tt.text)
				}
			})
		})
	}
}

func TestASlowExportFileAndASlowReaderTakeAsLongAsTheyNeed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/csv")
			for i := range 20 {
				fmt.Fprintln(w, i)
				http.NewResponseController(w).Flush()
				time.Sleep(50 * time.Second)
			}
		})
		f, err := s.reader().ExportFile(t.Context(), "/v3/contact_exports/e1")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		time.Sleep(time.Hour)
		if data, err := io.ReadAll(f); err != nil || strings.Count(string(data), "\n") != 20 {
			t.Errorf("file = %q, %v", data, err)
		}
	})
}

func TestAnExportFileIsBounded(t *testing.T) {
	t.Parallel()
	w := newWatch(t.Context(), 0)
	if whole := newFile(nil, w); whole.left != 4<<30 {
		t.Errorf("a file may have %d bytes, want 4 GiB", whole.left)
	}
	f := &file{body: io.NopCloser(iotest.OneByteReader(strings.NewReader("12345"))), w: w, left: 4}
	if data, err := io.ReadAll(f); !errors.Is(err, errExportTooLarge) || !errors.Is(err, io.ErrUnexpectedEOF) || string(data) != "1234" {
		t.Errorf("read %q, %v, want %v after 4 bytes", data, err, errExportTooLarge)
	}
	if err := f.Close(); err != nil || w.ctx.Err() == nil {
		t.Errorf("Close: %v, and the attempt goes on", err)
	}
}
