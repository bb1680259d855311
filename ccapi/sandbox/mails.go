package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Automation is an automation that was started: a contact joined a list on which
// one waits ([Server.Automate]).
type Automation struct {
	Time    time.Time `json:"time"` // by the server's clock
	List    string    `json:"list"` // its name
	Contact string    `json:"contact_id"`
	Address string    `json:"address"`
	Cause   string    `json:"cause"` // the kind of activity, the operation, or "a person"
}

// Mail is a mail that the real service would have sent. The sandbox sends none.
type Mail struct {
	Time    time.Time `json:"time"` // by the server's clock
	Kind    MailKind  `json:"kind"`
	Contact string    `json:"contact_id"`
	Address string    `json:"address"`
	List    string    `json:"list,omitempty"` // of an automation: the name of the list
	Cause   string    `json:"cause"`          // as of an [Automation]
}

// MailKind tells why a mail is sent.
type MailKind string

const (
	// MailAutomation is the first mail of an automation.
	MailAutomation MailKind = "automation"
	// MailWelcome is Constant Contact's own Welcome Email: to who signs up or is
	// created with create_source Contact (API guide), and after a PUT that changed
	// the address (one report). Imports send none (API guide).
	MailWelcome MailKind = "welcome"
)

// outbox is what would have gone out since the sandbox began. Guarded by Server.mu.
type outbox struct {
	automations []Automation
	mails       []Mail
	cause       string // of what happens now
}

// byPerson is the cause of what nobody's program did.
const byPerson = "a person"

// Automate lets an automation wait for contacts that join a list, by name or id.
// False: there is no such list.
func (s *Server) Automate(which string) bool {
	return s.withList(which, func(l *list, _ stamp) { l.Automated = true })
}

// Automations are the automations that were started, in their order.
func (s *Server) Automations() []Automation {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	return append([]Automation{}, s.outbox.automations...)
}

// Mails are the mails that would have been sent, in their order.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	return append([]Mail{}, s.outbox.mails...)
}

// ForgetMails forgets the automations that were started and the mails.
func (s *Server) ForgetMails() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	s.outbox = outbox{}
}

// caused does something for a reason. s.mu must be held.
func (s *Server) caused(by string, do func()) {
	before := s.outbox.cause
	defer func() { s.outbox.cause = before }()
	s.outbox.cause = by
	do()
}

// joined starts the automation of a list that a contact has joined.
func (s *Server) joined(c *contact, id string, now stamp) {
	l := s.acc.list(id)
	if l == nil || !l.Automated {
		return
	}
	a := Automation{now.time(), l.Name, c.ID, c.Address, s.cause()}
	s.outbox.automations = append(s.outbox.automations, a)
	s.mail(c, MailAutomation, l.Name, now)
}

// mail notes a mail, unless the contact may not be mailed.
func (s *Server) mail(c *contact, kind MailKind, list string, now stamp) {
	mailable := c.Deleted == 0 && c.Address != "" && slices.Contains([]string{Explicit, Implicit, NotSet}, c.Permission)
	if mailable {
		s.outbox.mails = append(s.outbox.mails, Mail{now.time(), kind, c.ID, c.Address, list, s.cause()})
	}
}

func (s *Server) cause() string { return orDefault(s.outbox.cause, byPerson) }

// automationsJSON is what the control endpoint tells of automations.
type automationsJSON struct {
	Lists   []string     `json:"lists"` // on which one waits
	Started []Automation `json:"started"`
}

func (s *Server) automations() automationsJSON {
	out := automationsJSON{Lists: []string{}, Started: s.Automations()}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.acc.Lists {
		if l.Automated && l.Deleted == 0 {
			out.Lists = append(out.Lists, l.Name)
		}
	}
	return out
}

// controlAutomate lets an automation wait on a list.
func (s *Server) controlAutomate(_ *http.Request, body []byte) (any, error) {
	var in struct {
		List string `json:"list"`
	}
	if err := strict(body, &in); err != nil {
		return nil, err
	}
	if !s.Automate(in.List) {
		return nil, fmt.Errorf("list %q: %w", in.List, errNotThere)
	}
	return s.automations(), nil
}

// mailsPage shows what would have gone out, the newest first.
func (s *Server) mailsPage(w http.ResponseWriter, r *http.Request) {
	data := struct {
		Lists       []string
		Automations []Automation
		Mails       []Mail
	}{s.automations().Lists, lastOf(s.Automations()), lastOf(s.Mails())}
	s.show(w, r, "mails", "Automations and mails", data)
}

// lastOf are the last elements, the newest first.
func lastOf[T any](all []T) []T {
	last := slices.Clone(all[max(0, len(all)-recentLines):])
	slices.Reverse(last)
	return last
}
