package ccapi

import (
	"context"
	"net/url"
)

// CustomField is a custom field of the account.
type CustomField struct {
	ID    string
	Label string // what people see
	Name  string // what an import calls it, behind "cf:"
	// string, date, datetime, currency, text_area, number, boolean, single_select, multi_select
	Type    string
	Version int      // of the type date: 1 is a text, 2 a real date (YYYY-MM-DD)
	Choices []Choice // of the select types
}

// Choice is one value of a field of a select type.
type Choice struct {
	ID    string
	Label string
}

// maxCustomFields is the most custom fields of an account, and of a page.
const maxCustomFields = 100

// CustomFields reads all custom fields of the account, at most 100.
func (r *Reader) CustomFields(ctx context.Context) ([]CustomField, error) {
	return collect(ctx, r, "read custom fields", url.Values{"limit": {"100"}}, "contact_custom_fields",
		func() *customFieldsPage { return new(customFieldsPage) },
		func(p *customFieldsPage) []CustomField {
			fields := make([]CustomField, len(p.Fields))
			for i := range p.Fields {
				fields[i] = p.Fields[i].public()
			}
			return fields
		})
}

// customFieldsPage is the answer of GET /contact_custom_fields.
type customFieldsPage struct {
	Fields []customFieldDoc `json:"custom_fields"`
	paging
}

// complete takes a null for no fields, if there are links.
func (p *customFieldsPage) complete() bool { return p.Fields != nil || p.Links != nil }

func (p *customFieldsPage) perPage() int { return maxCustomFields }
func (p *customFieldsPage) size() int    { return len(p.Fields) }
func (p *customFieldsPage) total() int   { return maxCustomFields }

func (p *customFieldsPage) first() string {
	if len(p.Fields) == 0 {
		return ""
	}
	return p.Fields[0].ID
}

// customFieldDoc is a custom field on the wire.
type customFieldDoc struct {
	ID      string `json:"custom_field_id"`
	Label   string `json:"label"`
	Name    string `json:"name"`
	Type    string `json:"type"`
	Version int    `json:"version"`
	Choices []struct {
		ID    text   `json:"choice_id"`
		Label string `json:"choice_label"`
	} `json:"choices"`
}

// complete wants an id.
func (d *customFieldDoc) complete() bool { return d.ID != "" }

// public is the field for callers.
func (d *customFieldDoc) public() CustomField {
	f := CustomField{ID: d.ID, Label: d.Label, Name: d.Name, Type: d.Type, Version: d.Version}
	for _, c := range d.Choices {
		f.Choices = append(f.Choices, Choice{ID: string(c.ID), Label: c.Label})
	}
	return f
}
