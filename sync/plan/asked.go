package plan

import (
	"strings"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/users"
)

// UserState tells what became of one user that a run was for: "verified", "pending", "skipped" or
// "rejected".
type UserState struct {
	Email  string `json:"email"`
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
}

// Asked are the users that a run is for. It is told of every row, decision and result, and of
// nothing else it says what became of them. A nil *Asked stands for all users.
type Asked struct {
	names []string // as they were asked for, in that order
	// by name, the normalised address: given, or that of the row of a key
	norms  map[string]string
	wanted map[string]bool      // those addresses
	states map[string]UserState // by normalised address
	rows   map[string]bool      // the addresses that the source has
	faulty map[string]UserState // by name, rows without an address that could be one
}

// keyName is put before a key that stands in place of an address.
const keyName = "key:"

// AskedFor takes addresses, or keys as "key:4711". None: nil.
func AskedFor(names []string) *Asked {
	if len(names) == 0 {
		return nil
	}
	a := &Asked{names: names, norms: make(map[string]string), wanted: make(map[string]bool), states: make(map[string]UserState),
		rows: make(map[string]bool), faulty: make(map[string]UserState)}
	for _, name := range names {
		if norm, fault := contact.Normalise(name); fault == "" {
			a.norms[name], a.wanted[norm] = norm, true
			continue
		}
		a.norms[strings.TrimSpace(name)] = ""
	}
	return a
}

// Row hears of a row of the source.
func (a *Asked) Row(row users.Row) {
	if a == nil {
		return
	}
	for _, name := range [...]string{keyName + row.Key, row.Address} {
		norm, named := a.norms[name]
		switch {
		case !named || norm != "" || name == keyName:
		case row.Norm == "":
			a.faulty[name] = UserState{Email: row.Address, State: "skipped", Reason: string(contact.InvalidEmail)}
		default:
			a.norms[name], a.wanted[row.Norm] = row.Norm, true
		}
	}
	if a.wanted[row.Norm] {
		a.rows[row.Norm] = true
	}
}

// wants tells whether the run is for the user of this normalised address. The source was read to
// its end.
func (a *Asked) wants(norm []byte) bool { return a.wanted[string(norm)] }

// Wants tells whether the run is for this user by name. The source was read to its end.
func (a *Asked) Wants(norm string) bool { return a != nil && a.wanted[norm] }

// wantsRow is wants for a row without an address that could be one.
func (a *Asked) wantsRow(s *users.Skipped) bool {
	_, address := a.faulty[strings.TrimSpace(s.Email)]
	_, key := a.faulty[keyName+s.Key]
	return address || key
}

// decided hears what a plan makes of a user.
func (a *Asked) decided(norm string, s UserState) {
	if a != nil && a.wanted[norm] {
		a.states[norm] = s
	}
}

// Result hears what became of a change that this run sent: the reason of a problem, or "" when the
// contact was seen with the values. What an earlier run sent says nothing of the values wanted now,
// and is not told.
func (a *Asked) Result(norm, reason string) {
	if a == nil {
		return
	}
	s, decided := a.states[norm]
	if !decided || s.State != "pending" {
		return
	}
	if s.State, s.Reason = "verified", reason; reason != "" {
		s.State = "rejected"
	}
	a.states[norm] = s
}

// Skipped hears that a change was not sent after all.
func (a *Asked) Skipped(norm string, why contact.Reason) {
	if a == nil {
		return
	}
	if s, decided := a.states[norm]; decided && s.State == "pending" {
		s.State, s.Reason = "skipped", string(why)
		a.states[norm] = s
	}
}

// States are what became of them, in the order in which they were asked for.
func (a *Asked) States() []UserState {
	if a == nil {
		return nil
	}
	all := make([]UserState, len(a.names))
	for i, name := range a.names {
		all[i] = a.state(name)
	}
	return all
}

func (a *Asked) state(name string) UserState {
	norm := a.norms[name]
	if norm == "" {
		norm = a.norms[strings.TrimSpace(name)]
	}
	if s, ok := a.faulty[strings.TrimSpace(name)]; ok && norm == "" {
		return s
	}
	if s, ok := a.states[norm]; ok && a.rows[norm] {
		return s
	}
	if a.rows[norm] { // the run ended before it was decided
		return UserState{Email: name, State: "pending"}
	}
	return UserState{Email: name, State: "skipped", Reason: "not_in_source"}
}
