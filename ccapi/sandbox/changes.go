package sandbox

// What happens to a contact, and what each change does to its times. The
// caller holds s.mu. The names of who did it are those of the API.
const (
	byAccount = "Account"
	byContact = "Contact"
)

// touch moves updated_at, if the switches say so for this kind of change.
func (s *Server) touch(c *contact, now stamp, moves bool) {
	if moves {
		c.Updated = now
		s.acc.newest = max(s.acc.newest, now)
	}
}

// optOut unsubscribes a contact. Only the time of the address moves.
func (s *Server) optOut(c *contact, now stamp, by, reason string) bool {
	if c.Permission == Unsubscribed || c.Address == "" {
		return false
	}
	c.Permission = Unsubscribed
	c.Email.OptOut, c.Email.OptOutBy, c.Email.OptReason = now, by, reason
	c.Email.Updated = now
	if s.switches.OptOutLeavesLists {
		c.Lists = nil
	}
	return true
}

// remove deletes a contact: memberships go, the record and its address stay.
func (s *Server) remove(c *contact, now stamp) bool {
	if c.Deleted != 0 {
		return false
	}
	c.Deleted, c.Lists = now, nil
	if c.Permission != Unsubscribed {
		c.Email.OptOut, c.Email.OptOutBy = now, byAccount
	}
	s.touch(c, now, s.switches.DeletionMovesUpdatedAt)
	return true
}

// revive brings a deleted contact back.
func (s *Server) revive(c *contact, now stamp) {
	if c.Deleted == 0 {
		return
	}
	c.Deleted = 0
	if c.Permission != Unsubscribed {
		c.Email.OptOut, c.Email.OptOutBy = 0, ""
	}
	s.touch(c, now, true)
}

// joinList makes a contact a member; a deleted one comes back by it. Who opted
// out cannot be added.
func (s *Server) joinList(c *contact, list string, now stamp) bool {
	if c.Permission == Unsubscribed || !c.join(list) {
		return false
	}
	s.revive(c, now)
	s.touch(c, now, true)
	s.joined(c, list, now)
	return true
}

func (s *Server) leaveList(c *contact, list string, now stamp) bool {
	if !c.leave(list) {
		return false
	}
	s.touch(c, now, s.switches.ListExitMovesUpdatedAt)
	return true
}

// setField changes one custom field, "" removes its value.
func (s *Server) setField(c *contact, field, value string, now stamp) bool {
	if !c.setValue(field, value) {
		return false
	}
	s.touch(c, now, s.switches.FieldEditMovesUpdatedAt)
	return true
}

func (s *Server) setTag(c *contact, tag string, on bool, now stamp) bool {
	had := removeString(&c.Tags, tag)
	if on {
		c.Tags = append(c.Tags, tag)
	}
	if had == on {
		return false
	}
	s.touch(c, now, s.switches.TagMovesUpdatedAt)
	return true
}

// newContact enters a contact into the account.
func (s *Server) newContact(address, permission, by string, now stamp) *contact {
	c := &contact{ID: s.newID(), Permission: permission, CreatedBy: by, UpdatedBy: by, Created: now, Updated: now}
	if address != "" {
		c.Address = s.stored(address)
		c.Email = emailState{Created: now, Updated: now, OptIn: now, OptInBy: by}
	}
	if permission == Unsubscribed {
		c.Email.OptOut, c.Email.OptOutBy = now, by
	}
	s.acc.add(c)
	return c
}

// stored is an address as the account keeps it.
func (s *Server) stored(address string) string {
	if s.switches.LowerCaseAddresses {
		return foldAddress(address)
	}
	return address
}

// removeString takes an element out of a set and tells whether it was there.
func removeString(set *[]string, element string) bool {
	kept := (*set)[:0]
	for _, e := range *set {
		if e != element {
			kept = append(kept, e)
		}
	}
	had := len(kept) < len(*set)
	*set = kept
	return had
}
