package config

import (
	"testing"
	"time"
)

func TestParseCronRefusesWhatTheParserTakesByMistake(t *testing.T) {
	t.Parallel()
	for name, spec := range map[string]string{
		"nothing":                          "",
		"blanks":                           "  ",
		"a zone and nothing else":          "TZ=UTC",
		"a zone in the long form":          "CRON_TZ=Europe/Berlin",
		"a zone before fields":             "CRON_TZ=Europe/Berlin 0 2 * * *",
		"a day that never comes":           "0 0 31 2 *",
		"an empty list":                    ", * * * *",
		"a list with a hole":               "1,,2 * * * *",
		"a star with a range":              "*-5 * * * *",
		"a sign":                           "+5 * * * *",
		"a step longer than the field":     "* */48 * * *",
		"a step of zero":                   "*/0 * * * *",
		"four fields":                      "* * * *",
		"six fields":                       "0 * * * * *",
		"every nothing":                    "@every",
		"every zero":                       "@every 0s",
		"every negative time":              "@every -5m",
		"every part of a second":           "@every 10ms",
		"every second and a half":          "@every 1500ms",
		"a descriptor that cron has not":   "@reboot",
		"a descriptor with something else": "@daily 5",
		"day 7 of the week":                "0 0 * * 7",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := ParseCron(spec, time.UTC); err == nil {
				t.Errorf("ParseCron(%q) fires next at %v, want an error", spec, got.Next(time.Now()))
			}
		})
	}
}

func TestCronFiresWhenItSays(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, time.November, 24, 12, 3, 20, 0, time.UTC) // a Tuesday
	tests := map[string]struct {
		spec string
		zone *time.Location
		want string
	}{
		"every five minutes":         {"*/5 * * * *", time.UTC, "2026-11-24T12:05:00Z"},
		"blanks around":              {"  */5  *  * * * ", time.UTC, "2026-11-24T12:05:00Z"},
		"names":                      {"30 6 * jan sun", time.UTC, "2027-01-03T06:30:00Z"},
		"a descriptor":               {"@daily", time.UTC, "2026-11-25T00:00:00Z"},
		"a descriptor in a zone":     {"@daily", berlin, "2026-11-24T23:00:00Z"},
		"fields in a zone":           {"0 2 * * *", berlin, "2026-11-25T01:00:00Z"},
		"the shortest interval":      {"@every 1s", berlin, "2026-11-24T12:03:21Z"},
		"an interval":                {"@every 10s", berlin, "2026-11-24T12:03:30Z"},
		"an interval of days":        {"@every 1d", time.UTC, "2026-11-25T12:03:20Z"},
		"a step as long as its hour": {"*/60 * * * *", time.UTC, "2026-11-24T13:00:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := ParseCron(tt.spec, tt.zone)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Next(start).Format(time.RFC3339); got != tt.want {
				t.Errorf("Next = %s, want %s", got, tt.want)
			}
		})
	}
}

func FuzzParseCron(f *testing.F) {
	for _, seed := range []string{"*/5 * * * *", "TZ=UTC", "@every 90d", "0 0 29 2 *", "*-5 * * * *", "@", "1-5/2,7 * ? * mon-fri"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		c, err := ParseCron(spec, time.UTC)
		if err != nil {
			return
		}
		now := time.Now()
		if next := c.Next(now); !next.After(now) {
			t.Errorf("ParseCron(%q) fires at %v, not after %v", spec, next, now)
		}
	})
}

func TestParseDurationKnowsDays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "24h": day, "90d": 90 * day, "1d12h": 36 * time.Hour, "1d0s": day, "0d": 0, "1h30m": 90 * time.Minute,
		"-5m": -5 * time.Minute,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "-1d", "1.5d", "1d-2h", "1d1d", "5", "1 d", "200000d", "106751d24h", "5w", "+d"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", text, got)
		}
	}
}
