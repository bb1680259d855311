package sandbox

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"
)

// authorizeDevice answers a device authorization request (RFC 8628, 3.1).
func (s *Server) authorizeDevice(c *call) answer {
	form, problem, good := c.form()
	if !good {
		return problem
	}
	client, problem, good := s.client(c, form)
	if !good {
		return problem
	}
	list, problem, good := scopes(form.Get("scope"))
	if !good {
		return problem
	}
	d := &device{
		Code: s.randomText(32), UserCode: s.newUserCode(), ClientID: client, Scopes: list,
		Expires: c.now.Add(s.opts.Tokens.Device), Interval: s.opts.Tokens.Interval, State: devicePending,
	}
	if s.opts.Approve {
		d.State = deviceApproved
	}
	s.grants.Devices[d.Code] = d
	return deviceAnswer(d, origin(c.Request)+"/activate", s.opts.Tokens)
}

// origin is where a request found the sandbox.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func deviceAnswer(d *device, uri string, life Lifetimes) answer {
	return ok(struct {
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
		URI        string `json:"verification_uri"`
		Complete   string `json:"verification_uri_complete"`
		Expires    int64  `json:"expires_in"` // seconds
		Interval   int64  `json:"interval"`   // seconds
	}{d.Code, d.UserCode, uri, uri + "?user_code=" + d.UserCode,
		int64(life.Device / time.Second), int64(life.Interval / time.Second)})
}

// slowDown is what a poll that comes too early adds to the interval.
const slowDown = 5 * time.Second

// deviceToken answers one poll (RFC 8628, 3.4 and 3.5).
func (s *Server) deviceToken(c *call, client, code string) answer {
	d := s.grants.Devices[code]
	if d == nil || d.ClientID != client || d.State == deviceUsed {
		return oauthFailed(http.StatusBadRequest, "invalid_grant", "The device code is invalid or has expired.")
	}
	if !c.now.Before(d.Expires) {
		return oauthFailed(http.StatusBadRequest, "expired_token", "The device code is invalid or has expired.")
	}
	early := !d.LastPoll.IsZero() && c.now.Sub(d.LastPoll) < d.Interval
	d.LastPoll = c.now
	switch {
	case d.State == deviceDenied:
		return oauthFailed(http.StatusBadRequest, "access_denied", "The device authorization request was denied.")
	case early && !s.opts.Unlimited:
		d.Interval += slowDown
		return oauthFailed(http.StatusBadRequest, "slow_down", "The polling interval is too short; it is now 5 seconds longer.")
	case d.State == devicePending:
		return oauthFailed(http.StatusBadRequest, "authorization_pending", "The device authorization is pending. Please try again later.")
	}
	d.State = deviceUsed
	return s.issue(c.now, login{d.ClientID, d.Scopes, s.newID(), d.Unassigned}).answer()
}

// Approve approves a pending device code, as a person does on /activate. False:
// there is no such code waiting.
func (s *Server) Approve(userCode string) bool {
	return s.decideDevice(userCode, deviceApproved, false)
}

// ApproveUnassigned approves with a portal login that belongs to no account:
// the tokens look normal and can do nothing.
func (s *Server) ApproveUnassigned(userCode string) bool {
	return s.decideDevice(userCode, deviceApproved, true)
}

// Deny refuses a pending device code.
func (s *Server) Deny(userCode string) bool { return s.decideDevice(userCode, deviceDenied, false) }

func (s *Server) decideDevice(userCode string, state deviceState, unassigned bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.pendingDevice(userCode)
	if d == nil {
		return false
	}
	d.State, d.Unassigned = state, unassigned
	s.changed++
	return true
}

// pendingDevice finds a code that waits for its person. s.mu must be held.
func (s *Server) pendingDevice(userCode string) *device {
	now := s.now()
	for _, d := range s.grants.Devices {
		if d.UserCode == normalUserCode(userCode) && d.State == devicePending && now.Before(d.Expires) {
			return d
		}
	}
	return nil
}

// PendingDevice is a device code that waits for a person.
type PendingDevice struct {
	UserCode  string    `json:"user_code"`
	ClientID  string    `json:"client_id"`
	Scopes    []string  `json:"scopes"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Pending are the device codes that wait for a person, the one that expires
// first in front.
func (s *Server) Pending() []PendingDevice {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, out := s.now(), []PendingDevice{}
	for _, d := range s.grants.Devices {
		if d.State == devicePending && now.Before(d.Expires) {
			out = append(out, PendingDevice{d.UserCode, d.ClientID, d.Scopes, d.Expires})
		}
	}
	slices.SortFunc(out, func(a, b PendingDevice) int {
		return cmp.Or(a.ExpiresAt.Compare(b.ExpiresAt), strings.Compare(a.UserCode, b.UserCode))
	})
	return out
}
