package oauthdev

import (
	"context"
	"strings"
	"time"
)

// Status describes the login without a secret. Times are UTC; those of a login that was never made
// are zero.
type Status struct {
	Authorized bool
	Reason     string    // why not; "" when authorized
	DeadSince  time.Time // zero unless the server refused the refresh token
	InDoubt    bool      // an answer to a refresh is outstanding or was lost
	DoubtSince time.Time // the first such refresh; zero unless in doubt
	NextTry    time.Time // the refresh token is sent again then; zero: by the next Token

	Scopes          []string
	Obtained        time.Time // the access token: at the login or the last refresh
	Expires         time.Time // the access token; it is refreshed before
	RefreshObtained time.Time // the refresh token first came then
	RefreshLapses   time.Time // the refresh token, unless it is used before
	// the refresh token is not replaced at each use; known after the first refresh
	LongLived bool

	PendingUntil time.Time // a login that waits for a person ends then; zero when there is none
}

// Status reads the stored record. It sends nothing and does not wait for a refresh.
func (c *Client) Status(ctx context.Context) (Status, error) {
	r, err := c.load(ctx)
	if err != nil {
		return Status{}, err
	}
	s := Status{Authorized: true, InDoubt: r.Spending != nil}
	if err, no := r.missing(c.id).(*LoginError); no {
		s.Authorized, s.Reason = false, err.Reason
	}
	if r.Dead != nil {
		s.DeadSince = r.Dead.At
	}
	if r.Spending != nil {
		s.DoubtSince = r.Spending.Since
	}
	if s.Authorized && r.doubtful(c.now()) {
		s.NextTry = r.Spending.Next
	}
	if r.Pending != nil && r.Pending.Client == c.id && c.now().Before(r.Pending.Expires) {
		s.PendingUntil = r.Pending.Expires
	}
	if g := r.Current; g != nil {
		s.Scopes = strings.Fields(g.Scope)
		s.Obtained, s.Expires = g.Obtained, g.Expires
		s.RefreshObtained, s.RefreshLapses, s.LongLived = g.Made, g.unusedEnd(), g.LongLived
	}
	return s, nil
}
