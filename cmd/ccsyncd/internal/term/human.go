package term

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration writes a length of time with its two largest units: 450ms, 6.5s, 1m 20s, 3h 5m, 2d 4h.
func Duration(d time.Duration) string {
	if d < 0 {
		return "-" + Duration(-d)
	}
	switch {
	case d < time.Millisecond:
		return "0s"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Truncate(100*time.Millisecond).Seconds(), 'f', -1, 64) + "s"
	case d < time.Minute:
		return units(d, time.Second, "s", time.Second, "")
	case d < time.Hour:
		return units(d, time.Minute, "m", time.Second, "s")
	case d < 24*time.Hour:
		return units(d, time.Hour, "h", time.Minute, "m")
	default:
		return units(d, 24*time.Hour, "d", time.Hour, "h")
	}
}

func units(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	whole, rest := d/large, d%large/small
	if rest == 0 {
		return fmt.Sprintf("%d%s", whole, largeName)
	}
	return fmt.Sprintf("%d%s %d%s", whole, largeName, rest, smallName)
}

// Age tells how far t is from now: "just now", "3h ago", "in 5m". A zero t is "never".
func Age(t, now time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "never"
	case d > -time.Second && d < time.Second:
		return "just now"
	case d < 0:
		return "in " + coarse(-d)
	default:
		return coarse(d) + " ago"
	}
}

// coarse is Duration with the largest unit alone. Below two days that is hours, because 47 hours
// are not one day.
func coarse(d time.Duration) string {
	if d < 48*time.Hour && d >= 24*time.Hour {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	largest, _, _ := strings.Cut(Duration(d.Truncate(time.Second)), " ")
	return largest
}
