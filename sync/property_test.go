package sync_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// The users and contacts of a story are these people; an edit names one by its number.
var people = []string{"ann@example.com", "Bob@example.com", "cy+tag@example.com", "dee@example.com", "eve@example.com"}

var (
	listNames = []string{"App users", "Newsletter", "Third"}
	codes     = []string{"K1", "K2", "K3", "K4", "K5", "K6", ""}
	names     = []string{"Ann", "Bea", ""}
)

// tale is what rapid draws: an installation, and what happens to it. It is drawn whole before anything is done, so that it shrinks.
type tale struct {
	switches sandbox.Switches
	rules    rules
	perDay   int
	contacts []sandbox.Contact
	users    []tableRow
	steps    []step
}

// rules are a configuration.
type rules struct {
	lists, create, unsubscribed, orphans bool
	unique, clear, withName, clearName   bool
}

// tableRow is a row of the app's table.
type tableRow struct {
	who        int
	code, name string
	shout      bool // the address is in capitals
}

// step is one thing that happens. Which members count is told by do.
type step struct {
	do     string
	who    int
	list   string
	text   string
	row    tableRow
	rules  rules
	after  time.Duration
	fault  sandbox.Fault
	end    moment
	run    ccsync.Options
	dryRun bool
	during *step // an edit between a run's refresh and its recheck
}

func (s step) String() string {
	switch s.do {
	case "sleep", "clock":
		return s.do + " " + s.after.String()
	case "fault":
		return fmt.Sprintf("fault %+v", s.fault)
	case "run":
		if s.during != nil {
			return fmt.Sprintf("run %+v, meanwhile %s", s.run, s.during)
		}
		return fmt.Sprintf("run dry=%v %+v", s.dryRun, s.run)
	case "kill":
		return fmt.Sprintf("killed %s %+v", s.end, s.run)
	case "put row":
		return fmt.Sprintf("put row %+v", s.row)
	case "clash":
		return fmt.Sprintf("put row %+v, and %s", s.row, s.during)
	case "rules":
		return fmt.Sprintf("rules %+v", s.rules)
	case "clear faults", "restart", "keep a copy", "put the copy back", "lose the state":
		return s.do
	}
	return fmt.Sprintf("%s %s %q %q", s.do, people[s.who], s.list, s.text)
}

func (t *tale) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "switches %+v\nrules %+v, %d requests a day\n", t.switches, t.rules, t.perDay)
	for _, c := range t.contacts {
		fmt.Fprintf(&b, "contact %s %s deleted=%v lists %v fields %v first name %q\n", c.Address, c.Permission, c.Deleted, c.Lists, c.Fields, c.FirstName)
	}
	for _, u := range t.users {
		fmt.Fprintf(&b, "user %s %+v\n", people[u.who], u)
	}
	for i, s := range t.steps {
		fmt.Fprintf(&b, "%2d %s\n", i, s)
	}
	return b.String()
}

func drawRules(rt *rapid.T) rules {
	flip := func(label string) bool { return rapid.Bool().Draw(rt, label) }
	r := rules{lists: flip("lists"), unsubscribed: flip("update unsubscribed"), orphans: flip("clear orphans"), unique: flip("unique"),
		clear: flip("clear code"), withName: flip("with name"), clearName: flip("clear name")}
	r.create = r.lists && flip("create")
	return r
}

func drawRow(rt *rapid.T) tableRow {
	return tableRow{who: rapid.IntRange(0, len(people)-1).Draw(rt, "who"), code: rapid.SampledFrom(codes).Draw(rt, "code"),
		name: rapid.SampledFrom(names).Draw(rt, "name"), shout: rapid.Bool().Draw(rt, "shout")}
}

func drawContact(rt *rapid.T, who int) sandbox.Contact {
	c := sandbox.Contact{Address: people[who], LastName: "Last", Company: "Co", Tags: []string{"vip"},
		Permission: rapid.SampledFrom([]string{"implicit", "explicit", "not_set", "temp_hold", "unsubscribed"}).Draw(rt, "permission"),
		FirstName:  rapid.SampledFrom(names).Draw(rt, "first name"), Fields: map[string]string{"Other": "kept"}}
	if code := rapid.SampledFrom(codes).Draw(rt, "code"); code != "" {
		c.Fields["Short code"] = code
	}
	for _, name := range listNames {
		if rapid.Bool().Draw(rt, name) {
			c.Lists = append(c.Lists, name)
		}
	}
	c.Deleted = rapid.IntRange(0, 9).Draw(rt, "deleted") == 0
	return c
}

var importPaths = []string{importPath, importPath, importPath, "/v3/contacts", "/v3/contacts/*", "/v3/activities", "/v3/activities/*", "/v3/contact_custom_fields", "/v3/contact_lists", ""}

func drawFault(rt *rapid.T) sandbox.Fault {
	kinds := sandbox.FaultKinds()
	if rapid.Bool().Draw(rt, "unanswered") {
		kinds = []sandbox.FaultKind{sandbox.FaultResetBefore, sandbox.FaultResetAfter, sandbox.FaultCutBody, sandbox.FaultHangBefore, sandbox.FaultHangAfter}
	}
	f := sandbox.Fault{Kind: rapid.SampledFrom(kinds).Draw(rt, "kind")}
	f.Path = rapid.SampledFrom(importPaths).Draw(rt, "path")
	f.Match = strings.ToLower(rapid.SampledFrom(append([]string{""}, people...)).Draw(rt, "match"))
	switch rapid.IntRange(0, 2).Draw(rt, "when") {
	case 0:
		f.Times = rapid.IntRange(1, 3).Draw(rt, "times")
	case 1:
		f.Probability = 0.3
	case 2:
		f.At = []int{rapid.IntRange(1, 4).Draw(rt, "at")}
	}
	switch f.Kind {
	case sandbox.FaultStatus:
		f.Status = rapid.SampledFrom([]int{408, 409, 429, 500, 502, 503, 504}).Draw(rt, "status")
	case sandbox.FaultSlow, sandbox.FaultHangBefore, sandbox.FaultHangAfter, sandbox.FaultReadDelay:
		f.Delay = rapid.SampledFrom([]time.Duration{0, 3 * time.Second, 20 * time.Second}).Draw(rt, "delay")
	case sandbox.FaultSlowWork:
		f.Delay = rapid.SampledFrom([]time.Duration{20 * time.Second, 20 * time.Minute, 3 * time.Hour}).Draw(rt, "delay")
	case sandbox.FaultFailed, sandbox.FaultTimedOut, sandbox.FaultCancelled, sandbox.FaultStuck:
		f.Share = rapid.SampledFrom([]float64{0, 0.5, 1}).Draw(rt, "share")
	case sandbox.FaultRevoked, sandbox.FaultUnauthorized, sandbox.FaultInvalidGrant, sandbox.FaultTokenLost:
		f.Kind = sandbox.FaultResetAfter // this world's token is for ever
	}
	return f
}

var doings = []string{"run", "run", "run", "kill", "kill", "sleep", "sleep", "put row", "put row", "clash", "clash", "clash", "drop row", "fault", "fault", "clear faults", "restart", "keep a copy", "put the copy back", "lose the state", "clock",
	"edit", "edit", "edit", "edit", "edit", "edit", "edit", "edit", "rules"}

func drawStep(rt *rapid.T) step {
	s := step{do: rapid.SampledFrom(doings).Draw(rt, "do"), who: rapid.IntRange(0, len(people)-1).Draw(rt, "who")}
	switch s.do {
	case "run":
		s.run = ccsync.Options{Full: rapid.Bool().Draw(rt, "full"), Limit: rapid.IntRange(0, 2).Draw(rt, "limit")}
		s.dryRun = rapid.IntRange(0, 3).Draw(rt, "dry") == 3
		if rapid.IntRange(0, 3).Draw(rt, "only") == 3 {
			s.run.Only = []string{people[s.who]}
		}
		if rapid.IntRange(0, 3).Draw(rt, "edited") == 3 {
			during := drawEdit(rt)
			s.during = &during
		}
	case "kill":
		s.run.Full = rapid.Bool().Draw(rt, "full")
		if rapid.Bool().Draw(rt, "by request") {
			s.end = moment{request: rapid.IntRange(1, 15).Draw(rt, "request"), seen: rapid.Bool().Draw(rt, "seen")}
		} else {
			s.end = moment{commit: rapid.IntRange(1, 50).Draw(rt, "commit")}
		}
	case "sleep":
		s.after = rapid.SampledFrom([]time.Duration{time.Minute, 5 * time.Minute, time.Hour, 7 * time.Hour, 25 * time.Hour, 12 * 24 * time.Hour}).Draw(rt, "for")
	case "clock":
		s.after = rapid.SampledFrom([]time.Duration{10 * time.Second, 3 * time.Hour, 30 * time.Hour}).Draw(rt, "by")
	case "put row":
		s.row = drawRow(rt)
	case "clash": // somebody edits the contact of a user whose row has just changed
		during := drawEdit(rt)
		s.row, s.during = drawRow(rt), &during
		s.row.who, during.who = s.who, s.who
	case "fault":
		s.fault = drawFault(rt)
	case "edit":
		return drawEdit(rt)
	case "rules":
		s.rules = drawRules(rt)
	}
	return s
}

var edits = []string{"opt out", "delete", "leave list", "join list", "set code", "set other", "set first name", "set last name", "change address", "add contact"}

func drawEdit(rt *rapid.T) step {
	s := step{do: rapid.SampledFrom(edits).Draw(rt, "edit"), who: rapid.IntRange(0, len(people)-1).Draw(rt, "who")}
	switch s.do {
	case "leave list", "join list":
		s.list = rapid.SampledFrom(listNames).Draw(rt, "list")
	case "set code", "set other":
		s.text = rapid.SampledFrom([]string{"hand", "K1", ""}).Draw(rt, "text")
	case "set first name", "set last name":
		s.text = rapid.SampledFrom([]string{"Hand", "Ann", ""}).Draw(rt, "text")
	case "change address":
		s.text = rapid.SampledFrom(people).Draw(rt, "to")
	}
	return s
}

func drawTale(rt *rapid.T) *tale {
	t := &tale{rules: drawRules(rt), perDay: rapid.SampledFrom([]int{9500, 9500, 9500, 40}).Draw(rt, "per day")}
	if rapid.Bool().Draw(rt, "switched") {
		for _, s := range sandbox.SwitchTable() {
			s.Set(&t.switches, rapid.Bool().Draw(rt, s.Name))
		}
	}
	for who := range people {
		if rapid.IntRange(0, 3).Draw(rt, "is a contact") > 0 {
			t.contacts = append(t.contacts, drawContact(rt, who))
		}
	}
	t.users = rapid.SliceOfN(rapid.Custom(drawRow), 0, 6).Draw(rt, "users")
	t.steps = rapid.SliceOfN(rapid.Custom(drawStep), 1, 20).Draw(rt, "steps")
	return t
}

// TestWhateverHappensInTheEndBothSidesAgree lives random tales of edits on both sides, faults, kills and changes of the configuration.
// After each step nothing may have changed in the account but what the rules allow; in the end both sides agree.
func TestWhateverHappensInTheEndBothSidesAgree(t *testing.T) {
	t.Parallel()
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		tale := drawTale(rt)
		n++
		if kind, detail := tale.live(t, filepath.Join(dir, fmt.Sprint(n))); kind != "" {
			rt.Logf("%s\n%s", detail, tale)
			rt.Fatal(kind) // the same for tales that fail alike: that is how rapid knows them while it shrinks one
		}
	})
	t.Logf("%d tales", n)
}

// stop ends a tale at the first thing that is wrong.
type stop struct{}

// listener takes what a test finds wrong in place of the test, which has to go on with the next tale.
type listener struct {
	testing.TB
	kind   string // of what is wrong
	detail string
	log    strings.Builder
}

func (l *listener) Helper()         {}
func (l *listener) Log(args ...any) { fmt.Fprintln(&l.log, args...) }
func (l *listener) Errorf(format string, args ...any) {
	l.kind, l.detail = format, fmt.Sprintf(format, args...)
	panic(stop{})
}
func (l *listener) Fatalf(format string, args ...any) { l.Errorf(format, args...) }
func (l *listener) Fatal(args ...any)                 { l.Errorf("%s", fmt.Sprint(args...)) }
func (l *listener) Error(args ...any)                 { l.Fatal(args...) }

// live lives a tale in a bubble and says what went wrong, "" for nothing.
func (t *tale) live(outer *testing.T, dir string) (kind, detail string) {
	synctest.Test(outer, func(inner *testing.T) {
		l := &listener{TB: inner}
		s := &stage{tale: t}
		defer func() {
			if p := recover(); p != nil && p != any(stop{}) {
				l.kind, l.detail = "panic", fmt.Sprintf("%v\n%s", p, debug.Stack())
			}
			kind, detail = l.kind, fmt.Sprintf("at step %d: %s\n%s", s.at, l.detail, l.log.String())
			if s.world != nil {
				s.close()
			}
			lives.Delete(filepath.Join(dir, "ccsync.db"))
			os.RemoveAll(dir)
		}()
		if err := os.MkdirAll(dir, 0o700); err != nil {
			l.Fatal(err)
		}
		s.build(l, dir)
		for s.at = range t.steps {
			s.play(&t.steps[s.at])
		}
		s.at = len(t.steps)
		s.conclude()
	})
	return kind, detail
}

// stage is a world in which a tale is lived, with a memory of what people did and what the program may do.
type stage struct {
	*tale
	*world
	at        int
	rules     rules
	could     rules     // what the rules allow, or allowed when something that is under way was sent
	noisy     time.Time // until then an import may be under way, or not yet readable
	table     map[int]tableRow
	was       map[string]*sandbox.Contact // by id, after the last step
	codes     map[string]map[string]bool  // by norm: all codes that the table ever had for it
	names     map[string]map[string]bool
	seenOn    map[string]map[string]bool // by id: lists that a run without faults saw the contact on
	left      map[string]map[string]bool // by id: lists that he left
	knownLeft map[string]map[string]bool // by id: lists that he left after that
	unsure    map[string]bool            // ids, or norms that contacts left, of contacts that were edited while an import with them was under way
	quiet     int                        // number of imports when none was under way
	altered   bool                       // the sandbox was told to alter rows
	faulty    bool                       // any fault is set
	jumps     int                        // of the server's clock
	resets    int                        // contacts whose permission a PUT reset
	kept      *memory                    // what the copy of the state database knew
	amnesia   bool                       // the state database was lost or replaced by the copy
	lossy     bool                       // a fault was set that loses or delays what an import does
	edited    map[string]int             // by norm: number of imports when a person last edited the contact
}

// build makes the world before the first step.
func (s *stage) build(l *listener, dir string) {
	s.world = newWorld(l, sandbox.Options{Switches: s.switches}, dir)
	s.box.AddList("Third")
	s.box.AddCustomField("Other", "string")
	s.box.Seed(s.contacts...)
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
		r := row(fmt.Sprint(key), address, u.code)
		if s.rules.withName {
			r.Values = append(r.Values, u.name)
		}
		s.rows = append(s.rows, r)
		remember(s.codes, norm, u.code)
		remember(s.names, norm, u.name)
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

// memory is what the state database knows of memberships.
type memory struct{ seenOn, knownLeft map[string]map[string]bool }

func clone(of map[string]map[string]bool) map[string]map[string]bool {
	twin := make(map[string]map[string]bool)
	for key, set := range of {
		twin[key] = maps.Clone(set)
	}
	return twin
}

// forget puts an older state database in the place of the present one, or none. Who left a list is known as far as the
// older one saw him on it; what was sent since, and the requests of it, nobody knows any more.
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

// settleDown notes that no import is under way and what was imported can be read, if that is so: from then on only the
// present rules allow anything.
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

// edit is what a person does in Constant Contact. It returns the contact's id, "" when nothing was done.
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

// audit compares the account with what it was before the step, in which no person did anything.
func (s *stage) audit() {
	now := s.everybody()
	addresses := make(map[string]bool)
	for id, c := range now {
		if norm := strings.ToLower(c.Address); addresses[norm] {
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
	owned := make(map[string]bool)
	for _, u := range s.table {
		owned[normOf(u.who)] = true
	}
	for _, c := range s.was {
		if code != "" && fieldOf(c, "short_code") == code && !c.Deleted && !owned[strings.ToLower(c.Address)] {
			return true
		}
	}
	return false
}

func (s *stage) auditContact(was, now *sandbox.Contact) {
	unsure := s.unsure[now.ID]
	if s.switches.PutResetsPermission && now.Permission == "not_set" && was.Permission != "unsubscribed" && (s.could.clear || s.could.clearName || s.could.orphans) && was.Permission != now.Permission {
		was.Permission = "not_set" // what it costs to find that out
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
	if s.mayCarry(was, now) && !unsure && (was.Deleted || was.Permission == "unsubscribed" && !s.could.unsubscribed) {
		s.t.Errorf("%s was changed and may not be sent: %+v", now.Address, *was)
	}
}

// mayCarry checks that the mapped values of a contact are its old ones, or such as a row has or had, and tells whether they changed.
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
	if never := s.rules.unsubscribed && s.switches.UnsubscribedFieldsIgnored || s.switches.PutResetsPermission; r.Outcome != ccsync.Synced && !never {
		s.t.Errorf("in the end %s: %+v, push %+v", r.Outcome, r.Error, r.Push)
	}
	s.agree()
	s.judgeImports()
	s.judgeBudget()
}

// agree checks that every user who may be sent has his values in his contact.
func (s *stage) agree() {
	byNorm, owners := make(map[string][]tableRow), make(map[string]map[int]bool)
	for _, u := range s.table {
		norm := normOf(u.who)
		byNorm[norm] = append(byNorm[norm], u)
		if owners[u.code] == nil {
			owners[u.code] = make(map[int]bool)
		}
		owners[u.code][u.who] = true
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
	case c.Deleted, clears && s.switches.PutResetsPermission, c.Permission == "unsubscribed" && (!s.rules.unsubscribed || s.switches.UnsubscribedFieldsIgnored || clears):
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
