package sync

import (
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kinds of value, by the type of a custom field. Properties and all other types are texts.
const (
	kindText     = "string"
	kindLongText = "text_area"
	kindDate     = "date"
	kindDateText = "date_text" // a custom field of type date, version 1, which is a text
	kindDateTime = "datetime"
	kindNumber   = "number"
	kindBoolean  = "boolean"
	kindSelect   = "single_select"
)

// How long a value may be, in characters.
const (
	maxCustomField = 255 // ContactCustomField, value
	maxProperty    = 50  // JsonImportContact, first_name and the like
)

// canonical returns the one form of a value by which it is sent and compared, so that the same value in another
// notation is no change. fault says why it cannot be a value of this kind.
//
//	kind           accepted                                              canonical
//	string         any text                                              without white space around it
//	text_area      any text                                              the same, lines ended by \n
//	date           the notations of Constant Contact's import            2026-01-02
//	datetime       RFC 3339, or date and time of a database (UTC)        2026-01-02T15:04:05Z
//	number         decimal, with or without exponent                     1 for 1.0, 0.5 for .50
//	boolean        true false t f yes no y n 1 0, in any case            true, false
//	single_select  any text                                              without white space around it
func canonical(kind, value string) (form, fault string) {
	value = strings.TrimSpace(value)
	if value == "" {
		return "", ""
	}
	if fault := judgeText(kind, value); fault != "" {
		return "", fault
	}
	switch kind {
	case kindLongText:
		return strings.ReplaceAll(value, "\r\n", "\n"), ""
	case kindDate, kindDateText:
		if form, ok := canonicalDate(value); ok {
			return form, ""
		}
		if kind == kindDateText {
			return value, ""
		}
		return "", "no date (want 2026-01-31)"
	case kindDateTime:
		return canonicalDateTime(value)
	case kindNumber:
		return canonicalNumber(value)
	case kindBoolean:
		return canonicalBoolean(value)
	}
	return value, ""
}

// judgeText refuses what no text may hold.
func judgeText(kind, value string) (fault string) {
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

// The notations that a bulk import takes for a date (JsonImportContact, anniversary), and a database's.
var dateLayouts = []string{
	"2006-1-2", "2006/1/2", "1/2/2006", "1-2-2006",
	time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05",
}

func canonicalDate(value string) (form string, ok bool) {
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, value); err == nil {
			return t.Format(time.DateOnly), true
		}
	}
	return "", false
}

var dateTimeLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999-0700", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999-07",
	"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04", "2006-1-2",
}

func canonicalDateTime(value string) (form, fault string) {
	for _, layout := range dateTimeLayouts {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC().Truncate(time.Second).Format(time.RFC3339), ""
		}
	}
	return "", "no date with a time (want 2026-01-31T12:00:00Z)"
}

func canonicalNumber(value string) (form, fault string) {
	const fault1 = "no number"
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

// mirrored is the canonical form of a value that Constant Contact has. What has none is kept as it is, without
// the characters that would spoil the mirror.
func mirrored(kind, value string) string {
	if form, fault := canonical(kind, value); fault == "" {
		return form
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.TrimSpace(value))
}
