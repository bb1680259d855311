package sandbox

import "cmp"

// postContact creates a contact. It needs a source and something to know the
// contact by; an address that is taken is a conflict, by deleted contacts too.
func (s *Server) postContact(c *call) answer {
	var in contactInput
	if problem, good := c.decode(&in); !good {
		return problem
	}
	messages := append(sourceProblems("create_source", in.CreateSource), s.problems(&in)...)
	if in.Email == nil && in.FirstName == "" && in.LastName == "" && in.SMS == nil {
		messages = append(messages, "one of email_address, first_name, last_name or sms_channel is required")
	}
	if len(messages) > 0 {
		return invalid(messages...)
	}
	address, permission := "", ""
	if in.Email != nil {
		address, permission = in.Email.Address, cmp.Or(in.Email.Permission, Implicit)
		if other := s.acc.byEmail(address); other != nil {
			return emailTaken(other)
		}
	}
	contact := s.newContact(address, permission, in.CreateSource, c.stamp)
	s.replaceProperties(contact, &in, c.stamp)
	s.replaceSubresources(contact, &in, c.stamp)
	if in.CreateSource == byContact {
		s.mail(contact, MailWelcome, "", c.stamp)
	}
	return created(s.render(contact, allSubresources))
}

// deleteContact hides a contact.
func (s *Server) deleteContact(c *call) answer {
	contact := s.acc.byID[c.PathValue("contact_id")]
	if contact == nil {
		return noSuch("contact_id", c.PathValue("contact_id"))
	}
	if kind := c.Header.Get("Content-Type"); kind != "" && !c.isJSON() {
		return unsupportedMedia("Unsupported Media Type.")
	}
	s.remove(contact, c.stamp)
	return noContent()
}
