package kit

import (
	"net/http"
	"strconv"
	"time"
)

// RetryAfter is the wait that an answer asks for (RFC 9110, section 10.2.3), in seconds or until a
// date, which is compared with the server's time; 0 for none.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if until, err := http.ParseTime(value); err == nil {
		return max(until.Sub(now), 0)
	}
	return 0
}
