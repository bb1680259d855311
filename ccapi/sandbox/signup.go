package sandbox

import (
	"net/http"
	"strconv"
)

// signUpInput is the body of POST /contacts/sign_up_form.
type signUpInput struct {
	Address       string            `json:"email_address"`
	FirstName     *string           `json:"first_name"`
	LastName      *string           `json:"last_name"`
	JobTitle      *string           `json:"job_title"`
	Company       *string           `json:"company_name"`
	Phone         *string           `json:"phone_number"`
	Lists         []string          `json:"list_memberships"`
	Fields        *[]fieldValueJSON `json:"custom_fields"`
	Anniversary   *string           `json:"anniversary"`
	BirthdayMonth *int              `json:"birthday_month"`
	BirthdayDay   *int              `json:"birthday_day"`
	Street        *streetJSON       `json:"street_address"`
	SMS           *smsInput         `json:"sms_channel"`
}

// Limits of a sign-up.
const (
	maxSignUpFields  = 50
	maxSignUpAddress = 50
)

// signUp creates a contact or updates one in part. It declares that the person
// asked for mail: the permission becomes explicit.
func (s *Server) signUp(c *call) answer {
	var in signUpInput
	if problem, good := c.decode(&in); !good {
		return problem
	}
	if messages := s.signUpProblems(&in); len(messages) > 0 {
		return invalid(messages...)
	}
	contact := s.importTarget(&row{Address: in.Address, Members: []member{{"sms_number", in.smsAddress()}}})
	status, action := http.StatusOK, "updated"
	if contact == nil {
		contact = s.newContact(in.Address, Explicit, byContact, c.stamp)
		status, action = http.StatusCreated, "created"
	}
	s.revive(contact, c.stamp)
	if contact.Permission != Explicit {
		contact.Permission = Explicit
		contact.Email.OptIn, contact.Email.Updated = c.stamp, c.stamp
		contact.Email.OptOut, contact.Email.OptOutBy, contact.Email.OptReason = 0, "", ""
	}
	s.applySignUp(contact, &in, c.stamp)
	contact.UpdatedBy = byContact
	if status == http.StatusCreated {
		s.mail(contact, MailWelcome, "", c.stamp)
	}
	s.touch(contact, c.stamp, true)
	return jsonAnswer(status, struct {
		ID     string `json:"contact_id"`
		Action string `json:"action"`
	}{contact.ID, action})
}

func (s *Server) signUpProblems(in *signUpInput) []string {
	var found []string
	switch {
	case in.Address == "" && in.SMS == nil:
		found = append(found, "email_address is missing")
	case tooLong(in.Address, maxSignUpAddress):
		found = append(found, "email_address size must be between 1 and 50")
	case in.Address != "" && !wellFormed(in.Address):
		found = append(found, "email_address is not a valid email address")
	}
	for _, p := range []struct {
		name  string
		value *string
	}{{"first_name", in.FirstName}, {"last_name", in.LastName}, {"job_title", in.JobTitle}, {"company_name", in.Company}} {
		if p.value != nil && tooLong(*p.value, maxProperty) {
			found = append(found, p.name+" size must be between 0 and "+strconv.Itoa(maxProperty))
		}
	}
	if len(in.Lists) == 0 {
		found = append(found, "list_memberships is missing")
	}
	if in.Phone != nil && tooLong(*in.Phone, maxPhone) {
		found = append(found, "phone_number size must be between 0 and 25")
	}
	if in.Street != nil {
		found = append(found, in.Street.problems()...)
	}
	found = append(found, dateProblems(deref(in.BirthdayMonth), deref(in.BirthdayDay), deref(in.Anniversary))...)
	found = append(found, s.memberProblems(&in.Lists, nil)...)
	return append(found, s.fieldProblems(in.Fields, maxSignUpFields)...)
}

// applySignUp takes over what was sent; lists and custom fields are added to
// those that are there.
func (s *Server) applySignUp(c *contact, in *signUpInput, now stamp) {
	take(&c.FirstName, in.FirstName)
	take(&c.LastName, in.LastName)
	take(&c.JobTitle, in.JobTitle)
	take(&c.Company, in.Company)
	for _, id := range in.Lists {
		s.joinList(c, id, now)
	}
	if in.Fields != nil {
		for _, v := range *in.Fields {
			f := s.acc.field(v.Field)
			s.setField(c, v.Field, f.stored(v.Value), now)
		}
	}
	if in.BirthdayMonth != nil || in.Anniversary != nil {
		e := c.extra()
		take(&e.BirthdayMonth, in.BirthdayMonth)
		take(&e.BirthdayDay, in.BirthdayDay)
		if in.Anniversary != nil {
			e.Anniversary = isoDate(*in.Anniversary)
		}
	}
	if in.Phone != nil {
		s.importPhone(c.extra(), member{"phone", *in.Phone}, now)
	}
	if in.Street != nil {
		a := in.Street
		c.extra().Streets = []street{{s.newID(), a.Kind, a.Street, a.City, a.State, a.Zip, a.Country, now}}
	}
	if in.SMS != nil {
		c.extra().SMS = s.newSMS(in.SMS, now)
	}
}

func (in *signUpInput) smsAddress() string {
	if in.SMS == nil {
		return ""
	}
	return in.SMS.number()
}

// take sets what was sent.
func take[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func deref[T any](p *T) T {
	var v T
	take(&v, p)
	return v
}
