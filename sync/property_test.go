package sync_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
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

// tale is what rapid draws: an installation, and what happens to it. It is drawn whole before
// anything is done, so that it shrinks.
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
	broken     bool // the address is none
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
		name: rapid.SampledFrom(names).Draw(rt, "name"), shout: rapid.Bool().Draw(rt, "shout"),
		broken: rapid.IntRange(0, 9).Draw(rt, "broken") == 9}
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

// TestWhateverHappensInTheEndBothSidesAgree lives random tales of edits on both sides, faults,
// kills and changes of the configuration. After each step nothing may have changed in the account
// but what the rules allow; in the end both sides agree.
func TestWhateverHappensInTheEndBothSidesAgree(t *testing.T) {
	t.Parallel()
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		tale := drawTale(rt)
		n++
		if kind, detail := tale.live(t, filepath.Join(dir, fmt.Sprint(n))); kind != "" {
			rt.Logf("%s\n%s", detail, tale)
			// the same for tales that fail alike: that is how rapid knows them while it shrinks one
			rt.Fatal(kind)
		}
	})
	t.Logf("%d tales", n)
}

// stop ends a tale at the first thing that is wrong.
type stop struct{}

// listener takes what a test finds wrong in place of the test, which has to go on with the next
// tale.
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
