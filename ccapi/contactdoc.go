package ccapi

// contactsPage is the answer of GET /contacts.
type contactsPage struct {
	Contacts []contactDoc `json:"contacts"`
	Count    *int         `json:"contacts_count"`
	paging
}

// complete takes a null for no contacts, if the answer is that of a page otherwise. Every contact
// has an id.
func (p *contactsPage) complete() bool {
	for i := range p.Contacts {
		if !p.Contacts[i].complete() {
			return false
		}
	}
	return p.Contacts != nil || p.Count != nil || p.Links != nil
}

func (p *contactsPage) perPage() int { return ContactsPerPage }
func (p *contactsPage) size() int    { return len(p.Contacts) }

func (p *contactsPage) first() string {
	if len(p.Contacts) == 0 {
		return ""
	}
	return p.Contacts[0].ID
}

// total is contacts_count. One that tells no more than what is on the page may count just that: the
// contract says both.
func (p *contactsPage) total() int {
	if p.Count == nil || *p.Count <= len(p.Contacts) {
		return maxPages * ContactsPerPage
	}
	return *p.Count
}

// public is the page for callers.
func (p *contactsPage) public() Page {
	page := Page{Count: -1, ServedAt: p.servedAt, Next: p.next(), Contacts: make([]Contact, len(p.Contacts))}
	if p.Count != nil {
		page.Count = *p.Count
	}
	for i := range p.Contacts {
		page.Contacts[i] = p.Contacts[i].public()
	}
	return page
}

// contactDoc is a contact on the wire. Members without a value are absent.
type contactDoc struct {
	ID    string `json:"contact_id"`
	Email *struct {
		Address    string `json:"address"`
		Permission string `json:"permission_to_send"`
		UpdatedAt  string `json:"updated_at"`
	} `json:"email_address"`
	FirstName     string            `json:"first_name"`
	LastName      string            `json:"last_name"`
	JobTitle      string            `json:"job_title"`
	CompanyName   string            `json:"company_name"`
	BirthdayMonth int               `json:"birthday_month"`
	BirthdayDay   int               `json:"birthday_day"`
	Anniversary   string            `json:"anniversary"`
	CustomFields  []contactFieldDoc `json:"custom_fields"`
	Lists         []string          `json:"list_memberships"`
	UpdatedAt     string            `json:"updated_at"`
	DeletedAt     string            `json:"deleted_at"`
}

// contactFieldDoc is what a contact has in a custom field.
type contactFieldDoc struct {
	ID      string `json:"custom_field_id"`
	Value   text   `json:"value"`
	Choices []text `json:"choice_ids"`
}

// complete wants an id.
func (d *contactDoc) complete() bool { return d.ID != "" }

// public is the contact for callers.
func (d *contactDoc) public() Contact {
	c := Contact{
		ID:          d.ID,
		FirstName:   d.FirstName,
		LastName:    d.LastName,
		JobTitle:    d.JobTitle,
		CompanyName: d.CompanyName,
		Lists:       d.Lists,
		UpdatedAt:   parseDate(d.UpdatedAt),
		Deleted:     d.DeletedAt != "",
	}
	if d.Email != nil {
		c.Address = d.Email.Address
		c.Permission = d.Email.Permission
		c.UpdatedAt = later(c.UpdatedAt, parseDate(d.Email.UpdatedAt))
	}
	if len(d.CustomFields) == 0 {
		return c
	}
	c.CustomFields = make([]CustomFieldValue, len(d.CustomFields))
	for i, f := range d.CustomFields {
		c.CustomFields[i] = CustomFieldValue{ID: f.ID, Value: string(f.Value), Choices: unwrap(f.Choices)}
	}
	return c
}
