package source

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Whether a number that stands for a date counts seconds or milliseconds is told by its column, not
// by the number: 5,000,000,000 is a day in 2128 or one in February 1970. Of all rows of the table,
// these tell, whatever their sign:
//
//	9 or 10 digits             seconds from March 1973 to 2286
//	12, 13 or 15 digits        milliseconds from March 1973 to 2286, or of the year 9999
//
// The larger number of rows decides, so that one wrong row does not move the dates of all others.
// Numbers of 14 digits tell nothing: many are 20260102030405. Nor do the seconds of the first and
// the last second of 9999-12-31, by which apps mean "never ends", nor larger numbers up to
// infinity, which no date has in either unit. A fraction does not count.
const (
	tellsSeconds = "%[1]s >= 100000000 AND %[1]s < 10000000000"
	tellsMillis  = "(%[1]s >= 100000000000 AND %[1]s < 10000000000000 OR %[1]s >= 100000000000000 AND %[1]s < 1000000000000000)" +
		" AND NOT (%[1]s >= 253402214400 AND %[1]s < 253402214401 OR %[1]s >= 253402300799 AND %[1]s < 253402300800)"
)

// showsUnit is what a number tells by itself, as above; 0: nothing.
func showsUnit(n int64) time.Duration {
	n = max(n, -n)
	switch {
	case n >= 100000000 && n < 10000000000:
		return time.Second
	case n == 253402214400, n == 253402300799:
		return 0
	case n >= 100000000000 && n < 10000000000000, n >= 100000000000000 && n < 1000000000000000:
		return time.Millisecond
	}
	return 0
}

// unitOf is what the numbers of a column count, 0 where nothing tells it, or as many rows tell one
// as tell the other. A column that is declared as a date counts seconds then, if no row tells
// anything.
func (c *Column) unitOf(seconds, millis int) time.Duration {
	switch {
	case millis > seconds:
		return time.Millisecond
	case seconds > millis, millis == 0 && c.declaredDate():
		return time.Second
	}
	return 0
}

// declaredDate tells whether the type of the column says that it holds dates.
func (c *Column) declaredDate() bool { return c.kind == asDate || c.kind == asTimestamp }

// mayHoldNumbers tells whether a value of the column may come as a number, or as its digits.
func (c *Column) mayHoldNumbers() bool { return c.kind == asText || c.kind == asNumber }

// judge settles what the numbers of the dated columns count. The condition does not count, so that
// what a column means does not change with the rows that it lets through.
func (db *DB) judge(ctx context.Context, s *session, rel relation, columns []Column) error {
	rel.where = ""
	var counts, parts []string
	var judged []*Column
	for i := range columns {
		c := &columns[i]
		if !c.dated {
			continue
		}
		n := "n" + strconv.Itoa(len(judged))
		for _, tells := range [...]string{tellsSeconds, tellsMillis} {
			counts = append(counts, fmt.Sprintf("COUNT(CASE WHEN "+tells+" THEN 1 END)", n))
		}
		parts = append(parts, db.dialect.number(c.Name)+" AS "+n)
		judged = append(judged, c)
	}
	if judged == nil {
		return nil
	}
	found := make([]int, len(counts))
	into := make([]any, len(counts))
	for i := range found {
		into[i] = &found[i]
	}
	numbers := selectStatement(rel, parts, noLimit)
	statement := fmt.Sprintf("SELECT %s\nFROM (%s\n) AS numbers", strings.Join(counts, ", "), numbers)
	if err := s.tx.QueryRowxContext(ctx, statement).Scan(into...); err != nil {
		return err
	}
	for i, c := range judged {
		c.unit = c.unitOf(found[2*i], found[2*i+1])
		c.untold = found[2*i] == 0 && found[2*i+1] == 0
	}
	return nil
}

// toMoment makes a date of a number. One with a fraction must show the unit of its column by
// itself: a Julian day has a fraction, too.
func (c *cell) toMoment() {
	whole, fraction, fractional := bytes.Cut(bytes.TrimSpace((*c.buf)[c.start:]), []byte("."))
	n, err := strconv.ParseInt(string(whole), 10, 64)
	switch {
	case err != nil, whole[0] == '+', spellsDate(whole), c.untold && julianDay(n):
		return
	case fractional && (len(fraction) == 0 || !allDigits(string(fraction)) || showsUnit(n) != c.unit):
		return
	}
	t := time.UnixMilli(n)
	if c.unit == time.Second {
		t = time.Unix(n, 0)
	}
	part := partOf(c.unit, fraction)
	if n < 0 {
		part = -part
	}
	*c.buf = appendMoment((*c.buf)[:c.start], c.kind, t.Add(part))
}

// partOf is the part of a unit that the digits of a fraction are.
func partOf(unit time.Duration, digits []byte) (part time.Duration) {
	for _, digit := range digits {
		unit /= 10
		part += unit * time.Duration(digit-'0')
	}
	return part
}

// appendMoment writes a day in a column of days, else a date with a time.
func appendMoment(dst []byte, k kind, t time.Time) []byte {
	if k == asDate {
		return t.UTC().AppendFormat(dst, time.DateOnly)
	}
	return t.UTC().AppendFormat(dst, time.RFC3339Nano)
}

// spellsDate tells whether the digits of a number spell a date, with or without a time of day:
// 20260102, 202601021504, 20260102150405. As a number of seconds or milliseconds these are a few
// days of August 1970, moments of 1976, and ones after the year 2500.
func spellsDate(digits []byte) bool {
	for _, layout := range [...]string{"20060102", "200601021504", "20060102150405"} {
		if len(digits) != len(layout) || digits[0] != '1' && digits[0] != '2' {
			continue
		}
		t, err := time.Parse(layout, string(digits))
		return err == nil && t.Year() >= 1900 && t.Year() < 2100
	}
	return false
}

// julianDay tells whether a number can be the noon of a day from the year 1 to 9999, as SQLite
// counts days. As a number of seconds these are a few weeks of 1970.
func julianDay(n int64) bool { return n >= 1721426 && n <= 5373484 }
