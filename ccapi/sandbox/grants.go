package sandbox

import (
	"maps"
	"slices"
	"time"
)

// grants is what the authorization server has given out.
type grants struct {
	Devices map[string]*device       `json:"devices"` // by device code
	Access  map[string]*accessToken  `json:"access"`  // by token
	Refresh map[string]*refreshToken `json:"refresh"` // by token
	// presentations of each refresh token, unknown ones too
	Spends map[string]int `json:"spends"`
}

func newGrants() grants {
	return grants{
		Devices: make(map[string]*device),
		Access:  make(map[string]*accessToken),
		Refresh: make(map[string]*refreshToken),
		Spends:  make(map[string]int),
	}
}

// device is one device authorization (RFC 8628).
type device struct {
	Code       string        `json:"code"`
	UserCode   string        `json:"user_code"`
	ClientID   string        `json:"client_id"`
	Scopes     []string      `json:"scopes"`
	Expires    time.Time     `json:"expires"`
	Interval   time.Duration `json:"interval"`
	LastPoll   time.Time     `json:"last_poll,omitzero"`
	State      deviceState   `json:"state"`
	Unassigned bool          `json:"unassigned,omitempty"`
}

type deviceState string

const (
	devicePending  deviceState = "pending"
	deviceApproved deviceState = "approved"
	deviceDenied   deviceState = "denied"
	deviceUsed     deviceState = "used"
)

// accessToken is what a bearer token stands for.
type accessToken struct {
	ClientID string    `json:"client_id"`
	Scopes   []string  `json:"scopes"`
	Expires  time.Time `json:"expires"`
	Family   string    `json:"family"`
	// approved with a login that belongs to no account
	Unassigned bool `json:"unassigned,omitempty"`
}

func (t *accessToken) has(scope string) bool { return slices.Contains(t.Scopes, scope) }

// refreshToken is one refresh token. Those that came of one login are a family;
// the last one made is the one that counts.
type refreshToken struct {
	ClientID   string    `json:"client_id"`
	Scopes     []string  `json:"scopes"`
	Family     string    `json:"family"`
	Lapses     time.Time `json:"lapses"`
	Spent      time.Time `json:"spent,omitzero"`   // when it was first presented, if it rotates
	Invalid    bool      `json:"invalid,omitzero"` // a later one was used
	Unassigned bool      `json:"unassigned,omitempty"`
}

// TokenSpends tells how often each refresh token was presented, also in vain.
func (s *Server) TokenSpends() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.grants.Spends)
}

// RevokeAccess ends all access tokens before their time; refresh tokens stay.
func (s *Server) RevokeAccess() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.grants.Access)
	s.changed++
}

// RevokeAll ends all tokens, as when a person withdraws the application.
func (s *Server) RevokeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.grants.Access)
	clear(s.grants.Refresh)
	s.changed++
}
