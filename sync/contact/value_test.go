package contact

import (
	"strings"
	"testing"

	"ccsyncd/ccapi"
)

// Only the whole column shows whether such a number counts seconds or milliseconds.
func TestANumberIsNeverSentAsADate(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{kindDate, kindDateText, kindDateTime} {
		target := &Target{Kind: kind}
		for _, value := range []string{"1767312000", "1767312000000", "631152000", "0", "-315619200", "-1767312000000", "20260102", "99999999999999999999",
			"1700000000.25", "-0.5", ".5", "5.", "+5", "1e9", "1E+21", "2e-07"} {
			if form, fault := target.Canonical(value); fault != aNumber {
				t.Errorf("%s: %q became %q, fault %q, want %q", kind, value, form, fault, aNumber)
			}
		}
		for _, value := range []string{"NaN", "nan", "Infinity", "-Infinity", "infinity", "1e999"} {
			if form, fault := target.Canonical(value); fault != noDate {
				t.Errorf("%s: %q became %q, fault %q, want %q", kind, value, form, fault, noDate)
			}
		}
	}
	for _, value := range []string{"spring 2026", "1990s", "?", "-", ".", "1.2.2026", "12:00:00", "2026-02-30", "{1700000000}"} {
		if form, fault := (&Target{Kind: kindDateText}).Canonical(value); form != value || fault != "" {
			t.Errorf("the text %q became %q (%s)", value, form, fault)
		}
	}
}

// A number of milliseconds among seconds comes as a date of the year 55840, which Constant Contact
// stores as a text.
func TestADateBeforeTheYear1OrAfter9999IsNeverSent(t *testing.T) {
	t.Parallel()
	const long, none = "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00" // in UTC: 10000, 0
	beyond := []string{"55840-11-08T22:13:20Z", "31690708-07-05", "-292275055-05-16", "10000-01-01", "12026-1-2 03:04:05",
		"0000-01-01", "0000-00-00", "0000/1/2", "1/2/0000", "1/2/12026", "0044-03-15 BC", "0001-12-31 10:00:00+00 BC",
		"-0044-03-15", "-000044-03-15T00:00:00.000Z", "+012026-01-01T00:00:00.000Z"}
	for kind, values := range map[string][]string{kindDate: beyond, kindDateText: beyond, kindDateTime: append(beyond, long, none)} {
		for _, value := range values {
			if form, fault := (&Target{Kind: kind}).Canonical(value); fault != anotherYear {
				t.Errorf("%s: %q became %q, fault %q, want %q", kind, value, form, fault, anotherYear)
			}
		}
	}
	for value, want := range map[string]string{long: "9999-12-31", none: "0001-01-01", "0001-01-01": "0001-01-01", "12/31/9999": "9999-12-31"} {
		for _, kind := range []string{kindDate, kindDateText} {
			if form, fault := (&Target{Kind: kind}).Canonical(value); form != want || fault != "" {
				t.Errorf("%s: %q became %q (%s), want %q", kind, value, form, fault, want)
			}
		}
	}
	for value, want := range map[string]string{"0001-01-01": "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9Z": "9999-12-31T23:59:59Z"} {
		if form, fault := (&Target{Kind: kindDateTime}).Canonical(value); form != want || fault != "" {
			t.Errorf("%q became %q (%s), want %q", value, form, fault, want)
		}
	}
}

// The same value in another notation is no change, and what is no value is never sent.
func TestAValueHasOneFormInItsKindOrAFault(t *testing.T) {
	t.Parallel()
	colours := []ccapi.Choice{{ID: "1", Label: "Red"}, {ID: "2", Label: "dark blue"}, {ID: "3", Label: "a, b"}, {ID: "4", Label: "Red "}, {ID: "5", Label: "green"}, {ID: "6", Label: "grey"}}
	for _, c := range []struct{ kind, value, form, fault string }{
		{KindText, "  a b ", "a b", ""}, {KindText, "", "", ""}, {KindText, " \t", "", ""}, {KindText, "naïve ☃", "naïve ☃", ""},
		{KindText, "a\nb", "", `a control character ('\n')`}, {KindText, "a\x7fb", "", `a control character ('\x7f')`}, {KindText, "a\xff", "", "not UTF-8"}, {KindText, "~ ~", "~ ~", ""},
		{kindLongText, "a\r\nb\rc\nd\te", "a\nb\nc\nd\te", ""}, {kindLongText, "a\x01", "", `a control character ('\x01')`},
		{kindNumber, "1.0", "1", ""}, {kindNumber, ".50", "0.5", ""}, {kindNumber, "-0.25", "-0.25", ""}, {kindNumber, "+7", "7", ""}, {kindNumber, "1e3", "1000", ""}, {kindNumber, "1E-2", "0.01", ""},
		{kindNumber, "true", "1", ""}, {kindNumber, "FALSE", "0", ""}, {kindNumber, "1e50", "1" + strings.Repeat("0", 50), ""}, {kindNumber, "1e51", "", "not a number"},
		{kindNumber, "1e-50", "0." + strings.Repeat("0", 49) + "1", ""}, {kindNumber, "1e-51", "", "not a number"}, {kindNumber, "1e", "", "not a number"}, {kindNumber, "1ex", "", "not a number"},
		{kindNumber, "0x10", "", "not a number"}, {kindNumber, "1/2", "", "not a number"}, {kindNumber, "--1", "", "not a number"}, {kindNumber, "1,5", "", "not a number"},
		{kindNumber, strings.Repeat("1", 100), strings.Repeat("1", 100), ""}, {kindNumber, strings.Repeat("1", 101), "", "not a number"}, {kindCurrency, "12.50", "12.5", ""},
		{kindBoolean, "T", "true", ""}, {kindBoolean, "no", "false", ""}, {kindBoolean, "2", "", "neither true nor false"},
		{kindDate, "1/2/2026", "2026-01-02", ""}, {kindDate, "2026-01-02 23:59:59+02", "2026-01-02", ""}, {kindDate, "soon", "", "not a date (want 2026-01-31)"},
		{kindDateTime, "2026-01-02 03:04:05.9+02", "2026-01-02T01:04:05Z", ""}, {kindDateTime, "soon", "", "not a date with a time (want 2026-01-31T12:00:00Z)"},
		{kindSelect, "red", "Red", ""}, {kindSelect, "Red", "Red", ""}, {kindSelect, "DARK BLUE", "dark blue", ""}, {kindSelect, "pink", "", "not one of the choices: Red, dark blue, a, b, Red , green, ..."},
		{kindMulti, "green, red", "Red,green", ""}, {kindMulti, `["green","red","green"]`, "Red,green", ""}, {kindMulti, `{green,"dark blue"}`, "dark blue,green", ""}, {kindMulti, "a, b", "a, b", ""},
		{kindMulti, "green,pink", "", "not among the choices: Red, dark blue, a, b, Red , green, ..."},
	} {
		target := &Target{Kind: c.kind, choices: colours}
		if form, fault := target.Canonical(c.value); form != c.form || fault != c.fault {
			t.Errorf("%s %q: %q, fault %q; want %q, %q", c.kind, c.value, form, fault, c.form, c.fault)
		}
	}
	for _, c := range []struct{ kind, value, form, fault string }{
		{kindSelect, "anything", "anything", ""}, {kindMulti, "b, a,a", "a,b", ""}, {kindMulti, "{b,a}", "a,b", ""}, {kindMulti, "{b},a", "a,{b}", ""}, {kindMulti, "|},{a", "", "not a list of choices (want a,b)"},
	} {
		if form, fault := (&Target{Kind: c.kind}).Canonical(c.value); form != c.form || fault != c.fault {
			t.Errorf("%s without choices, %q: %q, fault %q; want %q, %q", c.kind, c.value, form, fault, c.form, c.fault)
		}
	}
	few := &Target{Kind: kindSelect, choices: colours[:5]}
	if _, fault := few.Canonical("pink"); fault != "not one of the choices: Red, dark blue, a, b, Red , green" {
		t.Errorf("fault %q", fault)
	}
	for ids, want := range map[string]string{"1": "Red", "02": "dark blue", "5 001": "Red,green", "7": ""} {
		if got := few.chosen(strings.Fields(ids)); got != want {
			t.Errorf("ids %s are %q, want %q", ids, got, want)
		}
	}
	if got := (&Target{Kind: kindNumber}).mirrored(" a\x1f\tb\n"); got != "a  b" {
		t.Errorf("the mirror has %q", got)
	}
}

// 255 characters are a custom field's, and 50 those of a name, however many bytes.
func TestAValueIsJudgedByItsCharacters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field  Field
		value  string
		reason Reason
		detail string
	}{
		{Field{}, strings.Repeat("ä", 255), "", ""}, {Field{}, strings.Repeat("a", 256), ValueTooLong, "256 characters, at most 255"}, {Field{}, strings.Repeat("ä", 256), ValueTooLong, "256 characters, at most 255"},
		{Field{Property: "first_name"}, strings.Repeat("a", 50), "", ""}, {Field{Property: "first_name"}, strings.Repeat("a", 51), ValueTooLong, "51 characters, at most 50"},
		{Field{}, "", "", ""}, {Field{Required: true}, " ", MissingValue, "no value"}, {Field{Required: true}, "\x00", InvalidValue, `a control character ('\x00')`},
	} {
		target := &Target{Field: c.field, Kind: KindText}
		if form, reason, detail := target.Judge(c.value); reason != c.reason || detail != c.detail || (form != "") != (c.reason == "" && c.value != "") {
			t.Errorf("%.10q: %.10q, %q (%s), want %q (%s)", c.value, form, reason, detail, c.reason, c.detail)
		}
	}
}
