package sandbox

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// SeedCSV adds the contacts of a CSV file and returns how many they were. The
// first line names the columns, as an import does (email, first_name, ...,
// cf:name) or as Constant Contact's own export does (Email address, First name,
// Email Lists, ...). Further columns: permission, lists, tags and deleted;
// several lists or tags are separated by commas. A column of another name is a
// custom field with that label. No contact is added when the file has a mistake.
func (s *Server) SeedCSV(r io.Reader) (int, error) {
	reader := csv.NewReader(r)
	header, err := reader.Read()
	if err != nil {
		return 0, fmt.Errorf("read the columns of the contacts: %w", err)
	}
	columns := make([]string, len(header))
	known := false
	for i, name := range header {
		columns[i] = seedColumn(strings.TrimPrefix(name, "\ufeff"))
		known = known || columns[i] == "email"
	}
	if !known {
		return 0, errors.New("read the contacts: no column is named email or Email address")
	}
	var contacts []Contact
	for {
		line, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("read the contacts: %w", err)
		}
		c, err := seedContact(columns, line)
		if err != nil {
			at, _ := reader.FieldPos(0)
			return 0, fmt.Errorf("read the contacts: line %d: %w", at, err)
		}
		contacts = append(contacts, c)
	}
	s.Seed(contacts...)
	return len(contacts), nil
}

// seedColumn is what a heading means: one of the names of seedContact, or the
// label of a custom field after "cf:".
func seedColumn(heading string) string {
	heading = strings.TrimSpace(heading)
	switch name := strings.ReplaceAll(strings.ToLower(heading), " ", "_"); name {
	case "email", "email_address", "address":
		return "email"
	case "first_name", "last_name", "job_title", "lists", "tags", "deleted", "created_at", "updated_at":
		return name
	case "company", "company_name":
		return "company_name"
	case "permission", "permission_to_send", "email_permission_status":
		return "permission"
	case "email_status":
		return "status"
	case "email_lists", "list_memberships":
		return "lists"
	}
	return "cf:" + strings.TrimPrefix(heading, "cf:")
}

func seedContact(columns, line []string) (Contact, error) {
	c := Contact{Fields: map[string]string{}}
	var wrong error
	for i, value := range line {
		value = strings.TrimSpace(value)
		switch name := columns[i]; {
		case value == "":
		case strings.HasPrefix(name, "cf:"):
			c.Fields[strings.TrimPrefix(name, "cf:")] = value
		case name == "lists":
			c.Lists = splitValues(value)
		case name == "tags":
			c.Tags = splitValues(value)
		case name == "deleted":
			c.Deleted = value != "false" && value != "0"
		default:
			wrong = errors.Join(wrong, c.seedValue(name, value))
		}
	}
	return c, wrong
}

// seedValue sets one of the plain columns.
func (c *Contact) seedValue(name, value string) error {
	switch name {
	case "email":
		c.Address = value
	case "first_name":
		c.FirstName = value
	case "last_name":
		c.LastName = value
	case "job_title":
		c.JobTitle = value
	case "company_name":
		c.Company = value
	case "permission", "status":
		return c.seedPermission(name, value)
	case "created_at", "updated_at":
		t, good := parseSeedTime(value)
		if !good {
			return fmt.Errorf("%s is no time: %q", name, value)
		}
		if name == "created_at" {
			c.CreatedAt = t
		} else {
			c.UpdatedAt = t
		}
	}
	return nil
}

// seedPermission reads permission_to_send, in the words of the API or of an
// export. An export also has a status, which tells who opted out or was deleted.
func (c *Contact) seedPermission(name, value string) error {
	word := strings.ReplaceAll(strings.ToLower(value), " ", "_")
	if word == "express" {
		word = Explicit
	}
	for _, p := range permissions {
		if word == p {
			if c.Permission != Unsubscribed {
				c.Permission = p
			}
			return nil
		}
	}
	switch {
	case word == "deleted" && name == "status":
		c.Deleted = true
		return nil
	case word == "active" && name == "status":
		return nil
	}
	return fmt.Errorf("%s is none: %q", name, value)
}

func parseSeedTime(text string) (time.Time, bool) {
	if t, err := time.Parse("2006-01-02 15:04:05 -0700", text); err == nil {
		return t, true
	}
	return parseTime(text)
}
