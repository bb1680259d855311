package sandbox

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// putContact replaces a contact: properties left out become null, subresources
// left out stay. A deleted contact comes back by it.
func (s *Server) putContact(c *call) answer {
	contact := s.acc.byID[c.PathValue("contact_id")]
	if contact == nil {
		return noSuch("contact_id", c.PathValue("contact_id"))
	}
	var in contactInput
	if problem, good := c.decode(&in); !good {
		return problem
	}
	messages := append(sourceProblems("update_source", in.UpdateSource), s.problems(&in)...)
	messages = append(messages, s.putProblems(contact, &in)...)
	if contact.Deleted != 0 && in.UpdateSource == byContact {
		messages = append(messages, "update_source must be Account to restore a deleted contact")
	}
	if len(messages) > 0 {
		return invalid(messages...)
	}
	if in.Email != nil {
		if other := s.acc.byEmail(in.Email.Address); other != nil && other != contact && !sameAddress(contact, in.Email.Address) {
			return emailTaken(other)
		}
	}
	s.revive(contact, c.stamp)
	s.replaceProperties(contact, &in, c.stamp)
	address := contact.Address
	s.replaceEmail(contact, in.Email, c.stamp)
	if address != "" && !sameAddress(contact, address) {
		s.mail(contact, MailWelcome, "", c.stamp)
	}
	s.replaceSubresources(contact, &in, c.stamp)
	contact.UpdatedBy = in.UpdateSource
	s.touch(contact, c.stamp, s.switches.WritesMoveUpdatedAt)
	if s.switches.PutAnswersWhole {
		return ok(s.render(contact, allSubresources))
	}
	return ok(s.render(contact, in.subresources()))
}

// putProblems are what is wrong with a PUT to a contact.
func (s *Server) putProblems(c *contact, in *contactInput) []string {
	var found []string
	if in.Email == nil && !s.switches.PutWithoutAddress {
		found = append(found, "email_address.address is missing")
	}
	if in.Email != nil && in.Email.Permission == Implicit && c.Permission == Explicit && !s.switches.PutLowersPermission {
		found = append(found, "permission_to_send cannot be changed from explicit to implicit")
	}
	return found
}

// subresources are those that were sent.
func (in *contactInput) subresources() []string {
	var sent []string
	for _, part := range []struct {
		name  string
		given bool
	}{{withFields, in.Fields != nil}, {withLists, in.Lists != nil}, {withPhones, in.Phones != nil},
		{withStreets, in.Streets != nil}, {withTags, in.Tags != nil}, {withNotes, in.Notes != nil}} {
		if part.given {
			sent = append(sent, part.name)
		}
	}
	return sent
}

func sameAddress(c *contact, address string) bool {
	return foldAddress(c.Address) == foldAddress(address)
}

func emailTaken(by *contact) answer {
	return conflict("Validation failed: Email already exists for contact " + by.ID)
}

// replaceProperties takes over the contact's own properties. They move
// updated_at when one of them changed.
func (s *Server) replaceProperties(c *contact, in *contactInput, now stamp) {
	before := ownProperties(c)
	c.FirstName, c.LastName, c.JobTitle, c.Company = in.FirstName, in.LastName, in.JobTitle, in.Company
	e := c.extra()
	e.BirthdayMonth, e.BirthdayDay, e.Anniversary = in.BirthdayMonth, in.BirthdayDay, isoDate(in.Anniversary)
	s.touch(c, now, ownProperties(c) != before)
}

type properties struct {
	first, last, job, company, anniversary string
	month, day                             int
}

func ownProperties(c *contact) properties {
	p := properties{first: c.FirstName, last: c.LastName, job: c.JobTitle, company: c.Company}
	if c.Extra != nil {
		p.anniversary, p.month, p.day = c.Extra.Anniversary, c.Extra.BirthdayMonth, c.Extra.BirthdayDay
	}
	return p
}

func isoDate(text string) string {
	t, good := parseDate(text)
	if !good {
		return ""
	}
	return t.Format("2006-01-02")
}

// replaceEmail takes over the address and, where it is given, the permission.
func (s *Server) replaceEmail(c *contact, in *emailInput, now stamp) {
	if in == nil {
		in = &emailInput{Address: c.Address}
	}
	if c.Address != in.Address {
		if c.Address == "" {
			c.Email = emailState{Created: now, OptIn: now, OptInBy: byAccount}
			c.Permission = cmp.Or(c.Permission, Implicit)
		}
		s.acc.rename(c, s.stored(in.Address))
		c.Email.Updated = now
		s.touch(c, now, true)
	}
	permission := cmp.Or(in.Permission, s.switches.PutSetsPermission)
	lowered := in.Permission == "" && permission == Implicit && c.Permission == Explicit
	if permission == "" || permission == c.Permission || lowered || c.Address == "" {
		return
	}
	if permission == Unsubscribed {
		s.optOut(c, now, byAccount, "")
		return
	}
	c.Permission = permission
	c.Email.OptOut, c.Email.OptOutBy, c.Email.OptReason = 0, "", ""
	c.Email.OptIn, c.Email.Updated = now, now
}

// replaceSubresources replaces those that were sent, each whole.
func (s *Server) replaceSubresources(c *contact, in *contactInput, now stamp) {
	if in.Fields != nil {
		s.replaceFields(c, *in.Fields, now)
	}
	if in.Lists != nil {
		for _, id := range slices.Clone(c.Lists) {
			if !slices.Contains(*in.Lists, id) {
				s.leaveList(c, id, now)
			}
		}
		for _, id := range *in.Lists {
			s.joinList(c, id, now)
		}
	}
	if in.Tags != nil {
		for _, id := range slices.Clone(c.Tags) {
			s.setTag(c, id, slices.Contains(*in.Tags, id), now)
		}
		for _, id := range *in.Tags {
			s.setTag(c, id, true, now)
		}
	}
	s.replaceExtras(c, in, now)
}

func (s *Server) replaceFields(c *contact, fields []fieldValueJSON, now stamp) {
	for _, old := range slices.Clone(c.Fields) {
		if !slices.ContainsFunc(fields, func(f fieldValueJSON) bool { return f.Field == old.Field }) {
			s.setField(c, old.Field, "", now)
		}
	}
	for _, v := range fields {
		f := s.acc.field(v.Field)
		s.setField(c, v.Field, f.stored(f.chosen(v)), now)
	}
}

// chosen is the value of an input: select fields may name their choices by id.
func (f *customField) chosen(v fieldValueJSON) string {
	if v.Value != "" || len(v.Choices) == 0 {
		return v.Value
	}
	value := ""
	for _, c := range f.Choices {
		if !slices.Contains(v.Choices, strconv.Itoa(c.ID)) {
			continue
		}
		if value != "" {
			value += ","
		}
		value += c.Label
	}
	return value
}

func (s *Server) replaceExtras(c *contact, in *contactInput, now stamp) {
	if in.Phones != nil {
		c.extra().Phones = nil
		for _, p := range *in.Phones {
			c.Extra.Phones = append(c.Extra.Phones, phone{s.newID(), p.Number, cmp.Or(p.Kind, "other"), now})
		}
	}
	if in.Streets != nil {
		c.extra().Streets = nil
		for _, a := range *in.Streets {
			c.Extra.Streets = append(c.Extra.Streets, street{s.newID(), a.Kind, a.Street, a.City, a.State, a.Zip, a.Country, now})
		}
	}
	if in.Notes != nil {
		c.extra().Notes = nil
		for _, n := range *in.Notes {
			c.Extra.Notes = append(c.Extra.Notes, note{s.newID(), n.Content, now})
		}
	}
	if in.SMS != nil {
		c.extra().SMS = s.newSMS(in.SMS, now)
	}
}

// number is the address without the dial code.
func (in *smsInput) number() string {
	if in.Address != "" {
		return digits(in.Address)
	}
	return strings.TrimPrefix(digits(in.Full), dialCode)
}

func (s *Server) newSMS(in *smsInput, now stamp) *smsChannel {
	sms := &smsChannel{ID: s.newID(), Address: in.number(), Permission: NotSet, Created: now}
	for _, consent := range in.Consents {
		sms.Permission = cmp.Or(consent.Permission, NotSet)
	}
	if sms.Permission == Explicit {
		sms.OptIn = now
	}
	return sms
}
