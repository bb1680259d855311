package sandbox

import "time"

// workOn does the items of an activity up to a number, counted from the start.
func (s *Server) workOn(a *activity, to int, at time.Time) {
	if a.Job == nil || a.Done >= to {
		return
	}
	s.changed++
	switch {
	case a.Job.Import != nil:
		s.importRows(a, to, at)
	case a.Job.Export != nil:
		a.Done = to
	default:
		for ; a.Done < to; a.Done++ {
			s.bulkItem(a, a.Done, stampOf(at))
		}
	}
}

// importStatus is the progress of an import. It counts a header line.
type importStatus struct {
	Items       int `json:"items_total_count"`
	Persons     int `json:"person_count"`
	Errors      int `json:"error_count"`
	Correctable int `json:"correctable_count"`
	CannotAdd   int `json:"cannot_add_to_list_count"`
}

// bulkStatus is the progress of other activities.
type bulkStatus struct {
	Lists     int  `json:"list_count,omitempty"`
	Items     *int `json:"items_total_count,omitempty"`
	Completed *int `json:"items_completed_count,omitempty"`
}

// status is what the API tells of the progress, by the kind of activity.
func (a *activity) status(now time.Time) any {
	switch a.Kind {
	case kindJSONImport, kindFileImport:
		return importStatus{a.Items + 1, a.Counts.Persons, a.Counts.Errors, a.Counts.Correctable, a.Counts.CannotAddList}
	case kindFieldDelete:
		return nil
	case kindListDelete:
		return bulkStatus{Lists: a.Lists}
	}
	items, done := a.Items, max(a.Done, a.reached(now))
	return bulkStatus{Lists: a.Lists, Items: &items, Completed: &done}
}
