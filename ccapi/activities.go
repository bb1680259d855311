package ccapi

import (
	"context"
	"net/url"
	"time"
)

// The states of an activity.
const (
	StateInitialized = "initialized"
	StateProcessing  = "processing"
	StateCompleted   = "completed"
	StateCancelled   = "cancelled"
	StateFailed      = "failed"
	StateTimedOut    = "timed_out"
)

// Activity is a bulk job of the account. A completed job can have lost rows, so look at the
// counters and read the contacts back.
type Activity struct {
	ID          string
	State       string // one of the State constants
	PercentDone int
	Errors      []string // messages; they name no contact reliably
	// Items is items_total_count: of an import the rows, by some accounts with a header line.
	Items           int
	Persons         int // contacts that an import took
	ErrorCount      int // rows of an import with errors beyond repair
	Correctable     int // rows of an import with errors that could be repaired
	CannotAddToList int // contacts of an import that opted out
	// IsImport is true for an import. Exports and other jobs count no persons.
	IsImport bool
	// Unclear is true while the activity has no status that shows its kind. It may be an import.
	Unclear     bool
	CreatedAt   time.Time // UTC; zero where not told
	StartedAt   time.Time // UTC; zero where not told, or it has not begun
	CompletedAt time.Time // UTC; zero where not told, or it has not ended
	UpdatedAt   time.Time // UTC; zero where not told
	// link to an export's file, for [Reader.ExportFile]; can come before the file
	Results string
}

// Ended reports whether the activity is in a final state.
func (a Activity) Ended() bool {
	switch a.State {
	case StateCompleted, StateCancelled, StateFailed, StateTimedOut:
		return true
	}
	return false
}

// Activity reads one activity. For one that is older than ten days, the error is [ErrNotFound].
func (r *Reader) Activity(ctx context.Context, id string) (Activity, error) {
	doc := new(activityDoc)
	if err := r.read(ctx, "read activity", doc, nil, "activities", id); err != nil {
		return Activity{}, err
	}
	return doc.public(), nil
}

// activitiesPerPage is the most that GET /activities gives at once.
const activitiesPerPage = 500

// Activities reads all activities of the last ten days, in the order of the server. It uses no
// filter, because the filter by state has no value for an activity that is only initialized.
func (r *Reader) Activities(ctx context.Context) ([]Activity, error) {
	return collect(ctx, r, "read activities", url.Values{"limit": {"500"}}, "activities",
		func() *activitiesPage { return new(activitiesPage) },
		func(p *activitiesPage) []Activity {
			activities := make([]Activity, len(p.Activities))
			for i := range p.Activities {
				activities[i] = p.Activities[i].public()
			}
			return activities
		})
}

// activitiesPage is the answer of GET /activities.
type activitiesPage struct {
	Activities []activityDoc `json:"activities"`
	paging
}

// complete takes a null for no activities, if there are links.
func (p *activitiesPage) complete() bool { return p.Activities != nil || p.Links != nil }

func (p *activitiesPage) perPage() int { return activitiesPerPage }
func (p *activitiesPage) size() int    { return len(p.Activities) }

func (p *activitiesPage) first() string {
	if len(p.Activities) == 0 {
		return ""
	}
	return p.Activities[0].ID
}

// total is what ten days' requests can start.
func (p *activitiesPage) total() int { return 100_000 }

// activityDoc is an activity on the wire.
type activityDoc struct {
	ID          string `json:"activity_id"`
	State       string `json:"state"`
	PercentDone int    `json:"percent_done"`
	Errors      []text `json:"activity_errors"`
	CreatedAt   string `json:"created_at"`
	StartedAt   string `json:"started_at"`
	CompletedAt string `json:"completed_at"`
	UpdatedAt   string `json:"updated_at"`
	Status      struct {
		Items           int  `json:"items_total_count"`
		Completed       *int `json:"items_completed_count"`
		Lists           *int `json:"list_count"`
		Persons         *int `json:"person_count"`
		ErrorCount      int  `json:"error_count"`
		Correctable     int  `json:"correctable_count"`
		CannotAddToList int  `json:"cannot_add_to_list_count"`
	} `json:"status"`
	Links struct {
		Results *link `json:"results"`
	} `json:"_links"`
}

// complete wants an id.
func (d *activityDoc) complete() bool { return d.ID != "" }

// public is the activity for callers.
func (d *activityDoc) public() Activity {
	a := Activity{
		ID:              d.ID,
		State:           d.State,
		PercentDone:     d.PercentDone,
		Items:           d.Status.Items,
		ErrorCount:      d.Status.ErrorCount,
		Correctable:     d.Status.Correctable,
		CannotAddToList: d.Status.CannotAddToList,
		Unclear:         d.Status.Persons == nil && d.Status.Completed == nil && d.Status.Lists == nil,
		CreatedAt:       parseDate(d.CreatedAt),
		StartedAt:       parseDate(d.StartedAt),
		CompletedAt:     parseDate(d.CompletedAt),
		UpdatedAt:       parseDate(d.UpdatedAt),
	}
	for _, e := range d.Errors {
		a.Errors = append(a.Errors, printable(string(e)))
	}
	if d.Status.Persons != nil {
		a.IsImport, a.Persons = true, *d.Status.Persons
	}
	if d.Links.Results != nil {
		a.Results = d.Links.Results.Href
	}
	return a
}
