package plan

import "ccsyncd/sync/contact"

// Coverage is the figure of the mission: of all users, how many are contacts and carry their
// values. Users are Verified, Pending, Missing and Skipped; Contacts are those of the first three
// that are a contact already.
type Coverage struct {
	Users    int `json:"users"`
	Contacts int `json:"contacts"`
	Verified int `json:"verified"`
	Pending  int `json:"pending"`
	Missing  int `json:"missing"` // sent in vain: their problems are open
	Skipped  int `json:"skipped"`
}

// Coverage is the figure of the mission before anything was sent.
func (p *Plan) Coverage() Coverage {
	s := &p.Summary
	changing := s.Update + s.Clear + s.Create - p.orphans
	c := Coverage{Verified: s.Unchanged, Pending: changing + p.Pending + p.Limited, Missing: p.Reasons[string(contact.Quarantined)]}
	c.Skipped = s.Skipped - c.Missing
	c.Contacts = c.Verified + c.Pending + c.Missing - p.absent
	c.Users = c.Verified + c.Pending + c.Missing + c.Skipped
	return c
}

// With is a plan's coverage after those that waited were planned too.
func (c Coverage) With(p, rest *Plan) Coverage {
	waited := p.waiting.Len()
	c.Pending -= waited
	c.Users -= waited
	c.Contacts -= waited - p.lacking
	more := rest.Coverage()
	return Coverage{Users: c.Users + more.Users, Contacts: c.Contacts + more.Contacts, Verified: c.Verified + more.Verified,
		Pending: c.Pending + more.Pending, Missing: c.Missing + more.Missing, Skipped: c.Skipped + more.Skipped}
}
