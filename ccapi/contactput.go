package ccapi

// contactPut is the body of PUT /contacts/{contact_id}. Properties that it lacks become null; a
// subresource that it lacks stays.
type contactPut struct {
	Email         *addressPut        `json:"email_address,omitempty"`
	FirstName     string             `json:"first_name,omitempty"`
	LastName      string             `json:"last_name,omitempty"`
	JobTitle      string             `json:"job_title,omitempty"`
	CompanyName   string             `json:"company_name,omitempty"`
	BirthdayMonth int                `json:"birthday_month,omitempty"`
	BirthdayDay   int                `json:"birthday_day,omitempty"`
	Anniversary   string             `json:"anniversary,omitempty"`
	CustomFields  *[]contactFieldPut `json:"custom_fields,omitempty"`
	UpdateSource  string             `json:"update_source"`
}

// addressPut is the address without its permission, which therefore stays.
type addressPut struct {
	Address string `json:"address"`
}

// contactFieldPut is a custom field's value.
type contactFieldPut struct {
	ID      string   `json:"custom_field_id"`
	Value   string   `json:"value,omitempty"`
	Choices []string `json:"choice_ids,omitempty"`
}

// put is the contact as it is written back.
func (d *contactDoc) put() *contactPut {
	p := &contactPut{
		FirstName:     d.FirstName,
		LastName:      d.LastName,
		JobTitle:      d.JobTitle,
		CompanyName:   d.CompanyName,
		BirthdayMonth: d.BirthdayMonth,
		BirthdayDay:   d.BirthdayDay,
		Anniversary:   d.Anniversary,
		UpdateSource:  "Account",
	}
	if d.Email != nil && d.Email.Address != "" {
		p.Email = &addressPut{d.Email.Address}
	}
	if d.CustomFields == nil {
		return p
	}
	fields := make([]contactFieldPut, 0, len(d.CustomFields))
	for _, f := range d.CustomFields {
		if f.Value != "" || len(f.Choices) > 0 {
			fields = append(fields, contactFieldPut{f.ID, string(f.Value), unwrap(f.Choices)})
		}
	}
	p.CustomFields = &fields
	return p
}
