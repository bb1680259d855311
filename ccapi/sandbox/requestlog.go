package sandbox

import (
	"net/http"
	"strings"
	"time"
)

// Request is one line of the log of requests.
type Request struct {
	// from 1, all requests to the API and the authorization server
	Number   int       `json:"number"`
	Time     time.Time `json:"time"` // arrival, by the server's clock
	Method   string    `json:"method"`
	Path     string    `json:"path"`
	Query    string    `json:"query,omitempty"`
	Status   int       `json:"status"`             // 0: there was no answer
	Bytes    int       `json:"bytes"`              // of the answer's body
	Sent     int       `json:"sent,omitempty"`     // bytes of the request's body
	Contacts int       `json:"contacts,omitempty"` // of an import: contacts taken
	Fault    string    `json:"fault,omitempty"`    // the kind of fault that hit it
}

// API tells a request to the API from one to the authorization server.
func (r Request) API() bool { return strings.HasPrefix(r.Path, "/v3/") }

// maxLog is how many requests the log keeps; the oldest go first.
const maxLog = 100_000

// requestLog remembers requests. It is guarded by Server.mu.
type requestLog struct {
	lines  []*Request
	count  int
	window []time.Time // API requests of the last second
	most   int
}

func (l *requestLog) begin(c *call) *Request {
	l.count++
	line := &Request{Number: l.count, Time: c.now, Method: c.Method, Path: c.URL.Path, Query: c.URL.RawQuery, Sent: len(c.body)}
	if len(l.lines) >= maxLog {
		l.lines = append(l.lines[:0], l.lines[maxLog/10:]...)
	}
	l.lines = append(l.lines, line)
	if line.API() {
		l.pace(c.now)
	}
	return line
}

// pace keeps the most requests that ever came within one second.
func (l *requestLog) pace(now time.Time) {
	for len(l.window) > 0 && now.Sub(l.window[0]) >= time.Second {
		l.window = l.window[1:]
	}
	l.window = append(l.window, now)
	l.most = max(l.most, len(l.window))
}

func (l *requestLog) end(line *Request, d delivery) {
	line.Status, line.Bytes = d.status, len(d.body)
	if d.fault != nil && d.fault.Kind.unanswered() {
		line.Status, line.Bytes = 0, 0
	}
}

// Requests are the requests to the API and the authorization server so far,
// refused ones too: the last 100,000.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Request, len(s.log.lines))
	for i, line := range s.log.lines {
		out[i] = *line
	}
	return out
}

// Writes are the requests to the API that were not a GET.
func (s *Server) Writes() []Request {
	var out []Request
	for _, r := range s.Requests() {
		if r.API() && r.Method != http.MethodGet && r.Method != http.MethodHead {
			out = append(out, r)
		}
	}
	return out
}

// MaxPerSecond is the most API requests that came within any one second.
func (s *Server) MaxPerSecond() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.most
}

// ForgetRequests empties the log and restarts the count of MaxPerSecond.
func (s *Server) ForgetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = requestLog{}
}
