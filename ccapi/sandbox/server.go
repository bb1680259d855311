package sandbox

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Server is a local Constant Contact. Make one with [New]. All its methods may
// be called concurrently, beside requests.
type Server struct {
	mux   *http.ServeMux
	hosts []string // Options.Hosts

	// mu guards all that follows.
	mu       sync.Mutex
	opts     Options
	rng      *rand.Rand
	offset   time.Duration // of the server's clock against the machine's
	acc      *account
	grants   grants
	switches Switches
	faults   faultSet
	usage    usage
	log      requestLog
	imports  []*importRecord
	outbox   outbox
	changed  uint64 // grows with every change of what persists
	store    store
}

// New makes a server with the account that opts describe.
func New(opts Options) *Server {
	opts = opts.withDefaults()
	s := &Server{
		opts:     opts,
		hosts:    opts.Hosts,
		rng:      rand.New(rand.NewPCG(opts.Seed, 0x5eed)),
		acc:      newAccount(opts.Seed),
		grants:   newGrants(),
		switches: opts.Switches,
		faults:   faultSet{seed: opts.Seed},
	}
	if opts.Contacts > 0 {
		s.seedDefault(opts.Contacts)
	}
	s.mux = s.routes()
	return s
}

// ServeHTTP answers one request, unless a page of another site made it or it
// calls the sandbox by a name that is not its own.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if why := s.access(r); why != "" {
		turnAway(w, r, why, s.Now())
		return
	}
	s.mux.ServeHTTP(w, r)
}

// settle brings the account to the present and returns the present. It comes
// before every look at the state. s.mu must be held.
func (s *Server) settle() time.Time {
	now := s.now()
	s.advanceActivities(now)
	s.acc.dropValues(stampOf(now))
	return now
}

// Switches are the positions of the switches now.
func (s *Server) Switches() Switches {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.switches
}

// thrown does something with further switches thrown. s.mu must be held.
func (s *Server) thrown(further Switches, do func()) {
	if further == (Switches{}) {
		do()
		return
	}
	before := s.switches
	defer func() { s.switches = before }()
	s.switches = before.over(further)
	do()
}

// SetSwitches changes the switches, for what happens from now on.
func (s *Server) SetSwitches(switches Switches) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	s.switches = switches
	s.changed++
}
