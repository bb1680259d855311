package web

import (
	"cmp"
	"context"
	"encoding/csv"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	ccsync "ccsyncd/sync"
)

const (
	planKept   = time.Hour // a plan becomes outdated, and contains names
	pageOfPlan = 100       // rows
)

// planner keeps the last dry run that was started on the page. Its methods may be called
// concurrently.
type planner struct {
	mu   sync.Mutex // guards what follows
	busy bool
	last *madePlan // nil when there is none
}

// madePlan is what a dry run found. The values in it are masked.
type madePlan struct {
	At     time.Time
	Err    string // why there is no report
	Report ccsync.Report
	Rows   []planRow
}

// Changes is how many contacts a run would touch.
func (m *madePlan) Changes() int {
	s := m.Report.Summary
	return s.Create + s.Update + s.Clear
}

// planRow is a change or a skipped user.
type planRow struct {
	Action     string // "update", "create", "clear" or "skip"
	Key, Email string
	Fields     []planField
	Joins      []string
	Reason     string // of a skipped user
	Detail     string
}

// planField is one field that a change would set.
type planField struct{ Column, Old, New string }

// begin tells whether a dry run may begin now: one at a time.
func (p *planner) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy {
		return false
	}
	p.busy = true
	return true
}

func (p *planner) end(made *madePlan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy, p.last = false, made
	time.AfterFunc(planKept, func() { p.forget(made) })
}

// forget drops a plan, unless a newer one has replaced it.
func (p *planner) forget(made *madePlan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == made {
		p.last = nil
	}
}

func (p *planner) now() (busy bool, last *madePlan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.busy, p.last
}

// postPlan starts a dry run when a person presses the button, and redirects to its page.
func (s *site) postPlan(w http.ResponseWriter, r *http.Request) {
	if s.Token == "" {
		http.Error(w, "dry runs cannot be requested: no [http] token is configured", http.StatusForbidden)
		return
	}
	if s.planner.begin() {
		ctx := context.WithoutCancel(r.Context()) // the browser goes on to the next page meanwhile
		go func() { s.planner.end(s.makePlan(ctx)) }()
	}
	http.Redirect(w, r, "/plan", http.StatusSeeOther)
}

func (s *site) makePlan(ctx context.Context) *madePlan {
	report, err := s.DryRun(ctx)
	made := &madePlan{At: time.Now()}
	if err != nil {
		s.Log.Error("dry run asked for on the page", "error", err)
		made.Err = "the dry run failed. Try again in a moment; `ccsyncd check` finds out why"
		return made
	}
	if report.Outcome != ccsync.Planned && report.Outcome != ccsync.Refused {
		made.Err = "the dry run ended before the changes were planned"
		if e := report.Error; e != nil {
			made.Err = strings.TrimSuffix(e.Message, ".") + ". Hint: " + e.Hint
		}
		return made
	}
	for i := range report.Changes {
		made.Rows = append(made.Rows, s.rowOfChange(&report.Changes[i]))
	}
	for _, skip := range report.Skipped {
		made.Rows = append(made.Rows, planRow{Action: "skip", Key: skip.Key, Email: skip.Email, Reason: string(skip.Reason), Detail: plain(skip.Detail)})
	}
	made.Report = *report
	made.Report.Changes, made.Report.Skipped = nil, nil
	return made
}

func (s *site) rowOfChange(c *ccsync.Change) planRow {
	row := planRow{Action: string(c.Action), Key: c.Key, Email: c.Email, Joins: c.Joins}
	hide := func(value string) string {
		if value == "" {
			return ""
		}
		return s.Mask(value)
	}
	for _, f := range c.Fields {
		row.Fields = append(row.Fields, planField{f.Column, hide(f.Old), hide(f.New)})
	}
	return row
}

// planView is the page of a dry run.
type planView struct {
	frame
	Allowed  bool // a token is configured
	Login    Authorization
	Busy     bool
	Made     *madePlan // nil when there is none
	Asked    string    // what is searched for
	Action   string    // "" for all
	Actions  []planAction
	Rows     []planRow
	From, To int
	Total    int
	Previous int // page; 0 for none
	Next     int
}

// planAction is one kind of rows, to choose it.
type planAction struct {
	Action string
	N      int
}

// Title of the kind, for people.
func (a planAction) Title() string {
	return cmp.Or(map[string]string{"": "All", "update": "Update", "create": "Create", "clear": "Clear", "skip": "Skip"}[a.Action], a.Action)
}

// Link is the address of a page of rows of one kind.
func (v planView) Link(action string, page int) string {
	q := url.Values{}
	for name, value := range map[string]string{"q": v.Asked, "action": action, "page": strconv.Itoa(page)} {
		if value != "" && value != "1" {
			q.Set(name, value)
		}
	}
	return strings.TrimSuffix("/plan?"+q.Encode(), "?")
}

// LocalNow is the time by the clock that the plan's age goes by.
func (v planView) LocalNow() time.Time { return time.Now() }

// ReasonTitle says in words why a user is skipped.
func (r planRow) ReasonTitle() string { return meaningOf(r.Reason, skipMeanings).Title }

// plan shows the last dry run, as far as it fits a search.
func (s *site) plan(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	v := planView{frame: s.frame(r, "Dry run"), Allowed: s.Token != "", Asked: strings.TrimSpace(q.Get("q")), Action: q.Get("action")}
	var err error
	if v.Login, err = s.Authorization(r.Context()); err != nil {
		s.broken(w, err)
		return
	}
	if v.Busy, v.Made = s.planner.now(); v.Busy {
		v.Reload = reloadFollowed
		w.Header().Set("Refresh", strconv.Itoa(v.Reload))
	}
	if v.Made != nil {
		page, err := strconv.Atoi(q.Get("page"))
		if err != nil || page < 1 || page > 1<<20 {
			page = 1
		}
		v.search(page)
	}
	s.show(w, "plan.html", v)
}

// search takes the rows of a page that fit, and counts all that would.
func (v *planView) search(page int) {
	counts := make(map[string]int)
	var fit []planRow
	for _, row := range v.Made.Rows {
		if !row.fits(v.Asked) {
			continue
		}
		counts[row.Action]++
		if v.Action == "" || v.Action == row.Action {
			fit = append(fit, row)
		}
	}
	all := 0
	for _, action := range slices.Sorted(maps.Keys(counts)) {
		all += counts[action]
		v.Actions = append(v.Actions, planAction{action, counts[action]})
	}
	v.Actions = append([]planAction{{"", all}}, v.Actions...)
	first := min((page-1)*pageOfPlan, len(fit))
	last := min(first+pageOfPlan, len(fit))
	v.Rows, v.Total, v.From, v.To, v.Previous = fit[first:last], len(fit), first+1, last, page-1
	if last < len(fit) {
		v.Next = page + 1
	}
}

// fits tells whether a row has a text in its address, key, reason or lists.
func (r planRow) fits(text string) bool {
	text = strings.ToLower(text)
	for _, has := range append([]string{r.Email, r.Key, r.Reason, r.ReasonTitle(), r.Action}, r.Joins...) {
		if strings.Contains(strings.ToLower(has), text) {
			return true
		}
	}
	return false
}

// planCSV is the last dry run as a download. Its values are masked as on the page.
func (s *site) planCSV(w http.ResponseWriter, _ *http.Request) {
	_, made := s.planner.now()
	if made == nil || made.Err != "" {
		http.Error(w, "there is no dry run to download; start one on the page", http.StatusNotFound)
		return
	}
	var text strings.Builder
	c := csv.NewWriter(&text)
	// a Builder takes everything
	_ = c.Write([]string{"action", "key", "email", "column", "old", "new", "joins", "reason", "detail"})
	for _, row := range made.Rows {
		fields := row.Fields
		if len(fields) == 0 {
			fields = []planField{{}}
		}
		for _, f := range fields {
			_ = c.Write([]string{row.Action, cell(row.Key), cell(row.Email), cell(f.Column), cell(f.Old), cell(f.New), cell(strings.Join(row.Joins, "; ")), row.Reason, cell(row.Detail)})
		}
	}
	c.Flush()
	download(w, "dry-run.csv", text.String())
}
