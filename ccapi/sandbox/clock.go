package sandbox

import "time"

// stamp is a moment in whole seconds since 1970, as the real service keeps it;
// zero is no moment at all.
type stamp int64

func stampOf(t time.Time) stamp {
	if t.IsZero() {
		return 0
	}
	return stamp(t.Unix())
}

func (s stamp) time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(int64(s), 0).UTC()
}

// String is the form of the API: 2026-11-24T12:00:00Z, empty for no moment.
func (s stamp) String() string {
	if s == 0 {
		return ""
	}
	return s.time().Format(time.RFC3339)
}

// day is the form of deleted_at: 2026-11-24.
func (s stamp) day() string {
	if s == 0 {
		return ""
	}
	return s.time().Format(time.DateOnly)
}

// now is the server's clock. s.mu must be held.
func (s *Server) now() time.Time { return time.Now().Add(s.offset).UTC() }

// Advance moves the server's clock by d from now on, backwards if d is
// negative. Tokens, quota and activities follow; the client's clock does not.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset += d
	s.changed++
}

// Now is the time of the server, as its Date header tells it.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}
