package sandbox

import (
	"strings"
	"unicode/utf8"
)

// extra is what few contacts have.
type extra struct {
	BirthdayMonth int         `json:"birthday_month,omitempty"`
	BirthdayDay   int         `json:"birthday_day,omitempty"`
	Anniversary   string      `json:"anniversary,omitempty"` // YYYY-MM-DD
	Phones        []phone     `json:"phones,omitempty"`
	Streets       []street    `json:"streets,omitempty"`
	Notes         []note      `json:"notes,omitempty"`
	SMS           *smsChannel `json:"sms,omitempty"`
}

type phone struct {
	ID      string `json:"id"`
	Number  string `json:"number"`
	Kind    string `json:"kind"`
	Created stamp  `json:"created"`
}

type street struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	Street  string `json:"street,omitempty"`
	City    string `json:"city,omitempty"`
	State   string `json:"state,omitempty"`
	Zip     string `json:"zip,omitempty"`
	Country string `json:"country,omitempty"`
	Created stamp  `json:"created"`
}

type note struct {
	ID      string `json:"id"`
	Content string `json:"content"`
	Created stamp  `json:"created"`
}

// dialCode is that of the United States, the only country that imports take.
const dialCode = "1"

// smsChannel is the SMS side of a contact, as far as a sync meets it.
type smsChannel struct {
	ID         string `json:"id"`
	Address    string `json:"address"` // digits, without the dial code
	Permission string `json:"permission"`
	Created    stamp  `json:"created"`
	OptIn      stamp  `json:"opt_in,omitempty"`
}

type phoneJSON struct {
	ID      string `json:"phone_number_id,omitempty"`
	Number  string `json:"phone_number"`
	Kind    string `json:"kind"`
	Created string `json:"created_at,omitempty"`
	Updated string `json:"updated_at,omitempty"`
	UpBy    string `json:"update_source,omitempty"`
	By      string `json:"create_source,omitempty"`
}

type streetJSON struct {
	ID      string `json:"street_address_id,omitempty"`
	Kind    string `json:"kind"`
	Street  string `json:"street,omitempty"`
	City    string `json:"city,omitempty"`
	State   string `json:"state,omitempty"`
	Zip     string `json:"postal_code,omitempty"`
	Country string `json:"country,omitempty"`
	Created string `json:"created_at,omitempty"`
	Updated string `json:"updated_at,omitempty"`
}

type noteJSON struct {
	ID      string `json:"note_id,omitempty"`
	Created string `json:"created_at,omitempty"`
	Content string `json:"content"`
}

type smsChannelJSON struct {
	ID       string       `json:"sms_channel_id"`
	Address  string       `json:"sms_address"`
	Dial     string       `json:"dial_code"`
	Country  string       `json:"country_code"`
	By       string       `json:"create_source"`
	UpBy     string       `json:"update_source"`
	Consents []consentOut `json:"sms_channel_consents"`
}

type consentOut struct {
	Permission string `json:"sms_consent_permission"`
	Type       string `json:"consent_type"`
	OptIn      string `json:"opt_in_date,omitempty"`
	Created    string `json:"created_at"`
	Updated    string `json:"updated_at"`
}

func (c *contact) extra() *extra {
	if c.Extra == nil {
		c.Extra = &extra{}
	}
	return c.Extra
}

func (e *extra) phones() *[]phoneJSON {
	out := []phoneJSON{}
	if e != nil {
		for _, p := range e.Phones {
			out = append(out, phoneJSON{p.ID, p.Number, p.Kind, p.Created.String(), p.Created.String(), byAccount, byAccount})
		}
	}
	return &out
}

func (e *extra) streets() *[]streetJSON {
	out := []streetJSON{}
	if e != nil {
		for _, a := range e.Streets {
			out = append(out, streetJSON{a.ID, a.Kind, a.Street, a.City, a.State, a.Zip, a.Country, a.Created.String(), a.Created.String()})
		}
	}
	return &out
}

// notes come with the most recent first.
func (e *extra) notes() *[]noteJSON {
	out := []noteJSON{}
	if e != nil {
		for _, n := range e.Notes {
			out = append(out, noteJSON{n.ID, n.Created.String(), n.Content})
		}
	}
	return &out
}

func (c *smsChannel) json() *smsChannelJSON {
	if c == nil {
		return nil
	}
	return &smsChannelJSON{ID: c.ID, Address: c.Address, Dial: dialCode, Country: "US", By: byAccount, UpBy: byAccount,
		Consents: []consentOut{{c.Permission, "promotional_sms", c.OptIn.String(), c.Created.String(), c.Created.String()}}}
}

// tooLong tells that a text has more than max characters.
func tooLong(text string, max int) bool { return len(text) > max && utf8.RuneCountInString(text) > max }

// splitValues are the values of a multi_select, separated by commas.
func splitValues(text string) []string {
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}
