package sync_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// stage is a world in which a tale is lived, with a memory of what people did and what the program
// may do.
type stage struct {
	*tale
	*world
	at    int
	rules rules
	// what the rules allow, or allowed when something that is under way was sent
	could rules
	noisy time.Time // until then an import may be under way, or not yet readable
	table map[int]tableRow
	was   map[string]*sandbox.Contact // by id, after the last step
	codes map[string]map[string]bool  // by norm: all codes that the table ever had for it
	names map[string]map[string]bool
	// by id: lists that a run without faults saw the contact on
	seenOn    map[string]map[string]bool
	left      map[string]map[string]bool // by id: lists that he left
	knownLeft map[string]map[string]bool // by id: lists that he left after that
	// ids, or norms that contacts left, of contacts that were edited while an import with them was
	// under way
	unsure  map[string]bool
	quiet   int     // number of imports when none was under way
	altered bool    // the sandbox was told to alter rows
	faulty  bool    // any fault is set
	jumps   int     // of the server's clock
	resets  int     // contacts whose permission a PUT reset
	kept    *memory // what the copy of the state file knew
	amnesia bool    // the state file was lost or replaced by the copy
	lossy   bool    // a fault was set that loses or delays what an import does
	// by norm: number of imports when a person last edited the contact
	edited map[string]int
}

// build makes the world before the first step.
func (s *stage) build(l *listener, dir string) {
	s.world = newWorld(l, sandbox.Options{Switches: s.switches}, dir)
	// what a new state file cannot know, TestANewStateJoinsNobodyUntilForced tells
	s.world.knowsWhoLeft()
	s.box.AddList("Third")
	s.box.AddCustomField("Other", "string")
	s.box.Seed(s.contacts...)
	s.box.Seed(sandbox.Contact{FirstName: "Nobody"}) // contacts without an address exist
	s.table, s.codes, s.names = map[int]tableRow{}, map[string]map[string]bool{}, map[string]map[string]bool{}
	s.seenOn, s.left, s.knownLeft, s.unsure, s.edited = map[string]map[string]bool{}, map[string]map[string]bool{}, map[string]map[string]bool{}, map[string]bool{}, map[string]int{}
	s.limits.PerDay, s.guard = s.perDay, ccsync.Guard{ExemptBelow: 100}
	s.restart()
	s.obey(s.tale.rules)
	s.could = s.rules
	for i, u := range s.tale.users {
		s.table[i] = u
	}
	s.fill()
	s.was = s.everybody()
}

// obey puts rules into force.
func (s *stage) obey(r rules) {
	s.rules = r
	s.could = s.could.or(r)
	p := ccsync.Policy{ActivityTimeout: 6 * time.Hour, Drift: 15 * time.Minute, UpdateUnsubscribed: r.unsubscribed, ClearOrphans: r.orphans,
		Create: r.create, NextSnapshot: func(at time.Time) time.Time { return at.Add(24 * time.Hour) }}
	p.Fields = []ccsync.Field{{Column: "short_code", CustomField: "short_code", Unique: r.unique, Clear: r.clear}}
	if r.withName {
		p.Fields = append(p.Fields, ccsync.Field{Column: "first_name", Property: "first_name", Clear: r.clearName})
	}
	if r.lists {
		p.Lists = []string{"app users"}
	}
	s.policy = p
}

// or allows what either allows.
func (r rules) or(o rules) rules {
	return rules{lists: r.lists || o.lists, create: r.create || o.create, unsubscribed: r.unsubscribed || o.unsubscribed, orphans: r.orphans || o.orphans, unique: r.unique && o.unique,
		clear: r.clear || o.clear, withName: r.withName || o.withName, clearName: r.clearName || o.clearName}
}

// fill writes the table into the source.
func (s *stage) fill() {
	s.rows = nil
	for _, key := range slices.Sorted(maps.Keys(s.table)) {
		u := s.table[key]
		address, norm := people[u.who], normOf(u.who)
		if u.shout {
			address = strings.ToUpper(address)
		}
		if u.broken {
			address = strings.ReplaceAll(address, "@", " at ")
		}
		r := row(fmt.Sprint(key), address, u.code)
		if s.rules.withName {
			r.Values = append(r.Values, u.name)
		}
		s.rows = append(s.rows, r)
		if !u.broken {
			remember(s.codes, norm, u.code)
			remember(s.names, norm, u.name)
		}
	}
}

func normOf(who int) string { return strings.ToLower(people[who]) }

func remember(in map[string]map[string]bool, of, what string) {
	if in[of] == nil {
		in[of] = make(map[string]bool)
	}
	in[of][what] = true
}

// fieldOf is the value of a custom field by its name, whose capitals are a switch.
func fieldOf(c *sandbox.Contact, name string) string {
	for has, value := range c.Fields {
		if strings.EqualFold(has, name) {
			return value
		}
	}
	return ""
}

func (s *stage) everybody() map[string]*sandbox.Contact {
	all := make(map[string]*sandbox.Contact)
	for _, c := range s.box.Contacts() {
		all[c.ID] = &c
	}
	return all
}

// play takes one step.
func (s *stage) play(st *step) {
	s.settleDown()
	imports := len(s.box.Imports())
	switch st.do {
	case "run":
		s.goOnce(st)
	case "kill":
		s.runUntil(st.end, st.run)
	case "sleep":
		time.Sleep(st.after)
	case "clock": // the server's goes ahead of this machine's, which finds out with the next answer
		s.box.Advance(st.after)
		s.jumps++
	case "restart":
		s.restart()
	case "keep a copy":
		s.close()
		s.copyTo(s.path + ".copy")
		s.open()
		s.kept = &memory{clone(s.seenOn), clone(s.knownLeft)}
	case "put the copy back":
		if s.kept != nil {
			s.forget(s.path+".copy", *s.kept)
			s.kept = nil
		}
	case "lose the state":
		s.forget("", memory{})
	case "fault":
		s.faulty, s.altered = true, s.altered || st.fault.Kind == sandbox.FaultAltered
		s.lossy = s.lossy || slices.Contains(losses, st.fault.Kind)
		s.box.Fault(st.fault)
	case "clear faults":
		s.faulty = false
		s.box.ClearFaults()
	case "put row":
		s.table[st.who] = st.row
		s.fill()
	case "clash":
		s.table[st.who] = st.row
		s.fill()
		s.edit(st.during)
		return
	case "drop row":
		delete(s.table, st.who)
		s.fill()
	case "rules":
		s.obey(st.rules)
		s.fill()
	default:
		s.edit(st)
		return
	}
	s.audit()
	if len(s.box.Imports()) > imports {
		s.noisy = time.Now().Add(time.Minute)
	}
}

// memory is what the state file knows of memberships.
type memory struct{ seenOn, knownLeft map[string]map[string]bool }

func clone(of map[string]map[string]bool) map[string]map[string]bool {
	twin := make(map[string]map[string]bool)
	for key, set := range of {
		twin[key] = maps.Clone(set)
	}
	return twin
}

// forget puts an older state file in the place of the present one, or none. Who left a list is
// known as far as the older one saw him on it; what was sent since, and the requests of it, nobody
// knows any more.
func (s *stage) forget(older string, m memory) {
	s.lose(older)
	s.seenOn, s.knownLeft = clone(m.seenOn), make(map[string]map[string]bool)
	for id, lists := range s.left {
		for name := range lists {
			if m.seenOn[id][name] || m.knownLeft[id][name] {
				remember(s.knownLeft, id, name)
			}
		}
	}
	s.lossy, s.amnesia = true, true
}

// losses are the faults after which a contact may be sent again with the same values.
var losses = []sandbox.FaultKind{sandbox.FaultFailed, sandbox.FaultTimedOut, sandbox.FaultCancelled, sandbox.FaultStuck, sandbox.FaultGone, sandbox.FaultSlowWork,
	sandbox.FaultLostRows, sandbox.FaultRefused, sandbox.FaultAltered, sandbox.FaultPoisoned, sandbox.FaultReadDelay}

// settleDown notes that no import is under way and what was imported can be read, if that is so:
// from then on only the present rules allow anything.
func (s *stage) settleDown() {
	if s.box.Status().Queued > 0 {
		s.noisy = time.Now().Add(time.Minute)
	}
	if !time.Now().Before(s.noisy) {
		s.quiet, s.could = len(s.box.Imports()), s.rules
	}
}

func (s *stage) goOnce(st *step) {
	writes := len(s.box.Writes())
	edited := ""
	if st.during != nil {
		s.whileReading = func() {
			s.audit()
			edited = s.edit(st.during)
		}
	}
	defer func() { s.whileReading = nil }()
	var r *ccsync.Report
	if st.dryRun {
		r = s.dry(st.run)
		if n := len(s.box.Writes()); n != writes {
			s.t.Errorf("a dry run wrote: %+v", s.box.Writes()[writes:])
		}
	} else {
		r = s.run(st.run)
	}
	fmt.Fprintf(&s.t.(*listener).log, "step %d: %s %+v %+v notes %v\n", s.at, r.Outcome, r.Error, r.Summary, r.Notes)
	if edited != "" && r.Mirror.Refresh == "snapshot" {
		// The run's own snapshot was fresh and nothing was read again.
		s.unsure[edited], s.unsure[normOf(st.during.who)] = true, true
	}
	if s.faulty || edited != "" || r.Mirror.Refresh == "none" {
		return
	}
	for id, c := range s.everybody() {
		for _, name := range c.Lists {
			remember(s.seenOn, id, name)
		}
	}
}

// edit is what a person does in Constant Contact. It returns the contact's id, "" when nothing was
// done.
func (s *stage) edit(st *step) (id string) {
	who := people[st.who]
	before, known := s.box.Contact(who)
	done := false
	switch st.do {
	case "opt out":
		done = s.box.OptOut(who)
	case "delete":
		done = s.box.Delete(who)
	case "leave list":
		if done = s.box.LeaveList(who, st.list); done {
			remember(s.left, before.ID, st.list)
			if s.seenOn[before.ID][st.list] {
				remember(s.knownLeft, before.ID, st.list)
			}
		}
	case "join list":
		if done = s.box.JoinList(who, st.list); done {
			for _, of := range []map[string]map[string]bool{s.left, s.knownLeft, s.seenOn} {
				delete(of[before.ID], st.list)
			}
		}
	case "set code":
		done = s.box.SetField(who, "short_code", st.text)
	case "set other":
		done = s.box.SetField(who, "other", st.text)
	case "set first name":
		done = s.box.SetProperty(who, "first_name", st.text)
	case "set last name":
		done = s.box.SetProperty(who, "last_name", st.text)
	case "change address":
		done = s.box.ChangeAddress(who, st.text)
	case "add contact":
		done = s.box.AddContact(sandbox.Contact{Address: who, Lists: []string{"Newsletter"}}) != ""
	default:
		panic(st.do)
	}
	if done && known && s.underWay(who) {
		s.unsure[before.ID], s.unsure[normOf(st.who)] = true, true
	}
	s.was = s.everybody()
	if !done {
		return ""
	}
	for _, address := range []string{who, st.text} {
		s.edited[strings.ToLower(address)] = len(s.box.Imports())
	}
	return before.ID
}

// judgeImports checks that nothing was sent twice, where nothing was lost.
func (s *stage) judgeImports() {
	if s.lossy || s.switches.BusyAddressesRefused || s.switches.UnsubscribedFieldsIgnored {
		return
	}
	last := make(map[string]string)
	for i, imp := range s.box.Imports() {
		for _, r := range imp.Rows {
			norm, sent := strings.ToLower(r.Address), fmt.Sprint(r.Members)
			if imp.Accepted && last[norm] == sent && i >= s.edited[norm] {
				s.t.Errorf("%s was sent twice", r.Address)
			}
			if imp.Accepted {
				last[norm] = sent
			}
			if i < s.edited[norm] {
				delete(last, norm)
			}
		}
	}
}

// underWay tells whether an import with this address may not have ended or cannot be read yet.
func (s *stage) underWay(address string) bool {
	for _, imp := range s.box.Imports()[s.quiet:] {
		for _, r := range imp.Rows {
			if strings.EqualFold(r.Address, address) {
				return true
			}
		}
	}
	return false
}
