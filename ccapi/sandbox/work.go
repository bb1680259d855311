package sandbox

import "time"

// workOn does the items of an activity up to a number, counted from the start.
func (s *Server) workOn(a *activity, to int, at time.Time) {
	if a.Job == nil || a.Done >= to {
		return
	}
	s.changed++
	if a.Job.Import != nil {
		s.importRows(a, to, at)
		return
	}
	a.Done = to
}

// status is what the API tells of the progress, by the kind of activity.
func (a *activity) status() any {
	return importStatus{a.Items + 1, a.Counts.Persons, a.Counts.Errors, a.Counts.Correctable, a.Counts.CannotAddList}
}

// importStatus counts a header line among its items.
type importStatus struct {
	Items       int `json:"items_total_count"`
	Persons     int `json:"person_count"`
	Errors      int `json:"error_count"`
	Correctable int `json:"correctable_count"`
	CannotAdd   int `json:"cannot_add_to_list_count"`
}
