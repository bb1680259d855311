package web

import (
	"fmt"
	"strings"
	"time"

	ccsync "ccsyncd/sync"
)

// line is the lowest coverage of each of the last days, in a box of one unit a day by 100. A day
// without a run leaves a gap.
type line struct {
	Width   int        // days
	First   time.Time  // of them
	Floor   int        // percent at the bottom of the box; 100 is at its top
	Days    []*lineDay // those with a run, ascending
	Strokes []string   // the points of each unbroken part
}

// lineDay is one UTC day of a line.
type lineDay struct {
	ccsync.Day
	Date time.Time
	X, Y float64
}

// Share is how many percent of the users who are contacts were verified.
func (d *lineDay) Share() string { return percent(d.Verified, d.Contacts) }

// Open is how many codes had not arrived.
func (d *lineDay) Open() int { return d.Pending + d.Missing }

func (d *lineDay) share() float64 {
	if d.Contacts == 0 {
		return 100 // nobody's code could be missing
	}
	return share(d.Verified, d.Contacts)
}

// newLine draws the days that the state file keeps, today's at the right.
func newLine(days []ccsync.Day, now time.Time) line {
	first := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-ccsync.CoverageDays)
	l := line{Width: ccsync.CoverageDays, First: first}
	lowest := 100.0
	for _, d := range days {
		date, err := time.Parse(time.DateOnly, d.Day)
		at := int(date.Sub(first) / (24 * time.Hour))
		if err != nil || date.Before(first) || at >= l.Width {
			continue
		}
		l.Days = append(l.Days, &lineDay{Day: d, Date: date, X: float64(at) + 0.5})
		lowest = min(lowest, l.Days[len(l.Days)-1].share())
	}
	for _, floor := range []int{0, 50, 80, 90} {
		if lowest > float64(floor) || floor == 0 {
			l.Floor = floor
		}
	}
	l.stroke()
	return l
}

// stroke places the days and joins those that follow each other. A day without neighbours is as
// wide as a day, since a single point would not be seen.
func (l *line) stroke() {
	var points []string
	for i, d := range l.Days {
		d.Y = (100 - d.share()) * 100 / float64(100-l.Floor)
		first := i == 0 || d.X-l.Days[i-1].X > 1
		last := i == len(l.Days)-1 || l.Days[i+1].X-d.X > 1
		if first && last {
			points = append(points, fmt.Sprintf("%.2f,%.2f", d.X-0.5, d.Y), fmt.Sprintf("%.2f,%.2f", d.X+0.5, d.Y))
		} else {
			points = append(points, fmt.Sprintf("%.2f,%.2f", d.X, d.Y))
		}
		if last {
			l.Strokes = append(l.Strokes, strings.Join(points, " "))
			points = nil
		}
	}
}

// Lowest is the day with the smallest share; nil when there is none.
func (l line) Lowest() (low *lineDay) {
	for _, d := range l.Days {
		if low == nil || d.share() < low.share() {
			low = d
		}
	}
	return low
}

// Text tells what the picture shows.
func (l line) Text() string {
	if len(l.Days) == 0 {
		return "No day has been counted yet."
	}
	low, last := l.Lowest(), l.Days[len(l.Days)-1]
	return fmt.Sprintf("Lowest of each of the last %d days. The lowest of all was %s percent on %s; on %s it was %s percent.",
		l.Width, low.Share(), low.Date.Format("2 January"), last.Date.Format("2 January"), last.Share())
}
