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

// withKey adds a key to the minimal configuration.
func withKey(section, name, value string) string {
	line := fmt.Sprintf("%s = %s\n", name, value)
	if header := "[" + section + "]\n"; strings.Contains(minimal, header) {
		return strings.Replace(minimal, header, header+line, 1)
	}
	return minimal + "[" + section + "]\n" + line
}
