package sandbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// savedVersion is the version of the form in which state is kept.
const savedVersion = 1

// saved is the state of a sandbox in a file: the account, and what surrounds it.
type saved struct {
	Version  int           `json:"version"`
	Account  *account      `json:"account"`
	Grants   *grants       `json:"grants,omitempty"`
	Switches *Switches     `json:"switches,omitempty"`
	Usage    *savedUsage   `json:"usage,omitempty"`
	Offset   time.Duration `json:"offset,omitempty"` // of the clock
	// goes into the seed, so that no id is made twice
	Draws uint64 `json:"draws"`
}

type savedUsage struct {
	Day       string `json:"day"`
	Used      int    `json:"used"`
	Exhausted string `json:"exhausted,omitempty"`
}

// Snapshot is the account as it is now: contacts, fields, lists, tags and
// activities. Tokens, faults, switches, limits and the log are no part of it.
func (s *Server) Snapshot() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	return encode(saved{Version: savedVersion, Account: s.acc, Draws: s.rng.Uint64()})
}

// Restore puts the account of a snapshot in the place of the present one.
func (s *Server) Restore(snapshot []byte) error {
	in, err := decodeSaved(snapshot)
	if err != nil {
		return fmt.Errorf("restore the account: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adopt(in.Account)
	return nil
}

// adopt takes over an account that was read. s.mu must be held.
func (s *Server) adopt(a *account) {
	a.scramble = s.acc.scramble
	a.index()
	s.acc = a
	s.changed++
}

func encode(v saved) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("sandbox: encode the state: " + err.Error()) // our own types always encode
	}
	return text
}

func decodeSaved(text []byte) (saved, error) {
	var in saved
	if err := json.Unmarshal(text, &in); err != nil {
		return in, err
	}
	if in.Version != savedVersion {
		return in, fmt.Errorf("its version is %d, this sandbox reads %d", in.Version, savedVersion)
	}
	if in.Account == nil {
		return in, fmt.Errorf("it holds no account")
	}
	return in, in.Account.check()
}

// check refuses an account that the sandbox could not work with.
func (a *account) check() error {
	seen := map[string]bool{}
	for i, c := range a.Contacts {
		if c == nil || c.ID == "" || seen[c.ID] {
			return fmt.Errorf("contact %d has no id of its own", i+1)
		}
		seen[c.ID] = true
	}
	for i, l := range a.Lists {
		if l == nil || l.ID == "" {
			return fmt.Errorf("list %d has no id", i+1)
		}
	}
	for i, f := range a.Fields {
		if f == nil || f.ID == "" {
			return fmt.Errorf("custom field %d has no id", i+1)
		}
	}
	for i, t := range a.Tags {
		if t == nil || t.ID == "" {
			return fmt.Errorf("tag %d has no id", i+1)
		}
	}
	for i, act := range a.Activities {
		if act == nil || !act.Settled && !act.workable() {
			return fmt.Errorf("activity %d has no work that fits it", i+1)
		}
	}
	return nil
}

// workable tells that the work of an activity can be gone on with.
func (a *activity) workable() bool {
	if a.Job == nil || a.Done < 0 || !slices.Contains(kinds, a.Kind) {
		return false
	}
	return a.Job.Export != nil || a.Items == a.Job.itemsOf(a.Kind)
}
