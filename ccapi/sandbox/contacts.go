package sandbox

import (
	"slices"
	"strconv"
	"time"
)

// contactJSON is a contact as the API shows it. Keys without a value are
// absent; subresources that were asked for are there, empty or not.
type contactJSON struct {
	ID            string            `json:"contact_id"`
	Email         *emailJSON        `json:"email_address,omitempty"`
	FirstName     string            `json:"first_name,omitempty"`
	LastName      string            `json:"last_name,omitempty"`
	JobTitle      string            `json:"job_title,omitempty"`
	Company       string            `json:"company_name,omitempty"`
	BirthdayMonth int               `json:"birthday_month,omitempty"`
	BirthdayDay   int               `json:"birthday_day,omitempty"`
	Anniversary   string            `json:"anniversary,omitempty"`
	UpdateSource  string            `json:"update_source,omitempty"`
	CreateSource  string            `json:"create_source,omitempty"`
	Created       string            `json:"created_at"`
	Updated       string            `json:"updated_at"`
	Deleted       string            `json:"deleted_at,omitempty"`
	Fields        *[]fieldValueJSON `json:"custom_fields,omitempty"`
	Phones        *[]phoneJSON      `json:"phone_numbers,omitempty"`
	Streets       *[]streetJSON     `json:"street_addresses,omitempty"`
	Lists         *[]string         `json:"list_memberships,omitempty"`
	Tags          *[]string         `json:"taggings,omitempty"`
	Notes         *[]noteJSON       `json:"notes,omitempty"`
	SMS           *smsChannelJSON   `json:"sms_channel,omitempty"`
}

type emailJSON struct {
	Address    string `json:"address"`
	Permission string `json:"permission_to_send"`
	Created    string `json:"created_at,omitempty"`
	Updated    string `json:"updated_at,omitempty"`
	OptInBy    string `json:"opt_in_source,omitempty"`
	OptIn      string `json:"opt_in_date,omitempty"`
	OptOutBy   string `json:"opt_out_source,omitempty"`
	OptOut     string `json:"opt_out_date,omitempty"`
	OptReason  string `json:"opt_out_reason,omitempty"`
	Confirm    string `json:"confirm_status"`
}

type fieldValueJSON struct {
	Field   string   `json:"custom_field_id"`
	Value   string   `json:"value"`
	Choices []string `json:"choice_ids,omitempty"`
}

// Subresources that "include" can ask for.
const (
	withFields  = "custom_fields"
	withLists   = "list_memberships"
	withPhones  = "phone_numbers"
	withStreets = "street_addresses"
	withTags    = "taggings"
	withNotes   = "notes"
)

var allSubresources = []string{withFields, withLists, withPhones, withStreets, withTags, withNotes}

// includes reads the parameter "include".
func (c *call) includes() (list []string, problem answer, good bool) {
	list = c.split("include")
	for _, name := range list {
		if !slices.Contains(allSubresources, name) {
			return nil, invalid("include does not have a valid value"), false
		}
	}
	return list, answer{}, true
}

// render shows a contact with some of its subresources.
func (s *Server) render(c *contact, include []string) contactJSON {
	out := contactJSON{
		ID: c.ID, Email: c.email(), FirstName: c.FirstName, LastName: c.LastName, JobTitle: c.JobTitle, Company: c.Company,
		UpdateSource: c.UpdatedBy, CreateSource: c.CreatedBy,
		Created: c.Created.String(), Updated: c.Updated.String(), Deleted: c.Deleted.day(),
	}
	if c.Extra != nil {
		out.BirthdayMonth, out.BirthdayDay, out.Anniversary = c.Extra.BirthdayMonth, c.Extra.BirthdayDay, c.Extra.Anniversary
		out.SMS = c.Extra.SMS.json()
	}
	for _, name := range include {
		s.renderSubresource(&out, c, name)
	}
	return out
}

func (s *Server) renderSubresource(out *contactJSON, c *contact, name string) {
	switch name {
	case withFields:
		values := make([]fieldValueJSON, 0, len(c.Fields))
		for _, v := range c.Fields {
			values = append(values, fieldValueJSON{v.Field, v.Value, s.acc.field(v.Field).choiceIDs(v.Value)})
		}
		out.Fields = &values
	case withLists:
		lists := append([]string{}, c.Lists...)
		out.Lists = &lists
	case withTags:
		tags := append([]string{}, c.Tags...)
		out.Tags = &tags
	case withPhones:
		out.Phones = c.Extra.phones()
	case withStreets:
		out.Streets = c.Extra.streets()
	case withNotes:
		out.Notes = c.Extra.notes()
	}
}

func (c *contact) email() *emailJSON {
	if c.Address == "" {
		return nil
	}
	confirm := "off"
	if c.Permission == PendingConfirmation {
		confirm = "pending"
	}
	return &emailJSON{
		Address: c.Address, Permission: c.Permission, Created: c.Email.Created.String(), Updated: c.Email.Updated.String(),
		OptInBy: c.Email.OptInBy, OptIn: c.Email.OptIn.String(),
		OptOutBy: c.Email.OptOutBy, OptOut: c.Email.OptOut.String(), OptReason: c.Email.OptReason, Confirm: confirm,
	}
}

func (s *Server) getContact(c *call) answer {
	include, problem, good := c.includes()
	if !good {
		return problem
	}
	found := s.readable(c.PathValue("contact_id"), c.now)
	if found == nil {
		return noSuch("contact_id", c.PathValue("contact_id"))
	}
	return ok(s.render(found, include))
}

// readable is a contact by its id as readers see it now.
func (s *Server) readable(id string, now time.Time) *contact {
	c := s.acc.byID[id]
	if c == nil {
		return nil
	}
	return c.seen(now)
}

// newSubscriberDays is how long a subscriber is a new one.
const newSubscriberDays = 30

func (s *Server) getCounts(c *call) answer {
	// The contract's list has new_subscriber, its text new_subscribers.
	if problems := notAmong("include", c.split("include"), []string{"new_subscriber", "new_subscribers"}); problems != nil {
		return invalid("include does not have a valid value")
	}
	var out struct {
		Total         int  `json:"total"`
		Explicit      int  `json:"explicit"`
		Implicit      int  `json:"implicit"`
		Pending       int  `json:"pending"`
		Unsubscribed  int  `json:"unsubscribed"`
		NewSubscriber *int `json:"new_subscriber,omitempty"`
	}
	out.Total, out.Implicit = s.switches.CountsHigh, s.switches.CountsHigh
	fresh, since := 0, stampOf(c.now.AddDate(0, 0, -newSubscriberDays))
	for _, contact := range s.acc.Contacts {
		seen := contact.seen(c.now)
		if seen == nil || seen.Deleted != 0 {
			continue
		}
		out.Total++
		switch seen.Permission {
		case Explicit:
			out.Explicit++
		case Implicit:
			out.Implicit++
		case PendingConfirmation:
			out.Pending++
		case Unsubscribed:
			out.Unsubscribed++
		}
		if seen.status() == "active" && seen.Email.OptIn >= since {
			fresh++
		}
	}
	if c.query.Get("include") != "" {
		out.NewSubscriber = &fresh
	}
	return ok(out)
}

// choiceIDs are the choices of a select field that a value names.
func (f *customField) choiceIDs(value string) []string {
	if f == nil || len(f.Choices) == 0 {
		return nil
	}
	var ids []string
	for _, choice := range f.Choices {
		if slices.Contains(splitValues(value), choice.Label) {
			ids = append(ids, strconv.Itoa(choice.ID))
		}
	}
	return ids
}
