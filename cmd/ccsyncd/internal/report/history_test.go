package report

import (
	"testing"
	"time"
)

// Constant Contact's clock may jump between the begin of a run and its end.
func TestHowLongARunTookGoesByTheClockOfTheMachine(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for want, s := range map[string]Summary{
		"1.5s": {StartedAt: began, EndedAt: began.Add(-5 * time.Hour), Seconds: 1.5},
		"2s":   {StartedAt: began, EndedAt: began.Add(2 * time.Second)},
		"0s":   {StartedAt: began, EndedAt: began.Add(-time.Second)},
		"":     {StartedAt: began},
	} {
		if got := s.took(); got != want {
			t.Errorf("%+v took %q, want %q", s, got, want)
		}
	}
}
