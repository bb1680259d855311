package sandbox

import (
	"slices"
	"strings"
	"time"
)

// customField is a custom field of the account.
type customField struct {
	ID       string         `json:"id"`
	Label    string         `json:"label"`
	Name     string         `json:"name"`
	Type     string         `json:"type"`
	Version  int            `json:"version"`
	Metadata *fieldMetadata `json:"metadata,omitempty"`
	Choices  []fieldChoice  `json:"choices,omitempty"`
	Created  stamp          `json:"created"`
	Updated  stamp          `json:"updated"`
}

type fieldChoice struct {
	ID    int    `json:"id"`
	Label string `json:"label"`
	Order int    `json:"order"`
}

// fieldMetadata is the same in requests, answers and the account.
type fieldMetadata struct {
	DisplayType   string `json:"display_type,omitempty"`
	AllowNegative *bool  `json:"allow_negative,omitempty"`
	DecimalPlaces *int   `json:"decimal_places,omitempty"`
	CurrencyCode  string `json:"currency_code,omitempty"`
	Integer       *bool  `json:"integer,omitempty"`
	DisplayFormat string `json:"display_format,omitempty"`
}

// Limits of custom fields.
const (
	maxFields     = 100
	maxFieldLabel = 50
	maxChoices    = 100
)

var fieldTypes = []string{
	"string", "date", "datetime", "currency", "text_area", "number", "boolean", "single_select", "multi_select",
}

// newField makes a custom field. Its name is the label with blanks turned into
// underscores and, unless a switch says otherwise, in lower case.
func (s *Server) newField(label, typ string, now stamp) *customField {
	f := &customField{ID: s.newID(), Label: label, Name: s.fieldName(label), Type: typ, Version: 1, Created: now, Updated: now}
	s.acc.Fields = append(s.acc.Fields, f)
	return f
}

// fieldName is the name that comes of a label.
func (s *Server) fieldName(label string) string {
	name := strings.ReplaceAll(label, " ", "_")
	if s.switches.FieldNamesKeepCase {
		return name
	}
	return strings.ToLower(name)
}

// relabel gives a custom field another label, and the name that comes of it.
func (s *Server) relabel(f *customField, label string) {
	if label != f.Label && !s.switches.FieldNamesLast {
		f.Name = s.fieldName(label)
	}
	f.Label = label
}

type customFieldJSON struct {
	ID       string         `json:"custom_field_id"`
	Label    string         `json:"label"`
	Name     string         `json:"name"`
	Type     string         `json:"type"`
	Metadata *fieldMetadata `json:"metadata,omitempty"`
	Choices  []choiceJSON   `json:"choices,omitempty"`
	Version  int            `json:"version"`
	Updated  string         `json:"updated_at"`
	Created  string         `json:"created_at"`
}

type choiceJSON struct {
	Field string `json:"custom_field_id,omitempty"`
	ID    int    `json:"choice_id,omitempty"`
	Label string `json:"choice_label"`
	Order int    `json:"display_order"`
}

func (f *customField) json() customFieldJSON {
	out := customFieldJSON{ID: f.ID, Label: f.Label, Name: f.Name, Type: f.Type, Metadata: f.Metadata,
		Version: f.Version, Updated: f.Updated.String(), Created: f.Created.String()}
	for _, c := range f.Choices {
		out.Choices = append(out.Choices, choiceJSON{f.ID, c.ID, c.Label, c.Order})
	}
	return out
}

func (s *Server) getFields(c *call) answer {
	page, on, problem, good := pageByID(s, c, s.acc.Fields, func(f *customField) string { return f.ID }, maxFields)
	if !good {
		return problem
	}
	out := struct {
		Fields []customFieldJSON `json:"custom_fields"`
		Links  links             `json:"_links"`
	}{Fields: []customFieldJSON{}, Links: on}
	for _, f := range page {
		out.Fields = append(out.Fields, f.json())
	}
	return ok(out)
}

func (s *Server) getField(c *call) answer {
	f := s.acc.field(c.PathValue("custom_field_id"))
	if f == nil {
		return noSuch("custom_field_id", c.PathValue("custom_field_id"))
	}
	return ok(f.json())
}

type customFieldInput struct {
	Label    *string        `json:"label"`
	Type     string         `json:"type"`
	Version  int            `json:"version"`
	Metadata *fieldMetadata `json:"metadata"`
	Choices  []choiceJSON   `json:"choices"`
}

func (s *Server) postField(c *call) answer {
	var in customFieldInput
	if problem, good := c.decode(&in); !good {
		return problem
	}
	messages := labelProblems(in.Label)
	if in.Type == "" {
		messages = append(messages, "type is missing")
	} else if !slices.Contains(fieldTypes, in.Type) {
		messages = append(messages, "type does not have a valid value")
	}
	if messages = append(messages, choiceProblems(in.Type, in.Choices)...); len(messages) > 0 {
		return invalid(messages...)
	}
	if s.labelTaken(*in.Label, nil) {
		return conflict("Custom field label already exists.")
	}
	if len(s.acc.Fields) >= maxFields {
		return invalid("The account has the maximum of 100 custom fields.")
	}
	f := s.newField(strings.TrimSpace(*in.Label), in.Type, c.stamp)
	f.Metadata = in.Metadata
	f.setChoices(in.Choices)
	if in.Type == "date" && in.Version == 2 {
		f.Version = 2
	}
	return created(f.json())
}

func (s *Server) putField(c *call) answer {
	f := s.acc.field(c.PathValue("custom_field_id"))
	if f == nil {
		return noSuch("custom_field_id", c.PathValue("custom_field_id"))
	}
	var in customFieldInput
	if problem, good := c.decode(&in); !good {
		return problem
	}
	if messages := append(labelProblems(in.Label), choiceProblems(f.Type, in.Choices)...); len(messages) > 0 {
		return invalid(messages...)
	}
	if s.labelTaken(*in.Label, f) {
		return invalid("Custom field label already exists.") // the contract has no 409 here
	}
	s.relabel(f, strings.TrimSpace(*in.Label))
	f.setChoices(in.Choices)
	f.Updated = c.stamp
	return ok(f.json())
}

func (s *Server) deleteField(c *call) answer {
	f := s.acc.field(c.PathValue("custom_field_id"))
	if f == nil {
		return noSuch("custom_field_id", c.PathValue("custom_field_id"))
	}
	s.dropField(f, c.stamp)
	return noContent()
}

// droppedField is a custom field that is gone, and when its values go.
type droppedField struct {
	ID string `json:"id"`
	At stamp  `json:"at"`
}

// valuesOutlive is how long the values of a custom field outlive it, in seconds.
const valuesOutlive = 10 * 60

// dropField removes a custom field; its values go later, or with it.
func (s *Server) dropField(f *customField, now stamp) {
	s.acc.Fields = slices.DeleteFunc(s.acc.Fields, func(o *customField) bool { return o == f })
	at := now + valuesOutlive
	if s.switches.FieldValuesGoAtOnce {
		at = now
	}
	s.acc.Dropped = append(s.acc.Dropped, droppedField{f.ID, at})
	s.acc.dropValues(now)
}

// dropValues removes the values of custom fields that are gone long enough.
func (a *account) dropValues(now stamp) {
	a.Dropped = slices.DeleteFunc(a.Dropped, func(d droppedField) bool {
		if now < d.At {
			return false
		}
		for _, c := range a.Contacts {
			c.setValue(d.ID, "")
		}
		return true
	})
}

// RenameField changes the label of a custom field, named by label or name, and
// with it the name. False: there is no such field.
func (s *Server) RenameField(field, label string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.withField(field, s.settle(), func(f *customField, _ stamp) { s.relabel(f, label) })
}

// DeleteField removes a custom field; its values go 10 minutes later. False:
// there is no such field.
func (s *Server) DeleteField(field string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.withField(field, s.settle(), s.dropField)
}

// withField changes the custom field of a name or label. s.mu must be held.
func (s *Server) withField(field string, now time.Time, change func(*customField, stamp)) bool {
	f := s.acc.fieldNamed(field)
	if f == nil {
		return false
	}
	change(f, stampOf(now))
	s.changed++
	return true
}

func (f *customField) setChoices(choices []choiceJSON) {
	f.Choices = nil
	for i, c := range choices {
		f.Choices = append(f.Choices, fieldChoice{orDefault(c.ID, i+1), c.Label, orDefault(c.Order, i+1)})
	}
}

func (s *Server) labelTaken(label string, except *customField) bool {
	f := first(s.acc.Fields, func(f *customField) bool {
		return f != except && strings.EqualFold(f.Label, strings.TrimSpace(label))
	})
	return f != nil
}

func labelProblems(label *string) []string {
	switch {
	case label == nil || strings.TrimSpace(*label) == "":
		return []string{"label is missing"}
	case tooLong(*label, maxFieldLabel):
		return []string{"label size must be between 1 and 50"}
	}
	return nil
}

func choiceProblems(typ string, choices []choiceJSON) []string {
	selects := typ == "single_select" || typ == "multi_select"
	switch {
	case !selects && len(choices) > 0:
		return []string{"choices are only allowed for single_select and multi_select"}
	case selects && len(choices) == 0:
		return []string{"choices are missing"}
	case len(choices) > maxChoices:
		return []string{"choices size must be between 1 and 100"}
	}
	for _, c := range choices {
		if c.Label == "" || tooLong(c.Label, maxFieldValue) {
			return []string{"choice_label size must be between 1 and 255"}
		}
	}
	return nil
}
