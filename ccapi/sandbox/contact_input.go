package sandbox

import (
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of a contact.
const (
	maxAddress    = 80
	maxProperty   = 50
	maxFieldValue = 255
	maxOwnFields  = 25 // custom fields that one request may write
	maxTags       = 50
	maxNotes      = 150
	maxNote       = 2000
)

// contactInput is the body of POST and PUT. A nil subresource was left out.
type contactInput struct {
	Email         *emailInput       `json:"email_address"`
	FirstName     string            `json:"first_name"`
	LastName      string            `json:"last_name"`
	JobTitle      string            `json:"job_title"`
	Company       string            `json:"company_name"`
	BirthdayMonth int               `json:"birthday_month"`
	BirthdayDay   int               `json:"birthday_day"`
	Anniversary   string            `json:"anniversary"`
	CreateSource  string            `json:"create_source"`
	UpdateSource  string            `json:"update_source"`
	Fields        *[]fieldValueJSON `json:"custom_fields"`
	Phones        *[]phoneJSON      `json:"phone_numbers"`
	Streets       *[]streetJSON     `json:"street_addresses"`
	Lists         *[]string         `json:"list_memberships"`
	Tags          *[]string         `json:"taggings"`
	Notes         *[]noteJSON       `json:"notes"`
	SMS           *smsInput         `json:"sms_channel"`
}

type emailInput struct {
	Address    string `json:"address"`
	Permission string `json:"permission_to_send"`
}

type smsInput struct {
	Full     string       `json:"full_sms_address"`
	Address  string       `json:"sms_address"`
	Consents []consentOut `json:"sms_channel_consents"`
}

var permissions = []string{Explicit, Implicit, NotSet, PendingConfirmation, TempHold, Unsubscribed}

// problems are all that is wrong with the input, apart from its source.
func (s *Server) problems(in *contactInput) []string {
	var found []string
	if in.Email != nil {
		found = append(found, addressProblems("email_address.address", in.Email.Address)...)
		if p := in.Email.Permission; p != "" && !slices.Contains(permissions, p) {
			found = append(found, "permission_to_send does not have a valid value")
		}
	}
	for _, p := range []struct{ name, value string }{
		{"first_name", in.FirstName}, {"last_name", in.LastName}, {"job_title", in.JobTitle}, {"company_name", in.Company},
	} {
		if tooLong(p.value, maxProperty) {
			found = append(found, p.name+" size must be between 0 and 50")
		}
	}
	found = append(found, dateProblems(in.BirthdayMonth, in.BirthdayDay, in.Anniversary)...)
	found = append(found, s.fieldProblems(in.Fields, maxOwnFields)...)
	found = append(found, s.memberProblems(in.Lists, in.Tags)...)
	return append(found, extraProblems(in)...)
}

func sourceProblems(name, value string) []string {
	switch value {
	case byAccount, byContact:
		return nil
	case "":
		return []string{name + " is missing", name + " does not have a valid value"}
	}
	return []string{name + " does not have a valid value"}
}

func addressProblems(name, address string) []string {
	switch {
	case address == "":
		return []string{name + " is missing"}
	case tooLong(address, maxAddress):
		return []string{name + " size must be between 1 and 80"}
	case !wellFormed(address):
		return []string{name + " is not a valid email address"}
	}
	return nil
}

// wellFormed is a bare address with a domain that has a dot.
func wellFormed(address string) bool {
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || parsed.Name != "" {
		return false
	}
	domain := address[strings.LastIndexByte(address, '@')+1:]
	return strings.Contains(domain, ".") && !strings.HasPrefix(domain, ".") && !strings.HasSuffix(domain, ".")
}

func dateProblems(month, day int, anniversary string) []string {
	var found []string
	if month < 0 || month > 12 || (month == 0) != (day == 0) {
		found = append(found, "birthday_month must be between 1 and 12 and used with birthday_day")
	}
	if day < 0 || day > 31 {
		found = append(found, "birthday_day must be between 1 and 31")
	}
	if _, good := parseDate(anniversary); anniversary != "" && !good {
		found = append(found, "anniversary is not a valid date")
	}
	return found
}

// parseDate reads the forms in which the API takes a date.
func parseDate(text string) (time.Time, bool) {
	for _, form := range []string{"1/2/2006", "2006/1/2", "2006-1-2", "1-2-2006"} {
		if t, err := time.Parse(form, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func (s *Server) fieldProblems(fields *[]fieldValueJSON, max int) []string {
	if fields == nil {
		return nil
	}
	var found []string
	if len(*fields) > max {
		found = append(found, "custom_fields size must be between 0 and "+strconv.Itoa(max))
	}
	for _, v := range *fields {
		f := s.acc.field(v.Field)
		switch {
		case f == nil:
			found = append(found, "custom_field_id does not exist")
		case tooLong(v.Value, maxFieldValue):
			found = append(found, "custom field value size must be between 0 and 255")
		case !s.fits(f, v):
			found = append(found, "custom field value does not fit the type "+f.Type)
		}
	}
	return found
}

func (s *Server) memberProblems(lists, tags *[]string) []string {
	var found []string
	if lists != nil {
		if len(*lists) > maxLists {
			found = append(found, "list_memberships size must be between 0 and 50")
		}
		if slices.ContainsFunc(*lists, func(id string) bool { return s.acc.list(id) == nil }) {
			found = append(found, "list_memberships has a list_id that does not exist")
		}
	}
	if tags != nil {
		if len(*tags) > maxTags {
			found = append(found, "taggings size must be between 0 and 50")
		}
		if slices.ContainsFunc(*tags, func(id string) bool { return s.acc.tag(id) == nil }) {
			found = append(found, "taggings has a tag_id that does not exist")
		}
	}
	return found
}

// Limits of phones and streets.
const maxPhone, maxPhones, maxStreets = 25, 3, 3

func extraProblems(in *contactInput) []string {
	var found []string
	if in.Phones != nil {
		if len(*in.Phones) > maxPhones {
			found = append(found, "phone_numbers size must be between 0 and 3")
		}
		for _, p := range *in.Phones {
			if tooLong(p.Number, maxPhone) || !slices.Contains([]string{"", "home", "work", "mobile", "other"}, p.Kind) {
				found = append(found, "phone_number does not have a valid value")
			}
		}
	}
	if in.Streets != nil {
		if len(*in.Streets) > maxStreets {
			found = append(found, "street_addresses size must be between 0 and 3")
		}
		for _, a := range *in.Streets {
			found = append(found, a.problems()...)
		}
	}
	if in.Notes != nil {
		if len(*in.Notes) > maxNotes || slices.ContainsFunc(*in.Notes, func(n noteJSON) bool { return tooLong(n.Content, maxNote) }) {
			found = append(found, "notes size must be between 0 and 150, content size between 0 and 2000")
		}
	}
	return found
}

func (a *streetJSON) problems() []string {
	var found []string
	if !slices.Contains([]string{"home", "work", "other"}, a.Kind) {
		found = append(found, "street_addresses kind does not have a valid value")
	}
	for _, p := range []struct {
		name, value string
		max         int
	}{{"street", a.Street, maxFieldValue}, {"city", a.City, maxProperty}, {"state", a.State, maxProperty}, {"postal_code", a.Zip, maxProperty}, {"country", a.Country, maxProperty}} {
		if tooLong(p.value, p.max) {
			found = append(found, p.name+" size must be between 0 and "+strconv.Itoa(p.max))
		}
	}
	return found
}

// takes tells whether a value fits the type of the field.
func (f *customField) takes(value string) bool {
	if value == "" {
		return true
	}
	switch f.Type {
	case "date":
		_, good := parseDate(value)
		return good || f.Version == 1 // version 1 is a text
	case "datetime":
		_, good := parseTime(value)
		return good
	case "number", "currency":
		_, err := strconv.ParseFloat(value, 64)
		return err == nil
	case "boolean":
		return value == "true" || value == "false"
	case "single_select", "multi_select":
		return f.hasChoices(value)
	}
	return true
}

// fits tells whether a value of a PUT or POST fits the type of the field.
func (s *Server) fits(f *customField, v fieldValueJSON) bool {
	if f.selects() && s.switches.SelectNeedsChoiceIDs {
		return v.Value == "" || len(v.Choices) > 0
	}
	return f.takes(v.Value)
}

// imported is a value of an import as the field takes it; false: it does not fit.
// The choices of select fields may have to be named by their ids.
func (s *Server) imported(f *customField, value string) (string, bool) {
	if value == "" || !f.selects() || !s.switches.SelectNeedsChoiceIDs {
		return value, f.takes(value)
	}
	labels := f.chosen(fieldValueJSON{Choices: splitValues(value)})
	return labels, labels != ""
}

// selects tells that the field has choices.
func (f *customField) selects() bool { return f.Type == "single_select" || f.Type == "multi_select" }

func (f *customField) hasChoices(value string) bool {
	chosen := splitValues(value)
	if f.Type == "single_select" {
		chosen = []string{value}
	}
	for _, label := range chosen {
		if !slices.ContainsFunc(f.Choices, func(c fieldChoice) bool { return c.Label == label }) {
			return false
		}
	}
	return true
}

// stored is a value as the account keeps it: real dates as YYYY-MM-DD.
func (f *customField) stored(value string) string {
	if f.Type == "date" && f.Version == 2 {
		if t, good := parseDate(value); good {
			return t.Format(time.DateOnly)
		}
	}
	return value
}
