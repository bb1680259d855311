package web

import (
	"encoding/json"

	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// past is a run of the past with its report, which is empty when the run did not come to its end.
type past struct {
	state.Run
	report ccsync.Report
}

// pastOf reads the report of a run. What an older or newer version wrote is read as far as it is
// known.
func pastOf(r state.Run) past {
	p := past{Run: r}
	_ = json.Unmarshal(r.Report, &p.report)
	return p
}

// Arrived is how many changes were verified.
func (p *past) Arrived() int {
	if p.report.Push == nil {
		return 0
	}
	return p.report.Push.Verified
}

// Report is what the run left behind.
func (p *past) Report() *ccsync.Report { return &p.report }

// history is the last runs, the newest first, dry ones and those under way too. It is for lists:
// how an installation fares is told by the record of its last whole run.
type history []past

const (
	// historyRuns is how many runs are read for the pictures; where there are more, the earliest
	// are not in them.
	historyRuns = 3000
	// recent is how many of them are looked through for the last imports.
	recent = 200
)

func historyOf(runs []state.Run) history {
	h := make(history, min(len(runs), recent))
	for i := range h {
		h[i] = pastOf(runs[i])
	}
	return h
}

// first is the newest run of which something is true; nil when there is none.
func (h history) first(is func(*past) bool) *past {
	for i := range h {
		if is(&h[i]) {
			return &h[i]
		}
	}
	return nil
}
