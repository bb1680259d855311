package sandbox

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of GET /contacts.
const (
	maxContactsPage = 500
	maxListsQuery   = 25
	maxTagsQuery    = 50
)

// filter is what the parameters of GET /contacts choose.
type filter struct {
	statuses []string
	email    string
	lists    []string
	tags     []string
	sms      []string
	updated  span
	created  span
	optedOut span
}

// span is a range of moments; a zero end is open. It is exclusive, its start
// inclusive if it says so.
type span struct {
	after, before time.Time
	inclusive     bool
}

func (w span) open() bool { return w.after.IsZero() && w.before.IsZero() }

func (w span) has(at stamp) bool {
	return w.begins(at) && (w.before.IsZero() || at.time().Before(w.before))
}

// begins tells whether the range begins before a moment, or at it.
func (w span) begins(at stamp) bool {
	t := at.time()
	return w.after.IsZero() || t.After(w.after) || w.inclusive && t.Equal(w.after)
}

var contactStatuses = []string{"all", "active", "deleted", NotSet, PendingConfirmation, TempHold, Unsubscribed}

var smsStatuses = []string{"all", Explicit, Unsubscribed, PendingConfirmation, NotSet}

// contactFilter reads the parameters of a call.
func (s *Server) contactFilter(c *call) (f filter, problem answer, good bool) {
	f = filter{statuses: c.split("status"), email: c.query.Get("email"), lists: c.split("lists"), tags: c.split("tags"), sms: c.split("sms_status")}
	messages := notAmong("status", f.statuses, contactStatuses)
	messages = append(messages, notAmong("sms_status", f.sms, smsStatuses)...)
	messages = append(messages, idProblems("lists", f.lists, maxListsQuery)...)
	messages = append(messages, idProblems("tags", f.tags, maxTagsQuery)...)
	read := func(name string, into *time.Time) {
		text := c.query.Get(name)
		if text == "" {
			return
		}
		t, good := parseTime(text)
		if !good {
			messages = append(messages, name+" is not a valid ISO-8601 date")
		}
		*into = t
	}
	read("updated_after", &f.updated.after)
	read("updated_before", &f.updated.before)
	read("created_after", &f.created.after)
	read("created_before", &f.created.before)
	read("optout_after", &f.optedOut.after)
	read("optout_before", &f.optedOut.before)
	f.updated.inclusive = s.switches.UpdatedAfterInclusive
	if len(messages) > 0 {
		return f, invalid(messages...), false
	}
	return f, answer{}, true
}

// parseTime reads the ISO 8601 forms that the API takes.
func parseTime(text string) (time.Time, bool) {
	text = strings.ReplaceAll(text, " ", "+") // a plus sign that nobody escaped
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func notAmong(name string, values, known []string) []string {
	for _, v := range values {
		if !slices.Contains(known, v) {
			return []string{name + " does not have a valid value"}
		}
	}
	return nil
}

func idProblems(name string, ids []string, max int) []string {
	if len(ids) > max {
		return []string{name + " size must be between 0 and " + strconv.Itoa(max)}
	}
	for _, id := range ids {
		if !isID(id) {
			return []string{name + " is in an invalid format"}
		}
	}
	return nil
}

func (f filter) fits(c *contact) bool {
	return f.status(c) &&
		(f.email == "" || strings.EqualFold(c.Address, f.email)) &&
		(len(f.lists) == 0 || overlap(c.Lists, f.lists)) &&
		(len(f.tags) == 0 || overlap(c.Tags, f.tags)) &&
		(f.updated.open() || f.updated.has(c.Updated)) &&
		(f.created.open() || f.created.has(c.Created)) &&
		(f.optedOut.open() || c.Permission == Unsubscribed && f.optedOut.has(c.Email.OptOut)) &&
		f.smsStatus(c)
}

// everything tells that no contact is left out.
func (f filter) everything() bool {
	return slices.Contains(f.statuses, "all") && f.email == "" && len(f.lists)+len(f.tags)+len(f.sms) == 0 &&
		f.updated.open() && f.created.open() && f.optedOut.open()
}

// status: without the parameter all but deleted contacts.
func (f filter) status(c *contact) bool {
	if len(f.statuses) == 0 {
		return c.Deleted == 0
	}
	return slices.Contains(f.statuses, "all") || slices.Contains(f.statuses, c.status())
}

func (f filter) smsStatus(c *contact) bool {
	if len(f.sms) == 0 {
		return true
	}
	if c.Extra == nil || c.Extra.SMS == nil {
		return false
	}
	return slices.Contains(f.sms, "all") || slices.Contains(f.sms, c.Extra.SMS.Permission)
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(e string) bool { return slices.Contains(b, e) })
}

// getContacts answers a page of contacts. Pages are offsets: what comes and goes
// between two of them moves the others.
func (s *Server) getContacts(c *call) answer {
	if c.query.Has("segment_id") {
		return s.getSegment(c)
	}
	f, problem, good := s.contactFilter(c)
	if !good {
		return problem
	}
	include, problem, good := c.includes()
	if !good {
		return problem
	}
	counting, problem, good := c.flag("include_count")
	if !good {
		return problem
	}
	at, problem, good := c.place(maxContactsPage)
	if !good {
		return problem
	}
	page, err := pageNumber(at.next)
	if err != nil {
		return invalid("cursor is invalid")
	}
	found, count := s.contactPage(c, f, (page-1)*at.limit, at.limit)
	out := contactsJSON{Contacts: make([]contactJSON, len(found))}
	for i, contact := range found {
		out.Contacts[i] = s.render(contact, include)
	}
	if counting {
		shown := count + s.unseen(f)
		out.Count = &shown
	}
	if page*at.limit < count {
		out.Links = s.nextPage(c, at.limit, page)
	}
	return ok(out)
}

// unseen is how many contacts contacts_count counts that no page shows. They are
// active and have long been there: who asks for another status, for times,
// addresses or lists does not count them.
func (s *Server) unseen(f filter) int {
	if !f.status(&contact{Permission: Implicit}) {
		return 0
	}
	f.statuses = []string{"all"}
	if !f.everything() {
		return 0
	}
	return s.switches.ContactsCountHigh
}

type contactsJSON struct {
	Contacts []contactJSON `json:"contacts"`
	Count    *int          `json:"contacts_count,omitempty"`
	Links    links         `json:"_links"`
}

// pageNumber reads the page of a cursor; without one it is the first.
func pageNumber(next string) (int, error) {
	if next == "" {
		return 1, nil
	}
	page, err := strconv.ParseUint(next, 10, 31)
	if err != nil || page == 0 {
		return 0, strconv.ErrRange
	}
	return int(page), nil
}

// contactPage is one page of what a filter chooses, and the count of all that.
func (s *Server) contactPage(c *call, f filter, from, limit int) (page []*contact, count int) {
	from += c.shift()
	look := func(contact *contact) {
		seen := contact.seen(c.now)
		if seen == nil || !f.fits(seen) {
			return
		}
		if count >= from && len(page) < limit {
			page = append(page, seen)
		}
		count++
	}
	if f.everything() && !c.now.Before(s.acc.hidden) {
		all := s.acc.ordered(s.switches.ContactsNewestFirst)
		return all[min(from, len(all)):min(from+limit, len(all))], len(all)
	}
	if !f.updated.begins(s.acc.newest) {
		return nil, 0
	}
	if f.email != "" {
		for _, contact := range s.acc.byAddress[foldAddress(f.email)] {
			look(contact)
		}
		return page, count
	}
	for _, contact := range s.acc.ordered(s.switches.ContactsNewestFirst) {
		look(contact)
	}
	return page, count
}

// shift is how far a fault moves a page.
func (c *call) shift() int {
	if c.fault != nil && c.fault.Kind == FaultShiftedPage {
		return orDefault(c.fault.Rows, 1)
	}
	return 0
}

// getSegment: segment_id may stand beside limit alone, and the sandbox has no
// segments.
func (s *Server) getSegment(c *call) answer {
	for name := range c.query {
		if name != "segment_id" && name != "limit" {
			return invalid("segment_id can only be combined with limit")
		}
	}
	if _, err := strconv.Atoi(c.query.Get("segment_id")); err != nil {
		return invalid("segment_id is in an invalid format")
	}
	return notFound("The requested resource was not found.")
}
