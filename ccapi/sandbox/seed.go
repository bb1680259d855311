package sandbox

import (
	"fmt"
	"time"
)

// Seed adds contacts that have long been there: without times of their own they
// are a month and more old. A permission left out is implicit. Lists (by name or
// id) and custom fields (by name or label) that do not exist yet are made. An
// address may be given twice: twins do occur.
func (s *Server) Seed(contacts ...Contact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.settle()
	for i, c := range contacts {
		s.seed(c, stampOf(longAgo(now, i)))
	}
	s.changed++
}

// longAgo spreads the ages of seeded contacts over a year, 31 days at least,
// with many in one second as in real accounts.
func longAgo(now time.Time, i int) time.Time {
	return now.Add(-31*24*time.Hour - time.Duration(i/100%8000)*time.Hour)
}

// seed adds one contact. s.mu must be held.
func (s *Server) seed(from Contact, otherwise stamp) *contact {
	created, updated := stampOf(from.CreatedAt), stampOf(from.UpdatedAt)
	if created == 0 {
		created = otherwise
	}
	if updated == 0 {
		updated = max(created, otherwise)
	}
	c := s.newContact(from.Address, orDefault(from.Permission, Implicit), byAccount, created)
	c.Updated, c.Email.Updated = updated, updated
	s.acc.newest = max(s.acc.newest, updated)
	c.FirstName, c.LastName, c.JobTitle, c.Company = from.FirstName, from.LastName, from.JobTitle, from.Company
	for _, name := range sortedKeys(from.Fields) {
		c.setValue(s.ensureField(name).ID, from.Fields[name])
	}
	for _, name := range from.Lists {
		c.join(s.ensureList(name).ID)
	}
	for _, name := range from.Tags {
		c.Tags = append(c.Tags, s.ensureTag(name).ID)
	}
	if c.Permission == Unsubscribed {
		c.Email.OptOut, c.Email.OptOutBy = updated, byContact // by his own wish
	}
	if from.Deleted {
		c.Deleted, c.Lists = updated, nil
	}
	return c
}

func (s *Server) ensureField(name string) *customField {
	if f := s.acc.fieldNamed(name); f != nil {
		return f
	}
	return s.newField(name, "string", stampOf(s.now()))
}

func (s *Server) ensureList(name string) *list {
	if l := s.acc.listNamed(name); l != nil {
		return l
	}
	return s.newList(name, stampOf(s.now()))
}

func (s *Server) ensureTag(name string) *tag {
	if t := first(s.acc.Tags, func(t *tag) bool { return t.ID == name || t.Name == name }); t != nil {
		return t
	}
	return s.newTag(name, stampOf(s.now()))
}

// AddCustomField makes a custom field, of a type such as "string", and returns
// its id.
func (s *Server) AddCustomField(label, typ string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed++
	return s.newField(label, typ, stampOf(s.now())).ID
}

// AddList makes a contact list and returns its id.
func (s *Server) AddList(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed++
	return s.newList(name, stampOf(s.now())).ID
}

// Contact is the contact with this address or id, as it truly is.
func (s *Server) Contact(who string) (Contact, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	c := s.acc.find(who)
	if c == nil {
		return Contact{}, false
	}
	return s.shown(c), true
}

// Contacts are all contacts, deleted ones too, in the order in which they came.
func (s *Server) Contacts() []Contact {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	all := make([]Contact, len(s.acc.Contacts))
	for i, c := range s.acc.Contacts {
		all[i] = s.shown(c)
	}
	return all
}

// shown is a contact in the words of the in-process API.
func (s *Server) shown(c *contact) Contact {
	out := Contact{
		ID: c.ID, Address: c.Address, Permission: c.Permission,
		FirstName: c.FirstName, LastName: c.LastName, JobTitle: c.JobTitle, Company: c.Company,
		Deleted: c.Deleted != 0, CreatedAt: c.Created.time(), UpdatedAt: c.Updated.time(),
		Fields: make(map[string]string, len(c.Fields)),
	}
	for _, v := range c.Fields {
		if f := s.acc.field(v.Field); f != nil {
			out.Fields[f.Name] = v.Value
		}
	}
	for _, id := range c.Lists {
		if l := s.acc.list(id); l != nil {
			out.Lists = append(out.Lists, l.Name)
		}
	}
	for _, id := range c.Tags {
		if t := s.acc.tag(id); t != nil {
			out.Tags = append(out.Tags, t.Name)
		}
	}
	return out
}

// Every seventh contact of the default account has no code, every twentieth
// has opted out.
const (
	withoutCode = 7
	optedOut    = 20
)

// seedDefault fills the account that [Options.Contacts] asks for.
func (s *Server) seedDefault(n int) {
	now := s.now()
	users, news := s.ensureList("App users"), s.ensureList("Newsletter")
	code := s.ensureField("Short code")
	for i := range n {
		number := i + 1
		c := s.newContact(fmt.Sprintf("user%06d@example.com", number), Implicit, byAccount, stampOf(longAgo(now, i)))
		c.FirstName, c.LastName = "User", fmt.Sprintf("%06d", number)
		c.join(users.ID)
		if number%3 == 0 {
			c.join(news.ID)
		}
		if number%withoutCode != 0 {
			c.setValue(code.ID, fmt.Sprintf("C%06d", number))
		}
		if number%optedOut == 0 {
			s.optOut(c, c.Updated, byContact, "")
		}
	}
}
