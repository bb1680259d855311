package web

import (
	"context"
	"encoding/json"
	"time"

	"ccsyncd/sync/state"
)

const chartDays = 14

// chart is one figure a day as bars, in a box of chartDays by chartHeight.
type chart struct {
	Title string
	Total int
	Most  int
	Bars  []bar
}

// bar is one UTC day.
type bar struct {
	Day       time.Time
	N         int
	X, Y      float64
	W, Height float64
}

const (
	chartHeight = 100
	barWidth    = 0.72
)

// newChart makes bars of the last days, today's at the right.
func newChart(title string, perDay map[string]int, now time.Time) chart {
	c := chart{Title: title}
	today := now.UTC().Truncate(24 * time.Hour)
	for i := range chartDays {
		day := today.AddDate(0, 0, i+1-chartDays)
		n := perDay[day.Format(time.DateOnly)]
		c.Total, c.Most = c.Total+n, max(c.Most, n)
		c.Bars = append(c.Bars, bar{Day: day, N: n, X: float64(i) + (1-barWidth)/2, W: barWidth})
	}
	for i := range c.Bars {
		b := &c.Bars[i]
		if b.N > 0 {
			b.Height = max(share(b.N, c.Most)*chartHeight/100, 2) // the smallest is seen, too
		}
		b.Y = chartHeight - b.Height
	}
	return c
}

// First and Last are the days at both ends.
func (c chart) First() time.Time { return c.Bars[0].Day }

// Last is today.
func (c chart) Last() time.Time { return c.Bars[len(c.Bars)-1].Day }

// requests draws what was asked, a day.
func (s *site) requests(ctx context.Context, now time.Time) (chart, error) {
	days, err := s.Quota.Days(ctx, chartDays)
	if err != nil {
		return chart{}, err
	}
	asked := make(map[string]int)
	for _, d := range days {
		asked[d.Day] = d.Used
	}
	return newChart("Requests", asked, now), nil
}

// arrived draws the changes that were verified, a day.
func arrived(runs []state.Run, now time.Time) chart {
	perDay := make(map[string]int)
	for _, r := range runs {
		if now.Sub(r.StartedAt) > (chartDays+1)*24*time.Hour {
			break
		}
		perDay[r.StartedAt.UTC().Format(time.DateOnly)] += verified(r)
	}
	return newChart("Codes that arrived", perDay, now)
}

// verified reads the one number that the chart needs of a report.
func verified(r state.Run) int {
	var report struct {
		Push struct {
			Verified int `json:"verified"`
		} `json:"push"`
	}
	_ = json.Unmarshal(r.Report, &report) // a run without a report changed nothing
	return report.Push.Verified
}
