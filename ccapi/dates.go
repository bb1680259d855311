package ccapi

import "time"

// dateLayouts are the forms in which dates come: date-time with or without fractions, with Z or an
// offset, and a plain date (deleted_at).
var dateLayouts = []string{time.RFC3339, "2006-01-02T15:04:05Z0700", time.DateOnly}

// parseDate reads a date of the API. One that is absent or unreadable gives the zero time: a date
// is a hint and never a reason to lose a contact.
func parseDate(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// later is the later of two moments.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
