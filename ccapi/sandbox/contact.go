package sandbox

import (
	"slices"
	"strings"
	"time"
)

// Values of permission_to_send.
const (
	Explicit            = "explicit"
	Implicit            = "implicit"
	NotSet              = "not_set"
	PendingConfirmation = "pending_confirmation"
	TempHold            = "temp_hold"
	Unsubscribed        = "unsubscribed"
)

// Contact is a contact as a person who looks into the account sees it. It is
// what tests and seeds speak; it is always a copy.
type Contact struct {
	ID         string    `json:"contact_id,omitempty"`
	Address    string    `json:"address"`              // may be empty: such contacts exist
	Permission string    `json:"permission,omitempty"` // empty in a seed: implicit
	FirstName  string    `json:"first_name,omitempty"`
	LastName   string    `json:"last_name,omitempty"`
	JobTitle   string    `json:"job_title,omitempty"`
	Company    string    `json:"company_name,omitempty"`
	Deleted    bool      `json:"deleted,omitempty"`
	CreatedAt  time.Time `json:"created_at,omitzero"` // whole seconds, UTC
	UpdatedAt  time.Time `json:"updated_at,omitzero"` // whole seconds, UTC
	// Fields are the values of custom fields by their name. Never nil in a copy.
	Fields map[string]string `json:"fields,omitempty"`
	// Lists are names of lists, or ids in a seed, in the order they were joined.
	Lists []string `json:"lists,omitempty"`
	// Tags are names of tags.
	Tags []string `json:"tags,omitempty"`
}

// contact is a contact as the account keeps it.
type contact struct {
	ID         string       `json:"id"`
	Address    string       `json:"address,omitempty"`
	Permission string       `json:"permission,omitempty"`
	FirstName  string       `json:"first,omitempty"`
	LastName   string       `json:"last,omitempty"`
	JobTitle   string       `json:"job,omitempty"`
	Company    string       `json:"company,omitempty"`
	Fields     []fieldValue `json:"fields,omitempty"`
	Lists      []string     `json:"lists,omitempty"` // ids
	Tags       []string     `json:"tags,omitempty"`  // ids
	CreatedBy  string       `json:"created_by,omitempty"`
	UpdatedBy  string       `json:"updated_by,omitempty"`
	Created    stamp        `json:"created"`
	Updated    stamp        `json:"updated"`
	Deleted    stamp        `json:"deleted,omitempty"`
	Email      emailState   `json:"email"`
	Extra      *extra       `json:"extra,omitempty"` // what few contacts have
	Changes    []stamp      `json:"changes,omitempty"`
	Refused    stamp        `json:"refused,omitempty"` // imports refuse the address until then

	rank  uint64   // place in the order of pages
	stale *contact // what readers see until fresh; an empty id: nothing yet
	fresh time.Time
}

// fieldValue is the value of one custom field.
type fieldValue struct {
	Field string `json:"id"`
	Value string `json:"value"`
}

// emailState is what Constant Contact keeps about an address.
type emailState struct {
	Created   stamp  `json:"created,omitempty"`
	Updated   stamp  `json:"updated,omitempty"`
	OptIn     stamp  `json:"opt_in,omitempty"`
	OptInBy   string `json:"opt_in_by,omitempty"`
	OptOut    stamp  `json:"opt_out,omitempty"`
	OptOutBy  string `json:"opt_out_by,omitempty"`
	OptReason string `json:"opt_reason,omitempty"`
}

// copy is a deep copy, without what readers see of it.
func (c *contact) copy() *contact {
	twin := *c
	twin.Fields = slices.Clone(c.Fields)
	twin.Lists = slices.Clone(c.Lists)
	twin.Tags = slices.Clone(c.Tags)
	twin.stale, twin.fresh = nil, time.Time{}
	return &twin
}

// seen is the contact as a reader finds it at a moment: nil when it cannot be
// read yet, an older state when the last import is not yet readable.
func (c *contact) seen(now time.Time) *contact {
	if c.stale == nil || !now.Before(c.fresh) {
		return c
	}
	if c.stale.ID == "" {
		return nil
	}
	return c.stale
}

// hide shows readers the state before, nil for none, until a moment.
func (c *contact) hide(before *contact, until time.Time) {
	if before == nil {
		before = &contact{}
	}
	c.stale, c.fresh = before, until
}

func (c *contact) value(field string) string {
	for _, f := range c.Fields {
		if f.Field == field {
			return f.Value
		}
	}
	return ""
}

// setValue sets or, with "", removes a value, and tells whether that changed
// anything.
func (c *contact) setValue(field, value string) bool {
	i := slices.IndexFunc(c.Fields, func(f fieldValue) bool { return f.Field == field })
	switch {
	case i < 0 && value == "":
		return false
	case i < 0:
		c.Fields = append(c.Fields, fieldValue{field, value})
		return true
	case c.Fields[i].Value == value:
		return false
	case value == "":
		c.Fields = slices.Delete(c.Fields, i, i+1)
		return true
	}
	c.Fields[i].Value = value
	return true
}

// property points to one of the four standard properties, nil for another name.
func (c *contact) property(name string) *string {
	switch name {
	case "first_name":
		return &c.FirstName
	case "last_name":
		return &c.LastName
	case "job_title":
		return &c.JobTitle
	case "company_name":
		return &c.Company
	}
	return nil
}

// maxLists is the number of lists that a contact can be on.
const maxLists = 50

// join puts the contact on a list and tells whether it was not on it.
func (c *contact) join(list string) bool {
	if slices.Contains(c.Lists, list) || len(c.Lists) >= maxLists {
		return false
	}
	c.Lists = append(c.Lists, list)
	return true
}

func (c *contact) leave(list string) bool {
	before := len(c.Lists)
	c.Lists = slices.DeleteFunc(c.Lists, func(id string) bool { return id == list })
	return len(c.Lists) < before
}

// status is what the query parameter "status" filters by.
func (c *contact) status() string {
	switch {
	case c.Deleted != 0:
		return "deleted"
	case c.Permission == Explicit || c.Permission == Implicit || c.Permission == "":
		return "active"
	}
	return c.Permission
}

// foldAddress is how addresses are compared: without regard to case.
func foldAddress(address string) string { return strings.ToLower(address) }
