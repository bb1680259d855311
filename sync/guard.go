package sync

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
)

// Guard holds the limits beyond which a plan looks like an accident. 0 turns a limit off.
type Guard struct {
	MaxChangePercent int // values replaced, in percent of the contacts that carry one, for each field
	ExemptBelow      int // fewer changes than this never trip MaxChangePercent
	MaxClears        int
	MaxCreates       int
	MaxJoins         int
	MinSourceRows    int // rows with an address and a value
	MaxShrinkPercent int // such rows lost since the best good run of the last 7 days, for each field
}

// lookBack is how far back the guard counts what was sent, so that many small steps do not pass where a large
// one would not.
const lookBack = 24 * time.Hour

// shrinkDays is how far back the guard looks for the best run.
const shrinkDays = 7

// manyContacts is how many contacts an account has to lose, besides most of them, to look like another account.
const manyContacts = 50

// Verdict is the guard's.
type Verdict struct {
	Tripped bool     `json:"tripped"`
	Reasons []string `json:"reasons"` // names of limits, or "moved", "account", "mapping", "shared_codes"
	Details []string `json:"details"`
}

func (v *Verdict) trip(reason, detail string) {
	v.Tripped = true
	v.Reasons = append(v.Reasons, reason)
	v.Details = append(v.Details, detail)
}

func (v *Verdict) summary() string { return "nothing was sent: " + strings.Join(v.Details, "; ") }

// evidence is all that the guard looks at.
type evidence struct {
	plan     state.Tally    // what the plan would do
	sent     state.Tally    // what was done in the last 24 hours
	carriers map[string]int // contacts that carry a value, by column
	valued   map[string]int // rows with an address and a value, by column, "" for any
	best     map[string]int // the same of the best good run of the last days
	shared   []string       // columns whose values were one each and would be shared
	remapped []string       // columns that were not mapped so at the last good run
	contacts int            // that are not deleted
	had      int            // the same at the last good run, 0 when there was none
}

// judge is the guard: pure, and stricter the more a plan does.
func (g *Guard) judge(e *evidence) Verdict {
	v := Verdict{Reasons: []string{}, Details: []string{}}
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
			v.trip(limit.reason, fmt.Sprintf("%d %s within 24 hours (%s = %d)", limit.count, limit.what, limit.reason, limit.most))
		}
	}
	g.judgeSource(&v, e)
	g.judgeMapping(&v, e)
	if lost := e.had - e.contacts; lost >= manyContacts && lost*2 > e.had {
		v.trip("account", fmt.Sprintf("the account shows %d contacts and showed %d at the last good run", e.contacts, e.had))
	}
	for _, column := range e.shared {
		v.trip("shared_codes", fmt.Sprintf("the values of %s were one for each contact and would be shared by many", column))
	}
	return v
}

// judgeChanges looks at the values that are replaced, each field by itself. A plan that replaces nothing never
// trips it, whatever was sent before.
func (g *Guard) judgeChanges(v *Verdict, e *evidence, total state.Tally) {
	if g.MaxChangePercent == 0 {
		return
	}
	for _, column := range sortedKeys(e.plan.Changes) {
		n, carriers := total.Changes[column], e.carriers[column]
		if n < g.ExemptBelow || n*100 <= carriers*g.MaxChangePercent {
			continue
		}
		v.trip("max_change_percent", fmt.Sprintf("%d of %d values of %s would be replaced within 24 hours (max_change_percent = %d)",
			n, carriers, column, g.MaxChangePercent))
	}
}

func (g *Guard) judgeSource(v *Verdict, e *evidence) {
	if g.MinSourceRows > 0 && e.valued[""] < g.MinSourceRows {
		v.trip("min_source_rows", fmt.Sprintf("the source has %d rows with an address and a value (min_source_rows = %d)", e.valued[""], g.MinSourceRows))
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
		v.trip("max_shrink_percent", fmt.Sprintf("the source has %d %s and had %d in the last %d days (max_shrink_percent = %d)",
			now, what, best, shrinkDays, g.MaxShrinkPercent))
		return
	}
}

// judgeMapping looks at fields that were not mapped so at the last good run, whatever MaxChangePercent allows.
func (g *Guard) judgeMapping(v *Verdict, e *evidence) {
	for _, column := range e.remapped {
		if n, carriers := e.plan.Changes[column], e.carriers[column]; n >= max(g.ExemptBelow, 2) && n*2 > carriers {
			v.trip("mapping", fmt.Sprintf("the mapping was changed, and %d of %d values would be replaced by those of %s", n, carriers, column))
		}
	}
}

// Names under which the state database keeps what the guard compares the next run with: how the last good run was.
const (
	factGoodMapping  = "good_mapping"
	factGoodContacts = "good_contacts"
)

// judge collects the evidence and lets the guard judge the plan. --force passes every limit but the least
// number of rows.
func (r *run) judge(ctx context.Context) error {
	e, err := r.evidence(ctx)
	if err != nil {
		return err
	}
	v := r.Guard.judge(e)
	if !r.opts.Force {
		r.report.Guard = v
		return nil
	}
	kept := Verdict{Reasons: []string{}, Details: []string{}}
	for i, reason := range v.Reasons {
		if reason == "min_source_rows" {
			kept.trip(reason, v.Details[i])
			continue
		}
		r.note("forced past the guard: " + v.Details[i])
	}
	r.report.Guard = kept
	return nil
}

func (r *run) evidence(ctx context.Context) (*evidence, error) {
	e := &evidence{plan: r.plan.tally, carriers: make(map[string]int), valued: r.users.Valued.ByColumn(r.mapping)}
	for i, n := range r.plan.carriers {
		e.carriers[r.mapping.Targets[i].Column] += n
	}
	since := r.now().Add(-lookBack)
	forced, err := r.State.LastForced(ctx)
	if err != nil {
		return nil, err
	}
	if forced.After(since) {
		since = forced
	}
	if e.sent, err = r.State.SentSince(ctx, since); err != nil {
		return nil, err
	}
	if e.best, err = r.State.BestValued(ctx, shrinkDays); err != nil {
		return nil, err
	}
	e.forgetUnmapped()
	if err := r.sinceGood(ctx, e); err != nil {
		return nil, err
	}
	e.shared, err = r.plan.sharing.shared(r.Guard.ExemptBelow)
	return e, err
}

// forgetUnmapped leaves out columns that are not mapped any more. Rows with a value of any column are then another
// figure than they were.
func (e *evidence) forgetUnmapped() {
	for _, column := range sortedKeys(e.best) {
		if _, mapped := e.carriers[column]; !mapped && column != "" {
			delete(e.best, column)
			delete(e.best, "")
		}
	}
}

// sinceGood compares account and mapping with those of the last good run, if there was one.
func (r *run) sinceGood(ctx context.Context, e *evidence) error {
	had, err := r.State.Fact(ctx, factGoodContacts)
	if err != nil || had == "" {
		return err
	}
	if e.had, err = strconv.Atoi(had); err != nil {
		return fmt.Errorf("read %s: %w", factGoodContacts, err)
	}
	e.contacts = r.mirror.Contacts
	good, err := r.State.Fact(ctx, factGoodMapping)
	if err != nil {
		return err
	}
	for i, pair := range r.mapping.Pairs() {
		if !slices.Contains(strings.Split(good, "\n"), pair) {
			e.remapped = append(e.remapped, r.mapping.Targets[i].Column)
		}
	}
	return nil
}

// sharing finds out whether values that are one for each contact would be replaced by shared ones, as by an UPDATE
// without its WHERE.
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

// shared names the columns of which at least exempt values change, nine in ten of the old ones different and the new
// ones fewer than half as many.
func (s *sharing) shared(exempt int) ([]string, error) {
	defer s.values.Close()
	distinct := make(map[[2]byte]int)
	var last []byte
	for v := range s.values.Sorted() {
		if last == nil || string(v) != string(last) {
			distinct[[2]byte(v[:2])]++
		}
		last = append(last[:0], v...)
	}
	var columns []string
	for i, n := range s.changes {
		before, after := distinct[[2]byte{byte(i), 'o'}], distinct[[2]byte{byte(i), 'n'}]
		if n >= max(exempt, 2) && before*10 >= n*9 && after*2 < n {
			columns = append(columns, s.mapping.Targets[i].Column)
		}
	}
	return columns, s.values.Err()
}
