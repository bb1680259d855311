package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestNumbersAndDurationsAreTakenUpToTheirBounds: the bounds themselves belong to what is accepted.
func TestNumbersAndDurationsAreTakenUpToTheirBounds(t *testing.T) {
	t.Parallel()
	const most = "2147483647"
	for key, values := range map[string]struct{ good, bad string }{
		"guard.max_change_percent": {"0 100", "-1 101"},
		"guard.exempt_below":       {"0 " + most, "-1 2147483648"},
		"guard.max_clears":         {"0 " + most, "-1 2147483648"},
		"guard.max_creates":        {"0 " + most, "-1 2147483648"},
		"guard.max_joins":          {"0 " + most, "-1 2147483648"},
		"guard.min_source_rows":    {"0 " + most, "-1 2147483648"},
		"guard.max_shrink_percent": {"0 100", "-1 101"},
		"limits.per_second":        {"1 1000", "0 1001"},
		"limits.per_day":           {"501 " + most, "0 2147483648"},
		"limits.reserve":           {"0 9999", "-1 10000"},
		"schedule.drift":           {`"0s" "106751d"`, `"-1ns" "106752d" 0`},
		"source.timeout":           {`"1ns" "90d"`, `"0s" "-5m"`},
		"limits.activity_timeout":  {`"1ns" "90d"`, `"0s"`},
		"guard.canary":             {"0 1000", "-1 1001"},
		"notify.webhook":           {`"" "https://hooks.example.com/x" "http://[::1]:80"`, `"https:///x" "https://" "ftp://hooks.example.com" "hooks.example.com"`},
		"endpoints.api":            {`"https://h" "http://127.0.0.1:1/v3" "http://[::1]"`, `"https://u@h" "https://h?x" "https://h#x" "https://" "https://:80" "http://h" "ftp://h" "h"`},
		"http.listen":              {`"" "localhost:0" "127.0.0.1:65535" "unix:s"`, `"127.0.0.1" "127.0.0.1:65536" "127.0.0.1:-1" "[::1]/x:1" "unix:" "unix:/tmp/" 8484`},
		"http.hosts":               {`[] ["a"] ["a.example:80","[::1]"]`, `[""] ["a/b"] ["http://a"] [":80"] ["a?b"] ["u@a"] ["a","A"] "a"`},
		"auth.scopes":              {`["a"] ["a","b"]`, `[] [""] ["a\u0009b"] ["a\u0001b"] ["a","A"] "a"`},
		"contacts.lists":           {`[] ["a"]`, `[""] ["\u0020"] ["a","A"] "a"`},
		"contacts.create":          {`false`, `"true" 1`},
		"schedule.timezone":        {`"UTC" "Europe/Berlin"`, `"" "Berlin" "../UTC" 1`},
		"state.keep":               {`"1ns" "90d"`, `"0d"`},
	} {
		section, name, _ := strings.Cut(key, ".")
		for _, value := range strings.Fields(values.good) {
			if _, err := Load(write(t, withKey(section, name, value)), env(nil)); err != nil {
				t.Errorf("%s = %s is refused: %v", key, value, err)
			}
		}
		for _, value := range strings.Fields(values.bad) {
			if _, err := Load(write(t, withKey(section, name, value)), env(nil)); err == nil || !strings.Contains(err.Error(), "["+section+"] "+name) {
				t.Errorf("%s = %s: got %v, want an error that names the key", key, value, err)
			}
		}
	}
}

// TestAnImportIsMappedUpToItsBounds: 25 custom fields and 50 lists in one import, 50 characters in
// a label.
func TestAnImportIsMappedUpToItsBounds(t *testing.T) {
	t.Parallel()
	fields := func(n int) (text string) {
		for i := range n {
			text += fmt.Sprintf("\n[[field]]\ncolumn = \"c\"\ncustom_field = \"%d\"\n", i)
		}
		return text
	}
	lists := func(n int) (text string) {
		for i := range n {
			text += fmt.Sprintf("%q, ", fmt.Sprint(i))
		}
		return "[contacts]\nlists = [" + text + "]\n"
	}
	for name, tt := range map[string]struct {
		most, more string
		want       string
	}{
		"custom fields": {minimal + fields(24), minimal + fields(25), "26 custom fields are mapped"},
		"custom fields, with a property": {minimal + fields(24) + "[[field]]\ncolumn = \"c\"\nproperty = \"first_name\"\n",
			minimal + fields(25), "26 custom fields are mapped"},
		"lists": {minimal + lists(50), minimal + lists(51), "names 51 lists"},
		"a label": {strings.Replace(minimal, `"short_code"`+"\n\n", `"`+strings.Repeat("é", 50)+`"`+"\n\n", 1),
			strings.Replace(minimal, `"short_code"`+"\n\n", `"`+strings.Repeat("é", 51)+`"`+"\n\n", 1), "1 to 50 characters"},
	} {
		if _, err := Load(write(t, tt.most), env(nil)); err != nil {
			t.Errorf("%s: the most is refused: %v", name, err)
		}
		if _, err := Load(write(t, tt.more), env(nil)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}

// withKey adds a key to the minimal configuration.
func withKey(section, name, value string) string {
	line := fmt.Sprintf("%s = %s\n", name, value)
	if header := "[" + section + "]\n"; strings.Contains(minimal, header) {
		return strings.Replace(minimal, header, header+line, 1)
	}
	return minimal + "[" + section + "]\n" + line
}
