package source

import (
	"strings"
	"time"
)

// moment is a date with a time of day, as one of the databases or a Node library writes it.
type moment struct {
	date     string // 2006-01-02, with more digits where the year needs them
	clock    string // 15:04:05
	fraction string // .123456, or empty
	offset   time.Duration
}

// appendTimestamp writes RFC 3339 in UTC, with a fraction only where there is one. What has no zone
// is taken as UTC. MySQL's zero date is no date; text that is no timestamp stays as it is.
func appendTimestamp(dst []byte, v string) []byte {
	m, ok := parseMoment(v)
	switch {
	case !ok:
		return append(dst, v...)
	case strings.HasPrefix(m.date, "0000-00-00"):
		return dst
	case m.offset != 0:
		return m.appendUTC(dst, v)
	}
	dst = append(append(dst, m.date...), 'T')
	dst = append(append(dst, m.clock...), m.fraction...)
	return append(dst, 'Z')
}

// appendDate writes 2006-01-02, without the time of day that some libraries add.
func appendDate(dst []byte, v string) []byte {
	m, ok := parseMoment(v)
	switch {
	case !ok:
		return append(dst, v...)
	case strings.HasPrefix(m.date, "0000-00-00"):
		return dst
	}
	return append(dst, m.date...)
}

// appendUTC moves the moment to UTC; v stays where that leads out of the years that RFC 3339 has.
func (m moment) appendUTC(dst []byte, v string) []byte {
	t, err := time.Parse("2006-01-02 15:04:05.999999999", m.date+" "+m.clock+m.fraction)
	t = t.Add(-m.offset)
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return append(dst, v...)
	}
	return t.AppendFormat(dst, time.RFC3339Nano)
}

// parseMoment reads 2006-01-02, then maybe a blank or T and 15:04[:05[.999999]], then maybe a zone:
// Z, +02, +02:00, +0200, with a blank before it or not. It checks the form, not the calendar.
func parseMoment(v string) (moment, bool) {
	m := moment{clock: "00:00:00"}
	end := strings.IndexByte(v, '-')
	if end < 4 || !allDigits(v[:end]) || !form(v[end:], "-00-00") {
		return m, false
	}
	end += len("-00-00")
	m.date, v = v[:end], v[end:]
	if v == "" {
		return m, true
	}
	if (v[0] != ' ' && v[0] != 'T') || !form(v[1:], "00:00") {
		return m, false
	}
	v = v[1:]
	if form(v, "00:00:00") {
		m.clock, v = v[:8], v[8:]
	} else {
		m.clock, v = v[:5]+":00", v[5:]
	}
	m.fraction, v = cutFraction(v)
	var ok bool
	m.offset, ok = parseOffset(strings.TrimPrefix(v, " "))
	return m, ok
}

func cutFraction(v string) (fraction, rest string) {
	if !form(v, ".0") {
		return "", v
	}
	end := 1
	for end < len(v) && v[end] >= '0' && v[end] <= '9' {
		end++
	}
	return trimFraction(v[:end]), v[end:]
}

func parseOffset(v string) (time.Duration, bool) {
	switch v {
	case "", "Z", "UTC", "GMT":
		return 0, true
	}
	for _, layout := range []string{"-07", "-07:00", "-0700", "-07:00:00"} {
		if t, err := time.Parse(layout, v); err == nil {
			_, seconds := t.Zone()
			return time.Duration(seconds) * time.Second, true
		}
	}
	return 0, false
}

// form tells whether v begins like the pattern, in which 0 is any digit.
func form(v, pattern string) bool {
	if len(v) < len(pattern) {
		return false
	}
	for i := range len(pattern) {
		digit := v[i] >= '0' && v[i] <= '9'
		if (pattern[i] == '0') != digit || !digit && v[i] != pattern[i] {
			return false
		}
	}
	return true
}

func allDigits(v string) bool {
	return strings.Trim(v, "0123456789") == ""
}
