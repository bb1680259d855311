package oauthdev

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// The reasons of a dead login, for people. Those of lapsed tokens have their age in them.
const (
	reasonLost = "the answer to an earlier token refresh was lost, in a crash or on the network, " +
		"and with it the next refresh token"
	reasonCopied = "the refresh token was used or revoked, although this installation had never sent it; " +
		"most likely another installation uses a copy of this state file"
	reasonRevoked = "the account's owner revoked the refresh token, or the application was deleted"
)

// The pauses between two tries with a refresh token that is in doubt. Each is twice as long as the
// one before.
const (
	firstDoubtPause = time.Minute
	maxDoubtPause   = time.Hour
)

// doubtPause is the pause after so many sendings of a rotating token without an answer: none after
// an odd number, since the server may take a token again for seconds, and what was lost is had back
// then.
func doubtPause(sends int) time.Duration {
	if sends%2 == 1 {
		return 0
	}
	pause := firstDoubtPause
	for ; sends > 2 && pause < maxDoubtPause; sends -= 2 {
		pause *= 2
	}
	return min(pause, maxDoubtPause)
}

// doubtful tells whether the refresh token may not be sent at now. A time beyond the longest pause
// was noted under another clock, and does not count.
func (r *record) doubtful(now time.Time) bool {
	if r.Spending == nil || r.Current.LongLived {
		return false
	}
	left := r.Spending.Next.Sub(now)
	return left > 0 && left <= maxDoubtPause
}

// doubt is the error of a token that is doubtful.
func (r *record) doubt(cause error) *DoubtError {
	return &DoubtError{Since: r.Spending.Since, Next: r.Spending.Next, Err: cause}
}

// mark notes that the refresh token is about to be sent, for the n-th time, and when it may be sent
// again should nobody live to see the answer.
func (r *record) mark(now time.Time) {
	if r.Spending == nil {
		r.Spending = &spending{Since: now}
	}
	s := r.Spending
	s.Sends++
	s.Next = time.Time{}
	if d := doubtPause(s.Sends); d > 0 {
		s.Next = now.Add(d)
	}
	r.Asked = now
}

// unmark notes what the answer tells about the sending that mark noted. One that was not spent may
// be sent again at once.
func (r *record) unmark(rep *reply) {
	if rep.fate != granted && rep.fate != lost {
		r.Spending.Sends--
		r.Spending.Next = time.Time{}
	}
	if rep.fate == busy && rep.serverError() {
		r.Spending.Doubted = true
	}
	if !rep.sent.IsZero() {
		r.Asked = rep.sent
	}
}

// cause names why the server most likely refused the refresh token. The sending that was refused is
// not in Spending any more.
func (r *record) cause(now time.Time) string {
	switch {
	case !now.Before(r.Current.unusedEnd()):
		days := int(now.Sub(r.Current.unusedEnd().Add(-refreshLife)).Hours() / 24)
		return fmt.Sprintf("the refresh token expired after 180 days without use: it was %d days old", days)
	case r.Current.LongLived:
		return reasonRevoked
	case r.Spending.Sends > 0 || r.Spending.Doubted:
		return reasonLost
	}
	return reasonCopied
}

// serverError tells whether the server failed, which leaves a doubt that 429 does not.
func (r *reply) serverError() bool {
	var e *Error
	return errors.As(r.err, &e) && e.Status >= 500
}

// renewed is the grant that a refresh of g was answered with. An answer that has no new refresh
// token, or the same one, proves that g's is long-lived.
func (g *grant) renewed(rep *reply) *grant {
	a := &rep.answer
	n := &grant{
		Client: g.Client, Access: a.AccessToken, Type: a.TokenType, Refresh: a.RefreshToken,
		Scope: cmp.Or(a.Scope, g.Scope), Obtained: rep.sent, Expires: rep.sent.Add(a.ExpiresIn.or(defaultLife)),
		Made: rep.sent,
	}
	if !visible(a.AccessToken) { // no request can carry it
		n.Expires = n.Obtained
	}
	if a.RefreshToken == "" || a.RefreshToken == g.Refresh {
		n.Refresh, n.Made, n.LongLived = g.Refresh, g.Made, true
	}
	return n
}
