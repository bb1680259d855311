package sandbox

import (
	"net/http"
	"strings"
	"time"
)

// usage is what has been used of the limits. They belong to an API key, and the
// sandbox knows one: whatever the client ids, all requests count together.
type usage struct {
	recent    []time.Time // accepted requests of the last second
	day       string      // the UTC day that used counts
	used      int
	exhausted string // the day on which the quota was declared used up
	lastToken time.Time
}

// limit counts a request against pace and day, and answers it when it is over.
// Refused requests do not count.
func (s *Server) limit(c *call) (over answer, limited bool) {
	if s.opts.Unlimited || !s.counts(c) {
		return answer{}, false
	}
	s.usage.turn(c.now)
	if s.usage.exhausted == s.usage.day || s.usage.used >= s.opts.PerDay {
		return quotaExceeded(), true
	}
	if len(s.usage.recent) >= s.opts.PerSecond {
		return throttled(), true
	}
	s.usage.recent = append(s.usage.recent, c.now)
	s.usage.used++
	return answer{}, false
}

// counts tells which requests the limits are about.
func (s *Server) counts(c *call) bool {
	return strings.HasPrefix(c.URL.Path, "/v3/") || s.switches.AuthorizationCounts && c.Method == http.MethodPost
}

// turn forgets what is older than a second, and the count of another UTC day.
func (u *usage) turn(now time.Time) {
	for len(u.recent) > 0 && now.Sub(u.recent[0]) >= time.Second {
		u.recent = u.recent[1:]
	}
	if day := now.Format(time.DateOnly); day != u.day {
		u.day, u.used = day, 0
	}
}

// Used tells how many requests of the present UTC day count against the quota.
func (s *Server) Used() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.usage.turn(s.now())
	return s.usage.used
}
