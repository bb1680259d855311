package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// importNames are the properties that an import knows, besides custom fields.
var importNames = []string{
	"email", "first_name", "last_name", "job_title", "company_name", "birthday_month", "birthday_day", "anniversary",
	"phone", "home_phone", "work_phone", "mobile_phone", "other_phone",
	"street", "street2", "city", "state", "zip", "country",
	"home_street", "home_street2", "home_city", "home_state", "home_zip", "home_country", "home country",
	"work_street", "work_street2", "work_city", "work_state", "work_zip", "work_country",
	"other_street", "other_street2", "other_city", "other_state", "other_zip", "other_country",
	"sms_number", "sms_consent_date",
}

// importShort is the longest address that the import's schema names; whether it
// holds is a switch.
const importShort = 50

// importRows applies rows up to a number, counted from the start.
func (s *Server) importRows(a *activity, to int, at time.Time) {
	in := a.Job.Import
	later := duplicates(in.Rows, s.switches.FirstDuplicateWins)
	for ; a.Done < to; a.Done++ {
		r := &in.Rows[a.Done]
		if later[a.Done] {
			a.Counts.Persons++ // it is counted, but another row has the last word
			continue
		}
		if problem, correctable := s.judge(r, at); problem != "" {
			a.refuse(problem, correctable, s.switches.ActivityErrorLines)
			continue
		}
		a.Counts.Persons++
		if r.Fate != fateLost {
			s.importRow(a, in, r, at)
		}
	}
}

// duplicates marks the rows that another row with the same address overrules.
func duplicates(rows []row, firstWins bool) map[int]bool {
	overruled, winner := map[int]bool{}, make(map[string]int, len(rows))
	for i := range rows {
		key := foldAddress(rows[i].Address)
		earlier, twice := winner[key]
		switch {
		case key == "" || !twice:
			winner[key] = i
		case firstWins:
			overruled[i] = true
		default:
			overruled[earlier], winner[key] = true, i
		}
	}
	return overruled
}

// refuse counts a row that was not taken. Lines are numbered as in a file with a
// header: the first contact is line 2.
func (a *activity) refuse(problem string, correctable, lines bool) {
	if correctable {
		a.Counts.Correctable++
	} else {
		a.Counts.Errors++
	}
	if lines {
		a.Errors = append(a.Errors, fmt.Sprintf("Line %d: %s", a.Done+2, problem))
	}
}

// judge says why a row is not taken, and whether a person could correct it.
func (s *Server) judge(r *row, at time.Time) (problem string, correctable bool) {
	longest := maxAddress
	if s.switches.ImportAddressesShort {
		longest = importShort
	}
	switch {
	case r.Fate == fateRefused:
		return "The address is refused.", false
	case r.Address == "" && r.value("sms_number") == "":
		return "The contact has no email address.", true
	case r.Address != "" && !wellFormed(r.Address):
		return "The email address is invalid.", true
	case tooLong(r.Address, longest):
		return "The email address is too long.", true
	case r.customFields() > maxOwnFields:
		return "The contact has more than 25 custom fields.", false
	}
	for _, m := range r.Members {
		if problem, correctable = s.judgeMember(m); problem != "" {
			return problem, correctable
		}
	}
	if c := s.acc.byEmail(r.Address); c != nil && stampOf(at) < c.Refused {
		return "The address is refused for a time.", false
	}
	return "", false
}

func (s *Server) judgeMember(m member) (problem string, correctable bool) {
	if name, custom := strings.CutPrefix(m.Name, "cf:"); custom {
		if tooLong(m.Value, maxFieldValue) {
			return "The value of " + m.Name + " is too long.", false
		}
		if f := s.importField(name); f != nil {
			if _, fits := s.imported(f, m.Value); !fits {
				return "The value of " + m.Name + " does not fit its type.", true
			}
		}
		return "", false
	}
	longest := maxProperty
	if strings.Contains(m.Name, "street") {
		longest = maxFieldValue
	}
	if importable(m.Name) && tooLong(m.Value, longest) {
		return "The value of " + m.Name + " is too long.", false
	}
	if _, good := parseDate(m.Value); m.Name == "anniversary" && m.Value != "" && !good {
		return "The anniversary is not a date.", true
	}
	if most := map[string]int{"birthday_month": 12, "birthday_day": 31}[m.Name]; most > 0 && m.Value != "" {
		if n, err := strconv.Atoi(m.Value); err != nil || n < 1 || n > most {
			return "The birthday is not a date.", true
		}
	}
	return "", false
}

// importField is the custom field that a name after "cf:" means; nil: none, and
// the value is ignored.
func (s *Server) importField(name string) *customField {
	return first(s.acc.Fields, func(f *customField) bool {
		return f.Name == name || s.switches.ImportFieldNamesFold && strings.EqualFold(f.Name, name)
	})
}

func (r *row) value(name string) string {
	i := slices.IndexFunc(r.Members, func(m member) bool { return m.Name == name })
	if i < 0 {
		return ""
	}
	return r.Members[i].Value
}

func (r *row) customFields() int {
	n := 0
	for _, m := range r.Members {
		if strings.HasPrefix(m.Name, "cf:") {
			n++
		}
	}
	return n
}

// importRow applies one row that was taken.
func (s *Server) importRow(a *activity, in *importJob, r *row, at time.Time) {
	now := stampOf(at)
	c := s.importTarget(r)
	var before *contact
	if c == nil {
		c = s.newContact(r.Address, Implicit, byAccount, now)
	} else {
		before = c.seen(at)
		if before != nil {
			before = before.copy()
		}
	}
	changed := false
	if c.Permission != Unsubscribed || !s.switches.UnsubscribedFieldsIgnored {
		changed = s.importMembers(c, in, r, now)
	}
	if c.Permission == Unsubscribed {
		a.Counts.CannotAddList++
	} else {
		s.revive(c, now)
		for _, id := range in.Lists {
			if s.acc.list(id) != nil {
				s.joinList(c, id, now)
			}
		}
	}
	s.harm(c, in, r, before != nil, now)
	s.touch(c, now, changed && !s.switches.ImportKeepsUpdatedAt || s.switches.WritesMoveUpdatedAt)
	if s.switches.WritesMoveUpdatedAt {
		c.UpdatedBy = byAccount
	}
	s.wear(c, now)
	if delay := s.readDelay(a); delay > 0 {
		c.hide(before, at.Add(delay))
		if c.fresh.After(s.acc.hidden) {
			s.acc.hidden = c.fresh
		}
	}
}

// importTarget is the contact that a row is about; nil for a new one.
func (s *Server) importTarget(r *row) *contact {
	if r.Address != "" {
		return s.acc.byEmail(r.Address)
	}
	number := digits(r.value("sms_number"))
	return first(s.acc.Contacts, func(c *contact) bool {
		return c.Extra != nil && c.Extra.SMS != nil && c.Extra.SMS.Address == number
	})
}

// readDelay is how long readers do not see what an import changed.
func (s *Server) readDelay(a *activity) time.Duration {
	if s.switches.ImportsReadLate {
		return max(a.Mishap.ReadDelay, readLate)
	}
	return a.Mishap.ReadDelay
}

const readLate = 30 * time.Second

// Addresses that change too often are refused for a time.
const (
	busyChanges = 5
	busyWithin  = 24 * 60 * 60 // seconds
	busyRefused = 48 * 60 * 60 // seconds
)

// wear counts a change of a contact, where busy addresses are refused.
func (s *Server) wear(c *contact, now stamp) {
	if !s.switches.BusyAddressesRefused {
		return
	}
	c.Changes = slices.DeleteFunc(c.Changes, func(t stamp) bool { return now-t >= busyWithin })
	c.Changes = append(c.Changes, now)
	if len(c.Changes) > busyChanges {
		c.Refused = now + busyRefused
	}
}

// importMembers takes over the properties of a row, and tells whether one
// changed. A blank is ignored, or clears.
func (s *Server) importMembers(c *contact, in *importJob, r *row, now stamp) bool {
	changed := false
	for _, m := range r.Members {
		value := m.Value
		if value == "" && !s.switches.BlankClears {
			continue
		}
		if r.Fate == fateAltered && value != "" {
			value = "altered " + value[:min(len(value), maxProperty/2)]
		}
		if name, custom := strings.CutPrefix(m.Name, "cf:"); custom {
			if f := s.importField(name); f != nil {
				value, _ = s.imported(f, value) // judged before
				changed = c.setValue(f.ID, f.stored(value)) || changed
			}
			continue
		}
		if p := c.property(m.Name); p != nil {
			changed = changed || *p != value
			*p = value
		} else if importable(m.Name) {
			changed = s.importExtra(c, in, r, member{m.Name, value}, now) || changed
		}
	}
	return changed
}
