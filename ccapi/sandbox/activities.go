package sandbox

import (
	"slices"
	"time"
)

// States of an activity.
const (
	stateInitialized = "initialized"
	stateProcessing  = "processing"
	stateCompleted   = "completed"
	stateCancelled   = "cancelled"
	stateFailed      = "failed"
	stateTimedOut    = "timed_out"
)

var activityStates = []string{stateProcessing, stateCompleted, stateCancelled, stateFailed, stateTimedOut}

// activity is a bulk job. It has no worker: what it has done by now follows from
// the clock, and is made up for whenever somebody looks.
type activity struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"` // the last part of the path that made it
	Created  time.Time `json:"created"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	Settled  bool      `json:"settled"`  // ended, and its effects are there
	State    string    `json:"state"`    // at its end
	Items    int       `json:"items"`    // all that it was asked to do
	Done     int       `json:"done"`     // items worked on so far
	Counts   counters  `json:"counts"`   // of an import
	Errors   []string  `json:"errors"`   // activity_errors
	FileName string    `json:"filename"` // of a CSV import
	Lists    int       `json:"lists"`    // lists that it names
	Job      *job      `json:"job,omitempty"`
	Mishap   mishap    `json:"mishap"`
	File     string    `json:"file,omitempty"`  // of an export
	Thrown   Switches  `json:"thrown,omitzero"` // switches that were thrown for it alone
}

// counters are what an import tells about its rows.
type counters struct {
	Persons       int `json:"persons"`
	Errors        int `json:"errors"`
	Correctable   int `json:"correctable"`
	CannotAddList int `json:"cannot_add_list"`
}

// job is what an activity still has to do.
type job struct {
	Import   *importJob `json:"import,omitempty"`
	Contacts []string   `json:"contacts,omitempty"` // ids
	Lists    []string   `json:"lists,omitempty"`
	Tags     []string   `json:"tags,omitempty"`
	Fields   []string   `json:"fields,omitempty"`
	Export   *exportJob `json:"export,omitempty"`
}

// Limits of activities.
const (
	activityPath      = "/v3/activities/"
	maxActivitiesPage = 500

	activityLifetime = 10 * 24 * time.Hour // older ones are gone
	maxQueued        = 1000
	startDelay       = 500 * time.Millisecond // initialized until then, or a tenth of the whole
	statusLate       = 30 * time.Second       // without a status until then, where it comes late
)

// enqueue accepts a job; full: too many wait already.
func (s *Server) enqueue(c *call, kind string, items int, j *job) (a *activity, full bool) {
	queued := 0
	for _, other := range s.acc.Activities {
		if !other.Settled && c.now.Before(other.End) {
			queued++
		}
	}
	if queued >= maxQueued {
		return nil, true
	}
	takes := s.opts.ImportTime(items)
	begins := c.now.Add(time.Duration(s.switches.ActivitiesWait))
	a = &activity{ID: s.newID(), Kind: kind, Created: c.now, Start: begins.Add(min(startDelay, takes/10)),
		End: begins.Add(takes), State: stateCompleted, Items: items, Errors: []string{}, Job: j, Lists: len(j.Lists), Thrown: c.thrown}
	a.befall(c.effect)
	s.acc.Activities = append(s.acc.Activities, a)
	return a, false
}

// advanceActivities does what has become due, each at its own time.
func (s *Server) advanceActivities(now time.Time) {
	var due []*activity
	for _, a := range s.acc.Activities {
		progressive := s.switches.ImportsProgressive || a.Thrown.ImportsProgressive
		if !a.Settled && (!now.Before(a.End) || progressive && !now.Before(a.Start)) {
			due = append(due, a)
		}
	}
	slices.SortStableFunc(due, func(x, y *activity) int { return x.End.Compare(y.End) })
	for _, a := range due {
		s.caused(a.Kind, func() {
			s.thrown(a.Thrown, func() { s.advance(a, now) })
		})
	}
	for len(s.acc.Activities) > 0 && now.Sub(s.acc.Activities[0].Created) > activityLifetime {
		s.acc.Activities = s.acc.Activities[1:]
	}
}

// advance works on an activity up to a moment.
func (s *Server) advance(a *activity, now time.Time) {
	ended := !now.Before(a.End)
	if ended {
		now = a.End
	}
	s.workOn(a, a.reached(now), now)
	if ended && a.Mishap.State != stateProcessing {
		s.end(a)
	}
}

// reached is how many items the activity has come to at a moment.
func (a *activity) reached(now time.Time) int {
	share := a.share(now)
	if a.Mishap.stops() {
		share = min(share, a.Mishap.Share)
	}
	return int(share * float64(a.Items))
}

// end closes an activity.
func (s *Server) end(a *activity) {
	a.Settled = true
	if a.Mishap.State != "" {
		a.State = a.Mishap.State
	}
	if a.Job.Export != nil && a.State == stateCompleted {
		a.File = string(s.exportCSV(a.Job.Export))
	}
	if a.State == stateFailed {
		a.Errors = append(a.Errors, "The activity failed.")
	}
	a.Job = nil
	s.changed++
}

// share is how much of the time has passed, from 0 to 1.
func (a *activity) share(now time.Time) float64 {
	whole := a.End.Sub(a.Start)
	if whole <= 0 || !now.Before(a.End) {
		return 1
	}
	return max(0, float64(now.Sub(a.Start))/float64(whole))
}

// state is the state that the API shows at a moment.
func (a *activity) state(now time.Time) string {
	switch {
	case a.Settled:
		return a.State
	case !now.After(a.Start):
		return stateInitialized
	}
	return stateProcessing
}

func (a *activity) percent(now time.Time) int {
	switch {
	case a.Settled && a.State == stateCompleted:
		return 100
	case a.state(now) == stateInitialized:
		return 1
	case a.Mishap.stops():
		return max(1, min(99, int(100*min(a.share(now), a.Mishap.Share))))
	}
	return max(1, min(99, int(100*a.share(now))))
}

type activityJSON struct {
	ID        string        `json:"activity_id"`
	State     string        `json:"state"`
	Started   string        `json:"started_at,omitempty"`
	Completed string        `json:"completed_at,omitempty"`
	Created   string        `json:"created_at"`
	Updated   string        `json:"updated_at"`
	FileName  string        `json:"source_file_name,omitempty"`
	Percent   int           `json:"percent_done"`
	Errors    []string      `json:"activity_errors"`
	Status    any           `json:"status,omitempty"`
	Links     activityLinks `json:"_links"`
}

type activityLinks struct {
	Self    link  `json:"self"`
	Results *link `json:"results,omitempty"`
}

// shownActivity is an activity as the API shows it at a moment.
func (s *Server) shownActivity(a *activity, now time.Time) activityJSON {
	out := activityJSON{ID: a.ID, State: a.state(now), Created: isoTime(a.Created), Updated: isoTime(a.moved(now)),
		FileName: a.FileName, Percent: a.percent(now), Errors: a.Errors, Status: a.status(now),
		Links: activityLinks{Self: link{activityPath + a.ID}}}
	if out.State != stateInitialized {
		out.Started = isoTime(a.Start)
	}
	if a.Settled {
		out.Completed = isoTime(a.End)
	}
	if a.Kind == kindExport && out.State != stateInitialized {
		// it stands there before the file is ready
		out.Links.Results = &link{"/v3/contact_exports/" + a.ID}
	}
	late := s.switches.ActivityStatusLate || a.Thrown.ActivityStatusLate
	if late && !a.Settled && (out.State == stateInitialized || now.Sub(a.Created) < statusLate) {
		out.Status = nil
	}
	return out
}

// moved is when the activity last moved.
func (a *activity) moved(now time.Time) time.Time {
	switch {
	case now.Before(a.Start):
		return a.Created
	case now.Before(a.End) && !a.Mishap.stops():
		return now
	case now.Before(a.End):
		return a.Start
	}
	return a.End
}

func isoTime(t time.Time) string { return stampOf(t).String() }

func (s *Server) getActivity(c *call) answer {
	id := c.PathValue("activity_id")
	a := first(s.acc.Activities, func(a *activity) bool { return a.ID == id && !a.Mishap.Gone })
	if a == nil {
		return noSuch("activity_id", id)
	}
	return ok(s.shownActivity(a, c.now))
}

func (s *Server) getActivities(c *call) answer {
	state := c.query.Get("state")
	if state != "" && !slices.Contains(activityStates, state) {
		return invalid("state does not have a valid value")
	}
	var all []*activity
	for _, a := range slices.Backward(s.acc.Activities) { // the newest first
		if !a.Mishap.Gone && (state == "" || a.state(c.now) == state) {
			all = append(all, a)
		}
	}
	page, on, problem, good := s.activityPage(c, all)
	if !good {
		return problem
	}
	out := struct {
		Activities []activityJSON `json:"activities"`
		Links      links          `json:"_links"`
	}{Activities: []activityJSON{}, Links: on}
	for _, a := range page {
		out.Activities = append(out.Activities, s.shownActivity(a, c.now))
	}
	if len(out.Activities) > 0 && !s.switches.ActivitySelfLinksRight {
		for i := range out.Activities {
			out.Activities[i].Links.Self = link{activityPath + page[0].ID}
		}
	}
	return ok(out)
}

// activityPage is a page of a list of activities.
func (s *Server) activityPage(c *call, all []*activity) (page []*activity, on links, problem answer, good bool) {
	if s.switches.ActivitiesByOffset {
		return pageByOffset(s, c, all, maxActivitiesPage)
	}
	return pageByID(s, c, all, func(a *activity) string { return a.ID }, maxActivitiesPage)
}

// accepted answers the POST that made an activity.
func (s *Server) accepted(c *call, a *activity) answer {
	shown := s.shownActivity(a, c.now)
	if !s.switches.ActivitySelfLinksRight {
		shown.Links.Self = link{"/contacts-service" + shown.Links.Self.Href}
	}
	return created(shown)
}
