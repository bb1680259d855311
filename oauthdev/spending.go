package oauthdev

import (
	"errors"
	"fmt"
	"time"
)

// The reasons of a dead login, for people. Those of lapsed tokens have their age in them.
const (
	reasonLost = "the answer to an earlier refresh was lost, in a crash or on its way, " +
		"and the next refresh token with it"
	reasonLostTwice = "the answers to two refreshes with the same refresh token were lost, " +
		"so it must be taken for spent"
	reasonCopied = "the refresh token had been spent or revoked although this installation never sent it before: " +
		"most likely a copy of this state file is in use elsewhere"
	reasonRevoked = "the refresh token was revoked: by the account's owner, or with the application"
)

// mark notes that the refresh token is about to be sent.
func (r *record) mark(now time.Time) {
	if r.Spending == nil {
		r.Spending = &spending{Since: now}
	}
	r.Spending.Sends++
	r.Asked = now
}

// unmark notes what the answer tells about the sending that mark noted.
func (r *record) unmark(rep *reply) {
	if rep.fate != granted && rep.fate != lost {
		r.Spending.Sends--
	}
	if rep.fate == busy && rep.serverError() {
		r.Spending.Doubted = true
	}
	if !rep.sent.IsZero() {
		r.Asked = rep.sent
	}
}

// worn tells whether the refresh token may not be sent again.
func (r *record) worn() bool {
	return r.Spending != nil && r.Spending.Sends >= maxSends && !r.Current.LongLived
}

// cause names why the server most likely refused the refresh token. The sending that was refused is not in Spending any more.
func (r *record) cause(now time.Time) string {
	switch {
	case !now.Before(r.Current.lapses()):
		days := int(now.Sub(r.Current.lapses().Add(-refreshLife)).Hours() / 24)
		return fmt.Sprintf("the refresh token lapsed after 180 days: it was %d days old", days)
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

// renewed is the grant that a refresh of g was answered with. An answer that has no new refresh token, or the same one,
// proves that g's is long-lived.
func (g *grant) renewed(rep *reply) *grant {
	a := &rep.answer
	n := &grant{
		Client: g.Client, Access: a.AccessToken, Type: a.TokenType, Refresh: a.RefreshToken,
		Scope: first(a.Scope, g.Scope), Obtained: rep.sent, Expires: rep.sent.Add(a.ExpiresIn.or(defaultLife)),
		Made: rep.sent,
	}
	if a.RefreshToken == "" || a.RefreshToken == g.Refresh {
		n.Refresh, n.Made, n.LongLived = g.Refresh, g.Made, true
	}
	return n
}
