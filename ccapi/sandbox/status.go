package sandbox

import "time"

// Status is the sandbox in a few figures.
type Status struct {
	Now          time.Time `json:"now"`
	Contacts     int       `json:"contacts"`
	Requests     int       `json:"requests"`
	UsedToday    int       `json:"used_today"`
	PerDay       int       `json:"per_day"`
	PerSecond    int       `json:"per_second"`
	MaxPerSecond int       `json:"max_per_second"`
	Unlimited    bool      `json:"unlimited"`
	Faults       int       `json:"faults"`
	Queued       int       `json:"queued_activities"`
	Automations  int       `json:"automations_started"`
	Mails        int       `json:"mails"` // that would have been sent
	SaveError    string    `json:"save_error,omitempty"`
}

// Status tells how the sandbox stands.
func (s *Server) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.settle()
	s.usage.turn(now)
	out := Status{Now: now, Contacts: len(s.acc.Contacts), Requests: s.log.count, UsedToday: s.usage.used, PerDay: s.opts.PerDay,
		PerSecond: s.opts.PerSecond, MaxPerSecond: s.log.most, Unlimited: s.opts.Unlimited, Faults: len(s.faults.list),
		Automations: len(s.outbox.automations), Mails: len(s.outbox.mails)}
	for _, a := range s.acc.Activities {
		if !a.Settled {
			out.Queued++
		}
	}
	if s.store.err != nil {
		out.SaveError = s.store.err.Error()
	}
	return out
}

// Reset resets the account to what [New] made, and empties log, mails and faults. Tokens
// and switches stay.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acc = newAccount(s.opts.Seed)
	s.log, s.imports, s.faults.list, s.outbox = requestLog{}, nil, nil, outbox{}
	if s.opts.Contacts > 0 {
		s.seedDefault(s.opts.Contacts)
	}
	s.changed++
}
