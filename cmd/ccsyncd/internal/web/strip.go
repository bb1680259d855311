package web

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// stripRuns is how many whole runs the strip shows.
const stripRuns = 60

// strip is the last whole runs by outcome, the newest at the right, in a box of stripRuns by 100.
type strip struct {
	Width int
	Marks []mark
}

// mark is one run. The worse it ended the taller it is, so that nobody needs to tell colours apart.
type mark struct {
	Run             int64
	Outcome         string
	Tone            string
	At              time.Time // when it ended
	X, Y, W, Height float64
}

// newStrip takes the whole runs of a history that have ended.
func newStrip(runs []state.Run) strip {
	s := strip{Width: stripRuns}
	for _, r := range runs {
		if len(s.Marks) == stripRuns {
			break
		}
		if r.Outcome != "" && !r.Dry && whole(r) {
			s.Marks = append(s.Marks, mark{Run: r.ID, Outcome: r.Outcome, Tone: tone(r.Outcome), At: r.EndedAt})
		}
	}
	for i := range s.Marks {
		m := &s.Marks[i]
		m.Height = map[string]float64{"good": 55, "caution": 78}[m.Tone]
		if m.Height == 0 {
			m.Height = 100
		}
		m.X, m.Y, m.W = float64(stripRuns-1-i)+0.14, 100-m.Height, 0.72
	}
	return s
}

// whole tells whether a run was for all users and was not cut short, by what the strip needs of its
// report.
func whole(r state.Run) bool {
	var reached ccsync.Extent
	_ = json.Unmarshal(r.Report, &reached) // a report that is not known tells of no limit
	return reached.Whole()
}

// Text tells what the picture shows: "60 runs: 57 synced, 2 partial, 1 refused. The newest ended
// synced."
func (s strip) Text() string {
	if len(s.Marks) == 0 {
		return "None of the recent runs was for all users."
	}
	counts := make(map[string]int)
	for _, m := range s.Marks {
		counts[m.Outcome]++
	}
	var parts []string
	for _, o := range outcomes {
		if n := counts[string(o)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, o))
			delete(counts, string(o))
		}
	}
	other := 0
	for _, n := range counts {
		other += n
	}
	if other > 0 {
		parts = append(parts, fmt.Sprintf("%d other", other))
	}
	return fmt.Sprintf("%s: %s. The newest ended %s.", kit.Plural(len(s.Marks), "run", "runs"), strings.Join(parts, ", "), words(s.Marks[0].Outcome))
}

// Bad are the runs in it that did not end well, the newest first.
func (s strip) Bad() (bad []mark) {
	for _, m := range s.Marks {
		if m.Outcome != string(ccsync.Synced) {
			bad = append(bad, m)
		}
	}
	return bad
}
