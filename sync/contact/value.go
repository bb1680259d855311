package contact

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kinds of value, by the type of a custom field. Properties and all other types are texts.
const (
	KindText     = "string"
	kindLongText = "text_area"
	kindDate     = "date"
	kindDateText = "date_text" // a custom field of type date, version 1, which is a text
	kindDateTime = "datetime"
	kindNumber   = "number"
	kindBoolean  = "boolean"
	kindCurrency = "currency"
	kindSelect   = "single_select"
	kindMulti    = "multi_select"
)

// How long a value may be, in characters.
const (
	maxCustomField = 255 // ContactCustomField, value
	maxProperty    = 50  // JsonImportContact, first_name and the like
)

// Canonical returns the one form of a value by which it is sent and compared, so that the same
// value in another notation is no change. fault says why it cannot be a value of this kind.
//
//	kind              accepted                                           canonical
//	string            any text                                           without white space around it
//	text_area         any text                                           the same, lines ended by \n
//	date              the notations of Constant Contact's import,        2026-01-02
//	                  or date and time of a database
//	datetime          RFC 3339, a date, date and time of a database      2026-01-02T15:04:05Z, UTC where there is no zone
//	number, currency  decimal, with or without exponent; true and false  1 for 1.0, 0.5 for .50; 1 and 0
//	boolean           true false t f yes no y n 1 0, in any case         true, false
//	single_select     one of the choices, in any case                    as the account writes it
//	multi_select      several of them: a,b or ["a","b"] or {a,b}         a,b in the order of the account
func (t *Target) Canonical(value string) (form, fault string) {
	value = strings.TrimSpace(value)
	if value == "" {
		return "", ""
	}
	if fault := judgeText(t.Kind, value); fault != "" {
		return "", fault
	}
	switch t.Kind {
	case kindLongText:
		return lineEnds.Replace(value), ""
	case kindDate, kindDateText:
		return canonicalDate(t.Kind, value)
	case kindDateTime:
		return canonicalDateTime(value)
	case kindNumber, kindCurrency:
		return canonicalNumber(value)
	case kindBoolean:
		return canonicalBoolean(value)
	case kindSelect:
		return canonicalChoice(t.choices, value)
	case kindMulti:
		return canonicalChoices(t.choices, value)
	}
	return value, ""
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// judgeText refuses what no text may hold.
func judgeText(kind, value string) (fault string) {
	if printableASCII(value) {
		return ""
	}
	if !utf8.ValidString(value) {
		return "not UTF-8"
	}
	for _, r := range value {
		if !unicode.IsControl(r) || kind == kindLongText && (r == '\n' || r == '\r' || r == '\t') {
			continue
		}
		return "a control character (" + strconv.QuoteRune(r) + ")"
	}
	return ""
}

func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// The notations that a bulk import takes for a date (JsonImportContact, anniversary), and those of
// databases and libraries for a date with a time. All of the latter may have a fraction of a
// second.
var dateLayouts = []string{
	"2006-1-2", "2006/1/2", "1/2/2006", "1-2-2006",
	time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02T15:04",
	"2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700", "2006-01-02 15:04:05-07", "2006-01-02 15:04:05 Z07:00",
	"2006-01-02 15:04",
}

// parseDate reads a date, with or without a time of day. A number is none: package source has made
// dates of those whose column tells what they count.
func parseDate(value string) (t time.Time, ok bool) {
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, value); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// Faults of a value for a date field, with or without a time of day.
const (
	noDate      = "not a date (want 2026-01-31)"
	aNumber     = "not a date: nothing shows that this number counts seconds or milliseconds since 1970 (want 2026-01-31)"
	anotherYear = "not a date from 0001-01-01 to 9999-12-31 (does the column mix seconds and milliseconds?)"
)

// otherYears are dates before the year 1 or after 9999 that parseDate does not read. Package source
// writes 12026-01-02 and -0044-03-15, PostgreSQL 0044-03-15 BC, JavaScript +012026-01-02. MySQL's
// zero date is one of them.
var otherYears = regexp.MustCompile(`^(([+-]\d{4,}|\d{5,}|0000)[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[-/]\d{1,2}[-/]\d{5,})([ T]|$)|^\d{4}-\d\d-\d\d( .*)? BC$`)

// notADate says why no date field can have a value that parseDate does not read: not even one of
// version 1, which is a text. "" for another text.
func notADate(value string) (fault string) {
	if otherYears.MatchString(value) {
		return anotherYear
	}
	n, err := strconv.ParseFloat(value, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return ""
	case math.IsInf(n, 0), math.IsNaN(n):
		return noDate
	}
	return aNumber
}

func dated(t time.Time, layout string) (form, fault string) {
	if t.Year() < 1 || t.Year() > 9999 {
		return "", anotherYear
	}
	return t.Format(layout), ""
}

func canonicalDate(kind, value string) (form, fault string) {
	if t, ok := parseDate(value); ok {
		return dated(t, time.DateOnly)
	}
	fault = notADate(value)
	switch {
	case fault != "":
		return "", fault
	case kind == kindDateText:
		return value, ""
	}
	return "", noDate
}

func canonicalDateTime(value string) (form, fault string) {
	if t, ok := parseDate(value); ok {
		return dated(t.UTC().Truncate(time.Second), time.RFC3339)
	}
	if fault = notADate(value); fault == "" {
		fault = "not a date with a time (want 2026-01-31T12:00:00Z)"
	}
	return "", fault
}

func canonicalNumber(value string) (form, fault string) {
	const fault1 = "not a number"
	switch strings.ToLower(value) { // MySQL does not tell its booleans from numbers everywhere
	case "true":
		return "1", ""
	case "false":
		return "0", ""
	}
	mantissa, exponent, scaled := strings.Cut(strings.ToLower(value), "e")
	if strings.Trim(mantissa, "+-.0123456789") != "" || len(value) > 100 {
		return "", fault1
	}
	if n, err := strconv.Atoi(exponent); scaled && (err != nil || n < -50 || n > 50) {
		return "", fault1
	}
	number, ok := new(big.Rat).SetString(value)
	if !ok {
		return "", fault1
	}
	digits, _ := number.FloatPrec()
	return number.FloatString(digits), ""
}

func canonicalBoolean(value string) (form, fault string) {
	switch strings.ToLower(value) {
	case "true", "t", "yes", "y", "1":
		return "true", ""
	case "false", "f", "no", "n", "0":
		return "false", ""
	}
	return "", "neither true nor false"
}

// mirrored is the canonical form of a value that Constant Contact has. What has none is kept as it
// is, without the characters that would spoil the mirror.
func (t *Target) mirrored(value string) string {
	if form, fault := t.Canonical(value); fault == "" {
		return form
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.TrimSpace(value))
}

// Judge brings one value into its canonical form, or says why the row is skipped.
func (t *Target) Judge(value string) (form string, reason Reason, detail string) {
	form, fault := t.Canonical(value)
	switch {
	case fault != "":
		return "", InvalidValue, fault
	case form == "" && t.Required:
		return "", MissingValue, "no value"
	case len(form) > t.maxLength() && utf8.RuneCountInString(form) > t.maxLength():
		return "", ValueTooLong, fmt.Sprintf("%d characters, at most %d", utf8.RuneCountInString(form), t.maxLength())
	}
	return form, "", ""
}
