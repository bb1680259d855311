package ccapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"
)

// tooMany tells the quota about an answer 429. The body is put back.
func (t *Transport) tooMany(ctx context.Context, resp *http.Response) error {
	head, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	rest := io.Reader(resp.Body)
	if err != nil {
		rest = failing{err}
	}
	resp.Body = &body{io.MultiReader(bytes.NewReader(head), rest), resp.Body}
	if t.Quota == nil {
		return nil
	}
	// What the server said must be remembered even if nobody waits for the answer any more.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if parseErrorBody(head).key == quotaExceeded {
		return t.Quota.Exhausted(ctx, nextDay(serverTime(resp)))
	}
	return t.Quota.Throttled(ctx)
}

// body reads from one place and closes another.
type body struct {
	io.Reader
	io.Closer
}

// failing is a reader that has failed already.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// maxSkew is how far a server's clock may be from this machine's to be believed.
const maxSkew = 365 * 24 * time.Hour

// dated is the Date of an answer. One that is years off the local clock is none: it would make
// every age and every window of time wrong.
func dated(resp *http.Response) (at time.Time, ok bool) {
	at, err := http.ParseTime(resp.Header.Get("Date"))
	return at.UTC(), err == nil && time.Until(at).Abs() <= maxSkew
}

// serverTime is the moment at which the server answered, by its own clock; by this machine's where
// the answer does not tell.
func serverTime(resp *http.Response) time.Time {
	if at, ok := dated(resp); ok {
		return at
	}
	return time.Now().UTC()
}

// nextDay is the next 00:00 UTC.
func nextDay(t time.Time) time.Time {
	return t.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
}
