package sync_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// audit compares the account with what it was before the step, in which no person did anything.
func (s *stage) audit() {
	now := s.everybody()
	addresses := make(map[string]bool)
	for id, c := range now {
		if norm := strings.ToLower(c.Address); norm != "" && addresses[norm] {
			s.t.Errorf("there are two contacts %s", c.Address)
		} else {
			addresses[norm] = true
		}
		if was := s.was[id]; was != nil {
			s.auditContact(was, c)
			continue
		}
		norm := strings.ToLower(c.Address)
		allowed := s.could.create && slices.Equal(c.Lists, listNames[:1]) || s.unsure[norm]
		if s.could.unique && !s.unsure[norm] && s.homeless(fieldOf(c, "short_code")) {
			s.t.Errorf("who moved was created: %+v", *c)
		}
		if !allowed || s.codes[norm] == nil || c.Permission != "implicit" {
			s.t.Errorf("created %+v, could %+v", *c, s.could)
		}
		s.mayCarry(&sandbox.Contact{}, c)
	}
	if len(now) < len(s.was) {
		s.t.Errorf("%d contacts, were %d", len(now), len(s.was))
	}
	s.was = now
}

// homeless tells whether a contact that no row stands for carried a code before the step.
func (s *stage) homeless(code string) bool {
	for _, c := range s.was {
		if code != "" && fieldOf(c, "short_code") == code && !c.Deleted && !s.owned(c.Address) {
			return true
		}
	}
	return false
}

// owned tells whether a row has an address.
func (s *stage) owned(address string) bool {
	for _, u := range s.table {
		if !u.broken && normOf(u.who) == strings.ToLower(address) {
			return true
		}
	}
	return false
}

// stillHas tells whether a row has a code that stands under no address of a contact.
func (s *stage) stillHas(code string) bool {
	known := make(map[string]bool)
	for _, c := range s.was {
		known[strings.ToLower(c.Address)] = true
	}
	for _, u := range s.table {
		if u.code == code && (u.broken || !known[normOf(u.who)]) {
			return true
		}
	}
	return false
}

func (s *stage) auditContact(was, now *sandbox.Contact) {
	unsure := s.unsure[now.ID]
	if sets := s.switches.PutSetsPermission; sets != "" && now.Permission == sets && was.Permission != "unsubscribed" && (s.could.clear || s.could.clearName || s.could.orphans) && was.Permission != now.Permission {
		was.Permission = sets // what it costs to find that out
		if s.resets++; s.resets > 1 && !s.amnesia {
			s.t.Errorf("%s lost its permission, though it was known by then", now.Address)
		}
	}
	other := func(c *sandbox.Contact) string {
		return fmt.Sprint(c.Address, c.Permission, c.LastName, c.Company, c.JobTitle, c.Tags, fieldOf(c, "other"))
	}
	switch {
	case other(now) != other(was):
		s.t.Errorf("more changed than was mapped: %+v, was %+v", *now, *was)
	case was.Deleted != now.Deleted && !unsure:
		s.t.Errorf("%s: deleted %v, was %v", now.Address, now.Deleted, was.Deleted)
	}
	for _, name := range was.Lists {
		if !slices.Contains(now.Lists, name) {
			s.t.Errorf("%s was taken off %s", now.Address, name)
		}
	}
	for _, name := range now.Lists {
		if slices.Contains(was.Lists, name) || unsure {
			continue
		}
		if name != listNames[0] || !s.could.lists || s.knownLeft[now.ID][name] {
			s.t.Errorf("%s was put on %s, which he left: %v", now.Address, name, s.knownLeft[now.ID][name])
		}
	}
	if code := fieldOf(was, "short_code"); s.could.unique && !unsure && code != "" && fieldOf(now, "short_code") == "" && !s.owned(now.Address) && s.stillHas(code) {
		s.t.Errorf("%s lost the code of a user whose row is only skipped", now.Address)
	}
	if s.mayCarry(was, now) && !unsure && (was.Deleted || was.Permission == "unsubscribed" && !s.could.unsubscribed) {
		s.t.Errorf("%s was changed and may not be sent: %+v", now.Address, *was)
	}
}

// mayCarry checks that the mapped values of a contact are its old ones, or such as a row has or
// had, and tells whether they changed.
func (s *stage) mayCarry(was, now *sandbox.Contact) (changed bool) {
	norm := strings.ToLower(now.Address)
	for _, v := range []struct {
		what, old, new string
		ours           map[string]bool
		mapped, clear  bool
	}{
		{"code", fieldOf(was, "short_code"), fieldOf(now, "short_code"), s.codes[norm], true, s.could.clear || s.could.orphans},
		{"first name", was.FirstName, now.FirstName, s.names[norm], s.could.withName, s.could.clearName || s.could.orphans},
	} {
		if v.old == v.new {
			continue
		}
		changed = true
		switch {
		case v.new == "" && v.clear && v.mapped, v.new != "" && v.mapped && v.ours[v.new], s.altered && strings.HasPrefix(v.new, "altered "):
		default:
			s.t.Errorf("the %s of %s became %q, was %q; the table has had %v", v.what, now.Address, v.new, v.old, v.ours)
		}
	}
	return changed
}

// conclude lets everything that was wrong pass, runs for some days and compares the sides.
func (s *stage) conclude() {
	s.box.ClearFaults()
	s.faulty = false
	for i := range 5 {
		s.settleDown()
		time.Sleep(49 * time.Hour)
		s.audit()
		s.settleDown()
		s.goOnce(&step{run: ccsync.Options{Full: i == 1}})
		s.audit()
	}
	r := s.run(ccsync.Options{})
	if never := s.rules.unsubscribed && s.switches.UnsubscribedFieldsIgnored || s.switches.PutSetsPermission != ""; r.Outcome != ccsync.Synced && !never {
		s.t.Errorf("in the end %s: %+v, push %+v", r.Outcome, r.Error, r.Push)
	}
	s.agree()
	s.judgeImports()
	s.judgeBudget()
}

// agree checks that every user who may be sent has his values in his contact.
func (s *stage) agree() {
	byNorm, owners := make(map[string][]tableRow), make(map[string]map[int]bool)
	for key, u := range s.table {
		owner := u.who
		if u.broken {
			owner = len(people) + key // somebody whose address nobody knows
		} else {
			byNorm[normOf(u.who)] = append(byNorm[normOf(u.who)], u)
		}
		if owners[u.code] == nil {
			owners[u.code] = make(map[int]bool)
		}
		owners[u.code][owner] = true
	}
	carriers := make(map[string]bool) // codes of contacts that no row stands for
	contacts := make(map[string]*sandbox.Contact)
	for _, c := range s.everybody() {
		norm := strings.ToLower(c.Address)
		if contacts[norm] = c; byNorm[norm] == nil && !c.Deleted {
			carriers[fieldOf(c, "short_code")] = true
		}
	}
	for norm, rows := range byNorm {
		u := rows[0]
		if slices.ContainsFunc(rows, func(o tableRow) bool { return o.code != u.code || s.rules.withName && o.name != u.name }) ||
			s.rules.unique && u.code != "" && len(owners[u.code]) > 1 {
			continue
		}
		c := contacts[norm]
		if c == nil && s.rules.create && !(s.rules.unique && u.code != "" && carriers[u.code]) {
			s.t.Errorf("%s was not created", norm)
		}
		if c != nil {
			s.agreeOn(u, c)
		}
	}
}

func (s *stage) agreeOn(u tableRow, c *sandbox.Contact) {
	type value struct {
		want, is string
		clear    bool
	}
	values := []value{{u.code, fieldOf(c, "short_code"), s.rules.clear}}
	if s.rules.withName {
		values = append(values, value{u.name, c.FirstName, s.rules.clearName})
	}
	clears := slices.ContainsFunc(values, func(v value) bool { return v.want == "" && v.clear && v.is != "" })
	switch {
	case c.Deleted, clears && s.switches.PutSetsPermission != "", c.Permission == "unsubscribed" && (!s.rules.unsubscribed || s.switches.UnsubscribedFieldsIgnored || clears):
		return
	case len(c.Lists) == 0 && !clears && (!s.rules.lists || s.left[c.ID][listNames[0]]):
		return
	}
	for _, v := range values {
		if v.is != v.want && (v.want != "" || v.clear) {
			s.t.Errorf("in the end %s has %+v in place of %+v: left %v", c.Address, *c, u, s.left[c.ID])
		}
	}
}

// judgeBudget checks that the pace and the day's quota were kept and everything was charged.
func (s *stage) judgeBudget() {
	seen := make(map[string]int)
	for _, r := range s.box.Requests() {
		seen[r.Time.Format(time.DateOnly)]++
	}
	if s.amnesia {
		return
	}
	for day, n := range seen {
		if n > s.perDay+s.jumps {
			s.t.Errorf("%d requests on %s, %d are allowed", n, day, s.perDay)
		}
	}
	s.judgeQuota()
}
