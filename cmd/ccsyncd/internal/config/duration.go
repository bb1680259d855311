package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

var errDuration = errors.New("not a duration")

// ParseDuration reads a Go duration ("90s", "1h30m"), or days alone or before one ("90d", "1d12h").
// A day is 24 hours.
func ParseDuration(text string) (time.Duration, error) {
	days, rest, found := strings.Cut(text, "d")
	if !found {
		return goDuration(text)
	}
	n, err := strconv.ParseInt(days, 10, 32)
	if err != nil || n < 0 || n > int64(math.MaxInt64/day) {
		return 0, errDuration
	}
	whole := time.Duration(n) * day
	if rest == "" {
		return whole, nil
	}
	part, err := goDuration(rest)
	if err != nil || part < 0 || part > math.MaxInt64-whole {
		return 0, errDuration
	}
	return whole + part, nil
}

func goDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, errDuration
	}
	return d, nil
}
