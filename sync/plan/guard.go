package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ccsyncd/internal/kit"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
)

// Guard holds the limits beyond which a plan looks like an accident. 0 turns a limit off.
type Guard struct {
	// values replaced, in percent of the contacts that carry one, for each field
	MaxChangePercent int
	ExemptBelow      int // fewer changes than this never trip MaxChangePercent
	MaxClears        int
	MaxCreates       int
	MaxJoins         int
	MinSourceRows    int // rows with an address and a value
	// such rows lost since the best good run of the last 7 days, for each field
	MaxShrinkPercent int
	// contacts that go ahead of the first push, and of the first after fields or lists changed
	Canary int
}

const (
	// LookBack is how far back the guard counts what was sent, so that many small steps do not pass
	// where a large one would not.
	LookBack = 24 * time.Hour
	// ShrinkDays is how far back the guard looks for the best run.
	ShrinkDays = 7
	// manyContacts is how many contacts an account has to lose, besides most of them, to look like
	// another account.
	manyContacts = 50
)

// Verdict is the guard's.
type Verdict struct {
	Tripped bool `json:"tripped"`
	// names of limits, or "moved", "account", "mapping", "shared_codes", "canary"
	Reasons []string `json:"reasons"`
	Details []string `json:"details"`
}

// Trip adds a reason to refuse the plan.
func (v *Verdict) Trip(reason, detail string) {
	v.Tripped = true
	v.Reasons = append(v.Reasons, reason)
	v.Details = append(v.Details, detail)
}

// Summary says what tripped, in one line.
func (v *Verdict) Summary() string { return strings.Join(v.Details, "; ") }

// NoVerdict is that of a plan that was not judged.
func NoVerdict() Verdict { return Verdict{Reasons: []string{}, Details: []string{}} }

// Forced is what is left of a verdict when a person passes the guard, and the details of what was
// passed: the least number of rows holds all the same.
func (v *Verdict) Forced() (kept Verdict, passed []string) {
	kept = NoVerdict()
	for i, reason := range v.Reasons {
		if reason == "min_source_rows" {
			kept.Trip(reason, v.Details[i])
			continue
		}
		passed = append(passed, v.Details[i])
	}
	return kept, passed
}

// History is what the guard knows of former runs.
type History struct {
	Sent state.Tally // in the last LookBack, or since the last forced run
	// by column, rows with an address and a value in the best good run of the last ShrinkDays, ""
	// for any
	Best     map[string]int
	Good     *Good // the last good run; nil: there was none
	Contacts int   // that are not deleted
}

// Good is how the account looked at the last good run.
type Good struct {
	Mapping  []string // lines that say which column is mapped to which field
	Contacts int
}

// evidence is all that the guard looks at.
type evidence struct {
	plan     state.Tally
	sent     state.Tally
	carriers map[string]int // contacts that carry a value, by column
	valued   map[string]int // rows with an address and a value, by column, "" for any
	best     map[string]int // the same of the best good run of the last days
	shared   []string       // columns whose values were one each and would be shared
	remapped []string       // columns that were not mapped so at the last good run
	contacts int            // that are not deleted
	had      int            // the same at the last good run, 0 when there was none
}

// evidenceOf puts together what a plan does and what former runs did.
func (g *Guard) evidenceOf(p *Plan, h *History) *evidence {
	e := &evidence{plan: p.Tally, sent: h.Sent, carriers: make(map[string]int), valued: p.Valued, best: maps.Clone(h.Best)}
	for i, n := range p.Carriers {
		e.carriers[p.Mapping.Targets[i].Column] += n
	}
	for i := range p.Sharing {
		if s := &p.Sharing[i]; s.suspicious(g.ExemptBelow) {
			e.shared = append(e.shared, p.Mapping.Targets[i].Column)
		}
	}
	e.forgetUnmapped()
	if h.Good == nil {
		return e
	}
	e.had, e.contacts = h.Good.Contacts, h.Contacts
	for i, pair := range p.Mapping.Pairs() {
		if !slices.Contains(h.Good.Mapping, pair) {
			e.remapped = append(e.remapped, p.Mapping.Targets[i].Column)
		}
	}
	return e
}

// forgetUnmapped leaves out columns that are not mapped any more. Rows with a value of any column
// are then another figure than they were.
func (e *evidence) forgetUnmapped() {
	for _, column := range sortedKeys(e.best) {
		if _, mapped := e.carriers[column]; !mapped && column != "" {
			delete(e.best, column)
			delete(e.best, "")
		}
	}
}

// Judge judges a plan: it is pure, and stricter the more the plan does.
func (g *Guard) Judge(p *Plan, h *History) Verdict {
	e := g.evidenceOf(p, h)
	v := NoVerdict()
	total := state.Tally{}
	total.Add(e.plan)
	total.Add(e.sent)
	g.judgeChanges(&v, e, total)
	for _, limit := range []struct {
		reason, what string
		count, most  int
	}{
		{"max_clears", "contacts would lose a value", total.Clears, g.MaxClears},
		{"max_creates", "contacts would be created", total.Creates, g.MaxCreates},
		{"max_joins", "list memberships would be added", total.Joins, g.MaxJoins},
	} {
		if limit.most > 0 && limit.count > limit.most {
			v.Trip(limit.reason, fmt.Sprintf("%s %s within 24 hours, more than %s = %d allows", kit.Count(limit.count), limit.what, limit.reason, limit.most))
		}
	}
	g.judgeSource(&v, e)
	g.judgeMapping(&v, e)
	if lost := e.had - e.contacts; lost >= manyContacts && lost*2 > e.had {
		v.Trip("account", fmt.Sprintf("the account has %s contacts now and had %s at the last good run", kit.Count(e.contacts), kit.Count(e.had)))
	}
	for _, column := range e.shared {
		v.Trip("shared_codes", fmt.Sprintf("many different values of %s would be replaced by a few shared ones", column))
	}
	return v
}

// judgeChanges looks at the values that are replaced, each field by itself. A plan that replaces
// nothing never trips it, whatever was sent before.
func (g *Guard) judgeChanges(v *Verdict, e *evidence, total state.Tally) {
	if g.MaxChangePercent == 0 {
		return
	}
	for _, column := range sortedKeys(e.plan.Changes) {
		n, carriers := total.Changes[column], e.carriers[column]
		if n < g.ExemptBelow || n*100 <= carriers*g.MaxChangePercent {
			continue
		}
		v.Trip("max_change_percent", fmt.Sprintf("%s of %s would be replaced within 24 hours, more than max_change_percent = %d allows (%s)",
			kit.Plural(n, "value", "values"), column, g.MaxChangePercent, haveOne(carriers)))
	}
}

func (g *Guard) judgeSource(v *Verdict, e *evidence) {
	if g.MinSourceRows > 0 && e.valued[""] < g.MinSourceRows {
		v.Trip("min_source_rows", fmt.Sprintf("the source has %s with an address and a value, fewer than min_source_rows = %d",
			kit.Plural(e.valued[""], "row", "rows"), g.MinSourceRows))
	}
	if g.MaxShrinkPercent == 0 {
		return
	}
	for _, column := range sortedKeys(e.best) { // "", all rows, comes first
		best, now := e.best[column], e.valued[column]
		if (best-now)*100 <= best*g.MaxShrinkPercent {
			continue
		}
		what := "rows with an address and a value"
		if column != "" {
			what = "rows with a value of " + column
		}
		v.Trip("max_shrink_percent", fmt.Sprintf("the source has %s %s, down from %s in the last %d days, a larger loss than max_shrink_percent = %d allows",
			kit.Count(now), what, kit.Count(best), ShrinkDays, g.MaxShrinkPercent))
		return
	}
}

// haveOne says how many contacts carry a value now. More values may be replaced within 24 hours:
// some contacts get theirs replaced twice.
func haveOne(carriers int) string {
	return kit.Plural(carriers, "contact has a value", "contacts have a value")
}

// judgeMapping looks at fields that were not mapped so at the last good run, whatever
// MaxChangePercent allows.
func (g *Guard) judgeMapping(v *Verdict, e *evidence) {
	for _, column := range e.remapped {
		if n, carriers := e.plan.Changes[column], e.carriers[column]; n >= max(g.ExemptBelow, 2) && n*2 > carriers {
			v.Trip("mapping", fmt.Sprintf("the mapping changed, and %s would be replaced by values of %s (%s)", kit.Plural(n, "value", "values"), column, haveOne(carriers)))
		}
	}
}

// sharing finds out whether values that are one for each contact would be replaced by shared ones,
// as by an UPDATE without its WHERE.
type sharing struct {
	mapping *contact.Mapping
	values  *spool.Spool // field, 'o'ld or 'n'ew, value
	changes []int        // by field
	buf     []byte
}

func newSharing(m *contact.Mapping, scratch string) *sharing {
	return &sharing{mapping: m, values: spool.New(scratch), changes: make([]int, len(m.Targets))}
}

func (s *sharing) add(d *decision) error {
	for i, wanted := range d.wanted {
		old := d.old[i]
		if old == "" || wanted == "" || old == wanted {
			continue
		}
		s.changes[i]++
		for side, value := range map[byte]string{'o': old, 'n': wanted} {
			s.buf = append(append(s.buf[:0], byte(i), side), value...)
			if err := s.values.Add(s.buf, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// Sharing tells how the values of one field would be replaced.
type Sharing struct {
	Replaced      int // values
	Before, After int // different ones among those replaced, and among those that replace them
}

// suspicious tells whether at least exempt values change, nine in ten of the old ones different and
// the new ones fewer than half as many.
func (s *Sharing) suspicious(exempt int) bool {
	return s.Replaced >= exempt && s.Before*10 >= s.Replaced*9 && s.After*2 < s.Replaced
}

// count counts the different values.
func (s *sharing) count() ([]Sharing, error) {
	all := make([]Sharing, len(s.changes))
	for i, n := range s.changes {
		all[i].Replaced = n
	}
	var last []byte
	for v := range s.values.Sorted() {
		if last == nil || string(v) != string(last) {
			if of := &all[v[0]]; v[1] == 'o' {
				of.Before++
			} else {
				of.After++
			}
		}
		last = append(last[:0], v...)
	}
	return all, s.values.Err()
}
