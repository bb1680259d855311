package sandbox

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"slices"
	"strings"
	"time"
)

// exportJob is what an export was asked for.
type exportJob struct {
	Contacts  []string `json:"contact_ids"`
	Lists     []string `json:"list_ids"`
	Tags      []string `json:"tag_ids"`
	NewOnes   bool     `json:"new_subscriber"`
	Segment   int      `json:"segment_id"`
	Columns   []string `json:"fields"`
	Status    string   `json:"status"`
	Exclude   exclude  `json:"exclude"`
	CreatedAt stamp    `json:"created_at,omitempty"`
}

// maxExportExcluded is how many contacts an export can leave out by id.
const maxExportExcluded = 50

func (s *Server) postExport(c *call) answer {
	var in exportJob
	if problem, good := c.decode(&in); !good {
		return problem
	}
	if messages := in.problems(); len(messages) > 0 {
		return invalid(messages...)
	}
	in.CreatedAt = c.stamp
	items := 0
	for _, contact := range s.acc.Contacts {
		if in.fits(contact) {
			items++
		}
	}
	a, full := s.enqueue(c, kindExport, items, &job{Export: &in})
	if full {
		return queueFull()
	}
	return s.accepted(c, a)
}

// problems: most ways to choose contacts exclude each other.
func (e *exportJob) problems() []string {
	found := idProblems("contact_ids", e.Contacts, maxBulkContacts)
	found = append(found, idProblems("list_ids", e.Lists, maxBulkLists)...)
	found = append(found, idProblems("tag_ids", e.Tags, maxTagsQuery)...)
	found = append(found, idProblems("exclude.contact_ids", e.Exclude.Contacts, maxExportExcluded)...)
	if e.Status != "" {
		found = append(found, notAmong("status", []string{e.Status}, contactStatuses)...)
	}
	ways := 0
	for _, given := range []bool{len(e.Contacts) > 0, len(e.Lists) > 0, len(e.Tags) > 0, e.Segment != 0, e.NewOnes && len(e.Lists) == 0} {
		if given {
			ways++
		}
	}
	alone := len(e.Tags) > 0 || e.Segment != 0
	if ways > 1 || alone && (e.Status != "" || len(e.Exclude.Contacts) > 0) || len(e.Exclude.Contacts) > 0 && len(e.Contacts) > 0 {
		found = append(found, "the filtering criteria are mutually exclusive")
	}
	return found
}

func (e *exportJob) fits(c *contact) bool {
	since := e.CreatedAt - newSubscriberDays*24*60*60
	return filter{statuses: splitStatus(e.Status)}.status(c) &&
		(len(e.Contacts) == 0 || slices.Contains(e.Contacts, c.ID)) &&
		(len(e.Lists) == 0 || overlap(c.Lists, e.Lists)) &&
		(len(e.Tags) == 0 || overlap(c.Tags, e.Tags)) &&
		(!e.NewOnes || c.status() == "active" && c.Email.OptIn >= since) &&
		e.Segment == 0 && // the sandbox has no segments: they are empty
		!slices.Contains(e.Exclude.Contacts, c.ID)
}

func splitStatus(status string) []string {
	if status == "" {
		return nil
	}
	return []string{status}
}

// column is one column of the file: its name in a request, its heading, and
// its value.
type column struct {
	name, heading string
	value         func(*contact) string
}

// columns are those of the file. Without a choice all are in it.
func (s *Server) columns(e *exportJob) []column {
	all := []column{
		{"email_address", "Email address", func(c *contact) string { return c.Address }},
		{"first_name", "First name", func(c *contact) string { return c.FirstName }},
		{"last_name", "Last name", func(c *contact) string { return c.LastName }},
		{"company_name", "Company", func(c *contact) string { return c.Company }},
		{"job_title", "Job title", func(c *contact) string { return c.JobTitle }},
		{"email_status", "Email status", s.exportStatus},
		{"email_permission_status", "Email permission status", s.exportPermission},
		{"email_lists", "Email Lists", s.listNames},
		{"tags", "Tags", s.tagNames},
		{"created_at", "Created At", func(c *contact) string { return exportTime(c.Created) }},
		{"updated_at", "Updated At", func(c *contact) string { return exportTime(c.Updated) }},
	}
	for _, f := range s.acc.Fields {
		if s.switches.ExportWithoutFields && len(e.Columns) == 0 {
			break
		}
		heading := f.Label
		if s.switches.ExportByName {
			heading = f.Name
		}
		all = append(all, column{f.Name, heading, func(c *contact) string { return c.value(f.ID) }})
	}
	if len(e.Columns) == 0 {
		return all
	}
	if slices.Contains(e.Columns, "email_address") {
		all = append(all, consentColumns()...)
	}
	return slices.DeleteFunc(all, func(col column) bool {
		return !slices.Contains(e.Columns, col.name) && !slices.Contains(e.Columns, "cf:"+col.name)
	})
}

// consentColumns are only there when asked for beside the address.
func consentColumns() []column {
	return []column{
		{"email_optin_source", "Email optin source", func(c *contact) string { return c.Email.OptInBy }},
		{"email_optin_date", "Email optin date", func(c *contact) string { return exportTime(c.Email.OptIn) }},
		{"email_optout_source", "Email optout source", func(c *contact) string { return c.Email.OptOutBy }},
		{"email_optout_date", "Email optout date", func(c *contact) string { return exportTime(c.Email.OptOut) }},
		{"email_optout_reason", "Email optout reason", func(c *contact) string { return c.Email.OptReason }},
	}
}

// exportCSV is the file of an export.
func (s *Server) exportCSV(e *exportJob) []byte {
	columns := s.columns(e)
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	line := make([]string, len(columns))
	for i, col := range columns {
		line[i] = col.heading
	}
	_ = w.Write(line) // into memory: cannot fail
	for _, c := range s.acc.ordered(s.switches.ContactsNewestFirst) {
		if !e.fits(c) {
			continue
		}
		for i, col := range columns {
			line[i] = col.value(c)
		}
		_ = w.Write(line)
	}
	w.Flush()
	return b.Bytes()
}

// exportZone is the time zone of the product's own exports.
var exportZone = time.FixedZone("EST", -5*60*60)

func exportTime(t stamp) string {
	if t == 0 {
		return ""
	}
	return t.time().In(exportZone).Format("2006-01-02 15:04:05 -0700")
}

// exportStatus is the column Email status.
func (s *Server) exportStatus(c *contact) string {
	switch status := c.status(); {
	case !s.switches.ExportProductWords:
		return title(status)
	case status == "deleted", c.Address == "", c.Permission == TempHold:
		return ""
	case status == PendingConfirmation:
		return "Awaiting Confirmation"
	case status == Unsubscribed:
		return "Unsubscribed"
	}
	return "Active"
}

// exportPermission is the column Email permission status. The web interface has
// no word for those who may not be mailed, and two for explicit.
func (s *Server) exportPermission(c *contact) string {
	switch {
	case !s.switches.ExportProductWords:
		return title(c.Permission)
	case c.Deleted != 0, c.Address == "":
		return ""
	case c.Permission == Explicit && c.Email.OptInBy == byContact:
		return "Explicit"
	}
	return map[string]string{Implicit: "Implied", Explicit: "Express", NotSet: "No Permissions Set"}[c.Permission]
}

// title turns pending_confirmation into "Pending confirmation".
func title(name string) string {
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + strings.ReplaceAll(name[1:], "_", " ")
}

func (s *Server) listNames(c *contact) string {
	var names []string
	for _, id := range c.Lists {
		if l := s.acc.list(id); l != nil {
			names = append(names, l.Name)
		}
	}
	return strings.Join(names, ", ")
}

func (s *Server) tagNames(c *contact) string {
	var names []string
	for _, id := range c.Tags {
		if t := s.acc.tag(id); t != nil {
			names = append(names, t.Name)
		}
	}
	return strings.Join(names, ", ")
}

// getExport hands out the file of an export that is completed.
func (s *Server) getExport(c *call) answer {
	id := c.PathValue("file_export_id")
	a := first(s.acc.Activities, func(a *activity) bool { return a.ID == id && a.Kind == kindExport && !a.Mishap.Gone })
	if a == nil || !a.Settled || a.State != stateCompleted {
		return noSuch("file_export_id", id)
	}
	return answer{status: http.StatusOK, kind: "text/csv", body: []byte(a.File)}
}
