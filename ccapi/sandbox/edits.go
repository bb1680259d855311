package sandbox

import "time"

// SetField changes a custom field, found by name or label, as a person does in
// the product; "" clears it. The contact is named by address or id, here and in
// all edits below. False: no such contact or field, the contact is deleted, or
// nothing changed.
func (s *Server) SetField(who, field, value string) bool {
	return s.edit(who, func(c *contact, now stamp) bool {
		f := s.acc.fieldNamed(field)
		return f != nil && s.setField(c, f.ID, value, now)
	})
}

// SetProperty changes first_name, last_name, job_title or company_name.
func (s *Server) SetProperty(who, property, value string) bool {
	return s.edit(who, func(c *contact, now stamp) bool {
		p := c.property(property)
		if p == nil || *p == value {
			return false
		}
		*p = value
		s.touch(c, now, true)
		return true
	})
}

// OptOut unsubscribes a contact, by its own wish. updated_at does not move.
func (s *Server) OptOut(who string) bool {
	return s.edit(who, func(c *contact, now stamp) bool { return s.optOut(c, now, byContact, "") })
}

// Delete hides a contact: memberships go, the record stays, its address too.
func (s *Server) Delete(who string) bool {
	return s.edit(who, func(c *contact, now stamp) bool { return s.remove(c, now) })
}

// LeaveList takes a contact off a list, by name or id.
func (s *Server) LeaveList(who, list string) bool {
	return s.edit(who, func(c *contact, now stamp) bool {
		l := s.acc.listNamed(list)
		return l != nil && s.leaveList(c, l.ID, now)
	})
}

// JoinList puts a contact on a list, by name or id. Who opted out stays off.
func (s *Server) JoinList(who, list string) bool {
	return s.edit(who, func(c *contact, now stamp) bool {
		l := s.acc.listNamed(list)
		return l != nil && s.joinList(c, l.ID, now)
	})
}

// ChangeAddress gives a contact another address. False also when the address
// is taken.
func (s *Server) ChangeAddress(who, address string) bool {
	return s.edit(who, func(c *contact, now stamp) bool {
		if other := s.acc.byEmail(address); other != nil && other != c || c.Address == address {
			return false
		}
		s.acc.rename(c, s.stored(address))
		c.Email.Updated = now
		s.touch(c, now, true)
		return true
	})
}

// AddContact adds a contact now, with the times of now, and returns its id; an
// empty id when the address is taken.
func (s *Server) AddContact(contact Contact) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := stampOf(s.settle())
	if contact.Address != "" && s.acc.byEmail(contact.Address) != nil {
		return ""
	}
	contact.CreatedAt, contact.UpdatedAt = now.time(), now.time()
	s.changed++
	return s.seed(contact, now).ID
}

// Refuse lets imports refuse an address for a time, as the real service does
// with addresses that were signed up or changed too often anywhere.
func (s *Server) Refuse(who string, until time.Time) bool {
	return s.edit(who, func(c *contact, now stamp) bool { c.Refused = stampOf(until); return true })
}

// edit applies a change to a contact that is not deleted.
func (s *Server) edit(who string, change func(*contact, stamp) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := stampOf(s.settle())
	c := s.acc.find(who)
	if c == nil || c.Deleted != 0 || !change(c, now) {
		return false
	}
	s.changed++
	return true
}
