package oauthdev

import (
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/oauth2"
)

// recordVersion is raised when an older ccsyncd would misread the record.
const recordVersion = 1

// record is all that is known about the login. The store sees it as opaque bytes.
type record struct {
	Version  int    `json:"version"`
	Current  *grant `json:"current,omitempty"`
	Previous *grant `json:"previous,omitempty"` // what Current was made from, or replaced
	// Current.Refresh was sent, and what came of it is not known
	Spending *spending `json:"spending,omitempty"`
	Dead     *death    `json:"dead,omitempty"`
	Pending  *pending  `json:"pending,omitempty"`
	// the last refresh was sent then, by whatever process
	Asked time.Time `json:"asked,omitzero"`

	damaged bool // what the store has is none
}

// grant is one answer of the token endpoint.
type grant struct {
	Client    string    `json:"client"`
	Access    string    `json:"access"`
	Type      string    `json:"type"`
	Refresh   string    `json:"refresh"`
	Scope     string    `json:"scope"`
	Obtained  time.Time `json:"obtained"`
	Expires   time.Time `json:"expires"`
	Made      time.Time `json:"made"`                 // Refresh first came then
	LongLived bool      `json:"long_lived,omitempty"` // Refresh came through a refresh unchanged
}

// spending marks a refresh token that is under way, or whose answer was lost.
type spending struct {
	Since time.Time `json:"since"` // the first sending
	Sends int       `json:"sends"` // sendings that may have spent the token
	// a rotating token is not sent again before; zero: at once
	Next time.Time `json:"next,omitzero"`
	// a 5xx came: taken for unspent, but it may explain an invalid_grant
	Doubted bool `json:"doubted,omitempty"`
}

// death says since when and why the refresh token is not sent any more.
type death struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// pending is a login that waits for a person.
type pending struct {
	Client   string        `json:"client"`
	Device   string        `json:"device_code"`
	User     string        `json:"user_code"`
	URI      string        `json:"verification_uri"`
	Complete string        `json:"verification_uri_complete,omitempty"`
	Issued   time.Time     `json:"issued"`
	Expires  time.Time     `json:"expires"`
	Interval time.Duration `json:"interval_ns"`
}

func parseRecord(raw []byte) (*record, error) {
	r := &record{Version: recordVersion}
	if len(raw) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(raw, r); err != nil {
		return &record{Version: recordVersion, damaged: true}, nil
	}
	if r.Version > recordVersion {
		return nil, fmt.Errorf("read the stored login: it has version %d, from a newer ccsyncd", r.Version)
	}
	return r, nil
}

func (r *record) bytes() ([]byte, error) { return json.Marshal(r) }

// missing says why there is no login that client could use; nil when there is one.
func (r *record) missing(client string) error {
	switch {
	case r.damaged:
		return &LoginError{Reason: "the stored login is damaged"}
	case r.Current == nil:
		return &LoginError{Reason: "nobody is logged in"}
	case r.Current.Client != client:
		return &LoginError{Reason: "the stored login is for another client_id"}
	case r.Dead != nil:
		return &LoginError{Reason: r.Dead.Reason}
	}
	return nil
}

// usable tells whether the access token can be used at now. A mark has to be settled first: the
// server takes a refresh token again for seconds, if at all. While the token may not be sent, the
// access token is used to its end.
func (r *record) usable(now time.Time, refused string) bool {
	g := r.Current
	switch {
	case g.Access == refused:
		return false
	case r.Spending == nil:
		return now.Before(g.Expires.Add(-g.margin()))
	}
	return r.doubtful(now) && now.Before(g.Expires)
}

// replace makes g the current token. Whatever was wrong with the former one is over.
func (r *record) replace(g *grant) {
	r.Previous, r.Current = r.Current, g
	r.Spending, r.Dead = nil, nil
}

// follows tells whether r's token was made from the one that stored has, and nobody has got a newer
// one since. The times matter for long-lived tokens only, of which nothing is lost.
func (r *record) follows(stored *record) bool {
	if stored.Current == nil || r.Previous.Refresh != stored.Current.Refresh {
		return false
	}
	return !r.Current.LongLived || r.Current.Obtained.After(stored.Current.Obtained)
}

const maxMargin = time.Minute

// margin is how long before its expiry an access token is refreshed: a quarter of its life, a
// minute at most.
func (g *grant) margin() time.Duration {
	return min(maxMargin, g.Expires.Sub(g.Obtained)/4)
}

// refreshLife is how long a refresh token lasts: a rotating one from its making, a long-lived one
// from its last use.
const refreshLife = 180 * 24 * time.Hour

// unusedEnd is when the refresh token expires if it is not used.
func (g *grant) unusedEnd() time.Time {
	if g.LongLived {
		return g.Obtained.Add(refreshLife)
	}
	return g.Made.Add(refreshLife)
}

// token is what a caller may have: it can use the access token, but only this package spends
// refresh tokens.
func (g *grant) token() *oauth2.Token {
	return &oauth2.Token{AccessToken: g.Access, TokenType: g.Type, Expiry: g.Expires}
}
