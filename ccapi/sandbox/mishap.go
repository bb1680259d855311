package sandbox

import (
	"strings"
	"time"
)

// mishap is what faults do to an activity.
type mishap struct {
	State     string        `json:"state,omitempty"` // how it ends, or processing for never
	Share     float64       `json:"share,omitempty"` // of the items that are done before that
	Gone      bool          `json:"gone,omitempty"`
	ReadDelay time.Duration `json:"read_delay,omitempty"`
}

// stops tells that the work stops before it is done.
func (m mishap) stops() bool { return m.State != "" }

// befall applies the faults that hit an activity as a whole.
func (a *activity) befall(faults []*Fault) {
	for _, f := range faults {
		switch f.Kind {
		case FaultFailed, FaultTimedOut, FaultCancelled:
			a.Mishap.State, a.Mishap.Share = strings.TrimPrefix(string(f.Kind), "activity_"), f.Share
		case FaultStuck:
			a.Mishap.State, a.Mishap.Share = stateProcessing, f.Share
		case FaultGone:
			a.Mishap.Gone = true
		case FaultSlowWork:
			a.End = a.End.Add(f.Delay)
		case FaultReadDelay:
			a.Mishap.ReadDelay = f.Delay
		}
	}
}
