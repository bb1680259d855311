package source

import (
	"math"
	"testing"
)

func TestMomentsOfAllFormsBecomeRFC3339InUTC(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2026-01-02":                          "2026-01-02T00:00:00Z",
		"2026-01-02 03:04":                    "2026-01-02T03:04:00Z",
		"2026-01-02T03:04:05":                 "2026-01-02T03:04:05Z",
		"2026-01-02 03:04:05.000":             "2026-01-02T03:04:05Z",
		"2026-01-02 03:04:05.123456789":       "2026-01-02T03:04:05.123456789Z",
		"2026-01-02 03:04:05+00":              "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05.120Z":            "2026-01-02T03:04:05.12Z",
		"2026-01-02 03:04:05 UTC":             "2026-01-02T03:04:05Z",
		"2026-01-02 00:30:00.5+05:30":         "2026-01-01T19:00:00.5Z",
		"2026-01-02 23:04:05 -0200":           "2026-01-03T01:04:05Z",
		"1883-11-18 12:00:00-04:56:02":        "1883-11-18T16:56:02Z",
		"0000-00-00 00:00:00":                 "",
		"0000-00-00":                          "",
		"12026-01-02 03:04:05":                "12026-01-02T03:04:05Z",
		"0044-03-15 03:04:05 BC":              "0044-03-15 03:04:05 BC",
		"infinity":                            "infinity",
		"2026-1-2":                            "2026-1-2",
		"02/01/2026":                          "02/01/2026",
		"2026-01-02 noon":                     "2026-01-02 noon",
		"2026-01-02 03:04:05 Europe/Berlin":   "2026-01-02 03:04:05 Europe/Berlin",
		"2026-01-02 03:04:05 and then":        "2026-01-02 03:04:05 and then",
		"-":                                   "-",
		"":                                    "",
		"2026-99-99 03:04:05+01":              "2026-99-99 03:04:05+01",
		"12026-01-02 03:04:05+01":             "12026-01-02 03:04:05+01",
		"2026-01-02 03:04:05.":                "2026-01-02 03:04:05.",
		"2026-01-02 03:04:05.5.5":             "2026-01-02 03:04:05.5.5",
		"+2026-01-02 03:04:05":                "+2026-01-02 03:04:05",
		"2026-01-02\t03:04:05":                "2026-01-02\t03:04:05",
		"٢٠٢٦-01-02":                          "٢٠٢٦-01-02",
		"2026-01-02 03:04:05+02:00 (Paris)":   "2026-01-02 03:04:05+02:00 (Paris)",
		"0001-01-01 00:00:00+01":              "0001-01-01 00:00:00+01",
		"9999-12-31 23:59:59.999999999-12:00": "9999-12-31 23:59:59.999999999-12:00",
	} {
		if got := string(appendTimestamp(nil, in)); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestNumbersHaveOneForm(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"12.50": "12.5", "100.00": "100", "-0.00": "0", "0": "0", "1000": "1000", "1e3": "1000", "-1.50e2": "-150",
		"123456789012345678901234567890.10": "123456789012345678901234567890.1", "NaN": "NaN", "Infinity": "Infinity", "1e999": "1e999",
	} {
		if got := string(appendNumber(nil, asNumber, in)); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	for in, want := range map[float64]string{
		0: "0", math.Copysign(0, -1): "0", 0.1: "0.1", 1e20: "100000000000000000000", 1e21: "1e+21", -2.5e-7: "-2.5e-7",
		1e-6: "0.000001", 1e-100: "1e-100", math.Inf(1): "Infinity", math.Inf(-1): "-Infinity",
	} {
		if got := string(appendFloat(nil, in, 64)); got != want {
			t.Errorf("%v became %q, want %q", in, got, want)
		}
	}
}

// FuzzMoment checks that what was rendered once is not rendered to anything else.
func FuzzMoment(f *testing.F) {
	for _, text := range []string{"2026-01-02 03:04:05.120+02:00", "2026-01-02", "0000-00-00", "infinity", "1-1-1", "2026-01-02T03:04Z"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, render := range []func([]byte, string) []byte{appendTimestamp, appendDate} {
			once := string(render(nil, text))
			if twice := string(render(nil, once)); twice != once {
				t.Errorf("%q became %q, and that %q", text, once, twice)
			}
		}
	})
}
